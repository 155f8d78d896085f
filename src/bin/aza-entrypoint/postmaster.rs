//! The last act: clear what a killed server left, bound what one process may take, become the postmaster.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;

use aza_agent::tune::Budget;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::environment::Environment;
use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::{log, paths};

/// Told to children only: the postmaster stays at 0, so that the kernel kills a backend before it.
const OOM_ADJUST: [(&str, &str); 2] = [
    ("PG_OOM_ADJUST_FILE", "/proc/self/oom_score_adj"),
    ("PG_OOM_ADJUST_VALUE", "500"),
];

/// Removes a pid file whose number now belongs to another program, which the server would respect for ever.
///
/// The volume's lock is ours, so no server that takes it runs there. A living process called postgres is left
/// to the server's own judgement.
///
/// # Errors
/// The file cannot be removed.
pub fn remove_stale_pid_file(data: &Path) -> Result<(), Refusal> {
    let file = data.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&file) else {
        return Ok(());
    };
    let pid = text.lines().next().unwrap_or_default().trim().to_owned();
    let program = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    if pid == std::process::id().to_string() || program.is_empty() || program.trim() == "postgres" {
        return Ok(());
    }
    log::say(&format!(
        "removing a stale postmaster.pid: its process {pid} is `{}` now",
        program.trim()
    ));
    use crate::refusal::Context;
    std::fs::remove_file(&file).tried(|| format!("cannot remove {}", file.display()))
}

/// Becomes postgres, with the user's own arguments and no secret in its environment.
///
/// # Errors
/// Only where postgres cannot be run; otherwise it does not return.
pub fn become_postgres(
    arguments: Vec<OsString>,
    environment: &Environment,
    identity: &Identity,
    budget: &Budget,
) -> Result<(), Refusal> {
    bound_each_process(budget);
    let named = arguments.first().is_some_and(|first| first == "postgres");
    let mut command = identity.command("postgres");
    command.args(arguments.iter().skip(usize::from(named)));
    command.env("PGDATA", &environment.pgdata).envs(OOM_ADJUST);
    for name in ["POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE", "PGPASSWORD"] {
        command.env_remove(name);
    }
    let failed = command.exec();
    Err(
        Refusal::new(format!("cannot run postgres: {failed}")).fix(format!(
            "the image must hold PostgreSQL {} with its programs in PATH",
            paths::MAJOR
        )),
    )
}

/// Lowers the soft limit of private memory: one runaway query then gets an error, and nobody else notices.
fn bound_each_process(budget: &Budget) {
    let wanted = (budget.process_limit as u64) << 20;
    let Rlimit {
        current: _,
        maximum,
    } = getrlimit(Resource::Data);
    let current = maximum.map_or(wanted, |hard| hard.min(wanted));
    if let Err(wrong) = setrlimit(
        Resource::Data,
        Rlimit {
            current: Some(current),
            maximum,
        },
    ) {
        log::warn(&format!("cannot limit the memory of one process: {wrong}"));
    }
}
