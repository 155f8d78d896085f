//! What the workloads differ in: one table, so that they can be compared at a glance.

use crate::api::Workload;

/// The numbers that stand for a kind of load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Profile {
    /// The word for sentences.
    pub name: &'static str,
    /// Connections on a machine with memory to spare.
    pub connections: u64,
    /// Sessions that really run a statement at one moment, per CPU.
    pub active_per_cpu: f64,
    /// Sort and hash nodes in one of their plans.
    pub nodes: f64,
    /// The largest work_mem, in MB: beyond it a short query only wastes cache.
    pub work_mem_max: u64,
    /// WAL between two checkpoints where the disk is large enough, in MB.
    pub max_wal_size: u64,
    /// How seldom to checkpoint when little is written.
    pub checkpoint_timeout: &'static str,
    /// A statement that runs longer is worth a line in the log.
    pub slow: &'static str,
    /// Whether compiling a query pays.
    pub jit: bool,
    /// How closely the planner looks at each column.
    pub statistics: &'static str,
}

impl Profile {
    /// Returns the profile of a workload; `None` is the reference profile, which counts queries as
    /// `mixed` does and whose connections follow the memory.
    pub(super) fn of(workload: Option<Workload>) -> Self {
        let mixed = Self {
            name: "mixed",
            connections: 120,
            active_per_cpu: 3.0,
            nodes: 3.0,
            work_mem_max: 64,
            max_wal_size: 4096,
            checkpoint_timeout: "15min",
            slow: "1s",
            jit: false,
            statistics: "100",
        };
        match workload {
            None => Self {
                name: "reference",
                connections: 200,
                work_mem_max: 32,
                ..mixed
            },
            Some(Workload::Mixed) => mixed,
            Some(Workload::Web) => Self {
                name: "web",
                connections: 200,
                active_per_cpu: 4.0,
                nodes: 2.0,
                work_mem_max: 32,
                ..mixed
            },
            Some(Workload::Oltp) => Self {
                name: "oltp",
                connections: 300,
                active_per_cpu: 4.0,
                nodes: 2.0,
                work_mem_max: 32,
                max_wal_size: 8192,
                ..mixed
            },
            Some(Workload::Dw) => Self {
                name: "dw",
                connections: 60,
                active_per_cpu: 2.0,
                nodes: 4.0,
                work_mem_max: 1024,
                max_wal_size: 16384,
                checkpoint_timeout: "30min",
                slow: "1min",
                jit: true,
                statistics: "500",
            },
        }
    }
}
