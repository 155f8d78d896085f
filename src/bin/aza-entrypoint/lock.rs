//! One writer per volume: an exclusive lock on the volume's root directory, held for the life of the server.
//!
//! Two servers on one data directory run without an error and lose rows: `postmaster.pid` says 1 for both.
//! The descriptor is inherited by postgres and all its children on purpose, so the lock is held as long as
//! any of them lives. A directory, because a lock file can be removed under its holder.

use std::os::fd::{IntoRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;

use crate::environment::Environment;
use crate::log;
use crate::refusal::{Context, Refusal};

/// How long a server that is just going down may still hold the volume.
const PATIENCE: Duration = Duration::from_secs(3);

/// Takes the lock, and leaves its descriptor open for good.
///
/// # Errors
/// Another container has the volume, or its root directory cannot be opened.
pub fn take(environment: &Environment) -> Result<(), Refusal> {
    let root = volume_root(&environment.pgdata)?;
    let shown = root.display();
    // Without CLOEXEC: postgres inherits it.
    let directory = open(&root, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
        .tried(|| format!("cannot open {shown} to lock it"))?;
    let deadline = Instant::now() + PATIENCE;
    let mut told = false;
    loop {
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::WOULDBLOCK | Errno::ACCESS) if Instant::now() < deadline => {
                if !told {
                    log::say(&format!("waiting for another server to leave {shown}"));
                    told = true;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(Errno::WOULDBLOCK | Errno::ACCESS) => {
                return Err(Refusal::new(format!(
                    "another container runs on this volume: {shown} is locked"
                ))
                .fix("two servers on one volume destroy it. `docker ps` shows the other one: stop it, or \
                      give this container a volume of its own"));
            }
            Err(wrong) => return Err(wrong).tried(|| format!("cannot lock {shown}")),
        }
    }
    keep(directory);
    Ok(())
}

/// Gives the descriptor up without closing it: from here on the kernel keeps it for the process.
fn keep(directory: OwnedFd) {
    let _ = directory.into_raw_fd();
}

/// Returns the directory at which the volume that holds `data` is mounted; without one, the nearest
/// directory that is there.
fn volume_root(data: &Path) -> Result<PathBuf, Refusal> {
    let existing = data
        .ancestors()
        .find(|path| path.is_dir())
        .unwrap_or(Path::new("/"));
    let existing = existing
        .canonicalize()
        .tried(|| format!("cannot look at {}", existing.display()))?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")
        .tried(|| "cannot read /proc/self/mountinfo".to_owned())?;
    let root = mount_of(&existing, &mounts);
    Ok(root.unwrap_or(existing))
}

/// Returns the longest mount point that holds `path`, unless that is the container's own root.
pub fn mount_of(path: &Path, mountinfo: &str) -> Option<PathBuf> {
    let points = mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(unescape);
    points
        .map(PathBuf::from)
        .filter(|point| point != Path::new("/") && path.starts_with(point))
        .max_by_key(|point| point.components().count())
}

/// Undoes the kernel's `\040` for characters that would break the line.
fn unescape(text: &str) -> String {
    ["\\040 ", "\\011\t", "\\012\n", "\\134\\"]
        .iter()
        .fold(text.to_owned(), |text, pair| {
            text.replace(&pair[..4], &pair[4..])
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
1 0 0:1 / / ro - overlay overlay rw
2 1 0:2 / /proc rw - proc proc rw
3 1 8:1 /volumes/db/_data /var/lib/postgresql rw - ext4 /dev/sda rw
4 1 8:1 /volumes/x/_data /srv/my\\040data rw - ext4 /dev/sda rw
";

    #[test]
    fn the_lock_lies_on_the_volume_that_holds_the_data() {
        let of = |path: &str| mount_of(Path::new(path), MOUNTS);
        assert_eq!(
            of("/var/lib/postgresql/18"),
            Some("/var/lib/postgresql".into())
        );
        assert_eq!(of("/srv/my data/pg"), Some("/srv/my data".into()));
        assert_eq!(of("/opt/data"), None);
    }
}
