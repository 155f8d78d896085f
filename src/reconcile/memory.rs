//! What the agent remembers between passes, and how a pass changes it.

use crate::api::SettingName;
use crate::api::desired::Desired;
use crate::diff::{self, Drifts};
use crate::facts::record::Refusal;
use crate::facts::{ContainerState, Observation, Observed, Record};
use crate::plan::{self, Step};

use super::{StepError, Thought, World, saw_everything};

/// Forgets the cluster from before where an approval says to go on with what is there now. Returns
/// whether the approval was used up.
///
/// One that was given before the cluster was missed was given for something else, and is dropped.
pub(super) fn accept_cluster(
    world: &mut impl World,
    desired: &Desired,
    record: &mut Record,
    seen: &Observed,
    approved: bool,
) -> bool {
    let is_missed = plan::is_another_cluster(desired, seen, record);
    let was_told = std::mem::replace(&mut record.cluster_is_missed, is_missed);
    if !is_missed || !approved {
        return false;
    }
    if world.take_approval(desired).is_ok() && was_told {
        *record = Record::default();
    }
    true
}

/// Brings the record up to what was seen: a cluster met for the first time is either ours from its
/// first start, or taken over with the lines it has.
pub(super) fn recall(record: &mut Record, desired: &Desired, seen: &Observed) {
    if let Observation::Known(container) = &seen.container {
        let paused = container.state == ContainerState::Paused;
        record.paused_since = paused.then(|| record.paused_since.unwrap_or(seen.at));
    }
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
pub(super) fn settle(record: &mut Record, desired: &Desired, seen: &Observed, thought: &Thought) {
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

/// Remembers a value that the server did not take: from the next pass on it waits with the server's
/// words, and keeps nothing else from being done.
pub(super) fn note_refusal(record: &mut Record, step: &Step, seen: &Observed, error: &StepError) {
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
pub(super) fn note(record: &mut Record, step: &Step) {
    match step {
        Step::AlterSystem { name, value, .. } => {
            record.lines.insert(name.clone(), value.clone());
            record.inherited.remove(name);
        }
        Step::ResetSetting { name, .. } => {
            record.lines.remove(name);
            record.inherited.remove(name);
        }
        Step::Restart { .. } | Step::Recreate { .. } => {
            record.journal = None;
            record.life.started_by_us = true;
        }
        Step::Create | Step::Start { .. } => record.life.started_by_us = true,
        Step::Prepare
        | Step::Declare { .. }
        | Step::Rename { .. }
        | Step::RemoveLeftover { .. }
        | Step::Unpause { .. }
        | Step::Connect { .. }
        | Step::RepairAutoConf { .. }
        | Step::SetPassword
        | Step::SetLimits { .. }
        | Step::SetProcessLimit { .. }
        | Step::Reload { .. }
        | Step::CreateExtension { .. }
        | Step::UpdateExtension { .. }
        | Step::DropExtension { .. }
        | Step::Stop { .. }
        | Step::Remove { .. } => {}
    }
}
