//! What the directory's manifests mean for the stacks that the loop looks after: taken into force, refused,
//! or gone.

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::api::chain::in_words;
use crate::api::desired::Desired;
use crate::{source, store};

use super::Controller;
use super::intake::{self, Intake};
use super::tracked::{Gone, Tracked};

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
        match source::read(&self.options.desired_state) {
            Ok(snapshot) => {
                let intake = intake::sort(&snapshot, &self.options.host_name);
                for warning in intake
                    .warnings
                    .iter()
                    .filter(|w| !self.intake.warnings.contains(w))
                {
                    warn!(warning, "manifest");
                }
                for wrong in intake
                    .rejected
                    .iter()
                    .filter(|r| !self.intake.rejected.contains(r))
                {
                    warn!(wrong, "manifest refused");
                }
                self.intake = intake;
                self.accept();
                self.miss();
            }
            Err(error) => {
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

    /// Takes valid manifests into force, and keeps the last valid one of the others.
    fn accept(&mut self) {
        for (name, verdict) in self.intake.stacks.clone() {
            match verdict {
                Ok(desired) => {
                    if let Err(error) = store::stacks::keep_manifest(&self.options.layout, &desired)
                    {
                        warn!(
                            stack = name.as_str(),
                            error = in_words(&error),
                            "cannot keep the manifest"
                        );
                    }
                    if !self.stacks.contains_key(&name) {
                        info!(
                            stack = name.as_str(),
                            manifest = desired.origin,
                            "looking after a stack"
                        );
                        self.track(desired.clone());
                    }
                    let Some(tracked) = self.stacks.get_mut(&name) else {
                        continue;
                    };
                    let changed = tracked.desired != desired
                        || tracked.rejected.is_some()
                        || tracked.gone != Gone::No;
                    (tracked.rejected, tracked.missing_since, tracked.gone) =
                        (None, None, Gone::No);
                    if changed {
                        info!(
                            stack = name.as_str(),
                            digest = desired.digest,
                            "manifest in force"
                        );
                        tracked.desired = desired;
                        tracked.wake();
                    }
                }
                Err(why) => {
                    let Some(tracked) = self.stacks.get_mut(&name) else {
                        continue;
                    };
                    if tracked.rejected.as_ref() != Some(&why) {
                        warn!(
                            stack = name.as_str(),
                            why, "manifest refused; the last valid one stays in force"
                        );
                        (tracked.rejected, tracked.missing_since, tracked.gone) =
                            (Some(why), None, Gone::No);
                        tracked.wake();
                    }
                }
            }
        }
    }

    /// Notes stacks whose manifest is missing. They count as gone after two complete rescans.
    fn miss(&mut self) {
        let last = self.intake.stacks.is_empty();
        for (name, tracked) in &mut self.stacks {
            if self.intake.stacks.contains_key(name) || !self.intake.complete {
                continue;
            }
            let since = *tracked.missing_since.get_or_insert_with(Instant::now);
            let gone = if last { Gone::Last } else { Gone::Yes };
            if since.elapsed() >= self.options.gone_after && tracked.gone != gone {
                warn!(stack = name.as_str(), policy = ?tracked.desired.deletion_policy, last, "the manifest is gone");
                tracked.gone = gone;
                tracked.wake();
            }
        }
    }
}
