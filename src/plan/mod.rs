//! What to do about the differences, and why the rest is left alone.
//!
//! The order: create and grow first, settings next, one reload, extensions, then at most one
//! disruptive step, last. A memory limit shrinks in a pass after what runs fits it. Nothing is
//! created, restarted or removed on what could not be seen.

pub mod restart;
mod retire;
mod service;
mod settings;
mod step;
mod strays;

use jiff::Timestamp;
use serde::Serialize;

use crate::api::Disruption;
use crate::api::desired::{Desired, DriftPolicy};
use crate::api::status::Waiting;
use crate::diff::{Drifts, LimitDrift, ProcessDrift, ServiceDrift};
use crate::facts::{Observation, Observed, Record};

pub use retire::retire;
pub use service::is_another_cluster;
pub use step::Step;

/// Nothing was compared, because the host's size or the cgroup's limits are not known.
pub const HOST_UNKNOWN: &str = "HostUnknown";

/// What one pass will do, and what it saw and left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Plan {
    /// The steps, in order. The first failure ends the pass.
    pub steps: Vec<Planned>,
    /// What waits, each with its reason.
    pub waiting: Vec<Waiting>,
    /// What later passes are foreseen to do, in words.
    pub then: Vec<String>,
}

/// A step and the reason for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// What to do.
    #[serde(flatten)]
    pub step: Step,
    /// What clients notice.
    pub disruption: Disruption,
    /// Why, in words.
    pub reason: String,
}

/// What a plan depends on beside the differences.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The time.
    pub now: Timestamp,
    /// Whether `aza-agent approve` let the next disruptive step happen.
    pub approved: bool,
    /// What the agent remembers.
    pub record: &'a Record,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns the worst that clients will notice.
    #[must_use]
    pub fn disruption(&self) -> Disruption {
        self.steps
            .iter()
            .map(|p| p.disruption)
            .max()
            .unwrap_or(Disruption::None)
    }

    fn push(&mut self, step: Step, reason: impl Into<String>) {
        let disruption = step.disruption();
        self.steps.push(Planned {
            step,
            disruption,
            reason: reason.into(),
        });
    }

    fn wait(&mut self, reason: &str, message: impl Into<String>) {
        self.waiting.push(wait(reason, message));
    }
}

/// Returns something to wait for, without a known end.
#[must_use]
pub fn wait(reason: &str, message: impl Into<String>) -> Waiting {
    Waiting {
        reason: reason.to_owned(),
        message: message.into(),
        until: None,
    }
}

/// Decides.
#[must_use]
pub fn plan(desired: &Desired, drifts: &Drifts, seen: &Observed, moment: Moment<'_>) -> Plan {
    let plan = decide(desired, drifts, seen, moment);
    if desired.suspend {
        return held(plan, "Suspended", "spec.suspend is true");
    }
    let was_in_sync = moment.record.synced_digest.as_ref() == Some(&desired.digest);
    if desired.drift == DriftPolicy::Report && was_in_sync && !moment.approved {
        return held(
            plan,
            "DriftReported",
            "spec.drift is `report` and this manifest was in sync before",
        );
    }
    plan
}

/// Turns every step of a plan into something that waits.
fn held(plan: Plan, reason: &str, why: &str) -> Plan {
    let steps = plan
        .steps
        .iter()
        .map(|p| wait(reason, format!("{}, because {} ({why})", p.step, p.reason)));
    Plan {
        waiting: steps.chain(plan.waiting).collect(),
        ..Plan::default()
    }
}

fn decide(desired: &Desired, drifts: &Drifts, seen: &Observed, moment: Moment<'_>) -> Plan {
    let mut plan = Plan::default();
    if let Observation::Unknown { why } = &seen.container {
        plan.wait(
            "ContainerUnknown",
            format!("the container could not be looked at: {why}"),
        );
        return plan;
    }
    // First: a renamed container holds its port and its volume, and no stranger does.
    if strays::put_right(desired, seen, moment, &mut plan) {
        return plan;
    }
    if let Some(blocked) = service::blocked(desired, drifts.service.as_ref(), seen, moment.record) {
        plan.waiting.push(blocked);
        return plan;
    }
    let recreate = match &drifts.service {
        Some(ServiceDrift::Missing) => {
            service::create(drifts, &mut plan);
            return plan;
        }
        Some(ServiceDrift::Foreign { .. }) => return plan,
        Some(ServiceDrift::Down {
            state,
            by_hand,
            how,
            changes,
        }) => {
            service::revive(
                seen,
                drifts,
                moment,
                &service::Down {
                    state: *state,
                    by_hand: *by_hand,
                    how,
                    changes,
                },
                &mut plan,
            );
            return plan;
        }
        Some(ServiceDrift::Outdated { changes }) => {
            changes.iter().map(ToString::to_string).collect()
        }
        None => Vec::new(),
    };
    let Some(container) = seen.container.known() else {
        return plan;
    };
    if let Some(network) = &drifts.network {
        let step = Step::Connect {
            container: container.id.clone(),
            network: network.clone(),
        };
        plan.push(step, "the container was taken off the stack's network");
    }
    let late = limits(drifts.limits.as_ref(), &container.id, &mut plan);
    match &seen.server {
        Observation::Known(server) => {
            if let Some(damage) = &drifts.auto_conf {
                let step = Step::RepairAutoConf {
                    container: container.id.clone(),
                };
                plan.push(step, damage.clone());
                plan.push(
                    Step::Reload { expect: vec![] },
                    "the lines behind it count again",
                );
            }
            settings::adjust(drifts, server, &mut plan);
            if drifts.password {
                let reason = "the one that the server has is not the file's";
                plan.push(Step::SetPassword, reason);
            }
        }
        Observation::Unknown { why } => {
            plan.wait(
                "ServerUnknown",
                format!("the server could not be asked: {why}"),
            );
        }
        Observation::Absent => {}
    }
    if let Some(text) = &drifts.declared {
        plan.push(
            Step::Declare { text: text.clone() },
            "what the next start has to know has changed",
        );
    }
    if let Some(drift) = late {
        shrink(&drift, drifts, &container.id, seen, &mut plan);
    }
    service::disrupt(desired, drifts, recreate, seen, moment, &mut plan);
    if let Some(drift) = drifts.process {
        process(drift, &container.id, &mut plan);
    }
    plan
}

/// Raises what one process may allocate: after the limits, before the settings that make use of it. A
/// start sets it by itself.
fn process(ProcessDrift { from, to }: ProcessDrift, container: &str, plan: &mut Plan) {
    let starts = |p: &Planned| p.disruption >= Disruption::Restart;
    if plan.steps.iter().any(starts) {
        return;
    }
    let limits = |p: &&Planned| matches!(p.step, Step::SetLimits { .. });
    let after = plan.steps.iter().take_while(limits).count();
    let container = container.to_owned();
    plan.push(
        Step::SetProcessLimit {
            container,
            from,
            to,
        },
        "memory and settings allow a process more than it got at the start",
    );
    plan.steps[after..].rotate_right(1);
}

/// Grows memory and sets CPU time at once; returns a shrink of memory, which comes last.
fn limits(drift: Option<&LimitDrift>, container: &str, plan: &mut Plan) -> Option<LimitDrift> {
    let drift = drift?;
    let now = if drift.shrinks_memory() {
        drift.without_memory()
    } else {
        Some(drift.clone())
    };
    if let Some(LimitDrift { from, to }) = now {
        let step = Step::SetLimits {
            container: container.to_owned(),
            from,
            to,
        };
        plan.push(step, "the manifest's limits differ from the container's");
    }
    drift.shrinks_memory().then(|| drift.clone())
}

/// Settings that must be down before the limit is. Another one that differs, or that something holds,
/// does not keep memory from shrinking.
const COSTS_MEMORY: [&str; 11] = [
    "shared_buffers",
    "max_connections",
    "work_mem",
    "hash_mem_multiplier",
    "maintenance_work_mem",
    "autovacuum_max_workers",
    "autovacuum_work_mem",
    "max_parallel_workers",
    "max_worker_processes",
    "temp_buffers",
    "wal_buffers",
];

/// Shrinks memory where what runs fits already; waits for the settings where it does not.
fn shrink(drift: &LimitDrift, drifts: &Drifts, container: &str, seen: &Observed, plan: &mut Plan) {
    let too_big: Vec<String> = drifts
        .settings
        .iter()
        .filter(|d| d.takes.is_some() && COSTS_MEMORY.contains(&d.name.as_str()))
        .map(|d| format!("{} {} → {}", d.name, d.running, d.wanted))
        .collect();
    let asked = matches!(seen.server, Observation::Known(_));
    if asked && too_big.is_empty() {
        let step = Step::SetLimits {
            container: container.to_owned(),
            from: drift.from,
            to: drift.to,
        };
        plan.push(step, "the settings fit the smaller limit");
    } else {
        let what = match too_big.join("; ") {
            none if none.is_empty() => "the settings are known to fit it".to_owned(),
            list => format!("the settings fit it: {list}"),
        };
        let message = format!(
            "the memory limit shrinks ({} → {}) once {what}",
            drift.from, drift.to
        );
        plan.wait("SettingsFirst", message);
        plan.then
            .push(format!("set limits: {} → {}", drift.from, drift.to));
    }
}
