//! When a restart is needed, and when it may happen.

use super::*;
use crate::api::SettingName;
use crate::api::validate::validate;
use crate::diff::{Correction, Hold};
use crate::facts::settings::Pin;

fn drift(takes: Option<Context>, hold: Option<Hold>) -> SettingDrift {
    SettingDrift {
        name: SettingName::parse("max_connections").unwrap(),
        running: "100".into(),
        wanted: "200".into(),
        correction: Correction::Set("200".into()),
        takes,
        hold,
        said: None,
    }
}

fn stack(restart: &str) -> Desired {
    let text = format!(
        "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata: {{name: db}}\nspec: {{restart: {restart}}}\n"
    );
    let report = validate(text.as_bytes(), "db.yaml");
    report.stacks().next().cloned().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn asked(restart: &str, approved: bool, now: &str) -> Result<(), Waiting> {
    let because = ["max_connections 100 → 200".to_owned()];
    allowed(&stack(restart), approved, at(now), "restart", &because)
}

const SUNDAY_NOON: &str = "2026-11-22T12:00:00Z";
const WINDOW: &str = "{mode: window, windows: ['Mon 02:00-04:00 UTC', 'Wed 02:00-04:00 UTC']}";

#[test]
fn only_a_setting_of_postmaster_context_is_a_reason() {
    for context in [
        Context::Internal,
        Context::Sighup,
        Context::SuperuserBackend,
        Context::Backend,
        Context::Superuser,
        Context::User,
    ] {
        assert!(
            reasons(&[drift(Some(context), None)]).is_empty(),
            "{context:?}"
        );
    }
    let needed = reasons(&[drift(Some(Context::Postmaster), None)]);
    assert_eq!(needed, ["max_connections 100 → 200"]);
}

#[test]
fn a_value_that_already_runs_is_no_reason() {
    assert!(reasons(&[drift(None, None)]).is_empty());
}

#[test]
fn a_start_that_would_not_yield_the_value_is_no_reason() {
    for hold in [
        Hold::Pinned(Pin::CommandLine),
        Hold::Pinned(Pin::Environment),
        Hold::ForeignLine,
        Hold::Rejected,
        Hold::LibraryMissing,
    ] {
        let held = drift(Some(Context::Postmaster), Some(hold));
        assert!(reasons(&[held]).is_empty(), "{hold:?}");
    }
}

#[test]
fn auto_restarts_at_once() {
    assert_eq!(asked("{mode: auto}", false, SUNDAY_NOON), Ok(()));
}

#[test]
fn does_not_restart_when_the_window_is_closed() {
    let waiting = asked(WINDOW, false, SUNDAY_NOON).unwrap_err();
    assert_eq!(waiting.reason, "WindowClosed");
    assert_eq!(waiting.until, Some(at("2026-11-23T02:00:00Z")));
}

#[test]
fn restarts_while_a_window_is_open() {
    assert_eq!(asked(WINDOW, false, "2026-11-23T03:59:59Z"), Ok(()));
    assert!(asked(WINDOW, false, "2026-11-23T04:00:00Z").is_err());
}

#[test]
fn manual_waits_for_a_person_and_says_what_to_type() {
    let waiting = asked("{mode: manual}", false, SUNDAY_NOON).unwrap_err();
    assert_eq!(waiting.reason, "ApprovalNeeded");
    assert!(
        waiting.message.contains("aza-agent approve db"),
        "{}",
        waiting.message
    );
    assert!(
        waiting.message.contains("max_connections 100 → 200"),
        "{}",
        waiting.message
    );
}

#[test]
fn an_approval_opens_every_mode() {
    for mode in ["{mode: manual}", WINDOW] {
        assert_eq!(asked(mode, true, SUNDAY_NOON), Ok(()), "{mode}");
    }
}
