//! The status as people read it: a table of all stacks, and below it what needs a look.
//!
//! What is in order takes one line. A single stack in trouble is shown in full; of many, only the conditions
//! that are not as they should be, so that forty stacks on a dead engine stay one screen.

use std::fmt::Write;

use jiff::Timestamp;

use crate::api::condition::{Condition, ConditionType, Truth};
use crate::api::status::{StackStatus, StatusFile};

use crate::api::event::EventType;
use crate::cli::output::{ago, bold, truth, yellow};
use crate::cli::table::{Table, wrapped};

/// How many stacks in trouble are told below the table.
const MOST: usize = 10;
/// What the table does without, first to last, where it has no room: `status NAME` shows all of it.
const DISPENSABLE: [&str; 4] = ["LIMITS", "ENDPOINT", "RESTART", "SINCE"];

/// Lays the status out; `in_full` for a stack that was asked for by name.
pub fn page(file: &StatusFile, in_full: bool, now: Timestamp, width: Option<usize>) -> String {
    let mut text = String::new();
    if file.items.is_empty() {
        text.push_str("no stacks: aza-agent init NAME writes a manifest for this host\n");
    } else if !in_full {
        text.push_str(&overview(file, now, width));
    }
    let troubled: Vec<&StackStatus> = file
        .items
        .iter()
        .filter(|i| in_full || needs_a_look(i))
        .collect();
    let in_full = in_full || troubled.len() == 1;
    for item in troubled
        .iter()
        .take(if in_full { usize::MAX } else { MOST })
    {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&if in_full {
            details(item, now, width)
        } else {
            trouble(item, now, width)
        });
    }
    if !in_full && !troubled.is_empty() {
        let more = troubled.len().saturating_sub(MOST);
        let more = if more > 0 {
            format!("{more} more need a look. ")
        } else {
            String::new()
        };
        let _ = writeln!(text, "\n{more}In full: aza-agent status STACK");
    }
    for wrong in &file.rejected {
        text.push('\n');
        text.push_str(&paragraph(&format!("refused: {wrong}"), 0, 2, width));
    }
    text
}

fn paragraph(text: &str, first: usize, hanging: usize, width: Option<usize>) -> String {
    wrapped(text, first, hanging, width.unwrap_or(usize::MAX))
}

fn overview(file: &StatusFile, now: Timestamp, width: Option<usize>) -> String {
    let mut table = Table::new(&[
        "NAME", "READY", "SINCE", "LIMITS", "ENDPOINT", "RESTART", "REASON",
    ]);
    for item in &file.items {
        let status = &item.status;
        let ready = status.condition(ConditionType::Ready);
        let restart = match status
            .condition(ConditionType::RestartRequired)
            .map(|c| c.status)
        {
            Some(Truth::True) => "pending",
            Some(Truth::False) => "no",
            Some(Truth::Unknown) | None => "?",
        };
        let limits = status.container.as_ref().map_or("-", |c| c.limits.as_str());
        let endpoint = if status.endpoint.is_empty() {
            "-"
        } else {
            status.endpoint.as_str()
        };
        table.row([
            item.metadata.name.clone(),
            ready.map_or_else(|| "?".to_owned(), |c| truth(c.kind, c.status)),
            ready.map_or_else(|| "-".to_owned(), |c| ago(c.last_transition_time, now)),
            limits.to_owned(),
            endpoint.to_owned(),
            restart.to_owned(),
            ready.map_or_else(|| "not looked at yet".to_owned(), |c| c.reason.clone()),
        ]);
    }
    for head in DISPENSABLE {
        if !table.fits(width) {
            table.without(head);
        }
    }
    table.render(width)
}

fn needs_a_look(item: &StackStatus) -> bool {
    item.status
        .conditions
        .iter()
        .any(|c| c.status != c.kind.good())
        || !item.status.waiting.is_empty()
}

/// A stack in trouble, short: what is not as it should be. Ready only repeats the first of the others.
fn trouble(item: &StackStatus, now: Timestamp, width: Option<usize>) -> String {
    let mut text = bold(&item.metadata.name);
    text.push('\n');
    let bad = item
        .status
        .conditions
        .iter()
        .filter(|c| c.status != c.kind.good() && c.kind != ConditionType::Ready);
    text.push_str(&conditions(bad, Table::new(&[]), now, width));
    text.push_str(&waits(item, width));
    text
}

fn conditions<'c>(
    conditions: impl Iterator<Item = &'c Condition>,
    mut table: Table,
    now: Timestamp,
    width: Option<usize>,
) -> String {
    for c in conditions {
        table.row([
            format!("  {}", c.kind),
            truth(c.kind, c.status),
            ago(c.last_transition_time, now),
            c.reason.clone(),
            c.message.clone(),
        ]);
    }
    // Messages matter more than ages; the events below have their times.
    if !table.fits(width) {
        table.without("SINCE");
    }
    table.render(width)
}

fn waits(item: &StackStatus, width: Option<usize>) -> String {
    let lines = item.status.waiting.iter().map(|w| {
        let text = format!("waits: {} ({})", w.message, w.reason);
        paragraph(&text, 2, 4, width)
    });
    lines.collect()
}

fn details(item: &StackStatus, now: Timestamp, width: Option<usize>) -> String {
    let status = &item.status;
    let mut text = bold(&item.metadata.name);
    text.push('\n');
    if let Some(c) = &status.container {
        let since = c
            .started_at
            .map(|t| format!(", started {} ago", ago(t, now)))
            .unwrap_or_default();
        let line = format!(
            "container {} {} {}{since}, image {}, {}",
            c.name, c.id, c.state, c.image, c.limits
        );
        text.push_str(&paragraph(&line, 2, 4, width));
    }
    if !status.manifest.is_empty() {
        let line = format!(
            "manifest {} (digest {}), endpoint {}",
            status.manifest, status.observed_digest, status.endpoint
        );
        text.push_str(&paragraph(&line, 2, 4, width));
    }
    let heads = ["  CONDITION", "STATUS", "SINCE", "REASON", "MESSAGE"];
    text.push_str(&conditions(
        status.conditions.iter(),
        Table::new(&heads),
        now,
        width,
    ));
    text.push_str(&waits(item, width));
    let recent = &status.events[status.events.len().saturating_sub(5)..];
    if !recent.is_empty() {
        let _ = writeln!(text, "  {}", bold("last events"));
    }
    for event in recent {
        let reason = match event.kind {
            EventType::Warning => yellow(&event.reason),
            EventType::Normal => event.reason.clone(),
        };
        let line = format!(
            "{:>4} ago  {reason}: {}",
            ago(event.time, now),
            event.message
        );
        text.push_str(&paragraph(&line, 2, 12, width));
    }
    text
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
