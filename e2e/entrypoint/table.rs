//! `make bench-memory`: every configuration under full load at 512 MB, 1 GB and 2 GB, as one table.
//!
//! Words after `--` choose: sizes (`1gb`), names (`web`, `stock`), and `--quick` for short phases without the repeats.

#![expect(clippy::unwrap_used, reason = "a bench ends at the first surprise")]

#[expect(dead_code, reason = "the tests use all of it")]
mod container;
mod load;

use std::io::Write;
use std::time::{Duration, Instant};

use aza_agent::api::Bytes;

use load::contender::Contender;
use load::{Seen, load};

const COLUMNS: [&str; 14] = [
    "memory",
    "settings",
    "/dev/shm",
    "sessions",
    "work_mem",
    "OOM kills",
    "starts over",
    "shm errors",
    "other errors",
    "done",
    "peak MB",
    "of it",
    "predicted MB",
    "budget",
];

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let quick = words.iter().any(|word| word == "--quick");
    let chosen = |all: &[String]| {
        let named: Vec<&String> = words.iter().filter(|word| all.contains(word)).collect();
        move |one: &String| named.is_empty() || named.contains(&one)
    };
    let time = Duration::from_secs(if quick { 4 } else { 10 });
    let memories: Vec<Bytes> = [512, 1024, 2048].map(Bytes::mib).into();
    let contenders = Contender::all();
    let sizes: Vec<String> = memories
        .iter()
        .map(|m| m.to_string().to_lowercase())
        .collect();
    let names: Vec<String> = contenders.iter().map(Contender::name).collect();
    let (size, name) = (chosen(&sizes), chosen(&names));
    let began = Instant::now();
    let table = Table;
    table.head();
    for (memory, word) in memories.into_iter().zip(&sizes) {
        if !size(word) {
            continue;
        }
        for contender in contenders.iter().filter(|c| name(&c.name())) {
            table.row(memory, contender, &load(contender, memory, time));
        }
    }
    table.say(&format!("{:.0} s", began.elapsed().as_secs_f64()));
}

/// Prints each row as soon as it is known.
struct Table;

impl Table {
    fn say(&self, line: &str) {
        let mut out = std::io::stdout();
        writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
    }

    fn line(&self, cells: [String; COLUMNS.len()]) {
        let widths = [6, 12, 8, 8, 8, 9, 11, 10, 20, 6, 7, 16, 12, 6];
        let padded: Vec<String> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:>width$}"))
            .collect();
        self.say(&padded.join("  "));
    }

    fn head(&self) {
        self.line(COLUMNS.map(str::to_owned));
    }

    fn row(&self, memory: Bytes, contender: &Contender, seen: &Seen) {
        let peak = seen.peak();
        let others: Vec<String> = seen
            .other_errors
            .iter()
            .map(|(code, n)| format!("{n} × {code}"))
            .collect();
        self.line([
            memory.to_string(),
            contender.name(),
            contender.shm.to_string(),
            seen.sessions.to_string(),
            format!("{}kB", seen.budget.work_mem * 1024.0),
            seen.kills.to_string(),
            format!("{}+{}", seen.reinitialised, seen.ended),
            seen.shm_errors.to_string(),
            others.join(", "),
            seen.done.to_string(),
            format!("{:?}", seen.peaks.map(|p| p.mb())),
            format!(
                "{}+{}+{}",
                peak.private >> 20,
                peak.shared >> 20,
                peak.kernel >> 20
            ),
            format!("{:.0}", seen.budget.total),
            if seen.budget.kept { "kept" } else { "broken" }.to_owned(),
        ]);
    }
}
