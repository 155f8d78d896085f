//! Locks that a crash releases: one agent for one engine and host name, one compose call for one project.
//!
//! `flock` on a file, the descriptor kept open. A child that gets it as its standard input keeps it locked:
//! so a compose call outlives a killed agent, and the next agent waits for it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::process::Stdio;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// A lock that is held while this value lives, or a child that it was shared with.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, or returns `None` where another process holds it.
    ///
    /// # Errors
    /// The file cannot be made or locked at all.
    pub fn try_take(path: &Path) -> io::Result<Option<Self>> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether another process holds the lock. A file that is not there is held by nobody.
    ///
    /// # Errors
    /// The file cannot be opened for reading.
    pub fn is_held(path: &Path) -> io::Result<bool> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns a standard input for a child, which then holds the lock as long as it lives.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn share(&self) -> io::Result<Stdio> {
        Ok(Stdio::from(self.file.try_clone()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_and_freed_by_drop() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/agent.lock");
        assert!(!Lock::is_held(&path).unwrap());
        let first = Lock::try_take(&path).unwrap();
        assert!(first.is_some());
        assert!(Lock::try_take(&path).unwrap().is_none());
        assert!(Lock::is_held(&path).unwrap());
        drop(first);
        assert!(Lock::try_take(&path).unwrap().is_some());
    }

    #[test]
    fn a_child_keeps_the_lock_after_its_parent_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("project.lock");
        let lock = Lock::try_take(&path).unwrap().unwrap();
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .stdin(lock.share().unwrap())
            .spawn()
            .unwrap();
        drop(lock);
        assert!(Lock::try_take(&path).unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Lock::try_take(&path).unwrap().is_some());
    }
}
