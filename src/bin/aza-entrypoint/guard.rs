//! Values left in `postgresql.auto.conf` by a bigger container must not keep a smaller one from starting.
//!
//! Only what a start depends on is judged: shared memory, and the server's answer to it. Lines that do not fit
//! are set aside into a file that a person can read, and the log says so.

use std::path::Path;

use aza_agent::api::Bytes;
use aza_agent::tune::{Budget, Effective, budget};

use crate::capacity::Sizing;
use crate::conf;
use crate::identity::Identity;
use crate::log;
use crate::paths::{read, replace};
use crate::refusal::Refusal;

/// Where the lines go.
const SET_ASIDE: &str = "aza.set-aside.conf";

/// Settings that reserve shared memory at the start, or memory for every connection.
const RESERVING: [&str; 12] = [
    "shared_buffers",
    "max_connections",
    "wal_buffers",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_worker_processes",
    "max_pred_locks_per_transaction",
    "autovacuum_worker_slots",
    "io_max_concurrency",
    "io_combine_limit",
    "io_max_combine_limit",
    "min_dynamic_shared_memory",
];

/// Settings that cost memory later, by the query: they keep nothing from starting, so they stay and are told.
const SPENDING: [&str; 6] = [
    "work_mem",
    "hash_mem_multiplier",
    "maintenance_work_mem",
    "autovacuum_work_mem",
    "autovacuum_max_workers",
    "max_parallel_workers",
];

/// Sets aside the lines that do not fit this container, and returns the budget of what is left.
///
/// # Errors
/// A file that cannot be read or written.
pub fn fit_auto_conf(data: &Path, sizing: &Sizing, identity: &Identity) -> Result<Budget, Refusal> {
    let tuned = sizing.tuning.budget.clone();
    let file = data.join("postgresql.auto.conf");
    if !file.exists() {
        return Ok(tuned);
    }
    let lines = conf::parse(&read(&file)?);
    let reserves = lines.iter().any(|line| line.is_one_of(&RESERVING));
    if !reserves && !lines.iter().any(|line| line.is_one_of(&SPENDING)) {
        return Ok(tuned);
    }
    let value = |name: &str| {
        let mut left = lines.iter().rev().filter_map(|line| line.setting.as_ref());
        let left = left.find(|(known, _)| known == name);
        left.map(|(_, value)| value.clone())
            .or_else(|| sizing.tuning.value(name).map(str::to_owned))
    };
    let mut effective = Effective::from_lookup(value);
    if reserves {
        effective.shared_memory = shared_memory(data, identity);
    }
    let then = budget(&sizing.inputs, &effective);
    let needs = then.shared + f64::from(then.connections) * IDLE_CONNECTION_MB;
    let room = then.limit - then.reserve;
    if reserves && needs > room {
        set_aside(data, &lines, needs, room)?;
        return Ok(tuned);
    }
    if tuned.kept && !then.kept {
        let missing = -then.margin_mb;
        log::warn(&format!(
            "postgresql.auto.conf breaks the memory budget by {missing} MB: a busy server may run out of memory"
        ));
    }
    Ok(then)
}

/// Moves the lines that reserve memory into a file of their own.
fn set_aside(data: &Path, lines: &[conf::Line], needs: f64, room: f64) -> Result<(), Refusal> {
    let (aside, kept): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.is_one_of(&RESERVING));
    let text = |lines: &[&conf::Line]| {
        lines
            .iter()
            .map(|line| format!("{}\n", line.text))
            .collect::<String>()
    };
    let heading = format!(
        "# Taken out of postgresql.auto.conf by aza-entrypoint: with them the server needs {needs:.0} MB\n\
         # before the first query, and this container has {room:.0} MB for it. No server reads this file.\n"
    );
    // The copy first: a crash in between leaves the lines twice, never nowhere.
    replace(&data.join(SET_ASIDE), &format!("{heading}{}", text(&aside)))?;
    replace(&data.join("postgresql.auto.conf"), &text(&kept))?;
    let names: Vec<&str> = aside
        .iter()
        .filter_map(|line| Some(line.setting.as_ref()?.0.as_str()))
        .collect();
    log::warn(&format!(
        "postgresql.auto.conf does not fit this container: {needs:.0} MB needed before the first query, {room:.0} MB \
         there. Set aside into {SET_ASIDE}: {}",
        names.join(", ")
    ));
    Ok(())
}

/// What a connection takes before it did anything, measured; what it takes later is the budget's to say.
const IDLE_CONNECTION_MB: f64 = 1.6;

/// Asks the server how much shared memory its files make it take; `None` where it does not say.
fn shared_memory(data: &Path, identity: &Identity) -> Option<Bytes> {
    let output = identity
        .command("postgres")
        .arg("-D")
        .arg(data)
        .args(["-C", "shared_memory_size"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().parse().ok().map(Bytes::mib)
}
