//! A `postgresql.auto.conf` that no server can read must not keep this one from starting, nor every later
//! change from being made: what cannot be read is set aside, and told.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

pub use aza_agent::host::auto_conf::REQUEST;
use aza_agent::host::auto_conf::{Repair, repair};

use crate::environment::Environment;
use crate::log;
use crate::refusal::{Context, Refusal};

/// Mends the file before a start. The volume's lock is ours.
///
/// # Errors
/// The data directory cannot be written.
pub fn before_a_start(data: &Path) -> Result<(), Refusal> {
    if let Some(told) = mend(data)? {
        log::warn(&told);
    }
    Ok(())
}

/// Mends the file of a running server, and says on standard error what was done.
///
/// # Errors
/// The data directory cannot be written.
pub fn by_request() -> Result<(), Refusal> {
    let environment = Environment::read(&|name| std::env::var_os(name))?;
    match mend(&environment.pgdata)? {
        Some(told) => log::warn(&told),
        None => log::say("postgresql.auto.conf can be read: nothing to do"),
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the container door asks the clock, for a file's name"
)]
fn mend(data: &Path) -> Result<Option<String>, Refusal> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let stamp = since.map(|time| time.as_secs()).unwrap_or_default();
    let done = repair(data, stamp)
        .tried(|| format!("cannot mend postgresql.auto.conf in {}", data.display()))?;
    Ok(match done {
        Repair::Sound => None,
        Repair::Mended { lines, kept } => {
            let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
            Some(format!(
                "postgresql.auto.conf: line {} cannot be parsed by any server and was taken out; the file as it was is {}",
                lines.join(", "),
                kept.display()
            ))
        }
        Repair::SetAside { kept } => Some(format!(
            "postgresql.auto.conf belongs to another user and could not be read, so an empty one took its place; the file \
             as it was is {}",
            kept.display()
        )),
    })
}
