//! The memory budget: what the settings can make PostgreSQL use, against what the cgroup grants.
//!
//! ```text
//! S + N·c + B + Q + H ≤ L − R − P
//! ```
//!
//! `make bench-memory` holds it against the kernel: whatever was killed there broke it, and what keeps
//! it came through sorts, hashes and joins of three on every connection at once. It is a bound on what
//! `work_mem` and its relatives govern and no proof: `array_agg`, plan caches and JSON obey no setting.
//!
//! What surprised us is H. A parallel hash join that gets no worker, because others have them all,
//! still makes its table in /dev/shm and as large as leader and planned workers may together: so it
//! is every connection that counts, not the workers. 65 sessions put 570 MB there that way, with two
//! workers in the whole server.
//!
//! The same code serves the tuner's own values and those in force (overrides, lines in
//! `postgresql.auto.conf`), so a promise and its check cannot differ.

use serde::Serialize;

use crate::api::Bytes;

use super::demand::{Demand, page_cache, reserve};
use super::{Effective, Inputs};

/// The budget, term by term, in MB of 2²⁰ bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// L: the memory that the cgroup grants.
    pub limit: f64,
    /// R: kept for the agent's probes, the kernel and slack.
    pub reserve: f64,
    /// P: page cache to keep; below it every read goes to the disk.
    pub page_cache: f64,
    /// S: shared memory, all of it touched.
    pub shared: f64,
    /// Whether `shared` was measured; else it is an upper bound.
    pub shared_is_exact: bool,
    /// N: `max_connections`.
    pub connections: u32,
    /// c: one connection's own memory and its page tables over the shared buffers.
    pub per_connection: f64,
    /// B: autovacuum, one maintenance command, I/O workers, the other background processes.
    pub background: f64,
    /// `work_mem`
    pub work_mem: f64,
    /// `hash_mem_multiplier`
    pub hash_mem_multiplier: f64,
    /// A: sessions that run a statement at one moment.
    pub active: f64,
    /// `max_parallel_workers`
    pub parallel_workers: u32,
    /// k: sort and hash nodes in one plan.
    pub nodes: f64,
    /// Q: query memory, with h = `work_mem · hash_mem_multiplier` and W parallel workers:
    /// `max((N + W) · max(h, 2h − 2.5), (A + W) · k · h)`.
    pub query: f64,
    /// H: parallel hash tables in /dev/shm, which holds no more than its size; 0 when they are off.
    pub parallel_hash: f64,
    /// What all of that sums up to, S + N·c + B + Q + H: what the cgroup must hold beside R and P.
    pub total: f64,
    /// L − R − P − total, rounded down. Negative: a full load would be killed.
    pub margin_mb: i64,
    /// Whether the inequality holds.
    pub kept: bool,
    /// Size of /dev/shm, where known.
    pub shm_limit: Option<f64>,
    /// What parallel hash joins can ask of /dev/shm: for every connection two tables of
    /// `(max_parallel_workers_per_gather + 1) · h`, whether it gets workers or not. 0 when they are
    /// off.
    pub shm_need: f64,
    /// Whether that fits three quarters of /dev/shm. True when its size is unknown.
    pub shm_kept: bool,
    /// What a parallel build of an HNSW index (pgvector) asks of /dev/shm at once:
    /// `maintenance_work_mem`; 0 where maintenance has no workers.
    pub shm_build: f64,
    /// Whether that fits /dev/shm. If not, such a build fails with "could not resize shared memory
    /// segment" unless its session sets `max_parallel_maintenance_workers = 0`. True when the size
    /// is unknown.
    pub shm_build_kept: bool,
    /// What one process may allocate before it gets an error and not the whole server a kill: the
    /// soft RLIMIT_DATA. Half of what shared memory leaves, but always enough for what the settings
    /// allow.
    pub process_limit: f64,
}

/// Computes the budget of the settings in force.
#[must_use]
pub fn budget(inputs: &Inputs, effective: &Effective) -> Budget {
    let demand = Demand::of(inputs, effective);
    let limit = inputs.memory.as_mib() as f64;
    let (reserve, page_cache) = (reserve(limit), page_cache(limit));
    let shared = match effective.shared_memory {
        Some(exact) => mib(exact),
        None => demand.shared(),
    };
    let shm_limit = inputs.shm.map(mib);
    let shm_need = shm_need(effective);
    let parallel_hash = shm_limit.map_or(shm_need, |limit| shm_need.min(limit));
    let total = shared + demand.sessions() + demand.background() + demand.query() + parallel_hash;
    let margin = limit - reserve - page_cache - total;
    let shm_build = match effective.max_parallel_maintenance_workers {
        0 => 0.0,
        _ => demand.maintenance_work_mem,
    };
    let one_query = demand.nodes * demand.work_mem * demand.hash_mem_multiplier;
    Budget {
        limit,
        reserve,
        page_cache,
        shared,
        shared_is_exact: effective.shared_memory.is_some(),
        connections: effective.max_connections,
        per_connection: demand.per_connection(),
        background: demand.background(),
        work_mem: demand.work_mem,
        hash_mem_multiplier: demand.hash_mem_multiplier,
        active: demand.active(),
        parallel_workers: effective.max_parallel_workers,
        nodes: demand.nodes,
        query: demand.query(),
        parallel_hash,
        total,
        margin_mb: margin.floor() as i64,
        kept: margin >= 0.0,
        shm_limit,
        shm_need,
        shm_kept: shm_limit.is_none_or(|limit| shm_need <= SHM_SHARE * limit),
        shm_build,
        shm_build_kept: shm_limit.is_none_or(|limit| shm_build <= limit),
        process_limit: ((limit - reserve - page_cache - shared) / 2.0)
            .max(demand.maintenance_work_mem + one_query + 64.0)
            .max(128.0)
            .floor(),
    }
}

/// The share of /dev/shm that parallel hash joins may fill: other queries need some too.
pub(super) const SHM_SHARE: f64 = 0.75;

/// The hash tables that a join of three tables holds at once.
const JOIN: f64 = 2.0;

/// Returns what parallel hash joins can put into /dev/shm: every connection's join, planned with as
/// many workers as a query may have. Whether they start does not change the size of the tables.
pub(super) fn shm_need(effective: &Effective) -> f64 {
    let workers = effective.max_parallel_workers;
    let per_gather = effective.max_parallel_workers_per_gather;
    if !effective.enable_parallel_hash || workers == 0 || per_gather == 0 {
        return 0.0;
    }
    let hash = mib(effective.work_mem) * effective.hash_mem_multiplier;
    f64::from(effective.max_connections) * JOIN * (f64::from(per_gather) + 1.0) * hash
}

/// Returns the amount in MB, with its fraction.
pub(super) fn mib(amount: Bytes) -> f64 {
    amount.0 as f64 / Bytes::MIB as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Storage, Workload};

    fn web_1gb() -> Inputs {
        Inputs {
            memory: Bytes::gib(1),
            cpus: 2,
            workload: Some(Workload::Web),
            storage: Storage::Ssd,
            shm: Some(Bytes::mib(64)),
            disk: None,
            preload: Vec::new(),
            cron_database: "postgres".into(),
        }
    }

    /// The server as it comes, with nothing set.
    fn stock() -> Effective {
        Effective::from_lookup(|_| None)
    }

    #[test]
    fn every_term_is_the_one_of_the_design() {
        let seen = budget(&web_1gb(), &stock());
        assert_eq!((seen.reserve, seen.page_cache), (81.92, 51.2));
        assert_eq!(seen.shared, 128.0 * 33.0 / 32.0 + 26.0 + 8.0 + 0.1 * 8.0);
        assert_eq!(seen.per_connection, 4.75);
        assert_eq!(seen.background, 3.0 * (64.0 + 4.75) + 64.0 + 4.5 + 12.0);
        assert_eq!((seen.active, seen.nodes), (8.0, 2.0));
        assert_eq!(seen.query, (100.0 + 8.0) * (2.0 * 8.0 - 2.5));
        assert_eq!(seen.parallel_hash, 64.0);
        assert_eq!(seen.total, 166.8 + 475.0 + 286.75 + 1458.0 + 64.0);
    }

    #[test]
    fn the_stock_configuration_does_not_fit_one_gigabyte() {
        let seen = budget(&web_1gb(), &stock());
        assert!(!seen.kept);
        assert_eq!(seen.margin_mb, -1560);
    }

    #[test]
    fn parallel_hash_joins_must_fit_dev_shm() {
        let seen = budget(&web_1gb(), &stock());
        // Two tables for each of 100 connections, each for a leader and two workers.
        assert_eq!(
            (seen.shm_need, seen.shm_kept),
            (100.0 * 2.0 * 3.0 * 8.0, false)
        );
        let off = Effective {
            enable_parallel_hash: false,
            ..stock()
        };
        assert_eq!(budget(&web_1gb(), &off).shm_need, 0.0);
    }

    #[test]
    fn a_parallel_vector_build_must_fit_dev_shm() {
        let large = Effective {
            maintenance_work_mem: Bytes::mib(65),
            ..stock()
        };
        assert!(!budget(&web_1gb(), &large).shm_build_kept);
        assert!(budget(&web_1gb(), &stock()).shm_build_kept);
        let serial = Effective {
            max_parallel_maintenance_workers: 0,
            ..large
        };
        assert!(budget(&web_1gb(), &serial).shm_build_kept);
    }

    #[test]
    fn huge_pages_are_not_charged() {
        let measured = Effective {
            shared_memory: Some(Bytes(0)),
            ..stock()
        };
        let seen = budget(&web_1gb(), &measured);
        assert_eq!((seen.shared, seen.shared_is_exact), (0.0, true));
    }

    #[test]
    fn absurd_values_are_answered_not_panicked_on() {
        let absurd = Effective {
            shared_buffers: Bytes(u64::MAX),
            max_connections: 0,
            max_parallel_workers: 0,
            ..stock()
        };
        assert!(!budget(&web_1gb(), &absurd).kept);
    }
}
