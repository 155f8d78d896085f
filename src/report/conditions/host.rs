//! `DiskSpace` and `OomKilled`: what the host has left for the stack, and what it took.

use jiff::{SignedDuration, Timestamp};

use crate::api::Bytes;
use crate::api::condition::{ConditionType, Finding, Truth};
use crate::facts::{Disk, Observation};
use crate::report::incidents::killed;

use super::{Told, finding};

/// The share of a file system below which it counts as low.
const LOW_SHARE: u64 = 10;
/// Less than that is low on the smallest disk: a gigabyte is half an hour of a busy log.
const LOW_LEAST: Bytes = Bytes::gib(1);
/// More than that is not low on the largest one: an hour of a bulk load.
const LOW_MOST: Bytes = Bytes::gib(20);
/// Once low, it takes a fifth more than that to be well again, so that a file that comes and goes is one event.
const WELL_AGAIN: (u64, u64) = (6, 5);
/// Inodes are low below a twentieth: each table and each WAL segment takes one.
const INODES_SHARE: u64 = 20;
/// How long a kill is told: until the morning after.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn disk_space(told: &Told<'_>) -> Finding {
    let kind = ConditionType::DiskSpace;
    let disk = match &told.seen.disk {
        Observation::Known(disk) => disk,
        Observation::Absent => {
            return finding(
                kind,
                Truth::Unknown,
                "NotMounted",
                "no container mounts the volume",
            );
        }
        Observation::Unknown { why } => {
            return finding(kind, Truth::Unknown, "DiskUnknown", why.clone());
        }
    };
    let low = low(disk, max_wal_size(told));
    let was_low = told
        .previous
        .iter()
        .any(|c| c.kind == kind && c.status == Truth::False);
    let (times, of) = if was_low { WELL_AGAIN } else { (1, 1) };
    if disk.free.0 < low.0 / of * times {
        let reason = if disk.free.0 < low.0 / 4 {
            "NearlyFull"
        } else {
            "Low"
        };
        return finding(kind, Truth::False, reason, shortage(told, disk));
    }
    if disk.inodes > 0 && disk.inodes_free < disk.inodes / INODES_SHARE {
        let message = "less than a twentieth of the inodes of the data's file system is free: no new file, no new table";
        return finding(kind, Truth::False, "InodesLow", message);
    }
    // No number that moves: a quiet agent writes nothing.
    let message = "the data's file system has room";
    finding(kind, Truth::True, "Enough", message)
}

/// Returns what must be free. The log alone may grow to `max_wal_size` between two checkpoints.
fn low(disk: &Disk, max_wal_size: Bytes) -> Bytes {
    let share = Bytes(disk.size.0 / LOW_SHARE).clamp(LOW_LEAST, LOW_MOST);
    share.max(max_wal_size)
}

fn max_wal_size(told: &Told<'_>) -> Bytes {
    let server = told.seen.server.known();
    let row = server.and_then(|s| {
        s.settings
            .iter()
            .find(|(name, _)| name.as_str() == "max_wal_size")
    });
    // The server tells it in MB.
    let megabytes = row.and_then(|(_, row)| row.running.parse().ok());
    Bytes::mib(megabytes.unwrap_or(0))
}

/// In whole percents, so that it is not another sentence every second.
fn shortage(told: &Told<'_>, disk: &Disk) -> String {
    /// A file system's size is no round number of anything.
    const GIB: f64 = 1_073_741_824.0;
    let percent = disk.free.0.saturating_mul(100) / disk.size.0.max(1);
    let name = told.desired.name.as_str();
    format!(
        "about {percent} % of {:.1} GB is free where the data lies; a full disk stops the server. See what grows: docker exec \
         {name}-postgres du -xh --max-depth=4 /var/lib/postgresql, and SELECT slot_name, wal_status FROM pg_replication_slots",
        disk.size.0 as f64 / GIB
    )
}

pub(super) fn oom_killed(told: &Told<'_>) -> Finding {
    let kind = ConditionType::OomKilled;
    let Some(last) = &told.record.last_oom else {
        return finding(
            kind,
            Truth::False,
            "NoKill",
            "the kernel killed nothing for memory",
        );
    };
    if told.seen.at.duration_since(last.at) > TOLD_FOR {
        return finding(
            kind,
            Truth::False,
            "NoKill",
            "the kernel killed nothing for memory within a day",
        );
    }
    let message = format!(
        "{} at {:.0}: {}. {}",
        killed(last.processes),
        last.at,
        whose(told, last.at),
        advice(told)
    );
    finding(kind, Truth::True, "ProcessKilled", message)
}

/// Which process it was, as far as the server's own life tells.
fn whose(told: &Told<'_>, at: Timestamp) -> String {
    /// A recovery may be over before the look that sees the kill.
    const BEFORE: SignedDuration = SignedDuration::from_secs(120);
    let Some(server) = told.seen.server.known() else {
        return "which one is not known, the server gives no answer".to_owned();
    };
    match server.reinitialised_at {
        Some(then) if at.duration_since(then) < BEFORE => {
            format!("it was the server's, which ended every session and recovered at {then:.0}")
        }
        Some(_) | None => {
            "it was not the server's (docker exec, a script), and no session was ended".to_owned()
        }
    }
}

/// The setting to look at.
fn advice(told: &Told<'_>) -> String {
    let name = &told.desired.name;
    let logs = format!("docker logs {name}-postgres names the statement");
    let Some(budget) = told.budget.filter(|b| !b.kept) else {
        return format!(
            "The settings keep the budget, so it was memory that none of them governs (array_agg, jsonb_agg, a \
             function): {logs}; raise spec.resources.memory if it must run"
        );
    };
    let terms = [
        (budget.query, "work_mem"),
        (
            budget.per_connection * f64::from(budget.connections),
            "max_connections",
        ),
        (budget.background, "maintenance_work_mem"),
        (budget.shared, "shared_buffers"),
        (budget.parallel_hash, "enable_parallel_hash"),
    ];
    let largest = terms.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
    let setting = largest.map_or("work_mem", |(_, setting)| setting);
    let verb = match setting {
        "enable_parallel_hash" => "turn off",
        _ => "lower",
    };
    format!(
        "The settings may use {} MB more than the limit: {verb} {setting}, the largest part (aza-agent explain {name} \
         {setting}); {logs}",
        -budget.margin_mb
    )
}
