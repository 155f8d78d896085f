//! Settings that divide the memory, each with the formula it followed and what it gave way to.

use super::because::{Input, Reason};
use super::budget::{Budget, SHM_SHARE};
use super::profile::Profile;
use super::sizes::{HASH_MEM_MULTIPLIER, Sizes, amount, reference, work_mem_most};
use super::{Inputs, TunedSetting};

const MEMORY: &[Input] = &[Input::Memory];
const PROFILE: &[Input] = &[Input::Memory, Input::Workload];
const SHARED: &[Input] = &[Input::Memory, Input::Workload, Input::Cpus];

/// Returns the settings of this room.
pub(super) fn settings(inputs: &Inputs, sizes: &Sizes) -> Vec<TunedSetting> {
    let memory = inputs.memory.as_mib();
    vec![
        TunedSetting::new(
            "shared_buffers",
            amount(sizes.shared_buffers * 1024),
            shared_buffers(inputs, sizes),
        ),
        TunedSetting::new(
            "effective_cache_size",
            amount(sizes.effective_cache_size * 1024),
            vec![Reason::of(
                MEMORY,
                format!("three quarters of {memory} MB: a hint, nothing is allocated"),
            )],
        ),
        TunedSetting::new(
            "work_mem",
            amount(sizes.work_mem_kb),
            work_mem(inputs, sizes),
        ),
        TunedSetting::new(
            "hash_mem_multiplier",
            HASH_MEM_MULTIPLIER,
            vec![Reason::always(
                "the server's default, named because the memory budget counts on it",
            )],
        ),
        TunedSetting::new(
            "maintenance_work_mem",
            amount(sizes.maintenance_work_mem * 1024),
            vec![Reason::of(
                MEMORY,
                format!("1/32 of {memory} MB, 32 MB to 2 GB"),
            )],
        ),
        TunedSetting::new(
            "autovacuum_work_mem",
            amount(sizes.autovacuum_work_mem * 1024),
            vec![Reason::of(
                MEMORY,
                format!(
                    "1/128 of {memory} MB, 16 MB to 512 MB: since 17 dead rows are kept so compactly that \
                     several workers need not hold maintenance_work_mem each"
                ),
            )],
        ),
        TunedSetting::new(
            "huge_pages",
            "try",
            vec![Reason::always(
                "used where the host has them; `on` would not start without",
            )],
        ),
    ]
}

fn shared_buffers(inputs: &Inputs, sizes: &Sizes) -> Vec<Reason> {
    let memory = inputs.memory.as_mib();
    let curve = reference(memory).shared_buffers;
    let share = match memory {
        0..=8192 => format!("25 % of {memory} MB"),
        8193..=10239 => format!("25 % of 8 GB, which is more than 20 % of {memory} MB"),
        10240..=32768 => format!("20 % of {memory} MB"),
        32769..=43689 => format!("20 % of 32 GB, which is more than 15 % of {memory} MB"),
        43690.. => format!("15 % of {memory} MB, at most 32 GB"),
    };
    let mut because = vec![Reason::of(MEMORY, share)];
    if sizes.shared_buffers < curve {
        because.push(Reason::of(
            PROFILE,
            format!(
                "lowered from {curve} MB until {} connections fit the memory budget",
                sizes.connections
            ),
        ));
    }
    because
}

fn work_mem(inputs: &Inputs, sizes: &Sizes) -> Vec<Reason> {
    let memory = inputs.memory.as_mib();
    let profile = Profile::of(inputs.workload);
    let (given, chosen) = (sizes.work_mem_kb, amount(sizes.work_mem_kb));
    if inputs.workload.is_none() {
        let rule = match memory {
            0..=4095 => format!(
                "{memory} MB ÷ (4 × 120 connections), 1 MB at least and at most the 5 MB that 4 GB gets"
            ),
            4096.. => format!(
                "{memory} MB ÷ (4 × {} connections), 1 to 32 MB",
                sizes.connections
            ),
        };
        return vec![Reason::of(MEMORY, rule)];
    }
    let (base, most) = (profile.connections, work_mem_most(memory, &profile));
    let mut because = vec![Reason::of(
        PROFILE,
        format!(
            "{memory} MB ÷ (4 × {base} connections), 1 to {} MB: {most} MB",
            profile.work_mem_max
        ),
    )];
    if sizes.connections < base {
        because.push(Reason::of(
            PROFILE,
            format!(
                "lowered to {chosen} to leave memory for {} connections",
                sizes.connections
            ),
        ));
    } else if given < most * 1024 {
        because.push(Reason::of(
            SHARED,
            format!(
                "lowered to {chosen} until the memory budget holds; the statements that {} CPUs keep \
                 running and their parallel workers share it, so more CPUs can mean less for each",
                inputs.cpus
            ),
        ));
    }
    because
}

/// Returns `enable_parallel_hash` by the budget that counts it as on.
///
/// On or off, it is always there: one that came and went would stay off after a change that made it
/// fit.
pub(super) fn parallel_hash(budget: &Budget) -> TunedSetting {
    let need = budget.shm_need;
    let (value, verdict) = match budget.shm_limit {
        None => ("off", "and the size of /dev/shm is not known".to_owned()),
        Some(size) if need > SHM_SHARE * size => (
            "off",
            format!("more than 3/4 of the {size:.0} MB of /dev/shm"),
        ),
        Some(_) if !budget.kept => ("off", "which the memory budget has no room for".to_owned()),
        Some(size) => (
            "on",
            format!("within the budget and 3/4 of the {size:.0} MB of /dev/shm"),
        ),
    };
    TunedSetting::new(
        "enable_parallel_hash",
        value,
        vec![Reason::of(
            &[Input::Shm, Input::Memory, Input::Cpus, Input::Workload],
            format!(
                "the tables of parallel hash joins take {need:.0} MB when every connection runs one, {verdict}; off, \
                 each process hashes in its own memory"
            ),
        )],
    )
}
