//! How much of this host a new stack gets. Pure.
//!
//! ```text
//! left   = host − system (an eighth, 256 MB … 4 GB) − what other stacks of this host have declared
//! memory = three quarters of what is left, in even steps, at least 512 MB
//! CPUs   = host − one for the system where there are four or more − those of other stacks, at least one
//! ```
//! Three quarters and not all: beside a database there is nearly always a program that uses it. Memory is never
//! promised twice; CPUs may be, because a CPU that is not used is free for all.

use crate::api::desired::Desired;
use crate::api::{Bytes, MilliCpu};
use crate::facts::observed::Host;

/// The smallest server that the tuner sizes.
pub const LEAST: Bytes = Bytes::mib(512);

/// What the new stack gets, and where that comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its memory.
    pub memory: Bytes,
    /// Its CPUs.
    pub cpus: MilliCpu,
    /// What is kept for the system.
    pub system: Bytes,
    /// What other stacks have declared.
    pub others: Bytes,
    /// Whether the command line named the memory.
    pub is_asked_for: bool,
}

/// Why a host has no room for one more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// What the host has.
    pub host: Bytes,
    /// What is kept for the system.
    pub system: Bytes,
    /// What other stacks have declared, by name; `None` for one without a limit.
    pub others: Vec<(String, Option<Bytes>)>,
}

/// Returns what is kept for the system, the agent and Docker.
#[must_use]
pub fn system(host: Bytes) -> Bytes {
    Bytes((host.0 / 8).clamp(256 * Bytes::MIB, 4 * Bytes::GIB))
}

/// Divides a host; `asked` is what the command line names.
///
/// # Errors
/// There is no room for the smallest server, or more was asked for than the host has.
pub fn share(
    host: Host,
    others: &[Desired],
    asked: (Option<Bytes>, Option<MilliCpu>),
) -> Result<Share, NoRoom> {
    let system = system(host.memory);
    let named = |d: &Desired| (d.name.to_string(), d.resources.memory);
    let no_room = || NoRoom {
        host: host.memory,
        system,
        others: others.iter().map(named).collect(),
    };
    let declared: u64 = others
        .iter()
        .map(|d| d.resources.memory.unwrap_or(host.memory).0)
        .sum();
    let memory = match asked.0 {
        Some(memory) if memory > host.memory => return Err(no_room()),
        Some(memory) => memory,
        None => {
            let left = host.memory.0.saturating_sub(system.0 + declared);
            if left < LEAST.0 {
                return Err(no_room());
            }
            even(Bytes((left / 4 * 3).max(LEAST.0)))
        }
    };
    Ok(Share {
        memory,
        cpus: asked.1.unwrap_or_else(|| cpus(host.cpus, others)),
        system,
        others: Bytes(declared),
        is_asked_for: asked.0.is_some(),
    })
}

/// Rounds down to a number that a person would have written.
fn even(memory: Bytes) -> Bytes {
    let step = match memory.as_mib() {
        ..1024 => 64,
        1024..4096 => 256,
        4096..16_384 => 512,
        16_384.. => 1024,
    };
    Bytes::mib(memory.as_mib() / step * step)
}

fn cpus(host: u32, others: &[Desired]) -> MilliCpu {
    let system = u32::from(host >= 4);
    let taken: u32 = others
        .iter()
        .filter_map(|d| d.resources.cpus)
        .map(MilliCpu::whole)
        .sum();
    let left = host.saturating_sub(system).saturating_sub(taken);
    MilliCpu(left.max(1) * 1000)
}

#[cfg(test)]
#[path = "size_tests.rs"]
mod tests;
