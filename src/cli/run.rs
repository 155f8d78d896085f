//! `aza-agent run`: the agent itself.

use std::time::Duration;

use clap::Args;

use crate::controller::{self, Options};
use crate::host::layout::Layout;
use crate::reconcile::requeue::RESYNC;

use super::stack::{block_on, client, connect, desired_state, host_name, need_root};
use super::{CliError, Exit, HostArgs};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    host: HostArgs,
    /// End when every stack is settled, instead of at a signal.
    #[arg(long)]
    once: bool,
    /// Look at a quiet stack again after this time [default: 4s].
    #[arg(long, value_parser = duration)]
    resync: Option<Duration>,
    /// Read the directory again after this time [default: 60s].
    #[arg(long, value_parser = duration)]
    rescan: Option<Duration>,
    /// For tests: when a missing manifest counts as gone.
    #[arg(long, value_parser = duration, hide = true)]
    gone_after: Option<Duration>,
}

/// Reads a time with a unit. humantime takes `5M` for five months: nobody means that here.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time of 100ms to 1h: write for example 4s or 5min");
    if text.contains('M') {
        return Err(wrong());
    }
    let time = humantime::parse_duration(text).map_err(|_| wrong())?;
    let allowed = Duration::from_millis(100)..=Duration::from_secs(3600);
    if allowed.contains(&time) {
        Ok(time)
    } else {
        Err(wrong())
    }
}

/// Runs the agent.
///
/// # Errors
/// It cannot begin.
pub fn run(args: RunArgs) -> Result<Exit, CliError> {
    need_root("run")?;
    let layout =
        Layout::new(std::path::absolute(&args.host.state.state_dir).map_err(CliError::Io)?);
    let directory =
        std::path::absolute(desired_state(&args.host, &layout)).map_err(CliError::Io)?;
    let options = Options {
        desired_state: directory,
        host_name: host_name(args.host.host.as_deref()),
        docker_socket: args.host.docker.clone(),
        layout,
        once: args.once,
        resync: args.resync.unwrap_or(RESYNC),
        rescan: args.rescan.unwrap_or(controller::RESCAN),
        gone_after: args.gone_after.unwrap_or(controller::GONE_AFTER),
        version: env!("CARGO_PKG_VERSION"),
    };
    let once = options.once;
    let ready = block_on(async {
        // A run that ends says at once that Docker is missing; one that stays waits for it.
        let docker = if once {
            connect(&args.host.docker).await?
        } else {
            client(&args.host.docker)?
        };
        Ok(controller::run(options, docker).await?)
    })?;
    Ok(if once && !ready {
        Exit::NotReady
    } else {
        Exit::Done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_months_are_refused() {
        assert!(duration("5M").is_err());
        assert_eq!(duration("5min"), Ok(Duration::from_secs(300)));
        assert!(duration("1ms").is_err());
        assert!(duration("soon").is_err());
    }
}
