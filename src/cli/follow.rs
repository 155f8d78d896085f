//! Following the status file: woken when it changes, by a timer, and by whoever wants us to end.
//!
//! The directory is watched and not the file: it is replaced by another one at every change. The timer is
//! for what no file tells (time that passes, an agent that dies), and for a directory that cannot be watched.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::host::layout::Layout;
use crate::source::watch::Watch;

use super::CliError;

/// Why a follower was woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// Something may have changed, or time has passed.
    Look,
    /// Ctrl-C, or another request to end.
    End,
}

/// What follows a status.
pub struct Follow {
    watch: Option<Watch>,
    timer: Interval,
    interrupt: Signal,
    terminate: Signal,
}

impl Follow {
    /// Begins to follow; the state directory need not be there yet.
    ///
    /// # Errors
    /// Signals cannot be received.
    pub fn start(layout: &Layout, every: Duration) -> Result<Self, CliError> {
        let mut timer = interval(every);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            watch: Watch::start(layout.root()).ok(),
            timer,
            interrupt: signal(SignalKind::interrupt()).map_err(CliError::Io)?,
            terminate: signal(SignalKind::terminate()).map_err(CliError::Io)?,
        })
    }

    /// Waits until it is time to look again. The first call returns at once.
    pub async fn next(&mut self) -> Woken {
        // Every arm may be dropped: changes and signals stay queued.
        tokio::select! {
            _ = self.interrupt.recv() => Woken::End,
            _ = self.terminate.recv() => Woken::End,
            () = changed(self.watch.as_mut()) => Woken::Look,
            _ = self.timer.tick() => Woken::Look,
        }
    }
}

async fn changed(watch: Option<&mut Watch>) {
    match watch {
        // One that cannot be watched any more is looked at by the timer.
        Some(watch) => drop(watch.changed().await),
        None => std::future::pending().await,
    }
}
