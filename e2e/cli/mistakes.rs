//! The mistakes of a first-time user: each ends in the command that fixes it.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::engine;
use crate::scene::{AGENT, Said, Scene, stack};

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// What starts Docker, or installs it, on whatever machine this is.
fn mends_docker(said: &Said) {
    let known = [
        "start docker",
        "docker start",
        "dockerd",
        "docker.io",
        "docs.docker.com",
        // Where Docker runs at its usual place, that is the way.
        "unset DOCKER_HOST",
    ];
    let next = said.err.split("next: ").nth(1).unwrap_or_default();
    assert!(known.iter().any(|k| next.contains(k)), "{}", said.err);
}

/// Runs as nobody where the test is root; a plain user is nobody already.
fn as_nobody(scene: &Scene, arguments: &[&str]) -> Said {
    if !is_root() {
        return scene.run(arguments);
    }
    // The place of the build need not be open to everybody.
    let program = scene.dir.path().join("aza-agent");
    if !program.exists() {
        fs::copy(AGENT, &program).unwrap();
    }
    fs::set_permissions(scene.dir.path(), Permissions::from_mode(0o755)).unwrap();
    let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let ours = scene.command(&[]);
    let mut command = Command::new("setpriv");
    command
        .args(nobody)
        .arg(program)
        .args(arguments)
        .env_clear();
    for (name, value) in ours.get_envs() {
        command.env(name, value.unwrap());
    }
    Said::from(command.current_dir("/").output().unwrap())
}

#[test]
fn no_docker_ends_in_what_starts_or_installs_it() {
    let scene = Scene::new();
    scene.declare("main", "1GB");
    for verb in [&["plan"][..], &["run", "--once"], &["explain", "main"]] {
        let said = scene.run(verb);
        assert_eq!(said.code, Some(1), "{}", said.err);
        if is_root() {
            assert!(
                said.err.contains("cannot reach Docker at unix://"),
                "{}",
                said.err
            );
            mends_docker(&said);
        } else {
            assert!(said.err.contains("needs root"), "{}", said.err);
        }
    }
    let status = scene.run(&["status"]);
    status.complains(1, &["no agent has written a status"]);
    mends_docker(&status);
    let init = scene.run(&["init", "other"]);
    assert_eq!(init.code, Some(0), "{}", init.err);
    mends_docker(&init);
}

#[test]
fn an_address_that_is_no_socket_is_told_apart() {
    let scene = Scene::new();
    let output = scene
        .command(&["status"])
        .env("DOCKER_HOST", "tcp://127.0.0.1:2375")
        .output()
        .unwrap();
    Said::from(output).complains(1, &["unix:///var/run/docker.sock"]);
}

#[test]
fn whoever_may_not_is_given_the_same_command_as_root() {
    let scene = Scene::new();
    scene.declare("main", "1GB");
    let socket = scene.dir.path().join("no-docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o600)).unwrap();
    for verb in ["plan", "run", "explain"] {
        let arguments: &[&str] = if verb == "explain" {
            &[verb, "main"]
        } else {
            &[verb]
        };
        let said = as_nobody(&scene, arguments);
        said.complains(1, &["needs root"]);
        let next = said.err.split("next: ").nth(1).unwrap();
        assert!(
            next.starts_with("sudo ") || next.starts_with("su -c "),
            "{next}"
        );
        assert!(next.contains(&arguments.join(" ")), "{next}");
    }
    // What needs no root needs no socket either.
    as_nobody(&scene, &["status"]).complains(1, &["no agent has written a status"]);
    let validated = as_nobody(
        &scene,
        &["validate", &scene.desired_state().display().to_string()],
    );
    assert_eq!(validated.code, Some(0), "{}", validated.err);
    if is_root() {
        as_nobody(&scene, &["init", "other"]).complains(1, &["cannot write", "init other"]);
    }
}

#[test]
fn no_image_ends_in_what_builds_it() {
    let scene = Scene::new();
    engine::without_images(&scene.dir.path().join("no-docker.sock"));
    scene
        .run(&["status"])
        .complains(1, &["no agent has written a status", "image build"]);
    scene.run(&["init", "main"]).complains(0, &["image build"]);
}

#[test]
fn a_taken_port_is_passed_over_and_a_named_one_is_told() {
    let scene = Scene::new();
    // Somebody has it, if not this test.
    let _taken = TcpListener::bind("127.0.0.1:5432");
    let said = scene.run(&["init", "main", "--output", "-"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(!said.out.contains("port: 5432\n"), "{}", said.out);
    scene
        .run(&["init", "main", "--port", "5432"])
        .complains(1, &["port 5432 is taken", "ss -ltnp 'sport = :5432'"]);
}

#[test]
fn too_little_memory_ends_in_the_least_and_the_place_to_write_it() {
    let scene = Scene::new();
    scene.declare("main", "256MB");
    let directory = scene.desired_state().display().to_string();
    let wants = ["main.yaml", "+6"];
    let said = scene.run(&["validate", &directory]);
    said.complains(1, &wants);
    assert!(
        said.out.contains("256MB is too little: at least 512MB"),
        "{}",
        said.out
    );
    assert!(
        said.out.contains("hint: write `memory: 512MB` or more"),
        "{}",
        said.out
    );
    if is_root() {
        for verb in [["plan", "main"], ["explain", "main"]] {
            let said = scene.run(&verb);
            said.complains(1, &wants);
            said.complains(1, &["256MB is too little: at least 512MB"]);
        }
    }
    scene
        .run(&["init", "other", "--memory", "256MB"])
        .complains(1, &["256MB is too little", "init other --memory 512MB"]);
    scene
        .run(&["tune", "--memory", "256MB", "--cpus", "1"])
        .complains(1, &["tune --memory 512MB"]);
}

#[test]
fn a_name_with_a_typo_finds_the_stack_that_was_meant() {
    let mut scene = Scene::new();
    scene.start_agent();
    let digest = scene.declare("main", "1GB");
    scene.tell(vec![stack("main", &digest, true)]);
    let verbs: &[&str] = if is_root() {
        &["status", "events", "plan", "explain", "approve"]
    } else {
        &["status", "events"]
    };
    for verb in verbs {
        let wants = ["did you mean `main`?", &format!("{verb} main")];
        scene.run(&[verb, "mian"]).complains(1, &wants);
    }
    scene.run(&["statsu"]).complains(2, &["'status'"]);
}
