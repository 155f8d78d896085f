//! One pass for one stack: look, size, compare, decide, act, tell. These lines are the product.
//!
//! `plan` is the same as `pass` without acting and telling, and calls the same [`think`].

mod deeds;
mod memory;
pub mod requeue;
mod rest;
mod world;

use std::collections::BTreeSet;

use crate::api::SettingName;
use crate::api::condition::{Condition, ConditionType, Finding, Truth};
use crate::api::desired::{DeletionPolicy, Desired};
use crate::api::event::Event;
use crate::diff::{self, Drifts, Targets, size};
use crate::facts::{Observed, Record, Server};
use crate::plan::{self, Moment, Plan};
use crate::report::conditions::{LOGIN_REFUSED, Told};
use crate::report::{Outcome, conditions::conditions, events::events, incidents::incidents};
use crate::tune::{self, Budget, Effective, Tuning};

use deeds::act;
use memory::{accept_cluster, recall, settle};

pub use requeue::Next;
pub use rest::Rest;
pub use world::{StepError, World};

/// What a pass starts from.
#[derive(Debug, Clone)]
pub struct Before {
    /// The manifest in force.
    pub desired: Desired,
    /// Why the newest text of the manifest is not in force, where it is not.
    pub rejected: Option<String>,
    /// What the agent remembers; `None` for a stack it knows nothing of.
    pub record: Option<Record>,
    /// The conditions of the last pass.
    pub conditions: Vec<Condition>,
    /// The events so far.
    pub events: Vec<Event>,
    /// Whether `aza-agent approve` was called.
    pub approved: bool,
}

/// What a pass leaves.
#[derive(Debug, Clone)]
pub struct After {
    /// What was seen.
    pub seen: Observed,
    /// What was decided.
    pub plan: Plan,
    /// What became of the steps that began.
    pub outcomes: Vec<Outcome>,
    /// What the agent remembers now.
    pub record: Record,
    /// The conditions now.
    pub conditions: Vec<Condition>,
    /// The events now.
    pub events: Vec<Event>,
    /// When to come again.
    pub next: Next,
}

/// What was thought of one look.
#[derive(Debug, Clone)]
pub struct Thought {
    /// The tuner's answer; `None` while the host's size is unknown.
    pub tuning: Option<Tuning>,
    /// What every owned setting shall be.
    pub targets: Targets,
    /// What differs.
    pub drifts: Drifts,
    /// What to do about it.
    pub plan: Plan,
}

/// Makes one pass.
pub async fn pass(world: &mut impl World, before: Before) -> After {
    let Before {
        desired,
        rejected,
        record,
        conditions: previous,
        events: kept,
        approved,
    } = before;
    let mut record = record.unwrap_or_default();
    let seen = world
        .look(&desired, &settings_to_read(&desired, &record))
        .await;
    let used_up = accept_cluster(world, &desired, &mut record, &seen, approved);
    let approved = approved && !used_up;
    recall(&mut record, &desired, &seen);
    let incidents = incidents(&mut record, &seen);
    let thought = think(&desired, &seen, &record, approved);
    settle(&mut record, &desired, &seen, &thought);
    if approved && !releases_anything(&thought, &seen) {
        // An approval is for what waits, never for what comes later.
        let _ = world.take_approval(&desired);
    }
    let outcomes = act(world, &desired, &seen, &thought.plan, &mut record, approved).await;
    let budget = thought
        .tuning
        .as_ref()
        .and_then(|t| running_budget(t, &seen));
    let told = Told {
        desired: &desired,
        rejected: rejected.as_deref(),
        targets: &thought.targets,
        seen: &seen,
        drifts: &thought.drifts,
        plan: &thought.plan,
        outcomes: &outcomes,
        record: &record,
        previous: &previous,
        budget: budget.as_ref(),
    };
    let now = world.now();
    let dated: Vec<Condition> = conditions(&told)
        .into_iter()
        .map(|finding| {
            let old = previous.iter().find(|c| c.kind == finding.kind);
            finding.dated(old, &desired.digest, now)
        })
        .collect();
    let events = events(kept, incidents, &outcomes, &previous, &dated, now);
    let next = next(&thought.plan, &outcomes, &dated);
    let _ = world.remember(&desired, &record);
    After {
        seen,
        plan: thought.plan,
        outcomes,
        record,
        conditions: dated,
        events,
        next,
    }
}

/// Makes one pass for a stack whose manifest is gone. `by_policy` says whether its deletion policy counts;
/// it does not for the last manifest of a directory, which may only have been emptied by mistake.
pub async fn retire(world: &mut impl World, before: Before, by_policy: bool) -> After {
    let Before {
        mut desired,
        record,
        conditions: previous,
        events: kept,
        ..
    } = before;
    if !by_policy {
        desired.deletion_policy = DeletionPolicy::Orphan;
    }
    let mut record = record.unwrap_or_default();
    let seen = world.look(&desired, &BTreeSet::new()).await;
    let plan = plan::retire(&desired, &seen);
    let outcomes = act(world, &desired, &seen, &plan, &mut record, false).await;
    let now = world.now();
    let message = "the manifest is gone; aza-agent looks after this stack no longer";
    let findings = [ConditionType::Ready, ConditionType::Accepted].map(|kind| Finding {
        kind,
        status: Truth::False,
        reason: "Orphaned",
        message: message.to_owned(),
    });
    let dated: Vec<Condition> = findings
        .into_iter()
        .map(|f| {
            let old = previous.iter().find(|c| c.kind == f.kind);
            f.dated(old, &desired.digest, now)
        })
        .collect();
    let events = events(kept, Vec::new(), &outcomes, &previous, &dated, now);
    let failed = outcomes.iter().any(|o| o.result.is_err());
    let next = if failed {
        Next::Backoff
    } else {
        Next::Quiet(None)
    };
    After {
        seen,
        plan,
        outcomes,
        record,
        conditions: dated,
        events,
        next,
    }
}

/// Sizes, compares and decides: pure, and the whole of `aza-agent plan`.
#[must_use]
pub fn think(desired: &Desired, seen: &Observed, record: &Record, approved: bool) -> Thought {
    let Some(inputs) = size::inputs(desired, seen) else {
        let why = seen.host.why_unknown().or(seen.limits.why_unknown());
        let why = why.unwrap_or("the host's size is unknown");
        let mut plan = Plan::default();
        plan.waiting.push(plan::wait(plan::HOST_UNKNOWN, why));
        return Thought {
            tuning: None,
            targets: Targets::default(),
            drifts: Drifts::default(),
            plan,
        };
    };
    let tuning = tune::tune(&inputs);
    let targets = size::targets(desired, &tuning, seen);
    let drifts = diff::diff(desired, &targets, &tuning, seen, record);
    let plan = plan::plan(
        desired,
        &drifts,
        seen,
        Moment {
            now: seen.at,
            approved,
            record,
        },
    );
    Thought {
        tuning: Some(tuning),
        targets,
        drifts,
        plan,
    }
}

/// Returns the names of settings that a look has to read: those the tuner and the manifest own, and
/// those that the agent wrote.
#[must_use]
pub fn settings_to_read(desired: &Desired, record: &Record) -> BTreeSet<SettingName> {
    let inputs = tune::Inputs {
        memory: crate::api::Bytes::gib(1),
        cpus: 1,
        workload: desired.workload,
        storage: desired.storage,
        shm: None,
        disk: None,
        preload: size::preload(desired),
        cron_database: crate::catalogue::CRON_DATABASE.to_owned(),
    };
    let tuned = tune::tune(&inputs);
    let tuned = tuned
        .settings
        .iter()
        .filter_map(|s| SettingName::parse(s.name).ok());
    // Some settings are tuned only on some machines; the budget reads these whatever the tuner says.
    let counted = [
        "enable_parallel_hash",
        "autovacuum_work_mem",
        "hash_mem_multiplier",
        "shared_preload_libraries",
    ];
    let counted = counted
        .into_iter()
        .filter_map(|n| SettingName::parse(n).ok());
    tuned
        .chain(counted)
        .chain(desired.settings.keys().cloned())
        .chain(record.lines.keys().cloned())
        .collect()
}

/// Returns what the running settings may use of the memory limit.
#[must_use]
pub fn running_budget(tuning: &Tuning, seen: &Observed) -> Option<Budget> {
    let server: &Server = seen.server.known()?;
    let lookup = |name: &str| {
        Some(
            server
                .settings
                .get(&SettingName::parse(name).ok()?)?
                .running
                .clone(),
        )
    };
    // What counts is the limit that holds, not the one that is wanted.
    let limit = seen.limits.known().and_then(|l| l.memory);
    let host = seen.host.known().map(|h| h.memory);
    let memory = limit.into_iter().chain(host).min();
    let inputs = tune::Inputs {
        memory: memory.unwrap_or(tuning.inputs.memory),
        ..tuning.inputs.clone()
    };
    Some(tune::budget(&inputs, &Effective::from_lookup(lookup)))
}

/// Whether a disruptive step is pending that an approval lets happen, now or once it can be seen.
fn releases_anything(thought: &Thought, seen: &Observed) -> bool {
    !saw_everything(seen)
        || thought.drifts.service.is_some()
        || !plan::restart::reasons(&thought.drifts.settings).is_empty()
}

fn next(plan: &Plan, outcomes: &[Outcome], conditions: &[Condition]) -> Next {
    if outcomes.iter().any(|o| o.result.is_err()) {
        return Next::Backoff;
    }
    if !outcomes.is_empty() {
        return Next::Now;
    }
    // A server that does not answer yet will soon, or somebody has to look. One that answers us and lets
    // nobody else in is looked at as often as ever; so is one of which something beside Ready cannot be told (no
    // file holds the password, the image lacks a locale): a growing wait would only find drift late.
    let unseen = |c: &Condition| {
        (c.status == Truth::Unknown && ConditionType::READY.contains(&c.kind))
            || (c.kind == ConditionType::Available
                && c.status == Truth::False
                && c.reason != LOGIN_REFUSED)
    };
    if conditions.iter().any(unseen) {
        return Next::Backoff;
    }
    Next::Quiet(plan.waiting.iter().filter_map(|w| w.until).min())
}

/// Whether everything could be seen that a pass depends on.
#[must_use]
pub fn saw_everything(seen: &Observed) -> bool {
    let unseen = [
        seen.host.why_unknown(),
        seen.container.why_unknown(),
        seen.image.why_unknown(),
        seen.limits.why_unknown(),
        seen.server.why_unknown(),
        seen.declared.why_unknown(),
    ];
    unseen.iter().all(Option::is_none)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(kind: ConditionType) -> Condition {
        Condition {
            kind,
            status: Truth::Unknown,
            reason: String::new(),
            message: String::new(),
            last_transition_time: jiff::Timestamp::UNIX_EPOCH,
            observed_digest: String::new(),
        }
    }

    #[test]
    fn what_cannot_be_told_beside_ready_does_not_slow_the_looks_down() {
        let after = |kind| next(&Plan::default(), &[], &[unknown(kind)]);
        assert_eq!(after(ConditionType::SecretsInSync), Next::Quiet(None));
        assert_eq!(after(ConditionType::DiskSpace), Next::Quiet(None));
        assert_eq!(after(ConditionType::Available), Next::Backoff);
    }
}
