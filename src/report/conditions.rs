//! Conditions from one look, its differences, its plan and what became of it.
//!
//! A condition turns True only on what was seen. What was not seen is Unknown, with the reason.

use crate::api::condition::{ConditionType, Finding, Truth};
use crate::api::desired::Desired;
use crate::api::setting::Context;
use crate::diff::limits::LimitValues;
use crate::diff::settings::foreign_lines;
use crate::diff::{Correction, Drifts, Hold, ServiceDrift, SettingDrift, Targets};
use crate::facts::{ContainerState, Observation, Observed, Record, Server};
use crate::plan::{self, Plan, restart};
use crate::tune::Budget;

use super::Outcome;

/// Everything that conditions are computed from.
pub struct Told<'a> {
    /// The manifest in force.
    pub desired: &'a Desired,
    /// Why the newest text of the manifest is not in force, where it is not.
    pub rejected: Option<&'a str>,
    /// What every owned setting shall be.
    pub targets: &'a Targets,
    /// What was seen.
    pub seen: &'a Observed,
    /// What differs.
    pub drifts: &'a Drifts,
    /// What was decided.
    pub plan: &'a Plan,
    /// What became of the steps.
    pub outcomes: &'a [Outcome],
    /// What the agent remembers.
    pub record: &'a Record,
    /// What the running settings may use; absent while the server could not be asked.
    pub budget: Option<&'a Budget>,
}

/// Returns every condition, in the order of [`ConditionType::ALL`].
#[must_use]
pub fn conditions(told: &Told<'_>) -> Vec<Finding> {
    let mut findings = vec![
        accepted(told),
        containers_ready(told),
        available(told),
        limits(told),
        settings(told),
        extensions(told),
        restart_required(told),
        memory_safe(told),
    ];
    findings.insert(0, ready(&findings));
    findings
}

fn finding(
    kind: ConditionType,
    status: Truth,
    reason: &'static str,
    message: impl Into<String>,
) -> Finding {
    Finding {
        kind,
        status,
        reason,
        message: message.into(),
    }
}

fn ready(findings: &[Finding]) -> Finding {
    let counted = |f: &&Finding| ConditionType::READY.contains(&f.kind);
    let first = |status| findings.iter().filter(counted).find(|f| f.status == status);
    let kind = ConditionType::Ready;
    if let Some(f) = first(Truth::False) {
        return finding(
            kind,
            Truth::False,
            f.reason,
            format!("{}: {}", f.kind, f.message),
        );
    }
    if let Some(f) = first(Truth::Unknown) {
        return finding(
            kind,
            Truth::Unknown,
            f.reason,
            format!("{}: {}", f.kind, f.message),
        );
    }
    finding(
        kind,
        Truth::True,
        "AsDeclared",
        "everything is as the manifest wants it",
    )
}

fn accepted(told: &Told<'_>) -> Finding {
    let kind = ConditionType::Accepted;
    if let Some(why) = told.rejected {
        let message = format!("{why}; the last valid manifest stays in force");
        return finding(kind, Truth::False, "Invalid", message);
    }
    for waiting in &told.plan.waiting {
        let reason = match waiting.reason.as_str() {
            "NameConflict" => "NameConflict",
            "PortConflict" => "PortConflict",
            _ => continue,
        };
        return finding(kind, Truth::False, reason, waiting.message.clone());
    }
    if told.desired.suspend {
        return finding(
            kind,
            Truth::True,
            "Suspended",
            "valid; spec.suspend is true, so nothing is changed",
        );
    }
    finding(
        kind,
        Truth::True,
        "Valid",
        "the manifest is valid and in force",
    )
}

/// Returns the failure of a step, where one of that kind failed.
fn failed<'a>(told: &'a Told<'_>, verbs: &[&str]) -> Option<&'a Outcome> {
    told.outcomes
        .iter()
        .find(|o| o.result.is_err() && verbs.contains(&o.step.verb()))
}

fn failure_message(outcome: &Outcome) -> String {
    match &outcome.result {
        Err(error) => format!("{} failed: {error}", outcome.step.verb()),
        Ok(()) => String::new(),
    }
}

/// Returns a condition of differences while nothing could be compared.
fn not_compared(told: &Told<'_>, kind: ConditionType) -> Option<Finding> {
    let why = waiting_for(told, &[plan::HOST_UNKNOWN])?;
    Some(finding(kind, Truth::Unknown, "HostUnknown", why))
}

/// Returns the word for differences that are about to go, or why they are left.
fn changing(told: &Told<'_>) -> &'static str {
    if told.desired.suspend {
        "Suspended"
    } else if waiting_for(told, &["DriftReported"]).is_some() {
        "DriftReported"
    } else {
        "Changing"
    }
}

fn waiting_for<'a>(told: &'a Told<'_>, reasons: &[&str]) -> Option<&'a str> {
    told.plan
        .waiting
        .iter()
        .find(|w| reasons.contains(&w.reason.as_str()))
        .map(|w| w.message.as_str())
}

fn containers_ready(told: &Told<'_>) -> Finding {
    let kind = ConditionType::ContainersReady;
    if let Some(outcome) = failed(told, &["prepare", "create", "start", "recreate", "restart"]) {
        return finding(kind, Truth::False, "StepFailed", failure_message(outcome));
    }
    if let (Observation::Known(_), Some(unknown)) = (&told.seen.container, not_compared(told, kind))
    {
        return unknown;
    }
    let blocked = [
        "VolumeInUse",
        "OtherMajorVersion",
        "OtherCluster",
        "ImageMissing",
        "NameConflict",
        "PortConflict",
    ];
    let blocked = waiting_for(told, &blocked);
    let blocked_message =
        |what: &str| blocked.map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"));
    match (&told.seen.container, &told.drifts.service) {
        (Observation::Unknown { why }, _) => {
            finding(kind, Truth::Unknown, "DockerUnknown", why.clone())
        }
        (_, Some(ServiceDrift::Missing)) => {
            let (reason, what) = match blocked {
                Some(_) => ("Blocked", "there is no container, and none can be made"),
                None => ("Creating", "there is no container; it is being made"),
            };
            finding(kind, Truth::False, reason, blocked_message(what))
        }
        (_, Some(ServiceDrift::Foreign { what })) => {
            finding(kind, Truth::False, "NameConflict", what.clone())
        }
        (
            _,
            Some(ServiceDrift::Down {
                state,
                by_hand,
                how,
                ..
            }),
        ) => {
            let (reason, what) = match (state, by_hand) {
                (ContainerState::Paused, _) => ("Paused", "the container is paused".to_owned()),
                (ContainerState::Restarting, _) => (
                    "CrashLooping",
                    format!("the container ends right after each start ({how})"),
                ),
                (ContainerState::Exited, true) => (
                    "Stopped",
                    format!("the container was stopped by hand ({how})"),
                ),
                (_, _) => (
                    "Down",
                    format!("the container is {}: {how}", state.as_str()),
                ),
            };
            finding(kind, Truth::False, reason, blocked_message(&what))
        }
        (_, Some(ServiceDrift::Outdated { changes })) => {
            let list: Vec<String> = changes.iter().map(ToString::to_string).collect();
            let message = format!(
                "the container runs, made with other values: {}",
                list.join("; ")
            );
            finding(kind, Truth::True, "Outdated", message)
        }
        (Observation::Known(container), None) => {
            let message = format!(
                "container {} ({}) runs from {}",
                container.name,
                container.short_id(),
                container.image
            );
            finding(kind, Truth::True, "Running", message)
        }
        (Observation::Absent, None) => finding(
            kind,
            Truth::Unknown,
            "NotLooked",
            "the container was not looked for",
        ),
    }
}

fn available(told: &Told<'_>) -> Finding {
    let kind = ConditionType::Available;
    match &told.seen.server {
        Observation::Unknown { why } => {
            finding(kind, Truth::False, "NoAnswer", format!("no answer: {why}"))
        }
        Observation::Absent => finding(
            kind,
            Truth::False,
            "NotRunning",
            "the container does not run",
        ),
        Observation::Known(Server {
            address_failure: Some(why),
            ..
        }) => {
            let message = format!("the socket answers, the container's address does not: {why}");
            finding(kind, Truth::False, "AddressSilent", message)
        }
        Observation::Known(server) => {
            let (major, minor) = (server.version_num / 10_000, server.version_num % 10_000);
            let message = format!(
                "PostgreSQL {major}.{minor} answers, up since {:.0}",
                server.started_at
            );
            finding(kind, Truth::True, "Answers", message)
        }
    }
}

fn limits(told: &Told<'_>) -> Finding {
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

fn settings(told: &Told<'_>) -> Finding {
    let kind = ConditionType::SettingsInSync;
    let server = match &told.seen.server {
        Observation::Known(server) => server,
        Observation::Unknown { why } => {
            return finding(kind, Truth::Unknown, "ServerUnknown", why.clone());
        }
        Observation::Absent => {
            return finding(
                kind,
                Truth::Unknown,
                "NotRunning",
                "the container does not run",
            );
        }
    };
    if let Some(unknown) = not_compared(told, kind) {
        return unknown;
    }
    if let Some(outcome) = failed(told, &["alter system", "reset setting", "reload"]) {
        return finding(kind, Truth::False, "StepFailed", failure_message(outcome));
    }
    if let Some(error) = server.file_errors.first() {
        let message = format!("{} line {}: {}", error.file, error.line, error.error);
        return finding(kind, Truth::False, "ConfigFileError", message);
    }
    let line = |d: &SettingDrift| format!("{} {} → {}", d.name, d.running, d.wanted);
    let held: Vec<_> = told
        .drifts
        .settings
        .iter()
        .filter_map(|d| d.hold.map(|hold| (d, hold)))
        .collect();
    if let Some((first, hold)) = held.first() {
        let list: Vec<String> = held.iter().map(|(d, _)| line(d)).collect();
        let message = format!("{}: {}", list.join("; "), Hold::help(*hold, &first.name));
        return finding(kind, Truth::False, hold.reason(), message);
    }
    let waits_for_restart = restart::reasons(&told.drifts.settings);
    // A line that goes or comes while the value runs already changes nothing for anybody.
    let is_open = |d: &&SettingDrift| match d.takes {
        None => false,
        Some(Context::Postmaster) => d.correction != Correction::Keep,
        Some(_) => true,
    };
    let open: Vec<String> = told
        .drifts
        .settings
        .iter()
        .filter(is_open)
        .map(line)
        .collect();
    if !open.is_empty() {
        return finding(kind, Truth::False, changing(told), shortened(&open));
    }
    let foreign = foreign_lines(told.targets, server, told.record);
    let mut message = format!(
        "{} settings are as wanted",
        told.targets.settings.len() - waits_for_restart.len()
    );
    if !waits_for_restart.is_empty() {
        let verb = if waits_for_restart.len() == 1 {
            "waits"
        } else {
            "wait"
        };
        message.push_str(&format!(
            ", {} {verb} for a restart",
            waits_for_restart.len()
        ));
    }
    if !foreign.is_empty() {
        let names: Vec<&str> = foreign.iter().map(|n| n.as_str()).collect();
        message.push_str(&format!(
            "; left alone, set by hand with ALTER SYSTEM: {}",
            names.join(", ")
        ));
    }
    finding(kind, Truth::True, "AsDeclared", message)
}

/// Joins a list for one line of a table; the rest stands in `plan`.
fn shortened(list: &[String]) -> String {
    const SHOWN: usize = 6;
    let head = list
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    match list.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{head}; and {more} more"),
        Some(_) | None => head,
    }
}

fn extensions(told: &Told<'_>) -> Finding {
    use crate::diff::extensions::ExtensionWant;
    let kind = ConditionType::ExtensionsReady;
    match &told.seen.server {
        Observation::Known(_) => {}
        Observation::Unknown { why } => {
            return finding(kind, Truth::Unknown, "ServerUnknown", why.clone());
        }
        Observation::Absent => {
            return finding(
                kind,
                Truth::Unknown,
                "NotRunning",
                "the container does not run",
            );
        }
    }
    if let Some(outcome) = failed(
        told,
        &["create extension", "update extension", "drop extension"],
    ) {
        return finding(kind, Truth::False, "StepFailed", failure_message(outcome));
    }
    if let Some(unknown) = not_compared(told, kind) {
        return unknown;
    }
    let Some(first) = told.drifts.extensions.first() else {
        let message = match told.desired.extensions.len() {
            0 => "the manifest asks for none".to_owned(),
            1 => "the one that the manifest names is as wanted".to_owned(),
            n => format!("all {n} that the manifest names are as wanted"),
        };
        return finding(kind, Truth::True, "AsDeclared", message);
    };
    let blocked = told.drifts.extensions.iter().find_map(|d| match &d.want {
        ExtensionWant::Blocked { reason, message } => Some((d, *reason, message)),
        ExtensionWant::Create { .. }
        | ExtensionWant::Update { .. }
        | ExtensionWant::Drop { .. } => None,
    });
    match blocked {
        Some((drift, "Unknown", message)) => finding(
            kind,
            Truth::Unknown,
            "Unknown",
            format!("{}: {message}", drift.name),
        ),
        Some((drift, reason, message)) => finding(
            kind,
            Truth::False,
            reason,
            format!("{}: {message}", drift.name),
        ),
        None => {
            let message = format!(
                "{} in database {} is not as wanted yet",
                first.name, first.database
            );
            finding(kind, Truth::False, changing(told), message)
        }
    }
}

fn restart_required(told: &Told<'_>) -> Finding {
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
        ],
    );
    let message = why.map_or_else(|| reasons.join("; "), str::to_owned);
    finding(kind, Truth::True, reason, message)
}

fn memory_safe(told: &Told<'_>) -> Finding {
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
    if margin >= 0 {
        finding(
            kind,
            Truth::True,
            "Fits",
            format!("what the settings may use fits the limit with {margin} MB to spare"),
        )
    } else {
        let message = format!(
            "with every connection at work the settings may use {} MB more than the limit: choose a workload, or \
             lower max_connections or work_mem (see aza-agent explain {})",
            -margin, told.desired.name
        );
        finding(kind, Truth::False, "OverCommitted", message)
    }
}
