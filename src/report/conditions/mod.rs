//! Conditions from one look, its differences, its plan and what became of it.
//!
//! A condition turns True only on what was seen. What was not seen is Unknown, with the reason.

use crate::api::condition::{Condition, ConditionType, Finding, Truth};
use crate::api::desired::Desired;
use crate::diff::{Drifts, Targets};
use crate::facts::{Observation, Observed, Record, Server};
use crate::plan::{self, Plan};
use crate::tune::Budget;

use super::Outcome;

mod collations;
mod extensions;
mod host;
mod limits;
mod restart;
mod secrets;
mod service;
mod settings;

/// The reason of `Available` where the agent's kept session answers and a new client is not let in.
pub const LOGIN_REFUSED: &str = "LoginRefused";

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
    /// What was told last.
    pub previous: &'a [Condition],
    /// What the running settings may use; absent while the server could not be asked.
    pub budget: Option<&'a Budget>,
}

/// Returns every condition, in the order of [`ConditionType::ALL`].
#[must_use]
pub fn conditions(told: &Told<'_>) -> Vec<Finding> {
    let mut findings = vec![
        accepted(told),
        service::containers_ready(told),
        service::available(told),
        limits::limits(told),
        settings::settings(told),
        extensions::extensions(told),
        secrets::secrets(told),
        collations::collations(told),
        restart::restart_required(told),
        restart::memory_safe(told),
        host::disk_space(told),
        host::oom_killed(told),
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

/// Returns the server's own facts, or what a condition of them says without.
fn server<'a>(told: &'a Told<'_>, kind: ConditionType) -> Result<&'a Server, Finding> {
    match &told.seen.server {
        Observation::Known(server) => Ok(server),
        Observation::Absent => {
            let message = "the container does not run";
            Err(finding(kind, Truth::Unknown, "NotRunning", message))
        }
        Observation::Unknown { why } => {
            Err(finding(kind, Truth::Unknown, "ServerUnknown", why.clone()))
        }
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
