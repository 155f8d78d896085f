//! `RestartRequired` and `MemorySafe`: what stands beside Ready.

use crate::api::condition::{ConditionType, Finding, Truth};
use crate::diff::ServiceDrift;
use crate::facts::Observation;
use crate::plan::restart;

use super::{Told, finding, not_compared, waiting_for};

pub(super) fn restart_required(told: &Told<'_>) -> Finding {
    let kind = ConditionType::RestartRequired;
    let recreate: Vec<String> = match &told.drifts.service {
        Some(ServiceDrift::Outdated { changes }) => {
            changes.iter().map(ToString::to_string).collect()
        }
        Some(ServiceDrift::Missing | ServiceDrift::Foreign { .. } | ServiceDrift::Down { .. })
        | None => vec![],
    };
    let reasons: Vec<String> = recreate
        .iter()
        .cloned()
        .chain(restart::reasons(&told.drifts.settings))
        .collect();
    if let Some(unknown) = not_compared(told, kind) {
        return unknown;
    }
    if reasons.is_empty() {
        return match &told.seen.server {
            Observation::Known(_) => finding(
                kind,
                Truth::False,
                "NothingPending",
                "no restart is pending",
            ),
            Observation::Absent => finding(
                kind,
                Truth::False,
                "NotRunning",
                "the container does not run",
            ),
            Observation::Unknown { why } => {
                finding(kind, Truth::Unknown, "ServerUnknown", why.clone())
            }
        };
    }
    let reason = if recreate.is_empty() {
        "SettingsPending"
    } else {
        "RecreatePending"
    };
    let why = waiting_for(
        told,
        &[
            "WindowClosed",
            "ApprovalNeeded",
            "DidNotHelp",
            "ConfigFileError",
            "LibraryMissing",
            "ImageMissing",
            "ImageUnknown",
            "LoginRefused",
        ],
    );
    let message = why.map_or_else(|| reasons.join("; "), str::to_owned);
    finding(kind, Truth::True, reason, message)
}

pub(super) fn memory_safe(told: &Told<'_>) -> Finding {
    let kind = ConditionType::MemorySafe;
    let Some(budget) = told.budget else {
        return finding(
            kind,
            Truth::Unknown,
            "ServerUnknown",
            "the settings in force could not be read",
        );
    };
    let margin = budget.margin_mb;
    if margin >= 0 && !budget.shm_kept {
        let message = format!(
            "with every connection at a parallel hash join {:.0} MB of /dev/shm are wanted, and queries fail beyond \
             {:.0}: set enable_parallel_hash to off, or raise shmSize (see aza-agent explain {})",
            budget.shm_need,
            budget.shm_limit.unwrap_or_default(),
            told.desired.name
        );
        finding(kind, Truth::False, "DevShmTooSmall", message)
    } else if margin >= 0 {
        finding(
            kind,
            Truth::True,
            "Fits",
            format!("what the settings may use fits the limit with {margin} MB to spare"),
        )
    } else {
        // A workload is solved against the limit; with one chosen it is the overrides that break it.
        let first = match told.desired.workload {
            None => "choose a spec.workload",
            Some(_) => "raise spec.resources.memory",
        };
        let message = format!(
            "with every connection at work the settings may use {} MB more than the limit: {first}, or \
             lower max_connections or work_mem (see aza-agent explain {})",
            -margin, told.desired.name
        );
        finding(kind, Truth::False, "OverCommitted", message)
    }
}
