//! A container as Docker describes it, in our words. `observe` fetches, this room interprets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::{Bytes, MilliCpu};

use super::Observation;

/// Labels that the agent puts on what it makes.
pub mod label {
    /// The stack's name.
    pub const STACK: &str = "aza.dev/stack";
    /// The host name of the agent that made it: an agent touches only its own.
    pub const HOST: &str = "aza.dev/host";
    /// The revision of our compose template that it was made from.
    pub const TEMPLATE: &str = "aza.dev/template";
    /// Compose's own label for the project.
    pub const PROJECT: &str = "com.docker.compose.project";
    /// Compose's own label for the service.
    pub const SERVICE: &str = "com.docker.compose.service";
}

/// Where the server makes its socket in the container.
pub const SOCKET_DIR: &str = "/run/postgresql";
/// Where the volume is mounted in the container.
pub const DATA_DIR: &str = "/var/lib/postgresql";

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its full id.
    pub id: String,
    /// Its name, without the slash.
    pub name: String,
    /// The reference it was made from.
    pub image: String,
    /// The id of the image it runs.
    pub image_id: String,
    /// Docker's state.
    pub state: ContainerState,
    /// The host's process id of its first process; 0 unless running.
    pub pid: u32,
    /// When it last started.
    pub started_at: Option<Timestamp>,
    /// How it last ended.
    pub exit_code: i64,
    /// Why its last start failed; empty where it did not.
    pub error: String,
    /// Whether the kernel killed its first process for memory.
    pub oom_killed: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The memory limit that Docker knows; absent means none.
    pub memory: Option<Bytes>,
    /// Memory and swap together, as Docker knows it; absent means none.
    pub memory_swap: Option<Bytes>,
    /// The CPU limit that Docker knows; absent means none.
    pub cpus: Option<MilliCpu>,
    /// The size of its /dev/shm.
    pub shm_size: Bytes,
    /// Where 5432 is published on the host.
    pub published: Vec<Published>,
    /// What is mounted where: destination to volume name or host path.
    pub mounts: BTreeMap<String, String>,
    /// Where the data lies on the host.
    pub data_path: Option<String>,
    /// How often Docker's restart policy has started it again.
    pub restarts: u64,
    /// The networks it is connected to.
    pub networks: BTreeSet<String>,
    /// Its address on its first network.
    pub address: Option<IpAddr>,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Published {
    /// The host's address.
    pub address: IpAddr,
    /// The host's port.
    pub port: u16,
}

/// Docker's states of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainerState {
    /// Made, never started (or its first start failed).
    Created,
    /// Runs.
    Running,
    /// Frozen by `docker pause`.
    Paused,
    /// Between two attempts of its restart policy.
    Restarting,
    /// On its way out.
    Removing,
    /// Ended.
    Exited,
    /// Could not be removed.
    Dead,
}

impl ContainerState {
    /// Reads Docker's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "created" => Self::Created,
            "running" => Self::Running,
            "paused" => Self::Paused,
            "restarting" => Self::Restarting,
            "removing" => Self::Removing,
            "exited" => Self::Exited,
            "dead" => Self::Dead,
            _ => return None,
        })
    }

    /// Returns Docker's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }
}

impl Observation<Container> {
    /// Returns the container where it runs. Of one that could not be looked at nobody knows whether it does.
    #[must_use]
    pub fn running(&self) -> Observation<&Container> {
        match self {
            Self::Known(c) if c.state == ContainerState::Running => Observation::Known(c),
            Self::Known(_) | Self::Absent => Observation::Absent,
            Self::Unknown { why } => Observation::unknown(why.clone()),
        }
    }
}

impl Container {
    /// Returns the first twelve digits of the id, as `docker ps` shows it.
    #[must_use]
    pub fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }

    /// Returns the host's directory with the server's socket, where one is mounted: that of the
    /// container, which may have been made under another state directory.
    #[must_use]
    pub fn socket_dir(&self) -> Option<&str> {
        self.mounts.get(SOCKET_DIR).map(String::as_str)
    }

    /// Whether the agent of that host made it for that stack.
    #[must_use]
    pub fn is_ours(&self, stack: &str, host: &str) -> bool {
        let has = |key: &str, value: &str| self.labels.get(key).is_some_and(|v| v == value);
        has(label::STACK, stack) && has(label::HOST, host)
    }

    /// Whether Compose made it for the project and service that adoption asks for.
    #[must_use]
    pub fn is_adoptable(&self, project: &str, service: &str) -> bool {
        let has = |key: &str, value: &str| self.labels.get(key).is_some_and(|v| v == value);
        has(label::PROJECT, project) && has(label::SERVICE, service)
    }

    /// Whether a person stopped it: under `unless-stopped`, what ended without a failed start and
    /// stays down was stopped by hand, also while no agent ran.
    #[must_use]
    pub fn was_stopped_by_hand(&self) -> bool {
        matches!(self.state, ContainerState::Exited) && self.error.is_empty()
    }
}

/// The image that the wanted reference points to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its id.
    pub id: String,
}

/// A container of the stack under another name: renamed by hand, or left by a recreate that was cut short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    /// Its full id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it ever started.
    pub started: bool,
}

/// The volume with the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Names of running containers other than the stack's that mount it.
    pub mounted_by: Vec<String>,
    /// The cluster in it. `Absent` means that its directory was read and holds none.
    pub cluster: Observation<Cluster>,
}

/// A cluster, as its files tell while no server runs on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// `PG_VERSION`.
    pub major: u32,
    /// The identity in `global/pg_control`, where that file could be read.
    pub system_identifier: Option<String>,
}

/// Another program or container on the wanted port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortHolder {
    /// Who, in words.
    pub who: String,
}
