//! `aza-agent man`: the manual pages, from the same words as `--help`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::output::{print, remark};
use super::{Cli, CliError, Exit};

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write one page for each verb into this directory, such as /usr/local/share/man/man1.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Prints the page, or writes all of them.
///
/// # Errors
/// The directory cannot be written.
pub fn run(args: &ManArgs) -> Result<Exit, CliError> {
    let mut command = Cli::command();
    command.build();
    let Some(directory) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(CliError::Io)?;
        print(&String::from_utf8_lossy(&page))?;
        return Ok(Exit::Done);
    };
    fs::create_dir_all(directory).map_err(CliError::Io)?;
    clap_mangen::generate_to(Cli::command(), directory).map_err(CliError::Io)?;
    remark(&format!(
        "wrote the pages into {}: man aza-agent, man aza-agent-status",
        directory.display()
    ));
    Ok(Exit::Done)
}
