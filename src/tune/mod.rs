//! How big each setting should be, and why. Pure and std-only: the agent and the container call the
//! same code, so they cannot disagree.

use serde::{Deserialize, Serialize};

use crate::api::{Bytes, Storage, Workload};

/// The revision of the formulas. The include file carries it as `aza.tuning_revision`, so that an
/// agent and an image of different releases do not fight: any change of a value raises it.
pub const REVISION: u32 = 1;

/// Everything the values follow from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// The memory that the cgroup grants. At least 512 MB.
    pub memory: Bytes,
    /// Whole CPUs, 1 to 128.
    pub cpus: u32,
    /// Absent means the reference profile.
    pub workload: Option<Workload>,
    /// What the data lies on.
    pub storage: Storage,
    /// Size of /dev/shm, where known.
    pub shm: Option<Bytes>,
    /// Size of the file system that holds the data, where known. Never its free space.
    pub disk: Option<Bytes>,
    /// The preload list, in order.
    pub preload: Vec<String>,
    /// The database that pg_cron lives in.
    pub cron_database: String,
}
