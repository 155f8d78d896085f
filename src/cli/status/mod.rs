//! `aza-agent status`: what the agent last saw. Works while it is down, and says so.

mod text;
mod wait;
mod watch;

use std::path::Path;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use crate::api::status::{AgentStatus, StatusFile};
use crate::host::layout::Layout;
use crate::host::lock::Lock;
use crate::store;

use super::output::{self, json, print, remark};
use super::{CliError, Exit, Format, HostArgs, remedy};
use wait::{Goal, GoalParser};

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// One stack; without it all.
    #[arg(value_name = "STACK")]
    name: Option<String>,
    /// Show it again at every change, until Ctrl-C; with `-o json` one document a line.
    #[arg(long, conflicts_with = "wait")]
    watch: bool,
    /// Wait for a condition: Ready, Accepted=False, RestartRequired=False. What counts is the manifest that the
    /// file has now, as a running agent sees it.
    #[arg(long, value_name = "CONDITION[=STATUS]", value_parser = GoalParser, hide_possible_values = true)]
    wait: Option<Goal>,
    /// How long to wait; then the exit code is 5 [default: 2m].
    #[arg(long, requires = "wait", value_parser = patience)]
    timeout: Option<Duration>,
    #[command(flatten)]
    host: HostArgs,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// Reads how long to wait. humantime takes `5M` for five months: nobody means that here.
fn patience(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time up to 7 days: write for example 30s, 2m or 1h");
    let time = humantime::parse_duration(text).map_err(|_| wrong())?;
    if text.contains('M') || time > Duration::from_secs(7 * 86_400) {
        return Err(wrong());
    }
    Ok(time)
}

/// Prints the status, once or again and again, or waits.
///
/// # Errors
/// No agent has written one, or there is no such stack.
pub fn run(args: &StatusArgs) -> Result<Exit, CliError> {
    if let Some(goal) = args.wait {
        return wait::run(args, goal);
    }
    if args.watch {
        return watch::run(args);
    }
    let layout = Layout::new(&args.host.state.state_dir);
    let Some(mut file) = store::status::load(&layout)? else {
        return Err(CliError::NoStatus {
            state_dir: args.host.state.state_dir.clone(),
            next: remedy::first_obstacle(&args.host, None),
        });
    };
    only(&mut file, args.name.as_deref())?;
    let agent = file.agent.as_ref();
    if let Some(remarked) = note(&layout, agent) {
        remark(&remarked);
    }
    match args.output {
        Format::Json => json(&file)?,
        Format::Table => print(&text::page(
            &file,
            args.name.is_some(),
            Timestamp::now(),
            output::width(),
        ))?,
    }
    Ok(Exit::Done)
}

/// Leaves one stack in the file, where one was named.
///
/// # Errors
/// There is none of that name.
pub fn only(file: &mut StatusFile, name: Option<&str>) -> Result<(), CliError> {
    let Some(name) = name else { return Ok(()) };
    if !file.items.iter().any(|i| i.metadata.name == name) {
        let known = file.items.iter().map(|i| i.metadata.name.clone()).collect();
        return Err(CliError::NoStack {
            name: name.to_owned(),
            known,
        });
    }
    file.items.retain(|i| i.metadata.name == name);
    Ok(())
}

/// What stands above the table: why what it says may be old.
pub fn note(layout: &Layout, agent: Option<&AgentStatus>) -> Option<String> {
    agent_is_down(layout, agent)
        .or_else(|| docker_is_silent(agent))
        .or_else(|| is_unwatched(agent))
}

/// Says so where the agent sees no Docker: then nothing is known, and nothing is done.
fn docker_is_silent(agent: Option<&AgentStatus>) -> Option<String> {
    let silence = agent?.docker_silent.as_ref()?;
    Some(format!(
        "note: Docker does not answer since {:.0} ({}); nothing is done until it does. Start it: systemctl start docker",
        silence.since, silence.why
    ))
}

/// Says so where a saved manifest is noticed late.
fn is_unwatched(agent: Option<&AgentStatus>) -> Option<String> {
    let agent = agent?;
    let why = agent.unwatched.as_ref()?;
    let pid = agent.pid;
    Some(format!(
        "note: {why} (a rescan at once: sudo kill -HUP {pid})"
    ))
}

/// Says so where nobody keeps the status true.
pub fn agent_is_down(layout: &Layout, agent: Option<&AgentStatus>) -> Option<String> {
    let agent = agent?;
    if is_running(agent) {
        return None;
    }
    let since = agent
        .stopped_at
        .map_or("it ended without a word".to_owned(), |t| {
            format!("it was stopped at {t:.0}")
        });
    Some(format!(
        "note: the agent is not running ({since}); this is what it last saw. Start it: {}",
        remedy::start_agent(layout.root(), Some(&agent.desired_state))
    ))
}

/// Whether the agent that wrote a status still runs: its lock is held, and by nobody younger.
pub fn is_running(agent: &AgentStatus) -> bool {
    let is_held = Lock::is_held(Path::new(&agent.lock)).unwrap_or(false);
    // An agent that has just taken the lock has not written yet: what stands here is its predecessor's.
    let is_alive = i32::try_from(agent.pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH));
    is_held && is_alive && agent.stopped_at.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_months_are_no_patience() {
        assert_eq!(patience("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(patience("0s"), Ok(Duration::ZERO));
        for wrong in ["5M", "8d", "soon", "-1s", "120"] {
            assert!(patience(wrong).is_err(), "{wrong}");
        }
    }
}
