//! How big the stack shall be: the tuner's inputs from the manifest and the machine, and the target
//! of every setting.
//!
//! The tuner gets the capacity that will hold once the limits are the wanted ones. While it grows,
//! the limit comes first and the settings follow in the same pass; while it shrinks, the settings
//! come first. A limit that the manifest no longer names holds until the container is made again:
//! until then the settings stay below it, and only the declared file speaks of what comes after.

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

/// Returns the tuner's inputs. `None` while the host's size or the cgroup's limits are unknown: then
/// nothing is sized, because a limit of a group above that is not seen would look like growth.
#[must_use]
pub fn inputs(desired: &Desired, seen: &Observed) -> Option<Inputs> {
    let host = seen.host.known()?;
    if seen.limits.why_unknown().is_some() {
        return None;
    }
    let (memory, cpus) = capacity(desired, host, seen, Moment::BeforeARecreate);
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
        preload: loadable(desired, seen),
        cron_database: catalogue::CRON_DATABASE.to_owned(),
    })
}

/// Of which container a capacity is.
#[derive(Clone, Copy)]
enum Moment {
    /// Of the one that runs, as far as live limits can change it.
    BeforeARecreate,
    /// Of one that is made from the manifest.
    AfterARecreate,
}

/// Returns the memory and the CPUs that will hold once the limits are the wanted ones: the smallest
/// of the manifest, the host and what the cgroup's ancestors leave.
fn capacity(desired: &Desired, host: &Host, seen: &Observed, moment: Moment) -> (Bytes, u32) {
    let limits = seen.limits.known();
    let own_cpus = seen.container.known().and_then(|c| c.cpus);
    // A limit below the container's own one is an ancestor's.
    let ancestors =
        limits.and_then(|l| l.memory.filter(|m| l.own_memory.is_none_or(|own| *m < own)));
    let ancestors_cpus =
        limits.and_then(|l| l.cpus.filter(|c| own_cpus.is_none_or(|own| *c < own)));
    let wanted = &desired.resources;
    let (named, named_cpus) = match moment {
        Moment::BeforeARecreate => {
            let (own, own_cpus) = (limits.and_then(|l| l.own_memory), limits.and(own_cpus));
            (wanted.memory.or(own), wanted.cpus.or(own_cpus))
        }
        Moment::AfterARecreate => (wanted.memory, wanted.cpus),
    };
    let memory = [named, Some(host.memory), ancestors]
        .into_iter()
        .flatten()
        .min();
    let cpuset = limits.and_then(|l| l.cpuset);
    let cpus = [
        named_cpus.map(|c| c.whole()),
        ancestors_cpus.map(|c| c.whole()),
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

/// The setting with the preload list.
const PRELOAD: &str = "shared_preload_libraries";

/// Returns the preload list that the manifest asks for.
#[must_use]
pub fn preload(desired: &Desired) -> Vec<String> {
    let named = desired
        .settings
        .iter()
        .find_map(|(name, value)| match value {
            Override::Value(list) if name.as_str() == PRELOAD => Some(list.as_str()),
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

/// Returns what of that list the image can load. The rest costs no worker and no restart; that it is
/// missing is told as a setting that is held.
fn loadable(desired: &Desired, seen: &Observed) -> Vec<String> {
    let libraries = seen.server.known().map(|server| &server.libraries);
    let is_there = |library: &String| libraries.is_none_or(|have| have.contains(library));
    preload(desired).into_iter().filter(is_there).collect()
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
            // No formula: it is what the manifest asks for, whichever image is to load it.
            _ if tuned.name == PRELOAD => Target {
                value: preload(desired).join(","),
                from: TargetFrom::Tuner,
            },
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
            Override::Value(_) if name.as_str() == PRELOAD => {}
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

/// Returns what the declared file shall say at the next start: what the manifest wants and the groups
/// above leave, so that a start before the limit has shrunk already fits it. The container takes the
/// smaller of this and its own limit, so a start before the limit has grown fits that too.
///
/// A library that the image lacks is left out: with it no start would come up, a person's neither.
#[must_use]
pub fn declared(desired: &Desired, tuning: &Tuning, seen: &Observed) -> Declared {
    let capacity = seen
        .host
        .known()
        .map(|host| capacity(desired, host, seen, Moment::AfterARecreate));
    Declared {
        memory: capacity.map(|(memory, _)| memory),
        cpus: capacity.map(|(_, cpus)| cpus),
        workload: desired.workload,
        storage: Some(desired.storage),
        preload: Some(tuning.inputs.preload.clone()),
    }
}

/// Returns the text that the declared file should have, where it has another.
#[must_use]
pub fn declared_drift(desired: &Desired, tuning: &Tuning, seen: &Observed) -> Option<String> {
    // Which libraries the image has is the server's to tell: what it would not start with must not
    // be declared while it is silent.
    if seen.server.why_unknown().is_some() {
        return None;
    }
    let wanted = declared(desired, tuning, seen).render();
    match &seen.declared {
        Observation::Known(text) if *text == wanted => None,
        Observation::Known(_) | Observation::Absent => Some(wanted),
        Observation::Unknown { .. } => None,
    }
}
