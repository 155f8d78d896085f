//! `aza-agent explain`: the value, the rule, the inputs, and what it costs in the memory budget.

use std::fmt::Write;

use clap::Args;
use serde::Serialize;

use crate::reconcile;
use crate::report::explain::{Explained, explain, origins};
use crate::tune::Budget;

use super::output::{bold, json, print, width};
use super::stack::{Looked, block_on, connect, look, manifests, need_root};
use super::table::wrapped;
use super::{CliError, Exit, Format, HostArgs};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The stack.
    #[arg(value_name = "STACK")]
    name: String,
    /// One setting; without it all that the tuner or the manifest decides.
    setting: Option<String>,
    #[command(flatten)]
    host: HostArgs,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Serialize)]
struct Explanation {
    name: String,
    inputs: Vec<String>,
    settings: Vec<Explained>,
    budget: Option<Budget>,
}

/// Explains and prints.
///
/// # Errors
/// There is no such stack or setting, or Docker is not there.
pub fn run(args: &ExplainArgs) -> Result<Exit, CliError> {
    need_root("explain")?;
    let mut stacks = manifests(&args.host, Some(&args.name))?;
    let desired = stacks.swap_remove(0);
    let looked = block_on(async {
        let docker = connect(&args.host.docker).await?;
        look(&args.host, &docker, desired).await
    })?;
    let explanation = explanation(&looked, args.setting.as_deref())?;
    match args.output {
        Format::Json => json(&explanation)?,
        Format::Table => print(&text(&explanation))?,
    }
    Ok(Exit::Done)
}

fn explanation(looked: &Looked, only: Option<&str>) -> Result<Explanation, CliError> {
    let Looked {
        desired,
        seen,
        thought,
        ..
    } = looked;
    let Some(tuning) = &thought.tuning else {
        return Err(CliError::HostUnknown(
            seen.host.why_unknown().unwrap_or_default().to_owned(),
        ));
    };
    let mut settings = explain(desired, &thought.targets, tuning, seen);
    if let Some(only) = only {
        let names: Vec<String> = settings.iter().map(|s| s.name.clone()).collect();
        settings.retain(|s| s.name.eq_ignore_ascii_case(only));
        if settings.is_empty() {
            let near = crate::api::didyoumean::did_you_mean(only, names.iter().map(String::as_str))
                .map(str::to_owned);
            return Err(CliError::NoSetting {
                name: only.to_owned(),
                stack: desired.name.to_string(),
                near,
            });
        }
    }
    let budget = reconcile::running_budget(tuning, seen).unwrap_or_else(|| tuning.budget.clone());
    Ok(Explanation {
        name: desired.name.to_string(),
        inputs: origins(desired, tuning, seen),
        settings,
        budget: Some(budget),
    })
}

fn text(explanation: &Explanation) -> String {
    let width = width().unwrap_or(usize::MAX);
    let head = format!(
        "{}: {}",
        bold(&explanation.name),
        explanation.inputs.join(", ")
    );
    let mut text = wrapped(&head, 0, 2, width);
    for setting in &explanation.settings {
        let running = setting.running.as_ref().filter(|r| **r != setting.wanted);
        let running = running
            .map(|r| format!(" (running: {r})"))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "\n{} = {}{running}",
            bold(&setting.name),
            setting.wanted
        );
        for because in &setting.because {
            text.push_str(&wrapped(because, 4, 6, width));
        }
        if let Some(source) = &setting.source {
            let _ = writeln!(text, "    effective from: {source}");
        }
    }
    if let Some(budget) = &explanation.budget {
        let _ = writeln!(text, "\n{}", bold("memory budget"));
        text.push_str(&super::tune::budget_text(budget));
    }
    text
}
