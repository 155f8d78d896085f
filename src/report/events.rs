//! Events: every step that was done, and every condition that turned.

use jiff::Timestamp;

use crate::api::condition::{Condition, ConditionType, Truth};
use crate::api::event::{Event, EventType, KEPT};

use super::Outcome;

/// Appends what happened in a pass, and forgets the oldest beyond [`KEPT`].
#[must_use]
pub fn events(
    mut kept: Vec<Event>,
    outcomes: &[Outcome],
    before: &[Condition],
    after: &[Condition],
    now: Timestamp,
) -> Vec<Event> {
    for outcome in outcomes {
        let event = match &outcome.result {
            Ok(()) => event(
                now,
                EventType::Normal,
                camel(outcome.step.verb()),
                format!("{} ({})", outcome.step, outcome.reason),
            ),
            Err(error) => event(
                now,
                EventType::Warning,
                "StepFailed".into(),
                format!("{}: {error}", outcome.step),
            ),
        };
        push(&mut kept, event);
    }
    for condition in after {
        let old = before.iter().find(|c| c.kind == condition.kind);
        if old.is_some_and(|old| old.status == condition.status) {
            continue;
        }
        let kind = if condition.status == condition.kind.good() {
            EventType::Normal
        } else {
            EventType::Warning
        };
        // The first sight of a condition that is not known yet tells nothing.
        if old.is_none() && condition.status == Truth::Unknown {
            continue;
        }
        // What makes Ready turn is told by the condition that turned it.
        let message = match condition.kind {
            ConditionType::Ready if condition.status != Truth::True => {
                format!("Ready is {} ({})", condition.status, condition.reason)
            }
            _ => format!(
                "{} is {}: {}",
                condition.kind, condition.status, condition.message
            ),
        };
        push(
            &mut kept,
            event(now, kind, condition.reason.clone(), message),
        );
    }
    let surplus = kept.len().saturating_sub(KEPT);
    kept.drain(..surplus);
    kept
}

/// The same failure again and again is one event, with its first time.
fn push(kept: &mut Vec<Event>, new: Event) {
    let repeats = kept
        .last()
        .is_some_and(|last| last.reason == new.reason && last.message == new.message);
    if !repeats {
        kept.push(new);
    }
}

fn event(time: Timestamp, kind: EventType, reason: String, message: String) -> Event {
    Event {
        time,
        kind,
        reason,
        message,
    }
}

fn camel(verb: &str) -> String {
    verb.split(' ')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| {
                first.to_uppercase().chain(letters).collect()
            })
        })
        .collect()
}
