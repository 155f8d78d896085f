//! Notices that something may have changed in the directory of manifests.
//!
//! A hint and no more: a missed one only costs time, because the caller reads the directory on a timer as
//! well. Watched is all that the path depends on ([`super::trail`]), so a directory that was removed and made
//! again, or a link that was swapped wherever it is, is found. What surprised us: reading a watched file is an
//! event too, and must not wake the reader.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::trail::{Interest, Trail};
use super::writers::{Heard, Writers};

/// How long it must be quiet before a change counts as finished: editors save in several steps, and
/// `git pull` changes several files.
const QUIET: Duration = Duration::from_millis(50);
/// How long a change may go on before it is told all the same.
const PATIENCE: Duration = Duration::from_millis(300);

/// Why changes cannot be noticed. The caller goes on with its timer.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The kernel's limit is reached.
    #[error(
        "no inotify watch is left for `{}`: raise fs.inotify.max_user_watches and \
         fs.inotify.max_user_instances; until then changes are found by rescans only",
        .path.display()
    )]
    Exhausted {
        /// What should be watched.
        path: PathBuf,
    },
    /// The directory cannot be watched.
    #[error("cannot watch `{}`", .path.display())]
    Watch {
        /// What should be watched.
        path: PathBuf,
        /// The cause.
        #[source]
        source: notify::Error,
    },
}

/// Watches one directory until it is dropped.
pub struct Watch {
    watcher: RecommendedWatcher,
    directory: PathBuf,
    /// What is watched, and which file system and file it was then.
    armed: BTreeMap<PathBuf, (u64, u64)>,
    /// What matters of that; the watcher's thread asks it.
    trail: Arc<Mutex<Trail>>,
    heard: mpsc::UnboundedReceiver<Heard>,
    writers: Writers,
    /// When the change began that is not told yet: kept here so that [`Watch::changed`] may be dropped.
    since: Option<Instant>,
}

impl Watch {
    /// Begins to watch a directory, which need not be there yet.
    ///
    /// # Errors
    /// The kernel has no watch left, or the directory cannot be watched.
    pub fn start(directory: &Path) -> Result<Self, WatchError> {
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf());
        let (sender, heard) = mpsc::unbounded_channel();
        let trail = Arc::new(Mutex::new(Trail::default()));
        let concerning = trail.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let concerns = |path: &Path| {
                let trail = concerning.lock().unwrap_or_else(PoisonError::into_inner);
                trail.concerns(path)
            };
            if let Some(told) = told(event, concerns) {
                // Nobody listens any more: the watch is being dropped.
                let _ = sender.send(told);
            }
        })
        .map_err(|source| failed(&directory, source))?;
        let mut watch = Self {
            watcher,
            directory,
            armed: BTreeMap::new(),
            trail,
            heard,
            writers: Writers::default(),
            since: None,
        };
        watch.arm()?;
        Ok(watch)
    }

    /// Returns when something has changed and it has been quiet since, for a moment.
    ///
    /// May be dropped at any time: a change that was noticed is told by the next call.
    ///
    /// # Errors
    /// Something changed, and the directory cannot be watched any more.
    pub async fn changed(&mut self) -> Result<(), WatchError> {
        if self.since.is_none() {
            let Some(heard) = self.heard.recv().await else {
                // The watcher lives as long as this value, and holds the sender.
                return std::future::pending().await;
            };
            self.note(&heard);
        }
        let last = self.since.unwrap_or_else(Instant::now) + PATIENCE;
        loop {
            let quiet = Instant::now() + QUIET;
            match timeout_at(quiet.min(last), self.heard.recv()).await {
                Ok(Some(heard)) => self.note(&heard),
                Ok(None) | Err(_) => break,
            }
        }
        self.since = None;
        self.arm()
    }

    /// Takes what was heard meanwhile: [`Watch::changed`] tells it. Returns who writes.
    pub fn writers(&mut self) -> &mut Writers {
        while let Ok(heard) = self.heard.try_recv() {
            self.note(&heard);
        }
        &mut self.writers
    }

    fn note(&mut self, heard: &Heard) {
        self.since.get_or_insert_with(Instant::now);
        self.writers.hear(heard);
    }

    /// Watches what the path depends on now.
    ///
    /// # Errors
    /// The kernel has no watch left, or the directory itself cannot be watched.
    pub fn arm(&mut self) -> Result<(), WatchError> {
        // One that changes meanwhile has been watched before it is looked at again, two times at most but for
        // somebody who keeps on changing it.
        for _ in 0..8 {
            let trail = Trail::of(&self.directory);
            *self.trail.lock().unwrap_or_else(PoisonError::into_inner) = trail.clone();
            if !self.arm_for(&trail)? {
                break;
            }
        }
        Ok(())
    }

    /// Returns whether anything had to be done.
    fn arm_for(&mut self, trail: &Trail) -> Result<bool, WatchError> {
        let identity = |path: &Path| {
            let known = std::fs::metadata(path).ok()?;
            known.is_dir().then(|| (known.dev(), known.ino()))
        };
        let is_stale = |(path, file): (&PathBuf, &(u64, u64))| {
            let stale = !trail.directories.contains_key(path) || identity(path) != Some(*file);
            stale.then(|| path.clone())
        };
        let stale: Vec<PathBuf> = self.armed.iter().filter_map(is_stale).collect();
        for path in &stale {
            // Fails where the kernel has dropped it already.
            let _ = self.watcher.unwatch(path);
            self.armed.remove(path);
        }
        let mut changed = !stale.is_empty();
        for (path, interest) in &trail.directories {
            if self.armed.contains_key(path) {
                continue;
            }
            let Some(file) = identity(path) else { continue };
            match self.watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    changed = true;
                    self.armed.insert(path.clone(), file);
                }
                Err(_) if identity(path) != Some(file) => changed = true,
                Err(source) => {
                    let wrong = failed(path, source);
                    let is_needed = *interest == Interest::Everything;
                    if is_needed || matches!(wrong, WatchError::Exhausted { .. }) {
                        return Err(wrong);
                    }
                }
            }
        }
        if changed {
            // What was known of files was known by watches that are gone.
            self.writers.hear(&Heard::Lost);
        }
        Ok(changed)
    }
}

fn failed(path: &Path, source: notify::Error) -> WatchError {
    let path = path.to_path_buf();
    let out_of_instances = matches!(&source.kind, ErrorKind::Io(io)
        if io.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()));
    if out_of_instances || matches!(source.kind, ErrorKind::MaxFilesWatch) {
        WatchError::Exhausted { path }
    } else {
        WatchError::Watch { path, source }
    }
}

/// Returns what an event means to us; `None` where it means nothing.
fn told(event: notify::Result<Event>, concerns: impl Fn(&Path) -> bool) -> Option<Heard> {
    // An error can be a queue that ran over: events are lost, so look again at everything.
    let Ok(event) = event else {
        return Some(Heard::Lost);
    };
    if event.need_rescan() {
        return Some(Heard::Lost);
    }
    let pair = event.tracker();
    let path = event.paths.into_iter().next()?;
    let heard = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Heard::Closed(path.clone()),
        EventKind::Access(_) => return None,
        EventKind::Modify(ModifyKind::Data(_)) => Heard::Written(path.clone()),
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
            Heard::MovedFrom(path.clone(), pair)
        }
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Heard::MovedTo(path.clone(), pair),
        // Said twice: both halves were told.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return None,
        EventKind::Create(_) | EventKind::Remove(_) => Heard::Replaced(path.clone()),
        EventKind::Modify(_) | EventKind::Any | EventKind::Other => Heard::Other,
    };
    concerns(&path).then_some(heard)
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
