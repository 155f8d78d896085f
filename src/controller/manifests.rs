//! What the directory's manifests mean for the stacks that the loop looks after: what [`super::standing`] says
//! turned is kept, told, and looked at.

use std::time::SystemTime;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::api::chain::in_words;
use crate::api::desired::Desired;
use crate::source::Moment;
use crate::store;

use super::Controller;
use super::intake::{self, Intake};
use super::standing::{Gone, Turn, turns};
use super::tracked::Tracked;

impl Controller {
    /// Recalls the stacks that were looked after before: one whose manifest is invalid or missing now
    /// stays as it was.
    pub(super) fn take_over_from_state(&mut self) {
        for name in store::stacks::names(&self.options.layout) {
            match store::stacks::manifest(&self.options.layout, &name) {
                Ok(Some(desired)) => self.track(desired),
                Ok(None) => {}
                Err(error) => warn!(
                    stack = name.as_str(),
                    error = in_words(&error),
                    "cannot recall the last valid manifest"
                ),
            }
        }
    }

    fn track(&mut self, desired: Desired) {
        let record = store::stacks::record(&self.options.layout, &desired.name).unwrap_or_default();
        let previous = self.previous.remove(desired.name.as_str());
        let name = desired.name.clone();
        self.stacks.insert(
            name,
            Tracked::new(desired, record, previous, Timestamp::now()),
        );
    }

    pub(super) fn rescan(&mut self) {
        self.untold = true;
        let now = Instant::now();
        let read = self.directory.read(Moment {
            clock: now.into_std(),
            wall: SystemTime::now(),
        });
        self.tell_whether_watched();
        match read {
            Ok(snapshot) => {
                self.again = snapshot.again.map(|after| now + after);
                let intake = intake::sort(&snapshot, &self.options.host_name);
                let is_new = |old: &[String], words: &String| !old.contains(words);
                let before = std::mem::replace(&mut self.intake, intake);
                for warning in &self.intake.warnings {
                    if is_new(&before.warnings, warning) {
                        warn!(warning, "manifest");
                    }
                }
                for wrong in &self.intake.rejected {
                    if is_new(&before.rejected, wrong) {
                        warn!(wrong, "manifest refused");
                    }
                }
                self.turn(now);
            }
            Err(error) => {
                self.again = None;
                // An unreadable directory is not an empty one: everything stays in force.
                let words = in_words(&error);
                if !self.intake.rejected.contains(&words) {
                    warn!(
                        error = words,
                        "the directory cannot be read; the last valid manifests stay in force"
                    );
                }
                self.intake = Intake {
                    rejected: vec![words],
                    ..Intake::default()
                };
            }
        }
    }

    fn tell_whether_watched(&mut self) {
        let unwatched = self.directory.unwatched().map(str::to_owned);
        if self.agent.unwatched == unwatched {
            return;
        }
        match &unwatched {
            Some(error) => warn!(error, "the directory is not watched; rescans find changes"),
            None => info!("the directory is watched"),
        }
        self.agent.unwatched = unwatched;
    }

    fn turn(&mut self, now: Instant) {
        let standings = self
            .stacks
            .iter_mut()
            .map(|(name, tracked)| (name, &mut tracked.standing));
        let after = self.options.gone_after;
        for (name, turn) in turns(standings, &self.intake, now.into_std(), after) {
            let stack = name.as_str();
            if let Turn::Appears(desired) = &turn {
                info!(stack, manifest = desired.origin, "looking after a stack");
                self.track((**desired).clone());
            }
            let Some(tracked) = self.stacks.get_mut(&name) else {
                continue;
            };
            let desired = &tracked.standing.desired;
            match &turn {
                Turn::Appears(_) | Turn::InForce => {
                    info!(stack, digest = desired.digest, "manifest in force");
                    tracked.kept = false;
                }
                Turn::Refused(why) => {
                    warn!(
                        stack,
                        why, "manifest refused; the last valid one stays in force"
                    );
                }
                Turn::Gone => {
                    let (policy, last) =
                        (desired.deletion_policy, tracked.standing.gone == Gone::Last);
                    warn!(stack, ?policy, last, "the manifest is gone");
                }
            }
            tracked.wake();
        }
        self.keep_manifests();
    }

    /// Keeps what is in force. What could not be kept, on a full disk, is tried again at the next reading.
    fn keep_manifests(&mut self) {
        for (name, tracked) in self.stacks.iter_mut().filter(|(_, tracked)| !tracked.kept) {
            match store::stacks::keep_manifest(&self.options.layout, &tracked.standing.desired) {
                Ok(()) => tracked.kept = true,
                Err(error) => warn!(
                    stack = name.as_str(),
                    error = in_words(&error),
                    "cannot keep the manifest"
                ),
            }
        }
    }
}
