//! The terms of the inequality, as functions of a handful of numbers.
//!
//! The numbers are real, not whole: the solver asks with upper bounds that grow smoothly with
//! memory, the check with the values in force.

use crate::api::Bytes;

use super::budget::mib;
use super::profile::Profile;
use super::{Effective, Inputs};

/// The most CPUs that count.
pub(super) const CPUS_MAX: u32 = 128;

/// What of a connection's own memory only catalogue-heavy work leaves, in MB: 65 sessions in 1 GB held
/// 2.4 MB each, page tables included, beside the two hash tables of their joins.
const CACHES: f64 = 2.5;

/// What a configuration can ask for; amounts in MB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Demand {
    pub shared_buffers: f64,
    pub connections: f64,
    pub work_mem: f64,
    pub hash_mem_multiplier: f64,
    pub maintenance_work_mem: f64,
    pub autovacuum_workers: f64,
    pub autovacuum_work_mem: f64,
    pub io_workers: f64,
    pub worker_slots: f64,
    pub parallel_workers: f64,
    /// Sessions that the CPUs can keep busy; [`Demand::active`] bounds it.
    pub busy: f64,
    pub nodes: f64,
}

/// R: what the agent, the kernel and slack need beside PostgreSQL, of `limit` MB.
pub(super) fn reserve(limit: f64) -> f64 {
    (0.08 * limit).clamp(48.0, 2048.0)
}

/// P: the page cache that must stay, of `limit` MB.
pub(super) fn page_cache(limit: f64) -> f64 {
    (0.05 * limit).clamp(32.0, 4096.0)
}

/// Returns how many CPUs the memory can feed: one per 256 MB, the rest would only wait for it.
pub(super) fn fed_cpus(inputs: &Inputs) -> f64 {
    f64::from(inputs.cpus.clamp(1, CPUS_MAX)).min(inputs.memory.as_mib() as f64 / 256.0)
}

impl Demand {
    /// Returns what the settings in force can ask for.
    pub(super) fn of(inputs: &Inputs, effective: &Effective) -> Self {
        let profile = Profile::of(inputs.workload);
        let autovacuum = effective
            .autovacuum_work_mem
            .unwrap_or(effective.maintenance_work_mem);
        Self {
            shared_buffers: mib(effective.shared_buffers),
            connections: f64::from(effective.max_connections),
            work_mem: mib(effective.work_mem),
            hash_mem_multiplier: effective.hash_mem_multiplier,
            maintenance_work_mem: mib(effective.maintenance_work_mem),
            autovacuum_workers: f64::from(effective.autovacuum_max_workers),
            autovacuum_work_mem: mib(autovacuum),
            io_workers: f64::from(effective.io_workers),
            worker_slots: f64::from(effective.max_worker_processes),
            parallel_workers: f64::from(effective.max_parallel_workers),
            busy: profile.active_per_cpu * fed_cpus(inputs),
            nodes: profile.nodes,
        }
    }

    /// S: an upper bound of the shared memory; the test below holds it against a real server.
    pub(super) fn shared(&self) -> f64 {
        self.shared_buffers * 33.0 / 32.0 + 26.0 + 0.08 * self.connections + 0.1 * self.worker_slots
    }

    /// c: a session after catalogue-heavy work takes 4.3 MB; its page tables take 1/512 of what it
    /// touched of the shared buffers.
    pub(super) fn per_connection(&self) -> f64 {
        4.5 + self.shared_buffers / 512.0
    }

    /// N·c
    pub(super) fn sessions(&self) -> f64 {
        self.connections * self.per_connection()
    }

    /// B: processes that work beside the sessions.
    pub(super) fn background(&self) -> f64 {
        self.autovacuum_workers * (self.autovacuum_work_mem + self.per_connection())
            + self.maintenance_work_mem
            + 1.5 * self.io_workers
            + 12.0
    }

    /// A: sessions at work at one moment, at least 4 and never more than there are.
    pub(super) fn active(&self) -> f64 {
        self.busy.max(4.0).min(self.connections)
    }

    /// Q: every connection runs one sort or hash with its caches full, or a join of three tables,
    /// which holds two hash tables; or the active ones and their workers run plans of k nodes.
    pub(super) fn query(&self) -> f64 {
        let hash = self.work_mem * self.hash_mem_multiplier;
        let each = hash.max(2.0 * hash - CACHES);
        let all = (self.connections + self.parallel_workers) * each;
        let working = (self.active() + self.parallel_workers) * self.nodes * hash;
        all.max(working)
    }

    /// Returns whether the inequality holds in `memory`.
    pub(super) fn fits(&self, memory: Bytes) -> bool {
        let limit = memory.as_mib() as f64;
        let total = self.shared() + self.sessions() + self.background() + self.query();
        limit - reserve(limit) - page_cache(limit) - total >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `postgres -C shared_memory_size` of 18.6 with pg_stat_statements, auto_explain, pg_cron and
    /// pgaudit: shared_buffers, max_connections, max_worker_processes, and its answer in MB.
    const MEASURED: [(u64, u32, u32, f64); 12] = [
        (64, 25, 64, 82.0),
        (122, 25, 8, 139.0),
        (256, 300, 64, 309.0),
        (512, 25, 8, 554.0),
        (512, 200, 64, 573.0),
        (1024, 300, 8, 1104.0),
        (1024, 1000, 64, 1166.0),
        (1536, 1000, 64, 1693.0),
        (2048, 200, 64, 2156.0),
        (2048, 1000, 64, 2222.0),
        (3276, 1000, 64, 3485.0),
        (32768, 300, 64, 33605.0),
    ];

    #[test]
    fn the_bound_of_shared_memory_covers_what_the_server_takes() {
        for (shared_buffers, connections, slots, measured) in MEASURED {
            let effective = Effective {
                shared_buffers: Bytes::mib(shared_buffers),
                max_connections: connections,
                max_worker_processes: slots,
                ..Effective::from_lookup(|_| None)
            };
            let bound = Demand::of(&crate::tune::tests::machine(), &effective).shared();
            assert!(
                bound >= measured,
                "{shared_buffers} MB: {bound} < {measured}"
            );
            assert!(
                bound < measured * 1.01 + 25.0,
                "{shared_buffers} MB: {bound} ≫ {measured}"
            );
        }
    }
}
