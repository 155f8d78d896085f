//! In force, refused, gone: by values.

use super::*;
use crate::api::validate::validate;

const MINUTE: Duration = Duration::from_secs(60);

fn manifest(name: &str, workload: &str) -> Desired {
    let text = format!(
        "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata: {{name: {name}}}\nspec: {{workload: {workload}}}\n"
    );
    let report = validate(text.as_bytes(), "/d/all.yaml");
    report.stacks().next().unwrap().clone()
}

fn reading(stacks: &[Desired]) -> Intake {
    Intake {
        stacks: stacks
            .iter()
            .map(|d| (d.name.clone(), Ok(d.clone())))
            .collect(),
        complete: true,
        is_empty: stacks.is_empty(),
        ..Intake::default()
    }
}

fn incomplete(stacks: &[Desired]) -> Intake {
    Intake {
        complete: false,
        ..reading(stacks)
    }
}

/// The stacks, and the clock.
struct Desk(BTreeMap<StackName, Standing>, Instant);

impl Desk {
    fn with(names: &[&str]) -> Self {
        let stacks = names.iter().map(|name| manifest(name, "web"));
        let stacks = stacks.map(|d| (d.name.clone(), Standing::new(d)));
        Self(stacks.collect(), Instant::now())
    }

    /// What a reading turned, after some seconds.
    fn after(&mut self, seconds: u64, intake: &Intake) -> Vec<String> {
        self.1 += Duration::from_secs(seconds);
        let turned = turns(self.0.iter_mut(), intake, self.1, MINUTE);
        let shown = turned.into_iter().map(|(name, turn)| match turn {
            Turn::Appears(desired) => {
                self.0.insert(name.clone(), Standing::new(*desired));
                format!("{name} appears")
            }
            Turn::InForce => format!("{name} in force"),
            Turn::Refused(why) => format!("{name} refused: {why}"),
            Turn::Gone => format!("{name} gone: {:?}", self.0[&name].gone),
        });
        shown.collect()
    }
}

#[test]
fn only_what_changed_turns() {
    let mut desk = Desk::with(&["aa", "bb"]);
    let (aa, bb) = (manifest("aa", "web"), manifest("bb", "web"));
    assert!(desk.after(1, &reading(&[aa.clone(), bb])).is_empty());
    let reading = reading(&[aa, manifest("bb", "oltp"), manifest("cc", "web")]);
    assert_eq!(desk.after(1, &reading), ["bb in force", "cc appears"]);
    assert!(desk.after(1, &reading).is_empty());
}

#[test]
fn a_refused_text_leaves_the_last_valid_one_and_is_told_once() {
    let mut desk = Desk::with(&["aa"]);
    let name = manifest("aa", "web").name;
    let mut wrong = reading(&[]);
    wrong.stacks.insert(name.clone(), Err("a typo".into()));
    assert_eq!(desk.after(1, &wrong), ["aa refused: a typo"]);
    assert!(desk.after(1, &wrong).is_empty());
    assert_eq!(desk.0[&name].desired, manifest("aa", "web"));
    assert_eq!(
        desk.after(1, &reading(&[manifest("aa", "web")])),
        ["aa in force"]
    );
    assert_eq!(desk.0[&name].rejected, None);
}

#[test]
fn a_broken_file_refuses_the_stacks_that_stood_in_it() {
    let mut desk = Desk::with(&["aa", "bb"]);
    let mut broken = incomplete(&[manifest("bb", "web")]);
    broken.broken.insert("/d/all.yaml".into(), "no YAML".into());
    assert_eq!(desk.after(1, &broken), ["aa refused: no YAML"]);
    assert!(desk.after(600, &broken).is_empty(), "and never gone");
}

#[test]
fn gone_takes_two_complete_readings_a_minute_apart() {
    let mut desk = Desk::with(&["aa", "bb"]);
    let other = [manifest("bb", "web")];
    assert!(desk.after(1, &reading(&other)).is_empty());
    assert!(desk.after(59, &reading(&other)).is_empty());
    assert_eq!(desk.after(1, &reading(&other)), ["aa gone: Yes"]);
    assert!(desk.after(60, &reading(&other)).is_empty(), "told once");
    let all = [manifest("aa", "web"), manifest("bb", "web")];
    assert_eq!(desk.after(1, &reading(&all)), ["aa in force"]);
}

#[test]
fn an_incomplete_reading_says_nothing() {
    let mut desk = Desk::with(&["aa", "bb"]);
    let other = [manifest("bb", "web")];
    assert!(desk.after(1, &incomplete(&other)).is_empty());
    assert!(desk.after(600, &incomplete(&other)).is_empty());
    assert!(
        desk.after(1, &reading(&other)).is_empty(),
        "the first complete one"
    );
}

#[test]
fn one_that_came_back_begins_anew() {
    let mut desk = Desk::with(&["aa", "bb"]);
    let (aa, bb) = (manifest("aa", "web"), manifest("bb", "web"));
    let other = reading(std::slice::from_ref(&bb));
    desk.after(1, &other);
    desk.after(50, &reading(&[aa, bb]));
    assert!(desk.after(20, &other).is_empty());
    assert!(desk.after(59, &other).is_empty());
    assert_eq!(desk.after(1, &other), ["aa gone: Yes"]);
}

#[test]
fn the_last_manifest_is_reported_and_its_policy_not_executed() {
    let mut desk = Desk::with(&["aa"]);
    desk.after(1, &reading(&[]));
    assert_eq!(desk.after(60, &reading(&[])), ["aa gone: Last"]);
}

#[test]
fn a_directory_that_is_filled_again_ends_nothing() {
    let mut desk = Desk::with(&["aa", "bb"]);
    desk.after(1, &reading(&[]));
    assert_eq!(
        desk.after(600, &reading(&[])),
        ["aa gone: Last", "bb gone: Last"]
    );
    // The first file is back. The other's minute begins now.
    let first = reading(&[manifest("aa", "web")]);
    assert_eq!(desk.after(1, &first), ["aa in force"]);
    assert!(desk.after(59, &first).is_empty());
    assert_eq!(desk.after(1, &first), ["bb gone: Yes"]);
}
