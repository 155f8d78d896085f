//! The init scripts in `/docker-entrypoint-initdb.d`, in the order of their names, as people know them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::{fs, io};

use crate::kind::{Kind, kind};
use crate::log;
use crate::refusal::{Context, Refusal};
use crate::server::TemporaryServer;

const DIRECTORY: &str = "/docker-entrypoint-initdb.d";

/// What sourced scripts may call, as they could in the official image.
const FUNCTIONS: &str = r#"
set -Eeo pipefail
docker_process_sql() {
    psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}
. "$0"
"#;

/// Runs every script.
///
/// # Errors
/// The first that fails, by name.
pub fn run(server: &TemporaryServer) -> Result<(), Refusal> {
    for script in scripts(Path::new(DIRECTORY)).tried(|| format!("cannot list {DIRECTORY}"))? {
        let shown = script.display();
        let executable = fs::metadata(&script)
            .tried(|| format!("cannot look at {shown}"))?
            .permissions()
            .mode()
            & 0o111
            != 0;
        let kind = kind(&script, executable);
        if kind == Kind::Ignored {
            log::say(&format!("ignoring {shown}"));
            continue;
        }
        log::say(&format!("running {shown}"));
        let status = perform(server, &script, &kind).tried(|| format!("cannot run {shown}"))?;
        if !status.success() {
            return Err(
                Refusal::new(format!("init script {shown} failed ({status})")).fix(
                    "its message stands above; mend it and start again: the first boot begins anew",
                ),
            );
        }
    }
    Ok(())
}

fn scripts(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(wrong) => return Err(wrong),
    };
    let mut scripts = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    scripts.retain(|path| path.is_file());
    scripts.sort();
    Ok(scripts)
}

fn perform(server: &TemporaryServer, script: &Path, kind: &Kind) -> io::Result<ExitStatus> {
    match kind {
        Kind::Run => server.command(&script.to_string_lossy()).status(),
        Kind::Source => server
            .command("bash")
            .arg("-c")
            .arg(FUNCTIONS)
            .arg(script)
            .status(),
        Kind::Sql => server.psql().arg("--file").arg(script).status(),
        Kind::Compressed(program) => {
            let mut unpacking = Command::new(program)
                .args(["-dc", "--"])
                .arg(script)
                .stdout(Stdio::piped())
                .spawn()?;
            let unpacked = unpacking
                .stdout
                .take()
                .map_or_else(Stdio::null, Stdio::from);
            let status = server.psql().stdin(unpacked).status()?;
            let unpacking = unpacking.wait()?;
            // A damaged archive ends early: psql is content with what it got, we are not.
            Ok(if status.success() { unpacking } else { status })
        }
        Kind::Ignored => Ok(ExitStatus::default()),
    }
}
