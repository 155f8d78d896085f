//! Locks that a crash releases: one agent for one engine and host name, one compose call for one project.
//!
//! `flock` on a file, the descriptor kept open. A child that inherits it keeps it locked: so a compose
//! call outlives a killed agent, and the next agent waits for it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::{FdFlags, fcntl_setfd};

use super::StoreError;

/// A lock that is held while this value lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, or returns `None` where another process holds it.
    ///
    /// # Errors
    /// The file cannot be made or locked at all.
    pub fn try_take(path: &Path) -> Result<Option<Self>, StoreError> {
        let failed = |e: io::Error| StoreError::new("lock", path, e);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(e) => Err(failed(e.into())),
        }
    }

    /// Lets children inherit it: the lock then lasts as long as the longest of them.
    ///
    /// # Errors
    /// The system refuses.
    pub fn inherit(&self) -> io::Result<()> {
        Ok(fcntl_setfd(&self.file, FdFlags::empty())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_and_freed_by_drop() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/agent.lock");
        let first = Lock::try_take(&path).unwrap();
        assert!(first.is_some());
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(first);
        assert!(Lock::try_take(&path).unwrap().is_some());
    }
}
