//! What one process may allocate, against what the settings and the memory allow it.
//!
//! The entrypoint sets it at every start. A container that grew live, or got a larger `maintenance_work_mem` by a
//! reload, keeps the limit of before: an index build then fails for memory that is there. Only a limit that is too
//! low is a drift. One that is too high bounds less than it could, and the next start lowers it.

use crate::api::{Bytes, SettingName};
use crate::facts::{ContainerState, Observed};
use crate::tune::{Effective, Tuning, budget};

use super::Targets;

/// Within a tenth it is the same limit: the entrypoint may know the shared memory exactly, the agent its bound.
const SAME: f64 = 0.9;

/// A limit that is too low.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessDrift {
    /// What new processes of the server get now.
    pub from: Bytes,
    /// What they should get.
    pub to: Bytes,
}

/// Compares the limit of a running container; `None` means high enough, or not to be seen.
#[must_use]
pub fn diff(targets: &Targets, tuning: &Tuning, seen: &Observed) -> Option<ProcessDrift> {
    let container = seen.container.known()?;
    if container.state != ContainerState::Running {
        return None;
    }
    let from = seen.limits.known()?.process?;
    let wanted = |name: &str| {
        let target = SettingName::parse(name)
            .ok()
            .and_then(|name| targets.settings.get(&name));
        target
            .map(|t| t.value.clone())
            .or_else(|| tuning.value(name).map(str::to_owned))
    };
    let allowed = budget(&tuning.inputs, &Effective::from_lookup(wanted)).process_limit;
    let to = Bytes::mib(allowed as u64);
    ((from.0 as f64) < SAME * to.0 as f64).then_some(ProcessDrift { from, to })
}
