//! The directory of manifests as the agent lives with it: watched where that is possible, read whole files only.
//!
//! Whoever holds one waits for [`DesiredState::changed`], for its own timer and for the time that a
//! [`Snapshot`] names, and reads after each. A directory that cannot be watched is tried again at each reading.

use std::path::{Path, PathBuf};

use crate::api::chain::in_words;

use super::directory::{Snapshot, SourceError, readings};
use super::settle::{Hearing, Moment, Settling};
use super::watch::{Watch, WatchError};

/// One directory of manifests.
pub struct DesiredState {
    directory: PathBuf,
    watch: Option<Watch>,
    unwatched: Option<String>,
    settling: Settling,
}

impl DesiredState {
    /// Begins to watch a directory, which need not be there yet.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        let mut new = Self {
            directory: directory.to_owned(),
            watch: None,
            unwatched: None,
            settling: Settling::default(),
        };
        new.ensure_watched();
        new
    }

    /// Returns when something may have changed; never, where nothing is watched. May be dropped at any time.
    pub async fn changed(&mut self) {
        match &mut self.watch {
            Some(watch) => {
                if let Err(wrong) = watch.changed().await {
                    self.lose(&wrong);
                }
            }
            None => std::future::pending().await,
        }
    }

    /// Reads what counts now.
    ///
    /// # Errors
    /// The directory is missing or cannot be listed.
    pub fn read(&mut self, now: Moment) -> Result<Snapshot, SourceError> {
        self.ensure_watched();
        let readings = readings(&self.directory)?;
        let reals: Vec<(PathBuf, PathBuf)> = readings
            .iter()
            .map(|reading| (reading.path.clone(), reading.real.clone()))
            .collect();
        // Asked after the files were read: a write that we could have seen has been told by now, or its file
        // is too young to count.
        let Some(watch) = &mut self.watch else {
            return Ok(self.settling.take(readings, Hearing::Deaf, now));
        };
        let writers = watch.writers();
        let snapshot = self.settling.take(readings, Hearing::Told(writers), now);
        let pending: Vec<&PathBuf> = reals
            .iter()
            .filter(|(path, _)| snapshot.pending.iter().any(|pending| pending.path == *path))
            .map(|(_, real)| real)
            .collect();
        writers.finished_is_read(|path| pending.iter().any(|pending| *pending == path));
        Ok(snapshot)
    }

    /// Says why nothing is watched, where that is so.
    #[must_use]
    pub fn unwatched(&self) -> Option<&str> {
        self.unwatched.as_deref()
    }

    fn ensure_watched(&mut self) {
        let armed = match &mut self.watch {
            Some(watch) => watch.arm(),
            None => Watch::start(&self.directory).map(|watch| {
                (self.watch, self.unwatched) = (Some(watch), None);
            }),
        };
        if let Err(wrong) = armed {
            self.lose(&wrong);
        }
    }

    /// Half a watch would be taken for a whole one.
    fn lose(&mut self, wrong: &WatchError) {
        (self.watch, self.unwatched) = (None, Some(in_words(wrong)));
    }
}
