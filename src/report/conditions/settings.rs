//! `SettingsInSync`: the effective settings against the wanted ones.

use crate::api::condition::{ConditionType, Finding, Truth};
use crate::api::setting::Context;
use crate::diff::settings::foreign_lines;
use crate::diff::{Correction, SettingDrift};
use crate::plan::restart;

use super::{Told, changing, failed, failure_message, finding, not_compared, server};

pub(super) fn settings(told: &Told<'_>) -> Finding {
    let kind = ConditionType::SettingsInSync;
    let server = match server(told, kind) {
        Ok(server) => server,
        Err(unknown) => return unknown,
    };
    if let Some(unknown) = not_compared(told, kind) {
        return unknown;
    }
    if let Some(outcome) = failed(
        told,
        &[
            "alter system",
            "reset setting",
            "reload",
            "repair auto.conf",
        ],
    ) {
        return finding(kind, Truth::False, "StepFailed", failure_message(outcome));
    }
    if let Some(damage) = &told.drifts.auto_conf {
        return finding(kind, Truth::False, "ConfigFileError", damage.clone());
    }
    if let Some(error) = server.file_errors.first() {
        let message = format!("{} line {}: {}", error.file, error.line, error.error);
        return finding(kind, Truth::False, "ConfigFileError", message);
    }
    let line = |d: &SettingDrift| format!("{} {} → {}", d.name, d.running, d.wanted);
    let held: Vec<_> = told
        .drifts
        .settings
        .iter()
        .filter_map(|d| d.hold.map(|hold| (d, hold)))
        .collect();
    if let Some((first, hold)) = held.first() {
        let list: Vec<String> = held.iter().map(|(d, _)| line(d)).collect();
        let message = format!("{}: {}", list.join("; "), first.help(*hold));
        return finding(kind, Truth::False, hold.reason(), message);
    }
    let waits_for_restart = restart::reasons(&told.drifts.settings);
    // A line that goes or comes while the value runs already changes nothing for anybody.
    let is_open = |d: &&SettingDrift| match d.takes {
        None => false,
        Some(Context::Postmaster) => d.correction != Correction::Keep,
        Some(_) => true,
    };
    let open: Vec<String> = told
        .drifts
        .settings
        .iter()
        .filter(is_open)
        .map(line)
        .collect();
    if !open.is_empty() {
        return finding(kind, Truth::False, changing(told), shortened(&open));
    }
    let foreign = foreign_lines(told.targets, server, told.record);
    let mut message = format!(
        "{} settings are as wanted",
        told.targets.settings.len() - waits_for_restart.len()
    );
    if !waits_for_restart.is_empty() {
        let verb = if waits_for_restart.len() == 1 {
            "waits"
        } else {
            "wait"
        };
        message.push_str(&format!(
            ", {} {verb} for a restart",
            waits_for_restart.len()
        ));
    }
    if !foreign.is_empty() {
        let names: Vec<&str> = foreign.iter().map(|n| n.as_str()).collect();
        message.push_str(&format!(
            "; left alone, set by hand with ALTER SYSTEM: {}",
            names.join(", ")
        ));
    }
    finding(kind, Truth::True, "AsDeclared", message)
}

/// Joins a list for one line of a table; the rest stands in `plan`.
fn shortened(list: &[String]) -> String {
    const SHOWN: usize = 6;
    let head = list
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    match list.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{head}; and {more} more"),
        Some(_) | None => head,
    }
}
