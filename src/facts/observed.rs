//! Everything that one look at one stack brought back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::Bytes;

use super::Observation;
use super::capacity::Limits;
use super::disk::Disk;
use super::service::{Container, Image, PortHolder, Stray, Volume};
use super::settings::Server;

/// What was seen of one stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// When the look began.
    pub at: Timestamp,
    /// The host's own name, as the labels carry it.
    pub host_name: String,
    /// The host's memory and CPUs, which bound every limit.
    pub host: Observation<Host>,
    /// The image that the wanted reference points to now.
    pub image: Observation<Image>,
    /// The stack's container.
    pub container: Observation<Container>,
    /// Containers of this stack under other names.
    pub strays: Observation<Vec<Stray>>,
    /// The stack's own network: its name, where it is there.
    pub network: Observation<String>,
    /// The stack's volume.
    pub volume: Observation<Volume>,
    /// Who else holds the wanted port. `Absent` means it is free or our own.
    pub port: Observation<PortHolder>,
    /// The cgroup of the running container. `Absent` means it does not run.
    pub limits: Observation<Limits>,
    /// The server. `Absent` means the container does not run.
    pub server: Observation<Server>,
    /// The file system of the data. `Absent` means there is no container that mounts it.
    pub disk: Observation<Disk>,
    /// What the declared file says now. `Absent` means there is none.
    pub declared: Observation<String>,
}

/// The host's own size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// `MemTotal`.
    pub memory: Bytes,
    /// CPUs online.
    pub cpus: u32,
}
