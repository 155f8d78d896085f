//! How big the stack shall be: the tuner's inputs from the manifest and the machine, and the target
//! of every setting.
//!
//! The tuner gets the capacity that will hold once the limits are the wanted ones. While it grows,
//! the limit comes first and the settings follow in the same pass; while it shrinks, the settings
//! come first.

use std::collections::BTreeMap;

use crate::api::declared::Declared;
use crate::api::desired::{Desired, Ensure, Override};
use crate::api::{Bytes, SettingName};
use crate::catalogue;
use crate::facts::observed::Host;
use crate::facts::{Observation, Observed};
use crate::tune::{self, Inputs, Tuning};

/// What every owned setting shall be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Targets {
    /// The value and who decided it, by name.
    pub settings: BTreeMap<SettingName, Target>,
}

/// What one setting shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The value in PostgreSQL's grammar.
    pub value: String,
    /// Who decided it.
    pub from: TargetFrom,
}

/// Who decided a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetFrom {
    /// The tuner.
    Tuner,
    /// The tuner, and the manifest says so with `auto`.
    Auto,
    /// The manifest.
    Manifest,
    /// The include file of an image with another tuning revision, until the next recreate.
    Include,
}

impl TargetFrom {
    /// Whether the manifest names the setting, so that even a line from before is put right.
    #[must_use]
    pub fn is_named(self) -> bool {
        match self {
            Self::Auto | Self::Manifest => true,
            Self::Tuner | Self::Include => false,
        }
    }
}

/// Returns the tuner's inputs. `None` while the host's size is unknown: then nothing is sized.
#[must_use]
pub fn inputs(desired: &Desired, seen: &Observed) -> Option<Inputs> {
    let host = seen.host.known()?;
    let (memory, cpus) = capacity(desired, host, seen);
    let told = seen
        .server
        .known()
        .and_then(|s| s.inputs.as_deref())
        .and_then(|line| Inputs::parse_line(line).ok());
    Some(Inputs {
        memory,
        cpus,
        workload: desired.workload,
        storage: desired.storage,
        // What the container saw of its file systems counts where it told; before its first start
        // the size of /dev/shm is what the manifest asks for and the disk is not known yet.
        shm: told
            .as_ref()
            .map_or(Some(desired.resources.shm_size), |t| t.shm),
        disk: told.as_ref().and_then(|t| t.disk),
        preload: preload(desired),
        cron_database: catalogue::CRON_DATABASE.to_owned(),
    })
}

/// Returns the memory and the CPUs that will hold once the limits are the wanted ones: the smallest
/// of the manifest, the host and what the cgroup's ancestors leave.
fn capacity(desired: &Desired, host: &Host, seen: &Observed) -> (Bytes, u32) {
    let limits = seen.limits.known();
    // A limit below the container's own one is an ancestor's.
    let ancestors =
        limits.and_then(|l| l.memory.filter(|m| l.own_memory.is_none_or(|own| *m < own)));
    let memory = [desired.resources.memory, Some(host.memory), ancestors]
        .into_iter()
        .flatten()
        .min();
    let cpuset = limits.and_then(|l| l.cpuset);
    let cpus = [
        desired.resources.cpus.map(|c| c.whole()),
        Some(host.cpus),
        cpuset,
    ]
    .into_iter()
    .flatten()
    .min();
    (
        memory.unwrap_or(host.memory),
        cpus.unwrap_or(host.cpus).clamp(1, 128),
    )
}

/// Returns the preload list that the manifest asks for.
#[must_use]
pub fn preload(desired: &Desired) -> Vec<String> {
    let named = desired
        .settings
        .iter()
        .find_map(|(name, value)| match value {
            Override::Value(list) if name.as_str() == "shared_preload_libraries" => {
                Some(list.as_str())
            }
            Override::Value(_) | Override::Auto => None,
        });
    let base: Vec<&str> = match named {
        Some(list) => list
            .split(',')
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect(),
        None => catalogue::DEFAULT_PRELOAD.to_vec(),
    };
    let wanted = desired
        .extensions
        .iter()
        .filter(|e| e.ensure == Ensure::Present);
    catalogue::preload_list(base, wanted.map(|e| e.name.as_str()))
}

/// Returns the target of every owned setting: the tuner's, and the manifest's over it.
#[must_use]
pub fn targets(desired: &Desired, tuning: &Tuning, seen: &Observed) -> Targets {
    let server = seen.server.known();
    let same_revision =
        server.is_none_or(|s| s.tuning_revision.is_none_or(|r| r == tune::REVISION));
    let mut settings = BTreeMap::new();
    for tuned in &tuning.settings {
        let Ok(name) = SettingName::parse(tuned.name) else {
            continue;
        };
        let base = server
            .and_then(|s| s.settings.get(&name))
            .and_then(|row| row.base.clone());
        let target = match (same_revision, base) {
            (false, Some(value)) => Target {
                value,
                from: TargetFrom::Include,
            },
            (true, _) | (false, None) => Target {
                value: tuned.value.clone(),
                from: TargetFrom::Tuner,
            },
        };
        settings.insert(name, target);
    }
    for (name, wanted) in &desired.settings {
        match wanted {
            // The preload list was merged with what the extensions need, and tuned with.
            Override::Value(_) if name.as_str() == "shared_preload_libraries" => {}
            Override::Value(value) => {
                let target = Target {
                    value: value.clone(),
                    from: TargetFrom::Manifest,
                };
                settings.insert(name.clone(), target);
            }
            Override::Auto => {
                if let Some(target) = settings.get_mut(name) {
                    target.from = TargetFrom::Auto;
                }
            }
        }
    }
    Targets { settings }
}

/// Returns what the declared file shall say at the next start: the wanted capacity.
///
/// While memory grows the limit is set before this is written, and while it shrinks the wanted one is
/// the smaller one already; the entrypoint never goes beyond the limit that it sees itself.
#[must_use]
pub fn declared(desired: &Desired, tuning: &Tuning) -> Declared {
    Declared {
        memory: Some(tuning.inputs.memory),
        cpus: Some(tuning.inputs.cpus),
        workload: desired.workload,
        storage: Some(desired.storage),
        preload: Some(tuning.inputs.preload.clone()),
    }
}

/// Returns the text that the declared file should have, where it has another.
#[must_use]
pub fn declared_drift(desired: &Desired, tuning: &Tuning, seen: &Observed) -> Option<String> {
    let wanted = declared(desired, tuning).render();
    match &seen.declared {
        Observation::Known(text) if *text == wanted => None,
        Observation::Known(_) | Observation::Absent => Some(wanted),
        Observation::Unknown { .. } => None,
    }
}
