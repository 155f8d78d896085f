//! `make bench`: speed and size, each line with its bare counterpart measured in the same run, by turns.
//!
//! `--agent` and `--entrypoint` name the release binaries. `--short` takes a third of the time; `--quick` is what
//! the smoke test does, which checks that the harness measures, not how fast. Fifty and a hundred stacks are names of
//! one real stack, behind a replayed Docker: SQL is real, and no host here has the memory for so many servers.
//!
//! Needs root, Docker with Compose, and the image. Everything is called `aza-test-bench-…` and is removed,
//! also after a panic or Ctrl-C.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement ends at the first surprise"
)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it prints a table"
)]

mod agent;
mod changes;
mod engine;
mod idle;
mod replay;
mod small;
mod table;

use std::path::PathBuf;

use agent::{Binaries, Host};
use table::Row;

/// The one test that runners find here.
const SMOKE: &str = "the_harness_measures";

/// How long each line is measured.
struct Size {
    reloads: usize,
    runs: usize,
    idle: u64,
    ten: u64,
    many: &'static [usize],
}

const WHOLE: Size = Size {
    reloads: 100,
    runs: 5,
    idle: 60,
    ten: 300,
    many: &[1, 10, 100],
};
const SHORT: Size = Size {
    reloads: 30,
    runs: 3,
    idle: 20,
    ten: 60,
    many: &[1, 10, 100],
};
const QUICK: Size = Size {
    reloads: 3,
    runs: 1,
    idle: 3,
    ten: 5,
    many: &[1, 3],
};

/// Removes everything at the end, however it comes.
struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        engine::clean_up();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|a| a == flag);
    if has("--list") {
        if !has("--ignored") {
            println!("{SMOKE}: test");
        }
        return;
    }
    let of = |flag: &str| {
        let at = arguments.iter().position(|a| a == flag)?;
        arguments.get(at + 1).map(PathBuf::from)
    };
    let smoke = has(SMOKE);
    let agent = of("--agent").unwrap_or(env!("CARGO_BIN_EXE_aza-agent").into());
    let entrypoint = of("--entrypoint").unwrap_or(env!("CARGO_BIN_EXE_aza-entrypoint").into());
    let size = if smoke || has("--quick") {
        QUICK
    } else if has("--short") {
        SHORT
    } else {
        WHOLE
    };
    end_with_signals();
    let rows = measure(&Binaries { agent, entrypoint }, &size);
    table::print(&rows);
    assert!(idle::measures_cpu(), "CPU time does not grow");
    if smoke {
        assert_eq!(rows.len(), 15, "lines");
        let nonsense =
            |r: &&Row| r.ours.contains("NaN") || r.ratio.contains("NaN") || r.ratio.contains("inf");
        let wrong: Vec<&str> = rows
            .iter()
            .filter(nonsense)
            .map(|r| r.what.as_str())
            .collect();
        assert!(wrong.is_empty(), "not measured: {wrong:?}");
    }
}

fn measure(binaries: &Binaries, size: &Size) -> Vec<Row> {
    let say = |what: &str| eprintln!("== bench: {what}");
    engine::clean_up();
    let _leave = Leave;
    let mut host = Host::new(binaries, "one");
    let (stack, port) = (format!("{}db", engine::PREFIX), 24_000);
    let one = (stack.as_str(), port);
    host.save(&stack, port, "");
    host.start(&[]);
    host.wait_ready(1);
    let mut rows = Vec::new();
    say("reload");
    rows.push(changes::reload(&host, one, size.reloads));
    host.save(&stack, port, "");
    std::thread::sleep(std::time::Duration::from_secs(3));
    host.wait_ready(1);
    say("drift");
    rows.push(changes::drift(&host, &stack, size.runs * 2));
    say("removed");
    rows.push(changes::removed(&host, &stack, size.runs));
    say("new stack");
    rows.push(changes::new_stack(binaries, size.runs));
    say("idle");
    host.save(&stack, port, idle::ROOM);
    engine::wait(
        "room for sessions",
        std::time::Duration::from_millis(50),
        || {
            let sql = client_of(&host, &stack);
            sql.is_some_and(|sql| sql.ask("SHOW max_connections") == "300")
        },
    );
    std::thread::sleep(std::time::Duration::from_secs(6));
    host.wait_ready(1);
    rows.push(small::status(binaries, &host, size.runs * 4));
    let nothing_for = size.idle.min(20);
    let memory_of_one = &host;
    let fifty = idle::recorded(
        binaries,
        &host,
        one,
        size.many.last().map_or(50, |n| (*n).min(50)),
        "4s",
        size.idle,
    );
    rows.extend(idle::memory(memory_of_one, &fifty));
    rows.push(idle::nothing(&fifty, &host, nothing_for));
    host.stop();
    say("ten stacks");
    let ten = idle::recorded(binaries, &host, one, 10, "4s", size.ten);
    rows.push(idle::processor(&ten, &stack));
    rows.push(idle::server_time(&ten, &idle::statistics(&host, &stack)));
    say("passes");
    let runs: Vec<(usize, idle::Idle)> = size
        .many
        .iter()
        .map(|n| {
            (
                *n,
                idle::recorded(binaries, &host, one, *n, "1s", size.idle),
            )
        })
        .collect();
    rows.push(idle::pass(&runs, &stack));
    engine::docker(&["stop", &format!("{stack}-postgres")]);
    say("entrypoint");
    rows.push(small::entrypoint(size.runs * 4, &stack));
    rows.extend(small::sizes(binaries));
    rows.push(Row {
        what: "a quiet pass at the resync that ships, with its share of looks".into(),
        ours: format!("{:.3} ms", ten.cpu / ten.passes.max(1.0)),
        bare: "-".into(),
        ratio: "-".into(),
        reach: "≤ 0.4 ms",
        reached: ten.cpu / ten.passes.max(1.0) <= 0.4,
    });
    rows
}

fn client_of(host: &Host, stack: &str) -> Option<engine::Sql> {
    engine::Sql::at(&host.way(stack), "postgres")
}

/// On Ctrl-C the agents end first, then everything is removed.
fn end_with_signals() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            for pid in agent::RUNNING.lock().unwrap().drain(..) {
                engine::output("kill", &["-KILL", &pid.to_string()]);
            }
            engine::clean_up();
            std::process::exit(130);
        }
    });
}
