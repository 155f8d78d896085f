//! The live limits against the wanted ones.
//!
//! A limit taken out of the manifest is no drift here: the engine cannot remove one from a running
//! container, so that is a recreate ([`super::services`]).

use crate::api::desired::Desired;
use crate::api::{Bytes, MilliCpu};
use crate::facts::{ContainerState, Observed};

/// Limits that a live change can bring about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitDrift {
    /// What holds now, as the cgroup tells it.
    pub from: LimitValues,
    /// What the manifest wants.
    pub to: LimitValues,
}

/// A set of limits. Absent means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct LimitValues {
    /// Memory.
    pub memory: Option<Bytes>,
    /// Memory and swap together.
    pub memory_swap: Option<Bytes>,
    /// CPU time.
    pub cpus: Option<MilliCpu>,
}

impl LimitDrift {
    /// Whether memory gets smaller, so that what runs must fit first.
    #[must_use]
    pub fn shrinks_memory(&self) -> bool {
        match (self.from.memory, self.to.memory) {
            (Some(from), Some(to)) => to < from,
            (None, Some(_)) => true,
            (Some(_) | None, None) => false,
        }
    }

    /// Returns the part that needs no waiting: CPU time, while memory waits.
    #[must_use]
    pub fn without_memory(&self) -> Option<Self> {
        let to = LimitValues {
            cpus: self.to.cpus,
            ..self.from
        };
        (to != self.from).then_some(Self {
            from: self.from,
            to,
        })
    }
}

impl std::fmt::Display for LimitValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let memory = self
            .memory
            .map_or("no memory limit".to_owned(), |m| format!("{m} memory"));
        let cpus = match self.cpus {
            None => "no CPU limit".to_owned(),
            Some(MilliCpu(1000)) => "1 CPU".to_owned(),
            Some(cpus) => format!("{cpus} CPUs"),
        };
        write!(f, "{memory}, {cpus}")?;
        match (self.memory, self.memory_swap) {
            (Some(memory), Some(both)) if both > memory => {
                write!(f, ", {} swap", Bytes(both.0 - memory.0))
            }
            _ => Ok(()),
        }
    }
}

/// Compares the limits of a running container; `None` means in sync, or not to be seen.
#[must_use]
pub fn diff(desired: &Desired, seen: &Observed) -> Option<LimitDrift> {
    let container = seen.container.known()?;
    if container.state != ContainerState::Running {
        return None;
    }
    let limits = seen.limits.known()?;
    let from = LimitValues {
        memory: limits.own_memory,
        // The cgroup tells swap in two ways; Docker's own number is the one that it takes back.
        memory_swap: container.memory_swap,
        // The cgroup's quota is the smallest on the way up; where an ancestor's is the smaller one,
        // Docker's own number is what a live change can move.
        cpus: match (limits.cpus, container.cpus) {
            (Some(quota), Some(own)) if quota < own => Some(own),
            (quota, _) => quota,
        },
    };
    let wanted = &desired.resources;
    let to = LimitValues {
        memory: wanted.memory.or(from.memory),
        memory_swap: wanted.memory_swap.or(from.memory_swap),
        cpus: wanted.cpus.or(from.cpus),
    };
    // Without swap accounting in the kernel Docker drops the number, and no call can bring it back.
    let swap_differs = from.memory_swap.is_some() && from.memory_swap != to.memory_swap;
    let differs = from.memory != to.memory || from.cpus != to.cpus || swap_differs;
    differs.then_some(LimitDrift { from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(memory: Option<u64>, cpus: u32) -> LimitValues {
        LimitValues {
            memory: memory.map(Bytes::gib),
            memory_swap: memory.map(Bytes::gib),
            cpus: Some(MilliCpu(cpus)),
        }
    }

    fn drift(from: Option<u64>, to: Option<u64>) -> LimitDrift {
        LimitDrift {
            from: values(from, 1000),
            to: values(to, 2000),
        }
    }

    #[test]
    fn a_limit_where_none_was_is_a_shrink() {
        assert!(drift(None, Some(1)).shrinks_memory());
        assert!(drift(Some(2), Some(1)).shrinks_memory());
        assert!(!drift(Some(1), Some(2)).shrinks_memory());
        assert!(!drift(Some(1), Some(1)).shrinks_memory());
    }

    #[test]
    fn cpu_time_does_not_wait_for_memory() {
        let now = drift(Some(2), Some(1)).without_memory().unwrap();
        assert_eq!(now.to, values(Some(2), 2000));
        let only_memory = LimitDrift {
            from: values(Some(2), 1000),
            to: values(Some(1), 1000),
        };
        assert_eq!(only_memory.without_memory(), None);
    }

    #[test]
    fn limits_read_like_a_sentence() {
        assert_eq!(values(Some(1), 1000).to_string(), "1GB memory, 1 CPU");
        assert_eq!(values(None, 500).to_string(), "no memory limit, 0.5 CPUs");
        let swap = LimitValues {
            memory_swap: Some(Bytes::gib(3)),
            ..values(Some(1), 2000)
        };
        assert_eq!(swap.to_string(), "1GB memory, 2 CPUs, 2GB swap");
    }
}
