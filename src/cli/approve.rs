//! `aza-agent approve`: lets the restart or recreate that waits happen once.

use clap::Args;

use crate::api::StackName;
use crate::host::layout::Layout;
use crate::store;

use super::output::remark;
use super::stack::need_root;
use super::{CliError, Exit, StateArgs, remedy};

/// Arguments of `approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The stack.
    #[arg(value_name = "STACK")]
    name: String,
    #[command(flatten)]
    state: StateArgs,
}

/// Leaves the request for the agent.
///
/// # Errors
/// There is no such stack, or the state directory cannot be written.
pub fn run(args: &ApproveArgs) -> Result<Exit, CliError> {
    need_root("approve")?;
    let layout = Layout::new(&args.state.state_dir);
    let file = store::status::load(&layout)?.ok_or_else(|| CliError::NoStatus {
        state_dir: args.state.state_dir.clone(),
        next: remedy::start_agent(layout.root(), None),
    })?;
    let known: Vec<String> = file.items.iter().map(|i| i.metadata.name.clone()).collect();
    let no_stack = || CliError::NoStack {
        name: args.name.clone(),
        known: known.clone(),
    };
    let name = StackName::parse(&args.name).map_err(|_| no_stack())?;
    let item = file
        .items
        .iter()
        .find(|i| i.metadata.name == args.name)
        .ok_or_else(no_stack)?;
    let disruptive = [
        "WindowClosed",
        "ApprovalNeeded",
        "DidNotHelp",
        "DriftReported",
        "OtherCluster",
        "ClusterGone",
    ];
    let waits: Vec<&str> = item
        .status
        .waiting
        .iter()
        .filter(|w| disruptive.contains(&w.reason.as_str()))
        .map(|w| w.message.as_str())
        .collect();
    if waits.is_empty() {
        remark(&format!("nothing of `{name}` waits for an approval"));
        return Ok(Exit::Done);
    }
    store::requests::approve(&layout, &name)?;
    remark(&format!("approved, once: {}", waits.join("; ")));
    Ok(Exit::Done)
}
