//! `aza-agent status`: what the agent last saw. Works while it is down, and says so.

use std::fmt::Write;
use std::path::Path;

use clap::Args;
use jiff::Timestamp;

use crate::api::condition::{ConditionType, Truth};
use crate::api::status::{AgentStatus, StackStatus, StatusFile};
use crate::host::layout::Layout;
use crate::host::lock::Lock;
use crate::store;

use super::output::{ago, bold, columns, json, print, remark, truth};
use super::{CliError, Exit, Format, StateArgs};

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// One stack; without it all.
    name: Option<String>,
    #[command(flatten)]
    state: StateArgs,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// Prints the status.
///
/// # Errors
/// No agent has written one, or there is no such stack.
pub fn run(args: &StatusArgs) -> Result<Exit, CliError> {
    let layout = Layout::new(&args.state.state_dir);
    let mut file = store::status::load(&layout)?
        .ok_or_else(|| CliError::NoStatus(args.state.state_dir.clone()))?;
    if let Some(name) = &args.name {
        let known = file.items.iter().map(|i| i.metadata.name.clone()).collect();
        file.items.retain(|i| i.metadata.name == *name);
        if file.items.is_empty() {
            return Err(CliError::NoStack {
                name: name.clone(),
                known,
            });
        }
    }
    if let Some(remarked) = agent_is_down(file.agent.as_ref()) {
        remark(&remarked);
    }
    if let Some(remarked) = docker_is_silent(file.agent.as_ref()) {
        remark(&remarked);
    }
    match args.output {
        Format::Json => json(&file)?,
        Format::Table => print(&table(&file, args.name.is_some(), Timestamp::now()))?,
    }
    Ok(Exit::Done)
}

/// Says so where nobody keeps the status true.
fn agent_is_down(agent: Option<&AgentStatus>) -> Option<String> {
    let agent = agent?;
    if Lock::is_held(Path::new(&agent.lock)).unwrap_or(false) {
        return None;
    }
    let since = agent
        .stopped_at
        .map_or("it ended without a word".to_owned(), |t| {
            format!("it was stopped at {t:.0}")
        });
    Some(format!(
        "note: the agent is not running ({since}); this is what it last saw. Start it: make up, or sudo aza-agent run"
    ))
}

/// Says so where the agent sees no Docker: then nothing is known, and nothing is done.
fn docker_is_silent(agent: Option<&AgentStatus>) -> Option<String> {
    let silence = agent?.docker_silent.as_ref()?;
    Some(format!(
        "note: Docker does not answer since {:.0} ({}); nothing is done until it does. Start it: systemctl start docker",
        silence.since, silence.why
    ))
}

fn table(file: &StatusFile, in_full: bool, now: Timestamp) -> String {
    let mut text = String::new();
    if file.items.is_empty() {
        text.push_str("no stacks: put a manifest into the desired-state directory\n");
    } else if !in_full {
        text.push_str(&overview(file, now));
    }
    for item in file.items.iter().filter(|i| in_full || needs_a_look(i)) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&details(item, now));
    }
    for wrong in &file.rejected {
        let _ = writeln!(text, "\nrefused: {wrong}");
    }
    text
}

fn overview(file: &StatusFile, now: Timestamp) -> String {
    let heads = [
        "NAME", "READY", "SINCE", "LIMITS", "ENDPOINT", "RESTART", "REASON",
    ];
    let mut rows = vec![heads.map(bold).to_vec()];
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
        rows.push(vec![
            item.metadata.name.clone(),
            ready.map_or_else(|| "?".to_owned(), |c| truth(c.kind, c.status)),
            ready.map_or_else(String::new, |c| ago(c.last_transition_time, now)),
            limits.to_owned(),
            status.endpoint.clone(),
            restart.to_owned(),
            ready.map_or_else(|| "not looked at yet".to_owned(), |c| c.reason.clone()),
        ]);
    }
    columns(&rows)
}

fn needs_a_look(item: &StackStatus) -> bool {
    item.status
        .conditions
        .iter()
        .any(|c| c.status != c.kind.good())
        || !item.status.waiting.is_empty()
}

fn details(item: &StackStatus, now: Timestamp) -> String {
    let status = &item.status;
    let mut text = bold(&item.metadata.name);
    if let Some(c) = &status.container {
        let since = c
            .started_at
            .map(|t| format!(", started {} ago", ago(t, now)))
            .unwrap_or_default();
        let _ = write!(
            text,
            "  {} {} {}{since}, image {}, {}",
            c.name, c.id, c.state, c.image, c.limits
        );
    }
    let _ = writeln!(
        text,
        "\n  manifest {} (digest {}), endpoint {}",
        status.manifest, status.observed_digest, status.endpoint
    );
    let mut rows = vec![
        ["  CONDITION", "STATUS", "SINCE", "REASON", "MESSAGE"]
            .map(bold)
            .to_vec(),
    ];
    for c in &status.conditions {
        rows.push(vec![
            format!("  {}", c.kind),
            truth(c.kind, c.status),
            ago(c.last_transition_time, now),
            c.reason.clone(),
            c.message.clone(),
        ]);
    }
    text.push_str(&columns(&rows));
    for waiting in &status.waiting {
        let _ = writeln!(text, "  waits: {} ({})", waiting.message, waiting.reason);
    }
    let recent: Vec<_> = status.events.iter().rev().take(5).collect();
    if !recent.is_empty() {
        let _ = writeln!(text, "  {}", bold("last events"));
    }
    for event in recent.into_iter().rev() {
        let _ = writeln!(
            text,
            "  {:>4} ago  {}: {}",
            ago(event.time, now),
            event.reason,
            event.message
        );
    }
    text
}
