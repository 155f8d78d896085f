//! The restart decision, alone in its room: may the one disruptive step of a pass happen now?
//!
//! It is needed when a setting of postmaster context differs and the next start would yield the
//! wanted value, or when a field differs that only a new container can have. It is never taken from
//! `pending_restart`, which loops for ever on a value that the command line pins.

use jiff::Timestamp;

use crate::api::desired::{Desired, RestartMode};
use crate::api::setting::Context;
use crate::diff::SettingDrift;
use crate::facts::{Observed, Record};

use super::wait;
use crate::api::status::Waiting;

/// Returns what a restart would bring about, a line for each setting. Empty means none is needed.
#[must_use]
pub fn reasons(drifts: &[SettingDrift]) -> Vec<String> {
    drifts
        .iter()
        .filter(|drift| drift.hold.is_none() && drift.takes == Some(Context::Postmaster))
        .map(|drift| format!("{} {} → {}", drift.name, drift.running, drift.wanted))
        .collect()
}

/// Returns what tells later whether a disruptive step has happened: a recreate changes the container's
/// id, a restart the time at which the server started.
#[must_use]
pub fn evidence(seen: &Observed, recreate: bool) -> Option<String> {
    if recreate {
        seen.container.known().map(|c| c.id.clone())
    } else {
        seen.server.known().map(|s| s.started_at.to_string())
    }
}

/// Whether the disruptive step that was begun last has happened. Where the agent was killed between
/// writing it down and doing it, it has not, and may be begun again.
#[must_use]
pub fn happened(seen: &Observed, recreate: bool, record: &Record) -> bool {
    let before = record.begun_on.as_ref();
    before.is_none_or(|before| evidence(seen, recreate).as_ref() != Some(before))
}

/// Whether a disruptive step may happen now, or why not.
///
/// # Errors
/// The reason to wait, with the time at which it ends by itself where that is known.
pub fn allowed(
    desired: &Desired,
    approved: bool,
    now: Timestamp,
    what: &str,
    because: &[String],
) -> Result<(), Waiting> {
    if approved {
        return Ok(());
    }
    let list = because.join("; ");
    let name = &desired.name;
    match desired.restart.mode {
        RestartMode::Auto => Ok(()),
        RestartMode::Window if desired.restart.windows.iter().any(|w| w.is_open(now)) => Ok(()),
        RestartMode::Window => {
            let opens = desired
                .restart
                .windows
                .iter()
                .map(|w| w.next_open(now))
                .min();
            let when = opens.map_or_else(
                || "for a window".to_owned(),
                |t| format!("for the window at {t:.0}"),
            );
            let message =
                format!("the {what} waits {when}: {list} (now: aza-agent approve {name})");
            Err(Waiting {
                until: opens,
                ..wait("WindowClosed", message)
            })
        }
        RestartMode::Manual => {
            let message = format!("the {what} waits for `aza-agent approve {name}`: {list}");
            Err(wait("ApprovalNeeded", message))
        }
    }
}

#[cfg(test)]
#[path = "restart_tests.rs"]
mod tests;
