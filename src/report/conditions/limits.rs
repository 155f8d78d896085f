//! `LimitsInSync`: the cgroup's limits against the wanted ones.

use crate::api::condition::{ConditionType, Finding, Truth};
use crate::diff::limits::LimitValues;
use crate::facts::Observation;
use crate::plan::restart;

use super::{Told, changing, failed, failure_message, finding, not_compared, waiting_for};

pub(super) fn limits(told: &Told<'_>) -> Finding {
    let kind = ConditionType::LimitsInSync;
    if let Some(outcome) = failed(told, &["set limits"]) {
        return finding(kind, Truth::False, "StepFailed", failure_message(outcome));
    }
    match (&told.seen.limits, &told.drifts.limits) {
        (Observation::Unknown { why }, _) => {
            finding(kind, Truth::Unknown, "CgroupUnknown", why.clone())
        }
        (Observation::Known(_), None) if not_compared(told, kind).is_some() => {
            finding(kind, Truth::Unknown, "HostUnknown", "nothing was compared")
        }
        (Observation::Absent, _) => finding(
            kind,
            Truth::Unknown,
            "NotRunning",
            "the container does not run",
        ),
        (Observation::Known(_), Some(drift)) => {
            let message = format!("{} → {}", drift.from, drift.to);
            if drift.without_memory().is_none() && follows_the_restart(told) {
                let message =
                    format!("{message} follows the restart that RestartRequired tells of");
                return finding(kind, Truth::True, "AfterRestart", message);
            }
            let reason = match changing(told) {
                "Changing" if waiting_for(told, &["SettingsFirst"]).is_some() => "SettingsFirst",
                word => word,
            };
            finding(kind, Truth::False, reason, message)
        }
        (Observation::Known(limits), None) => {
            let waits = told
                .plan
                .waiting
                .iter()
                .any(|w| w.message.contains("no limit"));
            let tail = if waits {
                "; taking a limit away waits for a recreate"
            } else {
                ""
            };
            let granted = LimitValues {
                memory: limits.memory,
                memory_swap: None,
                cpus: limits.cpus,
            };
            finding(
                kind,
                Truth::True,
                "AsDeclared",
                format!("the cgroup grants {granted}{tail}"),
            )
        }
    }
}

/// Whether nothing but a waiting restart keeps memory from shrinking.
fn follows_the_restart(told: &Told<'_>) -> bool {
    let restart_waits = waiting_for(told, &["WindowClosed", "ApprovalNeeded"]).is_some();
    let differing = told.drifts.settings.iter().filter(|d| d.takes.is_some());
    let waits_for_it = restart::reasons(&told.drifts.settings).len();
    waiting_for(told, &["SettingsFirst"]).is_some()
        && restart_waits
        && differing.count() == waits_for_it
}
