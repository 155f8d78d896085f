//! Why a setting has its value: the rule, the inputs, and what it costs in the memory budget.

use serde::Serialize;

use crate::api::desired::Desired;
use crate::api::{Bytes, SettingName};
use crate::diff::Targets;
use crate::diff::size::TargetFrom;
use crate::facts::{Observed, Server};
use crate::tune::Tuning;

/// The explanation of one setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// Its name.
    pub name: String,
    /// The wanted value.
    pub wanted: String,
    /// The running value; absent while the server could not be asked.
    pub running: Option<String>,
    /// `pg_settings.source` of the running value.
    pub source: Option<String>,
    /// What a change takes.
    pub context: Option<crate::api::setting::Context>,
    /// Who decided it, and by which rule.
    pub because: Vec<String>,
}

/// Says what the tuner's inputs are and where each came from.
#[must_use]
pub fn origins(desired: &Desired, tuning: &Tuning, seen: &Observed) -> Vec<String> {
    let inputs = &tuning.inputs;
    let wanted = &desired.resources;
    let host = seen.host.known();
    let memory = match (wanted.memory, host) {
        (Some(memory), _) if memory == inputs.memory => "spec.resources.memory",
        (_, Some(host)) if host.memory == inputs.memory => "the host's memory",
        _ => "a limit that holds now",
    };
    let cpus = match (wanted.cpus, host) {
        (Some(cpus), _) if cpus.whole() == inputs.cpus => "spec.resources.cpus, rounded up",
        (_, Some(host)) if host.cpus == inputs.cpus => "the host's CPUs",
        _ => "a limit that holds now",
    };
    let told = seen.server.known().is_some_and(|s| s.inputs.is_some());
    let seen_by = if told {
        "as the container saw it"
    } else {
        "spec.resources.shmSize"
    };
    let workload = match desired.workload {
        Some(workload) => format!("workload {workload} (spec.workload)"),
        None => "the reference profile (no spec.workload)".to_owned(),
    };
    let mut lines = vec![
        format!("memory {} ({memory})", inputs.memory),
        format!("CPUs {} ({cpus})", inputs.cpus),
        workload,
        format!("storage {} (spec.storage)", desired.storage),
    ];
    lines.extend(inputs.shm.map(|shm| format!("/dev/shm {shm} ({seen_by})")));
    let gib = |disk: Bytes| disk.0 / Bytes::GIB;
    lines.extend(
        inputs
            .disk
            .map(|disk| format!("file system {} GB (as the container saw it)", gib(disk))),
    );
    lines
}

/// Explains every owned setting, in the order of names.
#[must_use]
pub fn explain(
    desired: &Desired,
    targets: &Targets,
    tuning: &Tuning,
    seen: &Observed,
) -> Vec<Explained> {
    let server = seen.server.known();
    targets.settings.iter().map(|(name, target)| {
        let tuned = tuning.setting(name.as_str());
        let because = match target.from {
            TargetFrom::Manifest => {
                let own = tuned.map(|t| format!("; the tuner would choose {}", t.value)).unwrap_or_default();
                vec![format!("the manifest says so ({}){own}", desired.origin)]
            }
            TargetFrom::Include => vec!["the image's include file has another tuning revision than this agent: its value counts until the next recreate".to_owned()],
            TargetFrom::Auto | TargetFrom::Tuner => tuned.map(|t| t.because.iter().map(ToString::to_string).collect()).unwrap_or_default(),
        };
        let row = server.and_then(|s| row(s, name));
        Explained {
            name: name.to_string(),
            wanted: target.value.clone(),
            running: row.map(|r| r.0),
            source: server.and_then(|s| s.settings.get(name)).map(|r| r.source.clone()),
            context: server.and_then(|s| s.settings.get(name)).map(|r| r.def.context),
            because,
        }
    }).collect()
}

fn row(server: &Server, name: &SettingName) -> Option<(String,)> {
    let row = server.settings.get(name)?;
    let shown = row
        .def
        .canonical(&row.running)
        .map_or_else(|_| row.running.clone(), |c| row.def.show(&c));
    Some((shown,))
}
