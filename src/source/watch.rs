//! Notices that something may have changed in the directory of manifests.
//!
//! A hint and no more: it names no file, and a missed one only costs time, because the caller reads the
//! directory on a timer as well. The directory is watched, and the directory that holds it: so one that
//! was removed and made again, or a symbolic link that was swapped, is found. What surprised us: reading
//! a watched file is an event too, and must not wake the reader.
//!
//! *Current limitations*: a link further up, or the target of a link that is made again, gives no hint.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// How long it must be quiet before a change counts as finished: editors save in several steps.
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
    /// Neither the directory nor the one that holds it can be watched.
    #[error("cannot watch `{}`", .path.display())]
    Watch {
        /// What should be watched.
        path: PathBuf,
        /// The cause.
        #[source]
        source: notify::Error,
    },
}

/// What the kernel's events come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// Something in the directory.
    Inside,
    /// The directory itself, or the link to it: what is watched may be another one now.
    Itself,
}

/// Watches one directory until it is dropped.
pub struct Watch {
    watcher: RecommendedWatcher,
    directory: PathBuf,
    parent: PathBuf,
    hints: mpsc::UnboundedReceiver<Hint>,
    /// When the change began that is not told yet: kept here so that [`Watch::changed`] may be dropped.
    since: Option<Instant>,
    rearm: bool,
}

impl Watch {
    /// Begins to watch a directory, which need not be there yet.
    ///
    /// # Errors
    /// The kernel has no watch left, or the directory that holds it cannot be watched.
    pub fn start(directory: &Path) -> Result<Self, WatchError> {
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf());
        let parent = directory.parent().unwrap_or(Path::new("/")).to_path_buf();
        let (sender, hints) = mpsc::unbounded_channel();
        let itself = directory.clone();
        let holder = parent.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if let Some(hint) = hint(event, &itself, &holder) {
                // Nobody listens any more: the watch is being dropped.
                let _ = sender.send(hint);
            }
        })
        .map_err(|source| failed(&directory, source))?;
        let mut watch = Self {
            watcher,
            directory,
            parent,
            hints,
            since: None,
            rearm: false,
        };
        let parent = watch.parent.clone();
        watch
            .watcher
            .watch(&parent, RecursiveMode::NonRecursive)
            .map_err(|source| failed(&parent, source))?;
        watch.arm()?;
        Ok(watch)
    }

    /// Returns when something has changed and it has been quiet since, for a moment.
    ///
    /// May be dropped at any time: a change that was noticed is told by the next call.
    ///
    /// # Errors
    /// Something changed, and the directory cannot be watched any more. The next call goes on with what
    /// can be.
    pub async fn changed(&mut self) -> Result<(), WatchError> {
        if self.since.is_none() {
            let Some(hint) = self.hints.recv().await else {
                // The watcher lives as long as this value, and holds the sender.
                return std::future::pending().await;
            };
            self.noticed(hint);
        }
        let last = self.since.unwrap_or_else(Instant::now) + PATIENCE;
        loop {
            let quiet = Instant::now() + QUIET;
            match timeout_at(quiet.min(last), self.hints.recv()).await {
                Ok(Some(hint)) => self.noticed(hint),
                Ok(None) | Err(_) => break,
            }
        }
        self.since = None;
        if std::mem::take(&mut self.rearm) {
            self.arm()
        } else {
            Ok(())
        }
    }

    fn noticed(&mut self, hint: Hint) {
        self.since.get_or_insert_with(Instant::now);
        self.rearm |= hint == Hint::Itself;
    }

    /// Watches the directory that the path leads to now. One that is not there is no error: the one
    /// that holds it tells when it comes.
    fn arm(&mut self) -> Result<(), WatchError> {
        // Fails where nothing was watched yet, or where the kernel has dropped it already.
        let _ = self.watcher.unwatch(&self.directory);
        match self
            .watcher
            .watch(&self.directory, RecursiveMode::NonRecursive)
        {
            Ok(()) => Ok(()),
            Err(_) if !self.directory.exists() => Ok(()),
            Err(source) => Err(failed(&self.directory, source)),
        }
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
fn hint(event: notify::Result<Event>, directory: &Path, parent: &Path) -> Option<Hint> {
    // An error can be a queue that ran over: events are lost, so look again at everything.
    let Ok(event) = event else {
        return Some(Hint::Itself);
    };
    let finished_writing = EventKind::Access(AccessKind::Close(AccessMode::Write));
    if matches!(event.kind, EventKind::Access(_)) && event.kind != finished_writing {
        return None;
    }
    let is_itself = |path: &PathBuf| path == directory;
    let is_beside = |path: &PathBuf| path.parent() == Some(parent) && path != directory;
    if event.need_rescan() || event.paths.iter().any(is_itself) {
        Some(Hint::Itself)
    } else if !event.paths.is_empty() && event.paths.iter().all(is_beside) {
        None
    } else {
        Some(Hint::Inside)
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
