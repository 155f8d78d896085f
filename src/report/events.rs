//! Events: what happened by itself, every step that was done, and every condition that turned.

use jiff::Timestamp;

use crate::api::condition::{Condition, ConditionType, Truth};
use crate::api::event::{Event, EventType, KEPT};

use super::Outcome;
use super::incidents::Incident;

/// Appends what happened in a pass, and forgets the oldest beyond [`KEPT`].
#[must_use]
pub fn events(
    mut kept: Vec<Event>,
    incidents: Vec<Incident>,
    outcomes: &[Outcome],
    before: &[Condition],
    after: &[Condition],
    now: Timestamp,
) -> Vec<Event> {
    for Incident {
        kind,
        reason,
        message,
    } in incidents
    {
        kept.push(event(now, kind, reason.to_owned(), message));
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::condition::ConditionType;
    use crate::plan::Step;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn ready(status: Truth) -> Condition {
        Condition {
            kind: ConditionType::Ready,
            status,
            reason: "Because".into(),
            message: "so it is".into(),
            last_transition_time: NOW,
            observed_digest: String::new(),
        }
    }

    fn failed(error: &str) -> Outcome {
        Outcome {
            step: Step::Create,
            reason: "there is no container".into(),
            result: Err(error.into()),
        }
    }

    #[test]
    fn a_condition_that_turned_is_an_event_and_one_that_stayed_is_none() {
        let turned = events(
            vec![],
            vec![],
            &[],
            &[ready(Truth::False)],
            &[ready(Truth::True)],
            NOW,
        );
        assert_eq!(turned.len(), 1);
        assert_eq!(turned[0].message, "Ready is True: so it is");
        let stayed = events(
            vec![],
            vec![],
            &[],
            &[ready(Truth::True)],
            &[ready(Truth::True)],
            NOW,
        );
        assert!(stayed.is_empty());
    }

    #[test]
    fn the_same_failure_again_and_again_is_one_event() {
        let mut kept = vec![];
        for _ in 0..5 {
            kept = events(kept, vec![], &[failed("no space left")], &[], &[], NOW);
        }
        assert_eq!(kept.len(), 1);
        kept = events(kept, vec![], &[failed("no such image")], &[], &[], NOW);
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut kept = vec![];
        for number in 0..=KEPT {
            kept = events(kept, vec![], &[failed(&number.to_string())], &[], &[], NOW);
        }
        assert_eq!(kept.len(), KEPT);
        assert!(kept[0].message.ends_with(": 1"), "{}", kept[0].message);
    }
}
