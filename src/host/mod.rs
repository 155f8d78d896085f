//! The machine through plain files: how much memory and processor a container has.
//!
//! Two doors ask: the entrypoint about itself, from inside, and the agent about a container, from
//! outside through its process id. Both name the root that the files lie under, so tests use trees.
//! What surprised us: inside a cgroup v1 container the path in `/proc/self/cgroup` does not exist
//! below its own `/sys/fs/cgroup`, and a limit of 9223372036854771712 bytes means none.

use std::io;
use std::path::Path;

pub mod auto_conf;
mod cgroup;
pub mod disk;
mod files;
pub mod layout;
pub mod lock;
mod meminfo;

pub use cgroup::{Signs, Told, container_limits};
pub use meminfo::host_capacity;

use crate::api::Bytes;
use crate::facts::{Capacity, CgroupVersion, CpuSource, MemorySource};

/// Amounts that somebody named: each may only lower what the kernel grants.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ceilings {
    /// `POSTGRES_MEMORY`.
    pub override_memory: Option<Bytes>,
    /// What the agent wrote down.
    pub declared_memory: Option<Bytes>,
    /// What the agent wrote down.
    pub declared_cpus: Option<u32>,
}

/// Returns what a container can use: the smallest of all that limits it, and what that was.
///
/// `pid` is a process of the container; `None` asks about the process itself.
///
/// # Errors
/// A file that should be there and is not, or that does not hold what the kernel writes.
pub fn capacity(root: &Path, pid: Option<u32>, ceilings: Ceilings) -> io::Result<Capacity> {
    let (host_memory, host_cpus) = host_capacity(root)?;
    let limits = container_limits(root, pid)?;
    let cgroup = match limits.version {
        Some(CgroupVersion::V1) => MemorySource::CgroupV1,
        Some(CgroupVersion::V2) | None => MemorySource::CgroupV2,
    };
    // On a tie the first one named is told: what a person wrote explains more than what followed from it.
    let memory = [
        (ceilings.override_memory, MemorySource::Override),
        (ceilings.declared_memory, MemorySource::Declared),
        (limits.memory, cgroup),
        (Some(host_memory), MemorySource::Host),
    ];
    let cpus = [
        (ceilings.declared_cpus, CpuSource::Declared),
        (
            limits.cpus.map(crate::api::MilliCpu::whole),
            CpuSource::Quota,
        ),
        (limits.cpuset, CpuSource::Cpuset),
        (Some(host_cpus), CpuSource::Host),
    ];
    let (memory, memory_from) = smallest(memory).unwrap_or((host_memory, MemorySource::Host));
    let (cpus, cpus_from) = smallest(cpus).unwrap_or((host_cpus, CpuSource::Host));
    Ok(Capacity {
        memory,
        memory_from,
        cpus: cpus.clamp(1, 128),
        cpus_from,
    })
}

fn smallest<T: Ord + Copy, S: Copy>(candidates: [(Option<T>, S); 4]) -> Option<(T, S)> {
    let known = candidates
        .into_iter()
        .filter_map(|(value, source)| Some((value?, source)));
    known.min_by_key(|(value, _)| *value)
}

#[cfg(test)]
mod tests;
