//! Desired against observed, in canonical units: what differs, and of what kind the difference is.
//!
//! Nothing here decides what to do about it; that is [`crate::plan`].

pub mod extensions;
pub mod limits;
pub mod process;
pub mod services;
pub mod settings;
pub mod size;

use crate::api::desired::Desired;
use crate::facts::{Observed, Record, Server};
use crate::tune::Tuning;

pub use extensions::ExtensionDrift;
pub use limits::LimitDrift;
pub use process::ProcessDrift;
pub use services::{Change, ServiceDrift};
pub use settings::{Correction, Hold, SettingDrift};
pub use size::Targets;

/// Everything that differs, stage by stage. Empty lists and `None` mean "in sync".
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Drifts {
    /// The container.
    pub service: Option<ServiceDrift>,
    /// The network that the container is not on.
    pub network: Option<String>,
    /// The live limits.
    pub limits: Option<LimitDrift>,
    /// What one process may allocate.
    pub process: Option<ProcessDrift>,
    /// Settings, in the order of their names.
    pub settings: Vec<SettingDrift>,
    /// Extensions, in the order in which they have to be made.
    pub extensions: Vec<ExtensionDrift>,
    /// Why no server can read `postgresql.auto.conf`, where none can.
    pub auto_conf: Option<String>,
    /// Whether the superuser's password is another one than the file's.
    pub password: bool,
    /// Whether the declared file says something else than it should at the next start.
    pub declared: Option<String>,
}

/// Compares everything that could be seen. What is `Unknown` yields no drift; the planner reports it.
#[must_use]
pub fn diff(
    desired: &Desired,
    targets: &Targets,
    tuning: &Tuning,
    seen: &Observed,
    record: &Record,
) -> Drifts {
    let server = seen.server.known();
    let holds = server.and_then(|s| s.password_holds.known());
    Drifts {
        auto_conf: server.and_then(Server::auto_conf_damage),
        // A standby's roles are its primary's.
        password: holds == Some(&false) && server.is_some_and(|s| !s.in_recovery),
        service: services::diff(desired, seen),
        network: services::lost_network(desired, seen),
        limits: limits::diff(desired, seen),
        process: process::diff(targets, tuning, seen),
        settings: server
            .map(|s| settings::diff(targets, s, record))
            .unwrap_or_default(),
        extensions: server
            .map(|s| extensions::diff(desired, s))
            .unwrap_or_default(),
        declared: size::declared_drift(desired, tuning, seen),
    }
}
