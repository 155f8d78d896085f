//! `status --watch`, `events`, and the screens that they print.

use aza_agent::api::event::EventType;

use crate::scene::{Running, Scene, event, stack};

fn two(scene: &mut Scene) {
    scene.start_agent();
    let mut aa = stack("aa", "0", true);
    aa.status.events = vec![
        event(7200, EventType::Normal, "first"),
        event(60, EventType::Warning, "third"),
    ];
    let mut bb = stack("bb", "0", true);
    bb.status.events = vec![event(600, EventType::Normal, "second")];
    scene.tell(vec![aa, bb]);
}

#[test]
fn a_pipe_gets_a_block_for_each_change_and_an_end_in_order() {
    let mut scene = Scene::new();
    scene.start_agent();
    scene.tell(vec![stack("main", "0", true)]);
    let mut watching = scene.start(&["status", "--watch"]);
    let block: Vec<String> = (0..3).map(|_| watching.next_out()).collect();
    assert!(block[1].starts_with("NAME"), "{block:?}");
    assert!(block[2].contains("True"), "{block:?}");
    assert!(!block.concat().contains('\x1b'), "{block:?}");
    scene.tell(vec![stack("main", "0", false)]);
    assert_eq!(watching.next_out(), "");
    let block: Vec<String> = (0..3).map(|_| watching.next_out()).collect();
    assert!(block[2].contains("False"), "{block:?}");
    watching.signal("-INT");
    assert_eq!(watching.code(), Some(0));
}

#[test]
fn a_program_gets_one_document_a_line() {
    let mut scene = Scene::new();
    scene.start_agent();
    scene.tell(vec![stack("main", "0", false)]);
    let watching = scene.start(&["status", "main", "--watch", "-o", "json"]);
    let ready = |line: &str| {
        let file: serde_json::Value = serde_json::from_str(line).unwrap();
        file["items"][0]["status"]["conditions"][0]["status"].to_string()
    };
    assert_eq!(ready(&watching.next_out()), "\"False\"");
    scene.tell(vec![stack("main", "0", true)]);
    assert_eq!(ready(&watching.next_out()), "\"True\"");
}

#[test]
fn a_reader_that_has_enough_ends_the_watch() {
    let mut scene = Scene::new();
    scene.start_agent();
    scene.tell(vec![stack("main", "0", true)]);
    let (line, mut child) =
        Running::first_line_only(scene.command(&["status", "--watch", "-o", "json"]));
    assert!(line.starts_with('{'), "{line}");
    scene.tell(vec![stack("main", "0", false)]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_end_of_the_agent_is_told_while_it_is_watched() {
    let scene = Scene::new();
    scene.tell(vec![stack("main", "0", true)]);
    let watching = scene.start(&["status", "--watch"]);
    assert!(watching.next_err().contains("the agent is not running"));
}

#[test]
fn events_of_all_stacks_stand_in_the_order_of_time() {
    let mut scene = Scene::new();
    two(&mut scene);
    let said = scene.run(&["events"]);
    let messages: Vec<&str> = said
        .out
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    assert_eq!(messages, ["first", "second", "third"], "{}", said.out);
    let recent = scene.run(&["events", "--since", "1h", "--type", "warning"]);
    assert_eq!(recent.out.lines().count(), 2, "{}", recent.out);
    assert!(recent.out.contains("third"), "{}", recent.out);
    let json = scene.run(&["events", "bb", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["items"][0]["stack"], "bb");
    assert_eq!(json["items"].as_array().unwrap().len(), 1);
    scene
        .run(&["events", "aaa"])
        .complains(1, &["did you mean `aa`?", "events aa"]);
}

#[test]
fn events_that_come_are_shown_once() {
    let mut scene = Scene::new();
    scene.start_agent();
    let mut main = stack("main", "0", true);
    main.status.events = vec![event(60, EventType::Normal, "old")];
    scene.tell(vec![main.clone()]);
    let mut watching = scene.start(&["events", "--watch"]);
    assert!(watching.next_out().ends_with("old"));
    main.status.events.push(event(0, EventType::Warning, "new"));
    scene.tell(vec![main]);
    let line = watching.next_out();
    assert!(line.contains("Warning") && line.ends_with("new"), "{line}");
    watching.signal("-TERM");
    assert_eq!(watching.code(), Some(0));
    assert!(watching.out.try_recv().is_err());
}

#[test]
fn a_page_of_some_width_is_kept_and_no_colour_goes_into_a_pipe() {
    let mut scene = Scene::new();
    two(&mut scene);
    for width in [40, 60, 80] {
        let output = scene
            .command(&["status", "aa"])
            .env("COLUMNS", width.to_string())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains('\x1b'), "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}
