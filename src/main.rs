//! Front door: arguments, the verb, and an exit code.

use std::process::ExitCode;

use aza_agent::cli::{self, Cli};
use clap::Parser;

fn main() -> ExitCode {
    match cli::run(Cli::parse()) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            cli::complain(&error);
            ExitCode::FAILURE
        }
    }
}
