//! Reads a directory of manifests.
//!
//! `*.yaml` and `*.yml` count; hidden files, what editors leave behind, and sub-directories do not.
//! A file that cannot be read is a result like any other: it never hides the others, and as long as
//! there is one, nothing may be said to be gone ([`Snapshot::is_complete`]).
//!
//! [`read`] takes every file as it is at that moment, which suits a person who asks. The agent reads through
//! [`super::DesiredState`], which waits for files that are being written.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::api::desired::Desired;
use crate::api::validate::{MAX_FILE, Report, validate};

/// What stands in the directory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// The manifest files, by name.
    pub files: Vec<FileReport>,
    /// The files whose newest content does not count yet. One that counted before is among `files` with
    /// what it said then.
    pub pending: Vec<Pending>,
    /// After which time to look again at what is pending.
    pub again: Option<Duration>,
}

/// A file whose newest content does not count yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Where it is.
    pub path: PathBuf,
    /// Whether somebody is known to write to it, and for so long that people should hear of it.
    pub is_long: bool,
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

    /// Whether every file could be read whole and every document in them has a name: only then is a stack
    /// that is not here a stack whose manifest is gone.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let is_whole = |file: &FileReport| file.content.as_ref().is_ok_and(Report::is_complete);
        self.pending.is_empty() && self.files.iter().all(is_whole)
    }
}

/// One file as it was read.
#[derive(Debug)]
pub struct Reading {
    /// Where it is.
    pub path: PathBuf,
    /// Where its content is: the same, but for links. The events of the kernel name this one.
    pub real: PathBuf,
    /// What was read, or why nothing.
    pub text: io::Result<Text>,
}

/// What was read of a file.
#[derive(Debug)]
pub struct Text {
    /// Its bytes, one more than a manifest may have at most.
    pub bytes: Vec<u8>,
    /// Which file it was, and in which state.
    pub stamp: Stamp,
    /// Whether the state was the same before and after.
    pub is_steady: bool,
}

/// Tells a file from another one and from itself after a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The file system and the number in it.
    pub file: (u64, u64),
    /// Its length.
    pub length: u64,
    /// When it was last written, by the system's clock.
    pub written: Option<SystemTime>,
}

/// Reads the manifests of a directory, each as it is now. A symbolic link to a directory is followed.
///
/// # Errors
/// The directory is missing or cannot be listed.
pub fn read(directory: &Path) -> Result<Snapshot, SourceError> {
    let files = readings(directory)?
        .into_iter()
        .map(|reading| FileReport {
            content: judged(&reading.path, &reading.text),
            path: reading.path,
        })
        .collect();
    Ok(Snapshot {
        files,
        ..Snapshot::default()
    })
}

/// Reads the manifest files of a directory, sorted.
pub(super) fn readings(directory: &Path) -> Result<Vec<Reading>, SourceError> {
    let readings = manifests(directory)?.into_iter().filter_map(|path| {
        let text = text(&path);
        // One that went away since the listing is not here; a link that leads nowhere is.
        let is_missing = matches!(&text, Err(wrong) if wrong.kind() == io::ErrorKind::NotFound);
        if is_missing && fs::symlink_metadata(&path).is_err() {
            return None;
        }
        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        Some(Reading { path, real, text })
    });
    Ok(readings.collect())
}

/// Returns what a text comes to.
pub(super) fn judged(path: &Path, text: &io::Result<Text>) -> Result<Report, Unreadable> {
    match text {
        Ok(text) => Ok(validate(&text.bytes, &path.display().to_string())),
        Err(wrong) => Err(Unreadable {
            path: path.to_owned(),
            why: wrong.to_string(),
        }),
    }
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
pub(super) fn is_manifest(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let is_yaml = Path::new(name.as_ref())
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml");
    is_yaml && !name.starts_with(['.', '#', '~'])
}

/// Reads a file, but not more than a manifest may have: one byte beyond it is refused by `validate`.
fn text(path: &Path) -> io::Result<Text> {
    let file = open(path)?;
    let before = stamp(&file)?;
    let mut bytes = Vec::new();
    (&file).take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    let stamp = stamp(&file)?;
    let is_whole = stamp.length.min(MAX_FILE as u64 + 1) == bytes.len() as u64;
    Ok(Text {
        bytes,
        stamp,
        is_steady: before == stamp && is_whole,
    })
}

fn stamp(file: &File) -> io::Result<Stamp> {
    let known = file.metadata()?;
    Ok(Stamp {
        file: (known.dev(), known.ino()),
        length: known.len(),
        written: known.modified().ok(),
    })
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

/// Tells contents apart.
pub(super) fn fingerprint(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
