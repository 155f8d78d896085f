//! How much memory and processor a server has, and where each number came from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::api::{Bytes, MilliCpu};

/// What the kernel allows one container. Absent means: no limit there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Which cgroup interface told, where there is one.
    pub version: Option<CgroupVersion>,
    /// The smallest memory limit of the container and every ancestor that can be seen.
    pub memory: Option<Bytes>,
    /// The container's own memory limit: what the engine sets.
    pub own_memory: Option<Bytes>,
    /// How much swap the container may use beyond its memory.
    pub swap: Option<Bytes>,
    /// The smallest CPU quota of the container and every ancestor.
    pub cpus: Option<MilliCpu>,
    /// How many CPUs the cpuset leaves.
    pub cpuset: Option<u32>,
    /// How often the kernel killed a process of it for want of memory.
    pub oom_kills: Option<u64>,
    /// What is charged to it now, page cache included.
    pub memory_usage: Option<Bytes>,
    /// What one of its processes may allocate before it gets an error: the soft RLIMIT_DATA of process
    /// 1, which its children inherit. Absent where there is none, or none that can be raised.
    pub process: Option<Bytes>,
}

/// The kernel's two interfaces to control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CgroupVersion {
    /// A tree for each controller.
    V1,
    /// One tree.
    V2,
}

/// What a container can use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// The smallest memory limit that counts.
    pub memory: Bytes,
    /// Which limit that was.
    pub memory_from: MemorySource,
    /// Whole CPUs, 1 to 128.
    pub cpus: u32,
    /// Which limit that was.
    pub cpus_from: CpuSource,
}

/// Which limit decided the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemorySource {
    /// `POSTGRES_MEMORY`.
    Override,
    /// What the agent saw from outside, or what the manifest wants.
    Declared,
    /// A cgroup v2 `memory.max` or `memory.high`, of the container or an ancestor.
    CgroupV2,
    /// A cgroup v1 limit, of the container or an ancestor.
    CgroupV1,
    /// `MemTotal` of the host.
    Host,
}

/// Which limit decided the CPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CpuSource {
    /// What the agent saw from outside, or what the manifest wants.
    Declared,
    /// A cgroup CPU quota, rounded up.
    Quota,
    /// A cpuset.
    Cpuset,
    /// The CPUs of the host.
    Host,
}

impl fmt::Display for MemorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Override => "POSTGRES_MEMORY",
            Self::Declared => "declared",
            Self::CgroupV2 => "cgroup v2",
            Self::CgroupV1 => "cgroup v1",
            Self::Host => "/proc/meminfo",
        })
    }
}

impl fmt::Display for CpuSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Declared => "declared",
            Self::Quota => "quota",
            Self::Cpuset => "cpuset",
            Self::Host => "host",
        })
    }
}
