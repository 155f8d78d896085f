//! `status --wait`: what counts as an answer, and what does not.

use std::fs;

use crate::scene::{Scene, stack};

const WAIT: [&str; 5] = ["status", "main", "--wait", "Ready", "--timeout"];

fn wait(timeout: &'static str) -> Vec<&'static str> {
    [&WAIT[..], &[timeout]].concat()
}

#[test]
fn a_stack_that_is_ready_ends_the_wait_at_once() {
    let mut scene = Scene::new();
    scene.start_agent();
    let digest = scene.declare("main", "1GB");
    scene.tell(vec![stack("main", &digest, true)]);
    let said = scene.run(&wait("20s"));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(
        (said.out.as_str(), said.err.as_str()),
        ("main: Ready is True (AsDeclared)\n", "")
    );
}

#[test]
fn ready_of_the_manifest_before_is_no_answer_for_a_new_one() {
    let mut scene = Scene::new();
    scene.start_agent();
    let old = scene.declare("main", "1GB");
    scene.tell(vec![stack("main", &old, true)]);
    let new = scene.declare("main", "2GB");
    scene
        .run(&wait("0s"))
        .complains(5, &["Ready=True was not reached within 0s", &new, &old]);
    let mut waiting = scene.start(&wait("30s"));
    assert!(waiting.next_err().contains("the manifest is new"));
    scene.tell(vec![stack("main", &new, true)]);
    assert_eq!(waiting.code(), Some(0));
}

#[test]
fn a_timeout_tells_what_stands_in_the_way_and_has_an_exit_code_of_its_own() {
    let mut scene = Scene::new();
    scene.start_agent();
    let digest = scene.declare("main", "1GB");
    scene.tell(vec![stack("main", &digest, false)]);
    let said = scene.run(&wait("100ms"));
    said.complains(5, &["main: Available is False (Blocked): so it is"]);
    assert!(!said.err.contains("MemorySafe"), "{}", said.err);
    assert_eq!(said.out, "");
}

#[test]
fn an_agent_that_is_down_is_told_and_waited_for() {
    let mut scene = Scene::new();
    let digest = scene.declare("main", "1GB");
    scene.tell(vec![stack("main", &digest, true)]);
    scene
        .run(&wait("0s"))
        .complains(5, &["the agent is not running", "run --desired-state"]);
    let mut waiting = scene.start(&wait("30s"));
    assert!(waiting.next_err().contains("the agent is not running"));
    scene.start_agent();
    assert_eq!(waiting.code(), Some(0));
}

#[test]
fn before_the_first_status_there_is_one_to_wait_for() {
    let mut scene = Scene::new();
    fs::remove_dir(scene.state()).unwrap();
    let digest = scene.declare("main", "1GB");
    let mut waiting = scene.start(&wait("30s"));
    assert!(waiting.next_err().contains("no agent has written a status"));
    scene.start_agent();
    scene.tell(vec![stack("main", &digest, true)]);
    assert_eq!(waiting.code(), Some(0));
}

#[test]
fn what_an_agent_has_from_the_one_before_is_no_answer() {
    let mut scene = Scene::new();
    scene.start_agent();
    let digest = scene.declare("main", "1GB");
    let mut main = stack("main", &digest, true);
    main.status.first_look_at = None;
    scene.tell(vec![main]);
    scene.run(&wait("0s")).complains(5, &["has just started"]);
}

#[test]
fn a_refused_manifest_is_in_the_way_with_its_place() {
    let mut scene = Scene::new();
    scene.start_agent();
    let digest = scene.declare("main", "1GB");
    scene.tell(vec![stack("main", &digest, true)]);
    scene.declare("main", "256MB");
    scene
        .run(&wait("0s"))
        .complains(5, &["main.yaml:6", "256MB is too little: at least 512MB"]);
}

#[test]
fn without_a_name_all_count() {
    let mut scene = Scene::new();
    scene.start_agent();
    let main = scene.declare("main", "1GB");
    scene.tell(vec![stack("main", &main, true)]);
    let all = ["status", "--wait", "ready", "--timeout", "0s"];
    assert_eq!(scene.run(&all).code, Some(0));
    let text = fs::read_to_string(scene.desired_state().join("main.yaml")).unwrap();
    let text = text
        .replace("name: main", "name: other")
        .replace("spec:\n", "spec:\n  publish: {port: 5499}\n");
    fs::write(scene.desired_state().join("other.yaml"), text).unwrap();
    scene
        .run(&all)
        .complains(5, &["other: the agent has not looked at it yet"]);
}

#[test]
fn a_wrong_name_is_told_at_once_with_the_one_that_was_meant() {
    let mut scene = Scene::new();
    scene.start_agent();
    let digest = scene.declare("main", "1GB");
    scene.tell(vec![stack("main", &digest, true)]);
    scene
        .run(&["status", "mian", "--wait", "Ready"])
        .complains(1, &["did you mean `main`?", "status main --wait Ready"]);
    scene
        .run(&["status", "main", "--wait", "Raedy"])
        .complains(2, &["did you mean `Ready`?"]);
    scene
        .run(&["status", "main", "--timeout", "1s"])
        .complains(2, &["--wait"]);
}
