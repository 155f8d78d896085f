//! One pass for one stack: look, size, compare, decide, act, tell. These lines are the product.
//!
//! `plan` is the same as `pass` without acting and telling, and calls the same [`think`].

pub mod requeue;
mod world;

use std::collections::BTreeSet;

use crate::api::condition::{Condition, ConditionType, Finding, Truth};
use crate::api::desired::{DeletionPolicy, Desired};
use crate::api::event::Event;
use crate::api::{Disruption, SettingName};
use crate::diff::{self, Drifts, Targets, size};
use crate::facts::record::Refusal;
use crate::facts::{Observation, Observed, Record, Server};
use crate::plan::{self, Moment, Plan, Planned, Step};
use crate::report::conditions::Told;
use crate::report::{Outcome, conditions::conditions, events::events};
use crate::tune::{self, Budget, Effective, Tuning};

pub use requeue::Next;
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
    let accepted = approved && accept_cluster(world, &desired, &mut record, &seen);
    let approved = approved && !accepted;
    recall(&mut record, &desired, &seen);
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
    let events = events(kept, &outcomes, &previous, &dated, now);
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
    let events = events(kept, &outcomes, &previous, &dated, now);
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

/// Forgets the cluster from before where an approval says to go on with what is there now. Returns
/// whether the approval was used up by it.
fn accept_cluster(
    world: &mut impl World,
    desired: &Desired,
    record: &mut Record,
    seen: &Observed,
) -> bool {
    if !plan::is_another_cluster(desired, seen, record) || world.take_approval(desired).is_err() {
        return false;
    }
    *record = Record::default();
    true
}

/// Brings the record up to what was seen: a cluster met for the first time is either ours from its
/// first start, or taken over with the lines it has.
fn recall(record: &mut Record, desired: &Desired, seen: &Observed) {
    let no_cluster = match &seen.volume {
        Observation::Absent => true,
        Observation::Known(volume) => volume.cluster.is_absent(),
        Observation::Unknown { .. } => false,
    };
    if seen.container.is_absent() && no_cluster && record.system_identifier.is_none() {
        record.known_from_start = true;
    }
    // Lines that could not be read now must not look like lines that came later.
    let Some(server) = seen.server.known().filter(|server| server.read_its_files()) else {
        return;
    };
    if record.system_identifier.is_some() {
        return;
    }
    record.system_identifier = Some(server.system_identifier.clone());
    if !record.known_from_start {
        let named = |name: &SettingName| desired.settings.contains_key(name);
        record.inherited = server
            .auto_lines
            .keys()
            .filter(|n| !named(n))
            .cloned()
            .collect();
    }
}

/// Remembers what this look settled: lines that are as wanted, a restart that helped, a digest in sync.
fn settle(record: &mut Record, desired: &Desired, seen: &Observed, thought: &Thought) {
    let Some(server) = seen.server.known().filter(|server| server.read_its_files()) else {
        return;
    };
    for (name, line) in diff::settings::lines_to_take(&thought.targets, server, record) {
        record.inherited.remove(&name);
        record.lines.insert(name, line);
    }
    record
        .lines
        .retain(|name, _| server.auto_lines.contains_key(name));
    let targets = &thought.targets.settings;
    record.refused.retain(|name, refusal| {
        let still_wanted = targets.get(name).is_some_and(|t| t.value == refusal.value);
        still_wanted && refusal.server_start == server.started_at
    });
    if thought.tuning.is_none() {
        return;
    }
    if plan::restart::reasons(&thought.drifts.settings).is_empty() {
        record.last_restart = None;
    }
    if thought.drifts.service.is_none() && seen.image.known().is_some() {
        record.last_recreate = None;
        record.journal = None;
    }
    if thought.drifts == Drifts::default() && saw_everything(seen) {
        record.synced_digest = Some(desired.digest.clone());
    }
}

/// Does the steps in order. The first failure ends the pass, and so does a signal to end.
async fn act(
    world: &mut impl World,
    desired: &Desired,
    seen: &Observed,
    plan: &Plan,
    record: &mut Record,
    approved: bool,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for Planned {
        step,
        disruption,
        reason,
    } in &plan.steps
    {
        if world.is_stopping() {
            break;
        }
        let begun = if *disruption >= Disruption::Restart {
            let recreate = *disruption >= Disruption::Recreate;
            record.begun_on = plan::restart::evidence(seen, recreate);
            begin(world, desired, step, record, approved)
        } else {
            Ok(())
        };
        let result = match begun {
            Ok(()) => world.perform(desired, step).await,
            Err(error) => Err(error.into()),
        };
        let failed = result.is_err();
        match &result {
            Ok(()) => note(record, step),
            Err(error) if error.refused => note_refusal(record, step, seen, error),
            Err(_) => {}
        }
        let _ = world.remember(desired, record);
        let result = result.map_err(|error| error.words);
        outcomes.push(Outcome {
            step: step.clone(),
            reason: reason.clone(),
            result,
        });
        if failed {
            break;
        }
    }
    outcomes
}

/// Writes down that a disruptive step begins, so that a crash in it is known and it is not repeated.
fn begin(
    world: &mut impl World,
    desired: &Desired,
    step: &Step,
    record: &mut Record,
    approved: bool,
) -> Result<(), String> {
    match step {
        Step::Restart { because, .. } => record.last_restart = Some(because.join("; ")),
        Step::Recreate { because, .. } => record.last_recreate = Some(because.join("; ")),
        Step::Prepare
        | Step::Declare { .. }
        | Step::Create
        | Step::Start { .. }
        | Step::SetLimits { .. }
        | Step::AlterSystem { .. }
        | Step::ResetSetting { .. }
        | Step::Reload { .. }
        | Step::CreateExtension { .. }
        | Step::UpdateExtension { .. }
        | Step::DropExtension { .. }
        | Step::Stop { .. }
        | Step::Remove { .. } => {}
    }
    record.journal = Some(step.to_string());
    world.remember(desired, record)?;
    if approved {
        world.take_approval(desired)
    } else {
        Ok(())
    }
}

/// Remembers a value that the server did not take: from the next pass on it waits with the server's
/// words, and keeps nothing else from being done.
fn note_refusal(record: &mut Record, step: &Step, seen: &Observed, error: &StepError) {
    if let (Step::AlterSystem { name, value, .. }, Some(server)) = (step, seen.server.known()) {
        let refusal = Refusal {
            value: value.clone(),
            said: error.words.clone(),
            server_start: server.started_at,
        };
        record.refused.insert(name.clone(), refusal);
    }
}

/// Remembers lines that were written.
fn note(record: &mut Record, step: &Step) {
    match step {
        Step::AlterSystem { name, value, .. } => {
            record.lines.insert(name.clone(), value.clone());
            record.inherited.remove(name);
        }
        Step::ResetSetting { name, .. } => {
            record.lines.remove(name);
            record.inherited.remove(name);
        }
        Step::Restart { .. } | Step::Recreate { .. } => record.journal = None,
        Step::Prepare
        | Step::Declare { .. }
        | Step::Create
        | Step::Start { .. }
        | Step::SetLimits { .. }
        | Step::Reload { .. }
        | Step::CreateExtension { .. }
        | Step::UpdateExtension { .. }
        | Step::DropExtension { .. }
        | Step::Stop { .. }
        | Step::Remove { .. } => {}
    }
}

fn next(plan: &Plan, outcomes: &[Outcome], conditions: &[Condition]) -> Next {
    if outcomes.iter().any(|o| o.result.is_err()) {
        return Next::Backoff;
    }
    if !outcomes.is_empty() {
        return Next::Now;
    }
    // A server that does not answer yet will soon, or somebody has to look.
    let unseen = |c: &Condition| {
        c.status == Truth::Unknown
            || (c.kind == ConditionType::Available && c.status == Truth::False)
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
