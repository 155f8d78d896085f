//! `init`: what it writes is valid, and never takes another one's place.

use std::fs;
use std::path::Path;

use aza_agent::api::Bytes;
use aza_agent::api::desired::Desired;
use aza_agent::api::validate::validate;
use aza_agent::host;

use crate::scene::Scene;

fn written(path: &Path) -> Desired {
    let report = validate(&fs::read(path).unwrap(), "written.yaml");
    let wrong: Vec<String> = report.violations().map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    report.stacks().next().unwrap().clone()
}

#[test]
fn a_manifest_for_this_host_is_written_and_is_valid() {
    let scene = Scene::new();
    let said = scene.run(&["init", "main", "--workload", "oltp"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let desired = written(&scene.desired_state().join("main.yaml"));
    let (memory, cpus) = host::host_capacity(Path::new("/")).unwrap();
    assert!(desired.resources.memory.unwrap() < memory);
    assert!(desired.resources.cpus.unwrap().whole() <= cpus);
    assert_eq!(desired.workload.unwrap().to_string(), "oltp");
    let left: Vec<_> = fs::read_dir(scene.desired_state()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn what_is_there_is_left_as_it_is() {
    let scene = Scene::new();
    let file = scene.desired_state().join("main.yaml");
    fs::write(&file, "# mine\n").unwrap();
    scene
        .run(&["init", "main"])
        .complains(1, &["is there already"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "# mine\n");
    fs::remove_file(&file).unwrap();
    scene.declare("main", "1GB");
    fs::rename(&file, scene.desired_state().join("x.yaml")).unwrap();
    scene
        .run(&["init", "main"])
        .complains(1, &["is declared in", "x.yaml"]);
    assert!(!file.exists());
}

#[test]
fn a_second_stack_gets_another_port_and_leaves_the_first_its_room() {
    let scene = Scene::new();
    for name in ["one", "two"] {
        let said = scene.run(&["init", name, "--memory", "512MB"]);
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
    let [one, two] =
        ["one", "two"].map(|n| written(&scene.desired_state().join(format!("{n}.yaml"))));
    assert_ne!(one.publish.port, two.publish.port);
    assert_eq!(one.resources.memory, Some(Bytes::mib(512)));
}

#[test]
fn a_dash_prints_it_and_writes_nothing() {
    let scene = Scene::new();
    let said = scene.run(&["init", "main", "--output", "-"]);
    assert!(
        validate(said.out.as_bytes(), "printed")
            .violations()
            .next()
            .is_none()
    );
    assert!(
        fs::read_dir(scene.desired_state())
            .unwrap()
            .next()
            .is_none()
    );
}

#[test]
fn more_than_the_host_has_is_refused() {
    let scene = Scene::new();
    scene
        .run(&["init", "main", "--memory", "100TB"])
        .complains(1, &["100TB is more than this host has"]);
    scene
        .run(&["init", "main", "--cpus", "4000"])
        .complains(1, &["4000 CPUs are more than this host has"]);
    scene.run(&["init", "M!"]).complains(1, &["M!"]);
}

#[test]
fn a_directory_that_is_not_there_is_not_made_by_guessing() {
    let scene = Scene::new();
    fs::remove_dir(scene.desired_state()).unwrap();
    scene
        .run(&["init", "main"])
        .complains(1, &["is not there", "mkdir -p"]);
    assert!(!scene.desired_state().exists());
}
