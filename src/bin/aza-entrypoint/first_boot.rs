//! A first boot, all or nothing: everything happens in a directory that becomes PGDATA only when it is whole.
//!
//! Beside PGDATA and renamed where that is possible. Where PGDATA is itself a mount it cannot be renamed: there
//! the work is done inside it, in a directory whose presence means "unfinished", and the parts are moved up with
//! `PG_VERSION` last. Either way a start that finds `PG_VERSION` finds a whole cluster, with its init scripts run.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::capacity::Sizing;
use crate::environment::Environment;
use crate::identity::Identity;
use crate::paths::{beside, sync_directory};
use crate::refusal::{Context, Refusal};
use crate::server::TemporaryServer;
use crate::{include, initdb, lock, log, scripts};

/// The working directory inside a mounted PGDATA.
const UNFINISHED: &str = ".first-boot-unfinished";

/// Created in the first database, each where its library is loaded or needs no loading.
const EXTENSIONS: [(&str, Option<&str>); 5] = [
    ("vector", None),
    ("pg_cron", Some("pg_cron")),
    ("pgaudit", Some("pgaudit")),
    ("pg_stat_statements", Some("pg_stat_statements")),
    ("pg_trgm", None),
];

/// Makes the cluster, its database, its extensions, and runs the init scripts.
///
/// # Errors
/// Whatever failed; the next start begins anew.
pub fn run(environment: &Environment, identity: &Identity, sizing: &Sizing) -> Result<(), Refusal> {
    let data = &environment.pgdata;
    let place = Place::of(data)?;
    let scratch = scratch()?;
    let work = place.prepare(data)?;
    initdb::initdb(environment, identity, &work)?;
    include::write(&work, sizing)?;
    let server = TemporaryServer::start(environment, identity, &work, &scratch)?;
    server.sql(&extensions(&sizing.inputs.preload), "create the extensions")?;
    scripts::run(&server)?;
    server.stop()?;
    place
        .finish(&work, data)
        .tried(|| format!("cannot put the new cluster at {}", data.display()))?;
    let _ = fs::remove_dir_all(&scratch);
    log::say("PostgreSQL init process complete; ready for start up.");
    Ok(())
}

/// How the finished directory gets to PGDATA.
enum Place {
    /// By a rename.
    Beside,
    /// Part by part.
    Inside,
}

impl Place {
    fn of(data: &Path) -> Result<Self, Refusal> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")
            .tried(|| "cannot read /proc/self/mountinfo".to_owned())?;
        let is_mount = lock::mount_of(data, &mounts).is_some_and(|mount| mount == data);
        Ok(if is_mount { Self::Inside } else { Self::Beside })
    }

    /// Clears what an interrupted first boot left, and returns the directory to work in.
    fn prepare(&self, data: &Path) -> Result<PathBuf, Refusal> {
        let work = match self {
            Self::Beside => beside(data, UNFINISHED),
            Self::Inside => data.join(UNFINISHED),
        };
        let shown = data.display();
        let fix = "the container's user must be able to write there: give it the directory, or start once with \
                   --user 0, which gives it to postgres";
        if work.exists() {
            log::say("an earlier first boot was interrupted: making it again");
            if matches!(self, Self::Inside) {
                clear(data).tried(|| format!("cannot clear {shown}"))?;
            } else {
                fs::remove_dir_all(&work).tried(|| format!("cannot remove {}", work.display()))?;
            }
        }
        let foreign = entries(data)
            .tried(|| format!("cannot list {shown}"))
            .map_err(|r| r.fix(fix))?;
        if let Some(entry) = foreign.first() {
            return Err(Refusal::new(format!(
                "{shown} holds no PostgreSQL cluster but is not empty: {} is in it",
                entry.display()
            ))
            .fix("mount an empty volume at /var/lib/postgresql, or one that holds a cluster of PostgreSQL 18"));
        }
        fs::create_dir_all(&work)
            .tried(|| format!("cannot make {}", work.display()))
            .map_err(|refusal| refusal.fix(fix))?;
        Ok(work)
    }

    fn finish(&self, work: &Path, data: &Path) -> io::Result<()> {
        let parent = data.parent().unwrap_or(Path::new("/"));
        match self {
            Self::Beside => {
                fs::rename(work, data)?;
                sync_directory(parent)
            }
            Self::Inside => {
                // The mount came with a mode of its own, and the server wants this one.
                fs::set_permissions(data, fs::Permissions::from_mode(0o700))?;
                let (last, rest): (Vec<_>, Vec<_>) = entries(work)?
                    .into_iter()
                    .partition(|entry| entry.ends_with("PG_VERSION"));
                for entry in rest.into_iter().chain(last) {
                    sync_directory(data)?;
                    fs::rename(&entry, data.join(entry.file_name().unwrap_or_default()))?;
                }
                fs::remove_dir(work)?;
                sync_directory(data)
            }
        }
    }
}

/// Returns what lies in a directory, without what every fresh file system has; nothing where there is none.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let listed = match fs::read_dir(directory) {
        Ok(listed) => listed,
        Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(wrong) => return Err(wrong),
    };
    let paths = listed
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    Ok(paths
        .into_iter()
        .filter(|path| !path.ends_with("lost+found"))
        .collect())
}

/// Removes everything below a directory, the mark of unfinished work last.
fn clear(directory: &Path) -> io::Result<()> {
    let (mark, rest): (Vec<_>, Vec<_>) = entries(directory)?
        .into_iter()
        .partition(|entry| entry.ends_with(UNFINISHED));
    for entry in rest.into_iter().chain(mark) {
        if entry.is_dir() && !entry.is_symlink() {
            fs::remove_dir_all(entry)?;
        } else {
            fs::remove_file(entry)?;
        }
    }
    Ok(())
}

/// Makes a directory that only this user can enter: for the socket.
fn scratch() -> Result<PathBuf, Refusal> {
    use std::os::unix::fs::DirBuilderExt;
    let path = PathBuf::from(format!(
        "/tmp/aza-first-boot-{}",
        rustix::process::geteuid().as_raw()
    ));
    let _ = fs::remove_dir_all(&path);
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&path)
        .tried(|| format!("cannot make {}", path.display()))
        .map_err(|refusal| {
            refusal.fix("give the container a writable /tmp, for example `--tmpfs /tmp:mode=1777`")
        })?;
    Ok(path)
}

fn extensions(preload: &[String]) -> String {
    let loaded = |library: &str| preload.iter().any(|name| name == library);
    let wanted = EXTENSIONS
        .iter()
        .filter(|(_, needs)| needs.is_none_or(loaded));
    wanted
        .map(|(name, _)| format!("CREATE EXTENSION IF NOT EXISTS {name};\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::extensions;

    #[test]
    fn an_extension_is_left_out_with_its_library() {
        let sql = extensions(&["pgaudit".to_owned()]);
        assert!(sql.contains("vector") && sql.contains("pgaudit") && sql.contains("pg_trgm"));
        assert!(!sql.contains("pg_cron") && !sql.contains("pg_stat_statements"));
    }
}
