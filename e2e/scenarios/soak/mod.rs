//! Days of random faults: 24 simulated hours each, drawn from a seed.
//!
//! ```text
//! make soak              # some thousand seeds
//! make soak SEED=4711    # one, with its story
//! ```
//!
//! A day that breaks is told with the faults that it takes: the others are left out, one after another, as
//! long as it breaks without them.

mod chance;
mod day;
mod fault;

use std::sync::atomic::{AtomicU64, Ordering};

use aza_agent::api::Bytes;
use aza_agent::facts::CgroupVersion;
use aza_agent::sim::{Host, stack};
use jiff::SignedDuration;

use chance::Chance;
use day::Day;
use fault::Schedule;

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Days in CI, half a minute on two cores.
const SEEDS: u64 = 200;

/// Everything that a seed decides: host, schedule, jitter.
fn drawn(seed: u64) -> (Host, Schedule, Chance) {
    let mut chance = Chance::new(seed);
    let mut host = Host::new();
    if chance.one_in(2) {
        host.cgroup = CgroupVersion::V2;
    }
    if chance.one_in(6) {
        host.ancestor_memory = Some(Bytes::gib(3));
    }
    if chance.one_in(4) {
        host.patience = SignedDuration::ZERO;
    }
    let schedule = fault::schedule(&mut chance);
    (host, schedule, chance)
}

/// Runs a day without some of its faults.
fn run(
    seed: u64,
    without: &[usize],
    length: SignedDuration,
    leaves_out: bool,
) -> (Day, Result<(), String>) {
    let (host, schedule, chance) = drawn(seed);
    let kept = schedule.into_iter();
    let schedule = kept.filter(|(_, number, _)| !without.contains(number));
    let schedule: Schedule = schedule.collect();
    let mut day = Day::new(host, stack("db").desired(), chance, leaves_out);
    let verdict = day.passes_by(schedule, length);
    (day, verdict)
}

/// Tells why a day breaks, with no fault that it breaks without.
fn tell(seed: u64) -> Option<String> {
    let breaks = |without: &[usize]| run(seed, without, DAY, true).1.err();
    let what = first_words(&breaks(&[])?);
    let last = drawn(seed).1.last()?.1;
    let mut without = Vec::new();
    // The last one is the manifest that has to hold in the end. Many at once first, then one by one.
    for size in [16, 4, 1] {
        let left: Vec<usize> = (0..last).filter(|n| !without.contains(n)).collect();
        for some in left.rchunks(size) {
            let tried = [without.as_slice(), some].concat();
            if breaks(&tried).is_some_and(|why| first_words(&why) == what) {
                without = tried;
            }
        }
    }
    let (day, verdict) = run(seed, &without, DAY, true);
    let why = verdict.err()?;
    let story = day.story.join("\n");
    Some(format!(
        "seed {seed} breaks. Again: make soak SEED={seed}\n\n{story}\n\n{why}\n"
    ))
}

/// By what rule a day breaks, without its particulars.
fn first_words(why: &str) -> String {
    why.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Runs many days on every core.
fn soak(seeds: std::ops::Range<u64>) {
    let next = AtomicU64::new(seeds.start);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (failed, passes) = (std::sync::Mutex::new(Vec::new()), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let (day, verdict) = run(seed, &[], DAY, true);
                    passes.fetch_add(day.passes, Ordering::Relaxed);
                    if let Err(why) = verdict {
                        failed.lock().expect("no panic under it").push((seed, why));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().expect("no panic under it");
    failed.sort();
    let passes = passes.into_inner() / (seeds.end - seeds.start).max(1);
    let first = |why: &str| why.lines().next().unwrap_or_default().to_owned();
    let list: Vec<String> = failed
        .iter()
        .map(|(seed, why)| format!("{seed}: {}", first(why)))
        .collect();
    let told = failed.first().and_then(|(seed, _)| tell(*seed));
    assert!(
        failed.is_empty(),
        "{}
of {} days with {passes} passes each break {}:\n{}",
        told.unwrap_or_default(),
        seeds.end - seeds.start,
        failed.len(),
        list.join("\n")
    );
}

#[test]
fn every_day_ends_as_its_manifest_says() {
    soak(0..SEEDS);
}

/// For `make soak`: `SEEDS` many, or `SEED` alone with its story.
#[expect(clippy::disallowed_methods, reason = "a test has no front door")]
#[test]
#[ignore = "make soak"]
fn as_many_days_as_asked() {
    let number = |name| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let Some(seed) = number("SEED") else {
        return soak(0..number("SEEDS").unwrap_or(2000));
    };
    if let Some(told) = tell(seed) {
        panic!("{told}");
    }
    let (day, _) = run(seed, &[], DAY, true);
    panic!("seed {seed} holds. Its story:\n{}", day.story.join("\n"));
}

/// What is left out would have changed nothing: three hours with every pass are the same three hours.
#[test]
fn a_quiet_pass_that_is_left_out_would_have_done_nothing() {
    for seed in [1, 2, 5] {
        let hours = SignedDuration::from_hours(3);
        let (short, _) = run(seed, &[], hours, true);
        let (long, _) = run(seed, &[], hours, false);
        assert!(
            long.passes > short.passes + 1000,
            "{} {}",
            long.passes,
            short.passes
        );
        assert_eq!(short.story, long.story);
    }
}

/// The same seed is the same day.
#[test]
fn a_seed_decides_everything() {
    assert_eq!(
        run(3, &[], DAY, true).0.story,
        run(3, &[], DAY, true).0.story
    );
    assert_ne!(
        run(3, &[], DAY, true).0.story,
        run(4, &[], DAY, true).0.story
    );
}
