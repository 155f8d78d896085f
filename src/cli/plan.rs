//! `aza-agent plan`: what a pass would do now. The same code as `run`, without the last two stages.

use clap::Args;
use serde::Serialize;

use crate::plan::Plan;

use super::output::{bold, json, print, remark, width};
use super::stack::{block_on, connect, look, manifests, need_root};
use super::table::{Table, wrapped};
use super::{CliError, Exit, Format, HostArgs};

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// A stack's name or a manifest file; without it every stack of this host.
    #[arg(value_name = "STACK|FILE")]
    what: Option<String>,
    #[command(flatten)]
    host: HostArgs,
    /// Exit with 3 where something is to be done or waits.
    #[arg(long)]
    exit_code: bool,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Serialize)]
struct Item {
    name: String,
    #[serde(flatten)]
    plan: Plan,
}

/// Prints the plans.
///
/// # Errors
/// Docker is not there, or manifests are invalid.
pub fn run(args: &PlanArgs) -> Result<Exit, CliError> {
    need_root("plan")?;
    let stacks = manifests(&args.host, args.what.as_deref())?;
    if stacks.is_empty() {
        remark("no valid manifest for this host: aza-agent init NAME writes one");
    }
    let items = block_on(async {
        let docker = connect(&args.host.docker).await?;
        let mut items = Vec::new();
        for desired in stacks {
            let name = desired.name.to_string();
            items.push(Item {
                name,
                plan: look(&args.host, &docker, desired).await?.thought.plan,
            });
        }
        Ok(items)
    })?;
    match args.output {
        Format::Json => json(&serde_json::json!({ "items": items }))?,
        Format::Table => print(
            &items
                .iter()
                .map(|i| text(&i.name, &i.plan))
                .collect::<Vec<_>>()
                .join("\n"),
        )?,
    }
    let quiet = items
        .iter()
        .all(|i| i.plan.is_empty() && i.plan.waiting.is_empty());
    Ok(if args.exit_code && !quiet {
        Exit::Pending
    } else {
        Exit::Done
    })
}

/// Lays a plan out for people.
fn text(name: &str, plan: &Plan) -> String {
    let mut text = match plan.steps.len() {
        0 => format!("{}: nothing to do\n", bold(name)),
        1 => format!("{}: 1 step, disruption {}\n", bold(name), plan.disruption()),
        n => format!(
            "{}: {n} steps, disruption {}\n",
            bold(name),
            plan.disruption()
        ),
    };
    let width = width();
    let page = |line: &str, hanging| wrapped(line, 2, hanging, width.unwrap_or(usize::MAX));
    let mut table = Table::new(&[]);
    for (i, p) in plan.steps.iter().enumerate() {
        table.row([
            format!("  {:>2}.", i + 1),
            p.step.to_string(),
            p.disruption.to_string(),
            p.reason.clone(),
        ]);
    }
    text.push_str(&table.render(width));
    for waiting in &plan.waiting {
        let line = format!("waits: {} ({})", waiting.message, waiting.reason);
        text.push_str(&page(&line, 4));
    }
    for later in &plan.then {
        text.push_str(&page(&format!("then: {later}"), 4));
    }
    text
}
