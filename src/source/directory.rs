//! Reads a directory of manifests.
//!
//! `*.yaml` and `*.yml` count; hidden files, what editors leave behind, and sub-directories do not.
//! A file that cannot be read is a result like any other: it never hides the others, and as long as
//! there is one, nothing may be said to be gone ([`Snapshot::is_complete`]).
//!
//! *Current limitations*: a file is read while somebody may be writing it. An editor that replaces
//! files is safe; one that overwrites them can be seen half-way, which the next look puts right.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::api::desired::Desired;
use crate::api::validate::{MAX_FILE, Report, validate};

/// What stands in the directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The manifest files, by name.
    pub files: Vec<FileReport>,
    /// A digest of names and contents: equal ones need no second look.
    pub digest: String,
}

/// What stands in one file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileReport {
    /// Where it is.
    pub path: PathBuf,
    /// Its documents, or why it cannot be read.
    pub content: Result<Report, Unreadable>,
}

/// Why a manifest file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read `{}`: {why}", .path.display())]
pub struct Unreadable {
    /// Where it is.
    pub path: PathBuf,
    /// Why not.
    pub why: String,
}

/// Why the directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is not there.
    #[error("`{}` is not there: create it, or name another with --desired-state", .path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It is there, and cannot be listed.
    #[error("cannot list `{}`", .path.display())]
    List {
        /// Where it is.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl Snapshot {
    /// Returns every valid stack.
    pub fn stacks(&self) -> impl Iterator<Item = &Desired> {
        self.reports().flat_map(Report::stacks)
    }

    /// Returns what could be read.
    pub fn reports(&self) -> impl Iterator<Item = &Report> {
        self.files
            .iter()
            .filter_map(|file| file.content.as_ref().ok())
    }

    /// Whether every file could be read and every document in them has a name: only then is a stack
    /// that is not here a stack whose manifest is gone.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.files
            .iter()
            .all(|file| file.content.as_ref().is_ok_and(Report::is_complete))
    }
}

/// Reads the manifests of a directory. A symbolic link to a directory is followed.
///
/// # Errors
/// The directory is missing or cannot be listed.
pub fn read(directory: &Path) -> Result<Snapshot, SourceError> {
    let mut hash = Sha256::new();
    let mut files = Vec::new();
    for path in manifests(directory)? {
        let bytes = contents(&path);
        fold(&mut hash, &path, &bytes);
        let content = bytes
            .map(|bytes| validate(&bytes, &path.display().to_string()))
            .map_err(|wrong| Unreadable {
                path: path.clone(),
                why: wrong.to_string(),
            });
        files.push(FileReport { path, content });
    }
    let digest = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(Snapshot { files, digest })
}

/// Lists the manifest files, sorted.
fn manifests(directory: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let path = || directory.to_path_buf();
    let cannot_list = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => SourceError::Missing { path: path() },
        _ => SourceError::List {
            path: path(),
            source,
        },
    };
    let mut manifests = Vec::new();
    for entry in fs::read_dir(directory).map_err(cannot_list)? {
        let entry = entry.map_err(cannot_list)?;
        if is_manifest(&entry.file_name()) && !entry.path().is_dir() {
            manifests.push(entry.path());
        }
    }
    manifests.sort();
    Ok(manifests)
}

/// Whether a name is one of ours, and not one that an editor makes while it saves.
fn is_manifest(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let is_yaml = Path::new(name.as_ref())
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml");
    is_yaml && !name.starts_with(['.', '#', '~'])
}

/// Reads a file, but not more than a manifest may have: one byte beyond it is refused by `validate`.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a regular file. A pipe with that name must not make us wait.
fn open(path: &Path) -> io::Result<File> {
    let no_wait = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(no_wait)
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        ))
    }
}

fn fold(hash: &mut Sha256, path: &Path, bytes: &io::Result<Vec<u8>>) {
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(path.as_os_str().as_encoded_bytes());
    match bytes {
        Ok(bytes) => part(bytes),
        Err(wrong) => part(format!("unreadable: {wrong}").as_bytes()),
    }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
