//! The six sizes that share the memory: the reference curve, and the solver of the workload
//! profiles.
//!
//! More memory never lowers a size. On the reference curve because each line of it rises; in the
//! solver because it asks with smooth upper bounds, and because connections and shared buffers are
//! solved for the most CPUs that could matter, so that only work_mem knows how many there are.

use super::demand::{CPUS_MAX, Demand, fed_cpus};
use super::profile::Profile;
use super::{Inputs, workers};

/// The fewest connections that a profile gives way to.
const CONNECTIONS_MIN: u64 = 25;
/// Connections come in fives: a little more memory should not mean a restart.
const CONNECTIONS_STEP: u64 = 5;
/// The smallest shared_buffers, in MB.
const SHARED_BUFFERS_MIN: u64 = 64;
/// A hash may take twice work_mem: the server's default, named because the budget counts on it.
pub(super) const HASH_MEM_MULTIPLIER: u32 = 2;

/// The sizes, in MB unless named otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub shared_buffers: u64,
    pub effective_cache_size: u64,
    pub maintenance_work_mem: u64,
    pub autovacuum_work_mem: u64,
    pub connections: u64,
    pub work_mem_kb: u64,
}

impl Sizes {
    /// Returns the sizes for these inputs.
    pub(super) fn of(inputs: &Inputs) -> Self {
        let curve = reference(inputs.memory.as_mib());
        if inputs.workload.is_some() {
            solve(inputs, curve)
        } else {
            curve
        }
    }
}

/// Returns the reference curve at `memory` MB.
pub(super) fn reference(memory: u64) -> Sizes {
    let connections = match memory {
        0..=512 => 80,
        513..=4095 => 120,
        4096.. => 200,
    };
    // Below 4 GB work_mem stops at what 4 GB gets with its 200 connections, or it would fall there.
    let work_mem = if memory < 4096 {
        (memory / (4 * 120)).min(5)
    } else {
        memory / (4 * 200)
    };
    let exact = memory as f64;
    Sizes {
        shared_buffers: shared_buffers(exact) as u64,
        effective_cache_size: memory * 3 / 4,
        maintenance_work_mem: maintenance_work_mem(exact) as u64,
        autovacuum_work_mem: autovacuum_work_mem(exact) as u64,
        connections,
        work_mem_kb: work_mem.clamp(1, 32) * 1024,
    }
}

/// 25 % up to 8 GB, 20 % up to 32 GB, 15 % above, and never less than a smaller memory gets.
fn shared_buffers(memory: f64) -> f64 {
    let share = |percent: f64, up_to: f64| memory.min(up_to) * percent / 100.0;
    share(25.0, 8192.0)
        .max(share(20.0, 32768.0))
        .max(share(15.0, memory))
        .clamp(64.0, 32768.0)
}

fn maintenance_work_mem(memory: f64) -> f64 {
    (memory / 32.0).clamp(32.0, 2048.0)
}

fn autovacuum_work_mem(memory: f64) -> f64 {
    (memory / 128.0).clamp(16.0, 512.0)
}

/// Lowers work_mem to 1 MB, then connections, then shared buffers, then work_mem to 64 kB, until
/// the budget holds.
fn solve(inputs: &Inputs, curve: Sizes) -> Sizes {
    let profile = Profile::of(inputs.workload);
    let base = profile.connections;
    let fits = |demand: Demand| demand.fits(inputs.memory);

    let start = smooth(inputs, CPUS_MAX);
    let (few, many) = (CONNECTIONS_MIN / CONNECTIONS_STEP, base / CONNECTIONS_STEP);
    let connections = CONNECTIONS_STEP
        * largest(few, many, |n| {
            fits(Demand {
                connections: (n * CONNECTIONS_STEP) as f64,
                ..start
            })
        });

    let with = Demand {
        connections: connections as f64,
        ..start
    };
    let shared_buffers = if fits(with) {
        curve.shared_buffers
    } else {
        largest(SHARED_BUFFERS_MIN, curve.shared_buffers, |mb| {
            fits(Demand {
                shared_buffers: mb as f64,
                ..with
            })
        })
    };

    let work_mem_kb = if connections < base {
        // It gave way before connections did: what it won back here, it would lose when the next
        // five connections fit.
        let with = Demand {
            shared_buffers: shared_buffers as f64,
            ..with
        };
        64 * largest(1, 16, |n| {
            fits(Demand {
                work_mem: n as f64 / 16.0,
                ..with
            })
        })
    } else {
        let with = Demand {
            connections: base as f64,
            ..smooth(inputs, inputs.cpus)
        };
        let most = work_mem_most(inputs.memory.as_mib(), &profile);
        1024 * largest(1, most, |mb| {
            fits(Demand {
                work_mem: mb as f64,
                ..with
            })
        })
    };
    Sizes {
        shared_buffers,
        connections,
        work_mem_kb,
        ..curve
    }
}

/// Where work_mem starts before it gives way, in MB: memory ÷ (4 × connections), within 1 and the
/// profile's bound.
pub(super) fn work_mem_most(memory: u64, profile: &Profile) -> u64 {
    (memory / (4 * profile.connections)).clamp(1, profile.work_mem_max)
}

/// Returns the most that the curve's sizes can ask for on `cpus` CPUs with 1 MB of work_mem,
/// unrounded: a size that steps up by a whole MB would take more than the MB of memory that came
/// with it.
fn smooth(inputs: &Inputs, cpus: u32) -> Demand {
    let memory = inputs.memory.as_mib() as f64;
    let inputs = Inputs {
        cpus,
        ..inputs.clone()
    };
    let profile = Profile::of(inputs.workload);
    let fed = fed_cpus(&inputs);
    Demand {
        shared_buffers: shared_buffers(memory),
        connections: profile.connections as f64,
        work_mem: 1.0,
        hash_mem_multiplier: f64::from(HASH_MEM_MULTIPLIER),
        maintenance_work_mem: maintenance_work_mem(memory),
        autovacuum_workers: workers::autovacuum_most(fed),
        autovacuum_work_mem: autovacuum_work_mem(memory),
        io_workers: workers::io_most(fed),
        worker_slots: f64::from(workers::worker_processes(&inputs)),
        parallel_workers: workers::parallel_most(fed, cpus),
        busy: profile.active_per_cpu * fed,
        nodes: profile.nodes,
    }
}

/// Returns the largest number of `least..=most` that fits, or `least` where none does.
///
/// What fits is a prefix: less always asks for less.
fn largest(least: u64, most: u64, fits: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (least, most.max(least));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) {
            low = middle
        } else {
            high = middle - 1
        }
    }
    low
}

/// Returns the amount as PostgreSQL writes it, in MB where it is whole.
pub(super) fn amount(kb: u64) -> String {
    if kb.is_multiple_of(1024) {
        format!("{}MB", kb / 1024)
    } else {
        format!("{kb}kB")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_curve_goes_through_the_promised_points() {
        for (memory, shared, cache, maintenance, work, connections) in [
            (512, 128, 384, 32, 1, 80),
            (1024, 256, 768, 32, 2, 120),
            (2048, 512, 1536, 64, 4, 120),
            (4096, 1024, 3072, 128, 5, 200),
            (8192, 2048, 6144, 256, 10, 200),
            (65536, 9830, 49152, 2048, 32, 200),
        ] {
            let seen = reference(memory);
            assert_eq!(
                (
                    seen.shared_buffers,
                    seen.effective_cache_size,
                    seen.maintenance_work_mem,
                    seen.work_mem_kb,
                    seen.connections
                ),
                (shared, cache, maintenance, work * 1024, connections),
                "{memory} MB"
            );
        }
    }

    #[test]
    fn one_more_megabyte_never_lowers_the_reference_curve() {
        let mut before = reference(512);
        for memory in 513..=1 << 17 {
            let now = reference(memory);
            assert!(
                now.shared_buffers >= before.shared_buffers
                    && now.work_mem_kb >= before.work_mem_kb
                    && now.connections >= before.connections,
                "at {memory} MB: {before:?}, then {now:?}"
            );
            before = now;
        }
    }

    #[test]
    fn the_search_finds_the_border() {
        assert_eq!(largest(1, 100, |n| n <= 37), 37);
        assert_eq!(largest(1, 100, |_| true), 100);
        assert_eq!(largest(5, 100, |_| false), 5);
        assert_eq!(largest(5, 3, |_| true), 5);
    }
}
