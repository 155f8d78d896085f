//! What `--wait` takes for an answer, as values.

use super::*;
use crate::api::status::{AgentStatus, Metadata, StackStatus, Waiting};
use jiff::Timestamp;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const READY: Goal = Goal {
    kind: ConditionType::Ready,
    status: Truth::True,
};

fn condition(kind: ConditionType, status: Truth, digest: &str) -> Condition {
    Condition {
        kind,
        status,
        reason: "Because".into(),
        message: "so it is".into(),
        last_transition_time: NOW,
        observed_digest: digest.into(),
    }
}

fn stack(name: &str, conditions: Vec<Condition>) -> StackStatus {
    StackStatus {
        metadata: Metadata { name: name.into() },
        status: Status {
            conditions,
            observed_digest: "new".into(),
            manifest: String::new(),
            container: None,
            endpoint: String::new(),
            waiting: vec![],
            first_look_at: Some(NOW),
            changed_at: NOW,
            events: vec![],
        },
    }
}

fn view(declared: &[(&str, Declared)], items: Vec<StackStatus>) -> View {
    let agent = AgentStatus {
        pid: 1,
        version: String::new(),
        host: String::new(),
        desired_state: String::new(),
        lock: String::new(),
        started_at: NOW,
        stopped_at: None,
        unwatched: None,
        docker_silent: None,
    };
    let declared = declared.iter().map(|(n, d)| ((*n).to_owned(), d.clone()));
    View {
        status: Some(StatusFile {
            agent: Some(agent),
            items,
            rejected: vec![],
        }),
        stale: None,
        declared: Ok(declared.collect()),
        rejected: vec![],
    }
}

fn valid(digest: &str) -> Declared {
    Declared::Valid(digest.to_owned())
}

/// What stands in the way of the one stack.
fn missing(goal: Goal, view: &View) -> Vec<String> {
    let standings = standings(goal, None, view).unwrap();
    assert_eq!(standings.len(), 1);
    standings[0].missing.clone()
}

#[test]
fn a_goal_is_read_in_any_case_and_a_typo_finds_the_one_that_was_meant() {
    assert_eq!(Goal::parse("ready"), Ok(READY));
    assert_eq!(
        Goal::parse("RestartRequired=false").unwrap().to_string(),
        "RestartRequired=False"
    );
    assert_eq!(
        Goal::parse("Raedy").unwrap_err(),
        "`Raedy` is no condition: did you mean `Ready`?"
    );
    assert!(
        Goal::parse("Ready=yes")
            .unwrap_err()
            .contains("True, False, Unknown")
    );
    assert!(Goal::parse("").is_err());
}

#[test]
fn ready_of_the_manifest_that_is_there_now_is_reached() {
    let ready = condition(ConditionType::Ready, Truth::True, "new");
    let view = view(&[("main", valid("new"))], vec![stack("main", vec![ready])]);
    assert!(missing(READY, &view).is_empty());
}

#[test]
fn ready_of_the_manifest_before_is_not() {
    let ready = condition(ConditionType::Ready, Truth::True, "old");
    let view = view(&[("main", valid("new"))], vec![stack("main", vec![ready])]);
    assert!(missing(READY, &view)[0].starts_with("the manifest is new (digest new)"));
}

#[test]
fn what_the_agent_before_saw_is_no_news() {
    let mut main = stack(
        "main",
        vec![condition(ConditionType::Ready, Truth::True, "new")],
    );
    main.status.first_look_at = None;
    let view = view(&[("main", valid("new"))], vec![main]);
    assert!(missing(READY, &view)[0].contains("has just started"));
}

#[test]
fn a_stack_that_the_agent_has_not_seen_yet_is_waited_for() {
    let view = view(&[("main", valid("new"))], vec![]);
    assert!(missing(READY, &view)[0].contains("not looked at it yet"));
}

#[test]
fn what_stands_in_the_way_of_ready_is_told_with_its_messages() {
    let mut main = stack(
        "main",
        vec![
            condition(ConditionType::Ready, Truth::False, "new"),
            condition(ConditionType::Accepted, Truth::True, "new"),
            condition(ConditionType::Available, Truth::Unknown, "new"),
            condition(ConditionType::MemorySafe, Truth::False, "new"),
        ],
    );
    main.status.waiting.push(Waiting {
        reason: "ImageMissing".into(),
        message: "there is none".into(),
        until: None,
    });
    let view = view(&[("main", valid("new"))], vec![main]);
    assert_eq!(
        missing(READY, &view),
        [
            "Available is Unknown (Because): so it is",
            "waits: there is none (ImageMissing)"
        ]
    );
}

#[test]
fn of_a_refused_manifest_only_its_refusal_can_be_reached() {
    let refused = Declared::Refused("shop.yaml:3: wrong".into());
    let conditions = vec![
        condition(ConditionType::Ready, Truth::False, "old"),
        condition(ConditionType::Accepted, Truth::False, "old"),
        condition(ConditionType::Available, Truth::True, "old"),
    ];
    let view = view(&[("main", refused)], vec![stack("main", conditions)]);
    assert!(missing(Goal::parse("Accepted=False").unwrap(), &view).is_empty());
    assert!(missing(READY, &view)[0].contains("shop.yaml:3"));
    assert!(!missing(Goal::parse("Available").unwrap(), &view).is_empty());
}

#[test]
fn a_stack_whose_manifest_is_gone_is_not_ready_for_anything() {
    let ready = condition(ConditionType::Ready, Truth::True, "new");
    let view = view(&[], vec![stack("main", vec![ready])]);
    let standings = standings(READY, Some("main"), &view).unwrap();
    assert!(standings[0].missing[0].contains("no manifest"));
}

#[test]
fn without_a_name_every_stack_and_every_unreadable_file_counts() {
    let ready = || vec![condition(ConditionType::Ready, Truth::True, "new")];
    let declared = [("aa", valid("new")), ("bb", valid("new"))];
    let mut view = view(&declared, vec![stack("aa", ready())]);
    let all = standings(READY, None, &view).unwrap();
    assert_eq!(all.iter().filter(|s| s.missing.is_empty()).count(), 1);
    view.rejected.push("cc.yaml: cannot be read".into());
    assert_eq!(standings(READY, None, &view).unwrap().len(), 3);
    assert_eq!(standings(READY, Some("aa"), &view).unwrap().len(), 1);
}

#[test]
fn nothing_to_wait_for_is_an_error_and_so_is_a_name_that_nobody_knows() {
    let none = view(&[], vec![]);
    assert!(matches!(
        standings(READY, None, &none),
        Err(CliError::NothingDeclared)
    ));
    let one = view(&[("main", valid("new"))], vec![]);
    let error = standings(READY, Some("mian"), &one).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no stack `mian` (did you mean `main`?)"
    );
}

#[test]
fn a_directory_that_cannot_be_read_is_no_ready() {
    let ready = condition(ConditionType::Ready, Truth::True, "new");
    let mut view = view(&[("main", valid("new"))], vec![stack("main", vec![ready])]);
    view.declared = Err("cannot list `/etc/x`".into());
    assert!(missing(READY, &view)[0].contains("cannot list"));
}
