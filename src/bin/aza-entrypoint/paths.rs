//! Where things lie, and what a data directory looks like.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::refusal::{Context, Refusal};

/// The major version that this image runs.
pub const MAJOR: &str = "18";
/// The directory of the libraries that a preload list names.
pub const LIBRARIES: &str = "/usr/lib/postgresql/18/lib";
/// The socket directory of the final server.
pub const SOCKETS: &str = "/run/postgresql";
/// The include file, in the data directory.
pub const INCLUDE: &str = "aza.conf";

/// Whether a whole cluster lies there: initdb's `PG_VERSION` arrives last.
///
/// # Errors
/// The directory cannot be read.
pub fn is_cluster(data: &Path) -> Result<bool, Refusal> {
    let version = data.join("PG_VERSION");
    match fs::metadata(&version) {
        Ok(_) => Ok(true),
        Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(wrong) => Err(wrong).tried(|| format!("cannot look at {}", version.display())).map_err(|r| {
            r.fix("the data belongs to another user: run with --user of its owner, or start once as root")
        }),
    }
}

/// Refuses a cluster of another major version.
///
/// # Errors
/// Another version, or an unreadable file.
pub fn check_version(data: &Path) -> Result<(), Refusal> {
    let version = read(&data.join("PG_VERSION"))?;
    if version.trim() == MAJOR {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "{} was made by PostgreSQL {}, this image runs {MAJOR}",
        data.display(),
        version.trim()
    ))
    .fix(format!(
        "use an image of PostgreSQL {}, or move the data with pg_upgrade or pg_dump",
        version.trim()
    )))
}

/// Reads a text file.
///
/// # Errors
/// With the file's name.
pub fn read(path: &Path) -> Result<String, Refusal> {
    fs::read_to_string(path).tried(|| format!("cannot read {}", path.display()))
}

/// Replaces a file's text atomically and durably, for its owner only.
///
/// # Errors
/// With the file's name.
pub fn replace(path: &Path, text: &str) -> Result<(), Refusal> {
    let beside = beside(path, ".new");
    write_private(&beside, text)
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| sync_directory(path.parent().unwrap_or(Path::new("/"))))
        .tried(|| format!("cannot write {}", path.display()))
}

/// Returns the path with `suffix` added to its last part.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// Makes a rename in this directory survive a crash.
///
/// # Errors
/// As the file system says.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
