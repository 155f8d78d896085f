//! `make bench-memory`: every configuration under full load at 512 MB, 1 GB and 2 GB, as one table.
//!
//! Words after `--` choose sizes (`1gb`) and settings (`web`, `stock`); `--quick` is 1 GB alone.

#![expect(clippy::unwrap_used, reason = "a bench ends at the first surprise")]

#[expect(dead_code, reason = "the tests use all of it")]
mod container;
#[expect(unused_imports, reason = "the tests use all of it")]
mod load;

use std::io::Write;
use std::time::{Duration, Instant};

use aza_agent::api::Bytes;

use load::contender::Contender;
use load::{Seen, load};

/// How long each of the three statements is repeated: on two CPUs 200 sessions are all at their worst within it.
const TIME: Duration = Duration::from_secs(5);

/// What stands above a column, and how wide it is.
const COLUMNS: [(&str, usize); 15] = [
    ("memory", 6),
    ("settings", 12),
    ("/dev/shm", 8),
    ("sessions", 8),
    ("work_mem", 8),
    ("kills", 5),
    ("starts over", 11),
    ("shm errors", 10),
    ("other errors", 12),
    ("done", 6),
    ("sort", 5),
    ("hash", 5),
    ("join", 5),
    ("peak MB", 7),
    ("predicted MB", 12),
];

const LEGEND: &str = "\
sessions      max_connections: all of them run a sort, then a hash aggregate, then a join of three tables, at once
settings      the image with a workload, or the reference profile; PostgreSQL 18 as it comes; pgtune (le0pard/pgtune) for
              the same memory; the latter two without the container door, with Docker's 64 MB of /dev/shm and with 1 GB
kills         processes that the kernel killed (oom_kill of the cgroup)
starts over   times that the server lost all sessions; + times that process 1 itself was killed
other errors  statements that failed for another reason, by SQLSTATE; lost sessions and refused logins are not counted
sort hash join  MB that could not be reclaimed at the worst moment of each: private, shared and kernel memory of the cgroup
predicted MB  what `aza-agent explain` foretells of these settings; ! where it is more than the limit allows";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let named = |all: &[String], one: &String| {
        let mut named = words.iter().filter(|word| all.contains(word)).peekable();
        named.peek().is_none() || named.any(|word| word == one)
    };
    let quick = words.iter().any(|word| word == "--quick");
    let memories = [512, 1024, 2048].map(Bytes::mib);
    let sizes = memories.map(|memory| memory.to_string().to_lowercase());
    let contenders = Contender::all();
    let names: Vec<String> = contenders.iter().map(Contender::name).collect();

    let began = Instant::now();
    say(LEGEND);
    line(COLUMNS.map(|(name, _)| name.to_owned()));
    for (memory, size) in memories.into_iter().zip(&sizes) {
        if !named(&sizes, size) || (quick && size != "1gb") {
            continue;
        }
        for contender in contenders.iter().filter(|c| named(&names, &c.name())) {
            line(row(memory, contender, &load(contender, memory, TIME)));
        }
    }
    say(&format!("{:.0} s", began.elapsed().as_secs_f64()));
}

fn row(memory: Bytes, contender: &Contender, seen: &Seen) -> [String; COLUMNS.len()] {
    let others = seen
        .other_errors
        .iter()
        .map(|(code, n)| format!("{n}×{code}"));
    let others: Vec<String> = others.collect();
    let [sort, hash, join] = seen.peaks.map(|peak| peak.mb().to_string());
    let ended = if seen.ended > 0 {
        format!("+{}", seen.ended)
    } else {
        String::new()
    };
    let broken = if seen.budget.kept { "" } else { "!" };
    [
        memory.to_string(),
        contender.name(),
        contender.shm.to_string(),
        seen.sessions.to_string(),
        format!("{}kB", seen.budget.work_mem * 1024.0),
        seen.kills.to_string(),
        format!("{}{ended}", seen.reinitialised),
        seen.shm_errors.to_string(),
        if others.is_empty() {
            "0".to_owned()
        } else {
            others.join(",")
        },
        seen.done.to_string(),
        sort,
        hash,
        join,
        seen.peak().mb().to_string(),
        format!("{:.0}{broken}", seen.budget.total),
    ]
}

fn line(cells: [String; COLUMNS.len()]) {
    let cells = cells.iter().zip(COLUMNS);
    let padded: Vec<String> = cells
        .map(|(cell, (_, width))| format!("{cell:>width$}"))
        .collect();
    say(&padded.join("  "));
}

/// Prints at once: the whole takes long.
fn say(text: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{text}").and_then(|()| out.flush()).unwrap();
}
