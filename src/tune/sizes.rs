//! The six sizes that share the memory: the reference curve, and the solver of the workload profiles.
//!
//! More memory never lowers a size. On the reference curve because each line of it rises; in the solver
//! because it asks with smooth upper bounds, and because connections and shared buffers are solved for
//! the most CPUs that could matter, so that only work_mem knows how many there are.

use super::Inputs;
use super::demand::Demand;
use super::profile::Profile;

/// The most CPUs that count.
const CPUS_MAX: u32 = 128;
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
    Sizes {
        shared_buffers: shared_buffers(memory),
        effective_cache_size: memory * 3 / 4,
        maintenance_work_mem: (memory / 32).clamp(32, 2048),
        autovacuum_work_mem: (memory / 128).clamp(16, 512),
        connections,
        work_mem_kb: work_mem.clamp(1, 32) * 1024,
    }
}

/// 25 % up to 8 GB, 20 % up to 32 GB, 15 % above, and never less than a smaller memory gets.
fn shared_buffers(memory: u64) -> u64 {
    let share = |percent: u64, up_to: u64| memory.min(up_to) * percent / 100;
    share(25, 8 << 10)
        .max(share(20, 32 << 10))
        .max(share(15, u64::MAX))
        .clamp(64, 32 << 10)
}

/// Lowers work_mem to 1 MB, then connections, then shared buffers, then work_mem to 64 kB, until the budget holds.
fn solve(inputs: &Inputs, curve: Sizes) -> Sizes {
    let profile = Profile::of(inputs.workload);
    let fits = |sizes: &Sizes, cpus| demand(inputs, sizes, cpus).fits(inputs.memory);

    let start = Sizes {
        connections: profile.connections,
        work_mem_kb: 1024,
        ..curve
    };
    let steps = largest(
        CONNECTIONS_MIN / CONNECTIONS_STEP,
        profile.connections / CONNECTIONS_STEP,
        |n| {
            fits(
                &Sizes {
                    connections: n * CONNECTIONS_STEP,
                    ..start
                },
                CPUS_MAX,
            )
        },
    );
    let with = Sizes {
        connections: steps * CONNECTIONS_STEP,
        ..start
    };
    let shared_buffers = largest(SHARED_BUFFERS_MIN, curve.shared_buffers, |mb| {
        fits(
            &Sizes {
                shared_buffers: mb,
                ..with
            },
            CPUS_MAX,
        )
    });
    let with = Sizes {
        shared_buffers,
        ..with
    };

    let work_mem_kb = if with.connections < profile.connections {
        // It gave way before connections did: what it could win back here it would lose at the next step of
        // connections.
        64 * largest(1, 16, |n| {
            fits(
                &Sizes {
                    work_mem_kb: 64 * n,
                    ..with
                },
                CPUS_MAX,
            )
        })
    } else {
        let most = work_mem_most(inputs.memory.as_mib(), &profile);
        1024 * largest(1, most, |mb| {
            fits(
                &Sizes {
                    work_mem_kb: 1024 * mb,
                    ..with
                },
                inputs.cpus,
            )
        })
    };
    Sizes {
        work_mem_kb,
        ..with
    }
}

/// Where work_mem starts before it gives way, in MB: memory ÷ (4 × connections), within 1 and the profile's bound.
pub(super) fn work_mem_most(memory: u64, profile: &Profile) -> u64 {
    (memory / (4 * profile.connections)).clamp(1, profile.work_mem_max)
}

/// Returns the most that these sizes can ask for on `cpus` CPUs.
fn demand(inputs: &Inputs, sizes: &Sizes, cpus: u32) -> Demand {
    Demand {
        shared_buffers: sizes.shared_buffers as f64,
        connections: sizes.connections as f64,
        work_mem: sizes.work_mem_kb as f64 / 1024.0,
        hash_mem_multiplier: f64::from(HASH_MEM_MULTIPLIER),
        maintenance_work_mem: sizes.maintenance_work_mem as f64,
        autovacuum_workers: 0.0,
        autovacuum_work_mem: sizes.autovacuum_work_mem as f64,
        io_workers: 0.0,
        parallel_workers: 0.0,
        busy: 0.0,
        nodes: Profile::of(inputs.workload).nodes,
    }
    .most(inputs, cpus)
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
