//! How many processes work beside the sessions, and how many of them one query may use.
//!
//! Counts follow the CPUs, and CPUs count no further than memory can feed them. Each count has a
//! smooth upper bound beside it for the solver.

use super::because::{Input, Reason};
use super::demand::fed_cpus;
use super::sizes::reference;
use super::{Inputs, TunedSetting};

/// Slots that parallel queries leave free: the launchers of pg_cron and of logical replication, and
/// four jobs or apply workers.
const SLOTS_KEPT: u32 = 6;
/// The slots that timescaledb's scheduler and jobs want on top.
const TIMESCALE_SLOTS: u32 = 8;

const CPUS: &[Input] = &[Input::Cpus];
const FED: &[Input] = &[Input::Cpus, Input::Memory];

/// Returns the settings of this room.
pub(super) fn settings(inputs: &Inputs) -> Vec<TunedSetting> {
    let (cpus, fed) = (inputs.cpus, fed_cpus(inputs));
    let slots = worker_processes(inputs);
    let parallel = parallel(inputs);
    let per_gather = (parallel / 2).max(1);
    let counted = if fed < f64::from(cpus) {
        format!("{cpus} CPUs, of which the memory feeds {fed:.0} (one per 256 MB)")
    } else {
        format!("{cpus} CPUs")
    };
    let mut slots_because = vec![Reason::of(CPUS, format!("2 × {cpus} CPUs, 8 to 64"))];
    if timescale(inputs) {
        slots_because.push(Reason::of(
            &[Input::Preload],
            format!("{TIMESCALE_SLOTS} more for timescaledb's jobs"),
        ));
    }
    vec![
        TunedSetting::new("max_worker_processes", slots, slots_because),
        TunedSetting::new(
            "max_parallel_workers",
            parallel,
            vec![Reason::of(
                FED,
                format!(
                    "{counted}, and {SLOTS_KEPT} worker slots stay free for pg_cron, logical \
                     replication and extensions"
                ),
            )],
        ),
        TunedSetting::new(
            "max_parallel_workers_per_gather",
            per_gather,
            vec![Reason::of(
                FED,
                format!(
                    "half of the {parallel} parallel workers: two large queries run side by side"
                ),
            )],
        ),
        TunedSetting::new(
            "max_parallel_maintenance_workers",
            per_gather.min(4),
            maintenance_because(inputs),
        ),
        TunedSetting::new(
            "io_workers",
            io(inputs),
            vec![Reason::of(
                FED,
                format!(
                    "a quarter of {counted}, at least 3 (2 on one CPU), at most 16: a single I/O worker \
                     made a cold scan 3.5 times slower"
                ),
            )],
        ),
        TunedSetting::new(
            "autovacuum_max_workers",
            autovacuum(inputs),
            vec![Reason::of(
                FED,
                format!(
                    "an eighth of {counted}, 3 to 6: they share one cost limit and each takes memory"
                ),
            )],
        ),
    ]
}

/// Says what a build with workers takes, and where one would fail.
fn maintenance_because(inputs: &Inputs) -> Vec<Reason> {
    let mut because = vec![Reason::of(
        FED,
        "as many as a query gets, at most 4: they share one maintenance_work_mem and want 32 MB each",
    )];
    let needed = reference(inputs.memory.as_mib()).maintenance_work_mem;
    if let Some(shm) = inputs.shm.filter(|shm| shm.as_mib() < needed) {
        because.push(Reason::of(
            &[Input::Shm, Input::Memory],
            format!(
                "a parallel HNSW build puts {needed} MB into /dev/shm, which has {}: give it more, or set \
                 this to 0 in the session that builds",
                shm.as_mib()
            ),
        ));
    }
    because
}

/// `max_worker_processes`
pub(super) fn worker_processes(inputs: &Inputs) -> u32 {
    let more = if timescale(inputs) {
        TIMESCALE_SLOTS
    } else {
        0
    };
    (slots(inputs.cpus) + more).min(64)
}

/// Twice the CPUs, 8 to 64.
fn slots(cpus: u32) -> u32 {
    cpus.saturating_mul(2).clamp(8, 64)
}

/// Whether timescaledb is loaded.
pub(super) fn timescale(inputs: &Inputs) -> bool {
    inputs
        .preload
        .iter()
        .any(|library| library == "timescaledb")
}

/// `max_parallel_workers`
fn parallel(inputs: &Inputs) -> u32 {
    (parallel_most(fed_cpus(inputs), inputs.cpus) as u32).max(1)
}

/// The smooth bound of [`parallel`].
pub(super) fn parallel_most(fed: f64, cpus: u32) -> f64 {
    fed.min(f64::from(slots(cpus) - SLOTS_KEPT)).max(1.0)
}

/// `io_workers`
fn io(inputs: &Inputs) -> u32 {
    if inputs.cpus < 2 {
        2
    } else {
        io_most(fed_cpus(inputs)) as u32
    }
}

/// The smooth bound of [`io`].
pub(super) fn io_most(fed: f64) -> f64 {
    (fed / 4.0).clamp(3.0, 16.0)
}

/// `autovacuum_max_workers`
fn autovacuum(inputs: &Inputs) -> u32 {
    autovacuum_most(fed_cpus(inputs)) as u32
}

/// The smooth bound of [`autovacuum`].
pub(super) fn autovacuum_most(fed: f64) -> f64 {
    (fed / 8.0).clamp(3.0, 6.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Bytes;
    use crate::tune::tests::machine;

    fn workers(cpus: u32, gib: u64) -> (u32, u32, u32) {
        let inputs = Inputs {
            cpus,
            memory: Bytes::gib(gib),
            ..machine()
        };
        (worker_processes(&inputs), parallel(&inputs), io(&inputs))
    }

    #[test]
    fn workers_follow_the_cpus_and_leave_six_slots() {
        for (cpus, expected) in [
            (1, (8, 1, 2)),
            (2, (8, 2, 3)),
            (4, (8, 2, 3)),
            (8, (16, 8, 3)),
            (16, (32, 16, 4)),
            (128, (64, 58, 16)),
        ] {
            assert_eq!(workers(cpus, 256), expected, "{cpus} CPUs");
        }
    }

    #[test]
    fn cpus_that_memory_cannot_feed_do_not_count() {
        assert_eq!(workers(64, 1), (64, 4, 3));
    }

    #[test]
    fn timescaledb_gets_room_of_its_own() {
        let inputs = Inputs {
            preload: vec!["timescaledb".into()],
            ..machine()
        };
        assert_eq!((worker_processes(&inputs), parallel(&inputs)), (16, 2));
    }
}
