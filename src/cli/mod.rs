//! The command line: one file for each verb.
//!
//! Data goes to standard output, everything else to standard error. What people read and what
//! machines read come from the same value. `plan` and `status` never change anything.

#![expect(
    clippy::disallowed_methods,
    reason = "the front door asks the clock and the host's name"
)]

mod approve;
mod completions;
mod error;
mod events;
mod explain;
mod follow;
pub mod image;
mod init;
mod man;
mod output;
mod plan;
mod remedy;
mod run;
mod schema;
mod stack;
mod status;
mod table;
mod tune;
mod validate;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::host::layout::STATE_DIR;
use crate::telemetry::{self, LogFormat};

pub use error::CliError;
pub use output::complain;

/// Docker's socket unless the command line or `DOCKER_HOST` says otherwise.
const DOCKER_SOCKET: &str = "unix:///var/run/docker.sock";

/// Keeps PostgreSQL 18 on this Docker host the way a directory of manifests says.
#[derive(Debug, Parser)]
#[command(name = "aza-agent", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// What logs look like, and where they go.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Auto, env = "AZA_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, or a filter such as aza_agent=debug.
    #[arg(long, global = true, default_value = "info", env = "AZA_LOG")]
    log: String,
}

/// What every exit code means, for `--help`.
const EXIT_CODES: &str = "Exit codes:\n  \
    0  done; for `validate`: everything is valid\n  \
    1  an error, or something is invalid; the message says what to do\n  \
    2  the command line is wrong\n  \
    3  `plan --exit-code`: there is something to do, or something waits\n  \
    4  `run --once`: not everything is Ready\n  \
    5  `status --wait`: not reached in time";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Look after the stacks of a directory, until a signal comes.
    Run(run::RunArgs),
    /// Show the conditions of the stacks, as the agent last saw them.
    Status(status::StatusArgs),
    /// Show what happened, over all stacks, in the order of time.
    Events(events::EventsArgs),
    /// Show what `run` would do now, and why; changes nothing.
    Plan(plan::PlanArgs),
    /// Check manifests; needs no Docker and no agent.
    Validate(validate::ValidateArgs),
    /// Show why a setting has its value, and what it costs.
    Explain(explain::ExplainArgs),
    /// Let the restart or recreate that waits happen once.
    Approve(approve::ApproveArgs),
    /// Write a manifest for this host's size; needs no Docker and no agent.
    Init(init::InitArgs),
    /// Print the JSON Schema of a manifest, for editors.
    Schema,
    /// Size PostgreSQL for a machine that need not be here.
    Tune(tune::TuneArgs),
    /// Make the PostgreSQL image.
    #[command(subcommand)]
    Image(ImageVerb),
    /// Print what a shell needs to complete this program's command lines.
    Completions(completions::CompletionsArgs),
    /// Print the manual page.
    Man(man::ManArgs),
    /// Print the names of the stacks, for completions.
    #[command(hide = true)]
    Names(completions::NamesArgs),
}

#[derive(Debug, Subcommand)]
enum ImageVerb {
    /// Build aza-pg:18 from Debian's packages.
    Build(image::BuildArgs),
}

/// Where the agent keeps its things.
#[derive(Debug, Clone, Args)]
pub(crate) struct StateArgs {
    /// The agent's state directory.
    #[arg(long, default_value = STATE_DIR, env = "AZA_STATE_DIR")]
    pub state_dir: PathBuf,
}

/// What looking at this host needs.
#[derive(Debug, Clone, Args)]
pub(crate) struct HostArgs {
    #[command(flatten)]
    pub state: StateArgs,
    /// The directory of manifests.
    #[arg(long, env = "AZA_DESIRED_STATE")]
    pub desired_state: Option<PathBuf>,
    /// This host's name, as manifests and labels have it [default: the system's].
    #[arg(long, env = "AZA_HOST")]
    pub host: Option<String>,
    /// Docker's socket.
    #[arg(long, default_value = DOCKER_SOCKET, env = "DOCKER_HOST")]
    pub docker: String,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For machines.
    Json,
}

/// How a verb ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All in order.
    Done,
    /// What was checked is invalid.
    Invalid,
    /// There is something to do.
    Pending,
    /// Not everything is Ready.
    NotReady,
    /// What was waited for did not come in time.
    NotReached,
}

impl Exit {
    /// Returns the process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Invalid => 1,
            Self::Pending => 3,
            Self::NotReady => 4,
            Self::NotReached => 5,
        }
    }
}

/// Does what the command line says.
///
/// # Errors
/// The verb could not be done; the error ends with the next command to type.
pub fn run(cli: Cli) -> Result<Exit, CliError> {
    match cli.verb {
        Verb::Run(args) => {
            let journal = output::journal_stream();
            telemetry::start(
                cli.log_format,
                &cli.log,
                output::is_coloured(),
                journal.as_deref(),
            );
            run::run(args)
        }
        Verb::Status(args) => status::run(&args),
        Verb::Events(args) => events::run(&args),
        Verb::Plan(args) => plan::run(&args),
        Verb::Validate(args) => validate::run(&args),
        Verb::Explain(args) => explain::run(&args),
        Verb::Approve(args) => approve::run(&args),
        Verb::Init(args) => init::run(&args),
        Verb::Schema => schema::run(),
        Verb::Tune(args) => tune::run(&args),
        Verb::Image(ImageVerb::Build(args)) => image::run(args),
        Verb::Completions(args) => completions::run(&args),
        Verb::Man(args) => man::run(&args),
        Verb::Names(args) => completions::names(&args),
    }
}
