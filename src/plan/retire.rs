//! A stack whose manifest is gone: what its deletion policy lets happen. Never to a volume.

use crate::api::desired::{DeletionPolicy, Desired};
use crate::facts::{ContainerState, Observation, Observed};

use super::{Plan, Step};

/// Plans what the policy of the last valid manifest says.
///
/// A container that is not ours, or could not be seen, is left alone whatever the policy.
#[must_use]
pub fn retire(desired: &Desired, seen: &Observed) -> Plan {
    let mut plan = Plan::default();
    let policy = match desired.deletion_policy {
        DeletionPolicy::Orphan => "orphan",
        DeletionPolicy::Stop => "stop",
        DeletionPolicy::Remove => "remove",
    };
    let reason = format!("its manifest is gone, and deletionPolicy was `{policy}`");
    let container = match &seen.container {
        Observation::Known(container) => container,
        Observation::Absent => return plan,
        Observation::Unknown { why } => {
            plan.wait(
                "ContainerUnknown",
                format!("the container could not be looked at: {why}"),
            );
            return plan;
        }
    };
    if !container.is_ours(desired.name.as_str(), &seen.host_name) {
        return plan;
    }
    let id = container.id.clone();
    let runs = !matches!(
        container.state,
        ContainerState::Exited | ContainerState::Created
    );
    match desired.deletion_policy {
        DeletionPolicy::Orphan => {
            plan.wait("Orphaned", format!("{reason}: everything is left as it is"))
        }
        DeletionPolicy::Stop if runs => plan.push(Step::Stop { container: id }, reason),
        DeletionPolicy::Stop => {
            plan.wait("Orphaned", format!("{reason}: the container is stopped"))
        }
        DeletionPolicy::Remove => plan.push(Step::Remove { container: id }, reason),
    }
    plan
}
