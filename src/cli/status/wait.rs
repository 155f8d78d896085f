//! `aza-agent status --wait`: until a condition is seen to hold, as `kubectl wait` does.
//!
//! # Guarantees
//! What counts was seen by an agent that runs now (its lock is held, its process lives, and it has looked at the
//! stack since it started), and was computed from the manifest that the directory holds now: the directory is read
//! and checked here with the agent's own code, and digests are compared. So after `cp new.yaml desired-state/` an
//! old Ready is no answer, however fast the question comes.
//!
//! A manifest that is refused, or gone, has no digest: of it only `Ready` and `Accepted` can be waited for, and only
//! not to be True. Without a name every manifest of this host counts, and a file that nobody can read as one too.
//!
//! # Caveats
//! An agent that is down is waited for: somebody may start it. The directory must be readable for whoever asks.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::time::Duration;

use clap::builder::{PossibleValue, TypedValueParser};
use tokio::time::{Instant, timeout_at};

use crate::api::condition::{Condition, ConditionType, Truth};
use crate::api::didyoumean::did_you_mean;
use crate::api::status::{Status, StatusFile};
use crate::controller::intake;
use crate::host::layout::Layout;
use crate::{source, store};

use super::{StatusArgs, agent_is_down, only};
use crate::cli::follow::{Follow, Woken};
use crate::cli::output::{self, json, print, remark};
use crate::cli::stack::{block_on, desired_state, host_name};
use crate::cli::table::wrapped;
use crate::cli::{CliError, Exit, Format, remedy};

/// How long to wait unless the command line says otherwise: a first boot on a slow disk.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks where nothing changes: an agent that dies changes no file.
const LOOK: Duration = Duration::from_millis(500);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    kind: ConditionType,
    status: Truth,
}

impl Goal {
    /// Reads `Ready` or `RestartRequired=False`, in any case.
    ///
    /// # Errors
    /// No such condition or status; the nearest one is named.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, status) = text.split_once('=').unwrap_or((text, "True"));
        let kinds = ConditionType::ALL;
        let kind = pick(kind, "condition", &kinds.map(|k| (k.as_str(), k)))?;
        let statuses = [Truth::True, Truth::False, Truth::Unknown].map(|t| (name(t), t));
        Ok(Self {
            kind,
            status: pick(status, "status of a condition", &statuses)?,
        })
    }

    fn is_met(self, condition: &Condition) -> bool {
        condition.kind == self.kind && condition.status == self.status
    }
}

/// Reads a goal, and names the conditions to shells that complete.
#[derive(Clone)]
pub struct GoalParser;

impl TypedValueParser for GoalParser {
    type Value = Goal;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Goal, clap::Error> {
        Goal::parse.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = ConditionType::ALL.into_iter().map(ConditionType::as_str);
        Some(Box::new(names.map(PossibleValue::new)))
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.kind, self.status)
    }
}

fn name(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "True",
        Truth::False => "False",
        Truth::Unknown => "Unknown",
    }
}

fn pick<T: Copy>(word: &str, what: &str, of: &[(&'static str, T)]) -> Result<T, String> {
    let found = of.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    if let Some((_, value)) = found {
        return Ok(*value);
    }
    let names = || of.iter().map(|(name, _)| *name);
    Err(match did_you_mean(word, names()) {
        Some(near) => format!("`{word}` is no {what}: did you mean `{near}`?"),
        None => format!(
            "`{word}` is no {what}: there are {}",
            names().collect::<Vec<_>>().join(", ")
        ),
    })
}

/// What the directory says of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Declared {
    /// It is valid, with this digest.
    Valid(String),
    /// It is not in force, and why.
    Refused(String),
    /// There is no manifest of it.
    Gone,
}

/// Everything that is looked at.
#[derive(Debug, Clone, PartialEq)]
struct View {
    status: Option<StatusFile>,
    /// Why what stands in the status is no news, where it is not.
    stale: Option<String>,
    /// The manifests of this host, or why they cannot be read.
    declared: Result<BTreeMap<String, Declared>, String>,
    /// Files that belong to no named stack.
    rejected: Vec<String>,
}

/// How far one stack is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    /// Whose; of what belongs to no stack, the file.
    name: String,
    /// What stands in the way, shortest first; empty where the goal is reached.
    missing: Vec<String>,
    /// The reason of the condition that was waited for.
    reason: String,
}

/// Waits.
///
/// # Errors
/// There is no such stack, or nothing to wait for.
pub fn run(args: &StatusArgs, goal: Goal) -> Result<Exit, CliError> {
    let layout = Layout::new(&args.host.state.state_dir);
    let patience = args.timeout.unwrap_or(PATIENCE);
    block_on(async {
        let mut follow = Follow::start(&layout, LOOK)?;
        let until = Instant::now() + patience;
        let mut told: Vec<String> = Vec::new();
        loop {
            let view = look(args, &layout)?;
            let standings = standings(goal, args.name.as_deref(), &view)?;
            if standings.iter().all(|s| s.missing.is_empty()) && view.stale.is_none() {
                reached(args, goal, view, &standings)?;
                return Ok(Exit::Done);
            }
            let lines = summary(&view, &standings);
            for line in lines.iter().filter(|line| !told.contains(line)) {
                page(&format!("waiting for {goal}: {line}"), 2);
            }
            told = lines;
            match timeout_at(until, follow.next()).await {
                Ok(Woken::Look) => {}
                // A person who has seen enough: not reached all the same.
                Ok(Woken::End) => return Ok(Exit::NotReached),
                Err(_) => {
                    not_reached(goal, patience, &view, &standings);
                    return Ok(Exit::NotReached);
                }
            }
        }
    })
}

fn look(args: &StatusArgs, layout: &Layout) -> Result<View, CliError> {
    // The directory first: a status that is younger than it may be news of it, an older one says so by its digest.
    let directory = desired_state(&args.host, layout);
    let read = source::read(&directory);
    let status = store::status::load(layout)?;
    let agent = status.as_ref().and_then(|s| s.agent.as_ref());
    let host = args.host.host.as_deref().or(agent.map(|a| a.host.as_str()));
    let host = host_name(host);
    let (declared, rejected) = match &read {
        Ok(snapshot) => {
            let intake = intake::sort(snapshot, &host);
            let declared = intake.stacks.into_iter().map(|(name, verdict)| {
                let declared = match verdict {
                    Ok(desired) => Declared::Valid(desired.digest),
                    Err(why) => Declared::Refused(why),
                };
                (name.to_string(), declared)
            });
            (Ok(declared.collect()), intake.rejected)
        }
        Err(error) => (Err(crate::api::chain::in_words(error)), Vec::new()),
    };
    let stale = match &status {
        None => Some(format!(
            "no agent has written a status in `{}` yet. Start it: {}",
            layout.root().display(),
            remedy::start_agent(layout.root(), Some(&directory.display().to_string()))
        )),
        Some(status) => agent_is_down(layout, status.agent.as_ref())
            .map(|note| note.trim_start_matches("note: ").to_owned()),
    };
    Ok(View {
        status,
        stale,
        declared,
        rejected,
    })
}

/// Says of each stack that is asked for how far it is. Pure.
fn standings(goal: Goal, only: Option<&str>, view: &View) -> Result<Vec<Standing>, CliError> {
    let items = view.status.iter().flat_map(|s| &s.items);
    let statuses: BTreeMap<&str, &Status> = items
        .map(|item| (item.metadata.name.as_str(), &item.status))
        .collect();
    let declared = match &view.declared {
        Ok(declared) => declared,
        Err(why) => {
            return Ok(vec![Standing {
                name: "the manifests".to_owned(),
                missing: vec![format!("{why}, so nobody can say what Ready means now")],
                reason: String::new(),
            }]);
        }
    };
    let names: Vec<&str> = match only {
        Some(name) if declared.contains_key(name) || statuses.contains_key(name) => vec![name],
        Some(name) => {
            let known = declared
                .keys()
                .map(String::as_str)
                .chain(statuses.into_keys());
            let known: std::collections::BTreeSet<&str> = known.collect();
            view.rejected
                .iter()
                .for_each(|wrong| remark(&format!("refused: {wrong}")));
            return Err(CliError::NoStack {
                name: name.to_owned(),
                known: known.into_iter().map(str::to_owned).collect(),
            });
        }
        None => declared.keys().map(String::as_str).collect(),
    };
    let mut standings: Vec<Standing> = names
        .into_iter()
        .map(|name| {
            let declared = declared.get(name).unwrap_or(&Declared::Gone);
            standing(goal, name, declared, statuses.get(name).copied())
        })
        .collect();
    if only.is_none() {
        standings.extend(view.rejected.iter().map(|wrong| Standing {
            name: "refused".to_owned(),
            missing: vec![wrong.clone()],
            reason: String::new(),
        }));
    }
    if standings.is_empty() {
        return Err(CliError::NothingDeclared);
    }
    Ok(standings)
}

fn standing(goal: Goal, name: &str, declared: &Declared, status: Option<&Status>) -> Standing {
    let condition = status.and_then(|s| s.condition(goal.kind));
    let missing = match (declared, status, condition) {
        (_, None, _) => vec!["the agent has not looked at it yet".to_owned()],
        (_, Some(status), _) if status.first_look_at.is_none() && !is_refused(declared) => {
            vec!["the agent has just started and has not looked at it yet".to_owned()]
        }
        (_, Some(_), None) => vec![format!("{} is not told yet", goal.kind)],
        (Declared::Valid(digest), Some(status), Some(condition)) => {
            if condition.observed_digest != *digest {
                let old = &condition.observed_digest;
                vec![format!(
                    "the manifest is new (digest {digest}), and what is told is of the one before ({old})"
                )]
            } else if goal.is_met(condition) {
                vec![]
            } else {
                in_the_way(goal, status, condition)
            }
        }
        (Declared::Refused(why), Some(status), Some(condition)) => {
            let accepted = status.condition(ConditionType::Accepted);
            let noticed = accepted.is_some_and(|c| c.status == Truth::False);
            if noticed && is_of_the_manifest(goal) && goal.is_met(condition) {
                vec![]
            } else {
                vec![format!("the manifest is refused: {why}")]
            }
        }
        (Declared::Gone, Some(_), Some(condition)) => {
            if is_of_the_manifest(goal) && goal.is_met(condition) {
                vec![]
            } else {
                vec!["no manifest in the directory declares it".to_owned()]
            }
        }
    };
    Standing {
        name: name.to_owned(),
        missing,
        reason: condition.map(|c| c.reason.clone()).unwrap_or_default(),
    }
}

fn is_refused(declared: &Declared) -> bool {
    matches!(declared, Declared::Refused(_))
}

/// Whether the goal can be true of a manifest that is not in force.
fn is_of_the_manifest(goal: Goal) -> bool {
    let kinds = [ConditionType::Ready, ConditionType::Accepted];
    kinds.contains(&goal.kind) && goal.status != Truth::True
}

/// The conditions that keep the goal from being reached, with their messages.
fn in_the_way(goal: Goal, status: &Status, condition: &Condition) -> Vec<String> {
    let is_ready = goal.kind == ConditionType::Ready && goal.status == Truth::True;
    let counted = status
        .conditions
        .iter()
        .filter(|c| is_ready && ConditionType::READY.contains(&c.kind) && c.status != Truth::True);
    let mut lines: Vec<String> = counted.map(told).collect();
    if lines.is_empty() {
        lines.push(told(condition));
    }
    lines.extend(
        status
            .waiting
            .iter()
            .map(|w| format!("waits: {} ({})", w.message, w.reason)),
    );
    lines
}

fn told(c: &Condition) -> String {
    format!("{} is {} ({}): {}", c.kind, c.status, c.reason, c.message)
}

/// One line for each stack that is not there yet.
fn summary(view: &View, standings: &[Standing]) -> Vec<String> {
    if let Some(stale) = &view.stale {
        return vec![stale.clone()];
    }
    let lines = standings.iter().filter_map(|s| {
        let first = s.missing.first()?;
        Some(format!("{}: {first}", s.name))
    });
    lines.collect()
}

fn reached(
    args: &StatusArgs,
    goal: Goal,
    view: View,
    standings: &[Standing],
) -> Result<(), CliError> {
    match args.output {
        Format::Json => {
            let mut file = view.status.unwrap_or_default();
            only(&mut file, args.name.as_deref())?;
            json(&file)
        }
        Format::Table => {
            let lines = standings.iter().map(|s| {
                format!(
                    "{}: {} is {} ({})\n",
                    s.name, goal.kind, goal.status, s.reason
                )
            });
            print(&lines.collect::<String>())
        }
    }
}

fn not_reached(goal: Goal, patience: Duration, view: &View, standings: &[Standing]) {
    remark(&format!(
        "{goal} was not reached within {}:",
        humantime::format_duration(patience)
    ));
    if let Some(stale) = &view.stale {
        page(&format!("  {stale}"), 4);
        return;
    }
    for standing in standings {
        for missing in &standing.missing {
            page(&format!("  {}: {missing}", standing.name), 4);
        }
    }
}

fn page(text: &str, hanging: usize) {
    let width = output::width().unwrap_or(usize::MAX);
    remark(wrapped(text, 0, hanging, width).trim_end());
}

#[cfg(test)]
#[path = "wait_tests.rs"]
mod tests;
