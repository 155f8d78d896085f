//! Containers of the stack under other names: one that was renamed by hand gets its name back, one that a
//! recreate left half-way goes.
//!
//! Compose makes the new container as `<id of the old>_<name>`, stops and removes the old one, then renames. A
//! machine that loses power in between has no container of that name, or an old one and a new one beside it.

use jiff::SignedDuration;

use crate::api::desired::Desired;
use crate::api::status::Waiting;
use crate::diff::services::container_name;
use crate::facts::service::Stray;
use crate::facts::{Observation, Observed};

use super::{Moment, Plan, Step, wait};

/// How old a leftover is at least, unless our own recreate was cut short: a person's `docker compose up` may be at
/// work, and stops the old container within its grace period of two minutes.
const LEFT_FOR_GOOD: SignedDuration = SignedDuration::from_secs(180);

/// Plans what brings the names in order; returns whether that has to come first.
pub fn put_right(desired: &Desired, seen: &Observed, moment: Moment<'_>, plan: &mut Plan) -> bool {
    let name = container_name(desired.name.as_str());
    let strays = match &seen.strays {
        Observation::Known(strays) => strays,
        Observation::Absent => return false,
        Observation::Unknown { why } if seen.container.is_absent() => {
            let message = format!("whether it was renamed could not be seen: {why}");
            plan.wait("ContainerUnknown", message);
            return true;
        }
        Observation::Unknown { .. } => return false,
    };
    let suffix = format!("_{name}");
    let is_leftover = |stray: &&Stray| !stray.started && stray.name.ends_with(&suffix);
    let (leftovers, others): (Vec<&Stray>, Vec<&Stray>) = strays.iter().partition(is_leftover);
    let cut_short = moment.record.journal.is_some();
    let old_enough =
        |stray: &&Stray| cut_short || moment.now.duration_since(stray.created_at) > LEFT_FOR_GOOD;
    let (leftovers, young): (Vec<&Stray>, Vec<&Stray>) =
        leftovers.into_iter().partition(old_enough);
    for leftover in &leftovers {
        let step = Step::RemoveLeftover {
            container: leftover.id.clone(),
            name: leftover.name.clone(),
        };
        plan.push(step, "a recreate was cut short and left it");
    }
    if !seen.container.is_absent() {
        return !leftovers.is_empty();
    }
    if let [young, ..] = young.as_slice() {
        let until = young
            .created_at
            .checked_add(LEFT_FOR_GOOD)
            .unwrap_or(moment.now);
        let message = format!(
            "{} was just made: somebody recreates the container, or a recreate was cut short",
            young.name
        );
        plan.waiting.push(Waiting {
            until: Some(until),
            ..wait("RecreateUnderWay", message)
        });
        return true;
    }
    match others.as_slice() {
        [] => !leftovers.is_empty(),
        [one] => {
            let step = Step::Rename {
                container: one.id.clone(),
                from: one.name.clone(),
                to: name,
            };
            plan.push(step, "it is this stack's container under another name");
            true
        }
        several => {
            let names: Vec<&str> = several.iter().map(|s| s.name.as_str()).collect();
            let message = format!(
                "{} are containers of this stack, and none has the name {name}: rename the right one, remove the others",
                names.join(", ")
            );
            plan.wait("StrayContainers", message);
            true
        }
    }
}
