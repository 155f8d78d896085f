//! `aza-agent events`: what happened, over all stacks, in the order of time.
//!
//! Times are absolute and in UTC, as logs have them: at night one holds them beside each other. Events come
//! from the status file, so they can be read while the agent is down; it keeps the last 200 of a stack.

use std::collections::HashSet;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;

use crate::api::event::{Event, EventType};
use crate::api::status::StatusFile;
use crate::host::layout::Layout;
use crate::store;

use super::follow::{Follow, Woken};
use super::output::{self, Reader, json, json_line, print, remark, send, yellow};
use super::stack::block_on;
use super::table::Table;
use super::{CliError, Exit, Format, HostArgs, remedy, status};

/// The longest reason of ours; `--watch` cannot know the rows to come.
const REASON: usize = 18;
/// For what no file tells: an agent that dies.
const LOOK: Duration = Duration::from_secs(1);

/// Arguments of `events`.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// One stack; without it all.
    #[arg(value_name = "STACK")]
    name: Option<String>,
    /// Only what happened within this time: 10m, 1h, 2d.
    #[arg(long, value_parser = past)]
    since: Option<Duration>,
    /// Only events of this type.
    #[arg(long = "type", value_name = "TYPE", ignore_case = true)]
    kind: Option<Kind>,
    /// Go on with those that come, until Ctrl-C; with `-o json` one document a line.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    host: HostArgs,
    /// How to print them.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// Whether a person should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// All in order.
    Normal,
    /// Something to look at.
    Warning,
}

/// Reads how far back. humantime takes `5M` for five months: nobody means that here.
fn past(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: write for example 10m, 1h or 2d");
    if text.contains('M') {
        return Err(wrong());
    }
    humantime::parse_duration(text).map_err(|_| wrong())
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Told {
    stack: String,
    #[serde(flatten)]
    event: Event,
}

/// Prints events.
///
/// # Errors
/// No agent has written a status, or there is no such stack.
pub fn run(args: &EventsArgs) -> Result<Exit, CliError> {
    let layout = Layout::new(&args.host.state.state_dir);
    if args.watch {
        return block_on(follow(args, &layout));
    }
    let Some(mut file) = store::status::load(&layout)? else {
        return Err(CliError::NoStatus {
            state_dir: args.host.state.state_dir.clone(),
            next: remedy::first_obstacle(&args.host, None),
        });
    };
    status::only(&mut file, args.name.as_deref())?;
    if let Some(note) = status::agent_is_down(&layout, file.agent.as_ref()) {
        remark(&note);
    }
    let events = chosen(args, &file, Timestamp::now());
    match args.output {
        Format::Json => json(&serde_json::json!({ "items": events }))?,
        Format::Table if events.is_empty() => remark("no events"),
        Format::Table => print(&table(&events).render(output::width()))?,
    }
    Ok(Exit::Done)
}

/// Returns the events that are asked for, oldest first; those of one moment stay in the order of their stack.
fn chosen(args: &EventsArgs, file: &StatusFile, now: Timestamp) -> Vec<Told> {
    let since = args
        .since
        .and_then(|since| now.checked_sub(since).ok())
        .unwrap_or(Timestamp::MIN);
    let is_asked_for = |event: &&Event| {
        let is_kind = match args.kind {
            None => true,
            Some(Kind::Normal) => event.kind == EventType::Normal,
            Some(Kind::Warning) => event.kind == EventType::Warning,
        };
        is_kind && event.time >= since
    };
    let mut events: Vec<Told> = Vec::new();
    for item in &file.items {
        let of_stack = item.status.events.iter().filter(is_asked_for);
        events.extend(of_stack.map(|event| Told {
            stack: item.metadata.name.clone(),
            event: event.clone(),
        }));
    }
    events.sort_by_key(|told| told.event.time);
    events
}

fn table(events: &[Told]) -> Table {
    let mut table = Table::new(&["TIME (UTC)", "STACK", "TYPE", "REASON", "MESSAGE"]);
    for Told { stack, event } in events {
        table.row([
            time(event.time),
            stack.clone(),
            kind(event.kind),
            event.reason.clone(),
            event.message.clone(),
        ]);
    }
    table
}

fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn kind(kind: EventType) -> String {
    match kind {
        EventType::Normal => "Normal".to_owned(),
        EventType::Warning => yellow("Warning"),
    }
}

async fn follow(args: &EventsArgs, layout: &Layout) -> Result<Exit, CliError> {
    let mut follow = Follow::start(layout, LOOK)?;
    let mut seen: HashSet<(String, Timestamp, String, String)> = HashSet::new();
    let mut noted: Option<String> = None;
    while follow.next().await == Woken::Look {
        let mut file = store::status::load(layout)?;
        if let Some(file) = &mut file {
            status::only(file, args.name.as_deref())?;
        }
        let note = match &file {
            Some(file) => status::agent_is_down(layout, file.agent.as_ref()),
            None => Some("note: no agent has written a status yet".to_owned()),
        };
        if let Some(note) = note.as_ref().filter(|note| noted.as_ref() != Some(note)) {
            remark(note);
        }
        noted = note;
        let file = file.unwrap_or_default();
        // The time that `--since` counts from moves on; what was printed once stays printed.
        for told in chosen(args, &file, Timestamp::now()) {
            let Told { stack, event } = &told;
            let (reason, message) = (event.reason.clone(), event.message.clone());
            if !seen.insert((stack.clone(), event.time, reason, message)) {
                continue;
            }
            if print_one(args, &file, &told)? == Reader::Gone {
                return Ok(Exit::Done);
            }
        }
        // What the agent has forgotten cannot come again.
        let kept: HashSet<(&str, Timestamp)> = file
            .items
            .iter()
            .flat_map(|i| {
                i.status
                    .events
                    .iter()
                    .map(|e| (i.metadata.name.as_str(), e.time))
            })
            .collect();
        seen.retain(|(stack, time, ..)| kept.contains(&(stack.as_str(), *time)));
    }
    Ok(Exit::Done)
}

fn print_one(args: &EventsArgs, file: &StatusFile, told: &Told) -> Result<Reader, CliError> {
    if args.output == Format::Json {
        return json_line(told);
    }
    let Told { stack, event } = told;
    let names = file.items.iter().map(|i| i.metadata.name.len());
    let width = names.max().unwrap_or_default();
    let gap = " ".repeat(match event.kind {
        EventType::Normal => 3,
        EventType::Warning => 2,
    });
    let head = format!(
        "{}  {stack:width$}  {}{gap}{:REASON$}  ",
        time(event.time),
        kind(event.kind),
        event.reason
    );
    let line = super::table::wrapped(
        &format!("{head}{}", event.message),
        0,
        6,
        output::width().unwrap_or(usize::MAX),
    );
    send(&line)
}
