//! The init scripts in `/docker-entrypoint-initdb.d`, in the order of their names, as people know them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::{fs, io};

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

/// How a file is run.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// As a program.
    Run,
    /// In a shell.
    Source,
    /// Through psql.
    Sql,
    /// Through this program, then psql.
    Compressed(&'static str),
    /// Not at all.
    Ignored,
}

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

fn kind(script: &Path, executable: bool) -> Kind {
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    match &*name {
        name if name.starts_with('.') => Kind::Ignored,
        name if name.ends_with(".sh") && executable => Kind::Run,
        name if name.ends_with(".sh") => Kind::Source,
        name if name.ends_with(".sql") => Kind::Sql,
        name if name.ends_with(".sql.gz") => Kind::Compressed("gzip"),
        name if name.ends_with(".sql.xz") => Kind::Compressed("xz"),
        name if name.ends_with(".sql.zst") => Kind::Compressed("zstd"),
        _ => Kind::Ignored,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_how_a_script_is_run() {
        for (name, executable, wanted) in [
            ("1.sh", true, Kind::Run),
            ("1.sh", false, Kind::Source),
            ("1.sql", false, Kind::Sql),
            ("1.sql.gz", false, Kind::Compressed("gzip")),
            ("1.sql.xz", false, Kind::Compressed("xz")),
            ("1.sql.zst", false, Kind::Compressed("zstd")),
            ("README", true, Kind::Ignored),
            (".hidden.sql", false, Kind::Ignored),
        ] {
            assert_eq!(kind(Path::new(name), executable), wanted, "{name}");
        }
    }
}
