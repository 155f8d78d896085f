//! Container door: look at the machine, tune, write the include file, lock the volume, become postgres.
//!
//! The order of [`start`] is the contract. Nothing here stays in memory: the last act is `exec`, so the
//! postmaster is the container's first process and gets its signals itself.
//!
//! # Current limitations
//! The first process of a container has no default signal handlers, so `docker stop` in the middle of a first
//! boot takes the whole grace period; the unfinished directory is then made again at the next start.

mod auto_conf;
mod capacity;
mod conf;
mod environment;
mod first_boot;
mod guard;
mod healthcheck;
mod identity;
mod include;
mod initdb;
mod kind;
mod lock;
mod log;
mod paths;
mod postmaster;
mod preload;
mod refusal;
mod scripts;
mod server;
mod words;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use environment::Environment;
use refusal::{Context, Refusal};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let done = match door(&arguments) {
        Door::Healthcheck => healthcheck::check(),
        Door::RepairAutoConf => auto_conf::by_request(),
        Door::Server => start(arguments),
        Door::AsItIs => as_it_is(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            log::error(&refusal.to_string());
            ExitCode::FAILURE
        }
    }
}

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
enum Door {
    /// Prepare, tune, lock, start.
    Server,
    /// Say whether the server serves.
    Healthcheck,
    /// Mend `postgresql.auto.conf`, also beside a running server.
    RepairAutoConf,
    /// Run another command, or `postgres` only to print something.
    AsItIs,
}

fn door(arguments: &[OsString]) -> Door {
    let prints = |argument: &OsString| {
        let words = ["-?", "--help", "-V", "--version", "--describe-config", "-C"];
        words.iter().any(|word| argument == word)
    };
    match arguments.first().map(|first| first.to_string_lossy()) {
        Some(word) if word == "healthcheck" => Door::Healthcheck,
        Some(word) if word == auto_conf::REQUEST => Door::RepairAutoConf,
        Some(word) if word != "postgres" && !word.starts_with('-') => Door::AsItIs,
        Some(_) | None if arguments.iter().any(prints) => Door::AsItIs,
        Some(_) | None => Door::Server,
    }
}

fn as_it_is(arguments: &[OsString]) -> Result<(), Refusal> {
    let only_flags = arguments
        .first()
        .is_some_and(|first| first.to_string_lossy().starts_with('-'));
    let postgres = OsString::from("postgres");
    let (program, rest) = match arguments.split_first() {
        Some((first, rest)) if !only_flags => (first, rest),
        Some(_) | None => (&postgres, arguments),
    };
    Err(Command::new(program).args(rest).exec())
        .tried(|| format!("cannot run `{}`", program.to_string_lossy()))
}

/// Starts the server, in this order and no other.
fn start(arguments: Vec<OsString>) -> Result<(), Refusal> {
    let environment = Environment::read(&|name| std::env::var_os(name))?;
    identity::drop_root(&environment, &arguments)?;
    let identity = identity::name_this_user()?;
    lock::take(&environment)?;

    let sizing = capacity::size(&environment)?;
    preload::check(&sizing.inputs.preload)?;
    log::say(&sizing.line());

    let data = &environment.pgdata;
    if !paths::is_cluster(data)? {
        first_boot::run(&environment, &identity, &sizing)?;
    }
    paths::check_version(data)?;
    auto_conf::before_a_start(data)?;
    include::write(data, &sizing)?;
    let budget = guard::fit_auto_conf(data, &sizing, &identity)?;
    postmaster::remove_stale_pid_file(data)?;
    postmaster::become_postgres(arguments, &environment, &identity, &budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_choose_the_door() {
        let door = |words: &[&str]| door(&words.iter().map(OsString::from).collect::<Vec<_>>());
        for words in [
            &[][..],
            &["postgres"],
            &["-c", "work_mem=1MB"],
            &["postgres", "-d", "1"],
        ] {
            assert_eq!(door(words), Door::Server, "{words:?}");
        }
        for words in [
            &["bash"][..],
            &["psql", "-c", "select 1"],
            &["postgres", "--version"],
            &["--help"],
        ] {
            assert_eq!(door(words), Door::AsItIs, "{words:?}");
        }
        assert_eq!(door(&["healthcheck"]), Door::Healthcheck);
        assert_eq!(door(&["repair-auto-conf"]), Door::RepairAutoConf);
    }
}
