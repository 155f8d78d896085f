//! How the manifest of each stack stands: in force, refused, gone. Pure: a reading and the clock come in, what
//! turned comes out.
//!
//! *Gone* means missing from two complete readings, far enough apart, with at least one manifest in each. A
//! directory that was emptied and is being filled again has one of each kind at first: the time in which it was
//! empty does not count, else the first file that comes back would end all other stacks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::api::StackName;
use crate::api::desired::Desired;

use super::intake::Intake;

/// How one stack's manifest stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The manifest in force.
    pub desired: Desired,
    /// Why the newest text of the manifest is not in force, where it is not.
    pub rejected: Option<String>,
    /// Whether it counts as gone, and its deletion policy with it.
    pub gone: Gone,
    /// Since when it is missing from complete readings.
    missing: Option<Instant>,
    /// Since when it is missing from complete readings with a manifest in them.
    missing_among_others: Option<Instant>,
}

/// Whether a stack's manifest is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// It is there, or not missing for long enough.
    No,
    /// It was the last one: reported, and its deletion policy is not executed.
    Last,
    /// It is: the deletion policy counts.
    Yes,
}

/// What a reading changed for one stack. Each is one pass.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// A stack that was not known.
    Appears(Box<Desired>),
    /// Another manifest than before is in force.
    InForce,
    /// The newest text is not in force; the last valid one stays.
    Refused(String),
    /// The manifest is gone.
    Gone,
}

impl Standing {
    /// Begins with a manifest in force.
    #[must_use]
    pub fn new(desired: Desired) -> Self {
        Self {
            desired,
            rejected: None,
            gone: Gone::No,
            missing: None,
            missing_among_others: None,
        }
    }

    fn is_there(&mut self, verdict: &Result<Desired, String>) -> Option<Turn> {
        let was_gone = self.gone != Gone::No;
        (self.gone, self.missing, self.missing_among_others) = (Gone::No, None, None);
        match verdict {
            Ok(desired) => {
                let was_rejected = self.rejected.take().is_some();
                let changed = self.desired != *desired;
                if changed {
                    self.desired = desired.clone();
                }
                (changed || was_rejected || was_gone).then_some(Turn::InForce)
            }
            Err(why) => self.refuse(why, was_gone),
        }
    }

    fn refuse(&mut self, why: &str, anyway: bool) -> Option<Turn> {
        if !anyway && self.rejected.as_deref() == Some(why) {
            return None;
        }
        self.rejected = Some(why.to_owned());
        Some(Turn::Refused(why.to_owned()))
    }

    fn is_missing(&mut self, intake: &Intake, now: Instant, gone_after: Duration) -> Option<Turn> {
        if let Some(why) = intake.broken.get(file_of(&self.desired.origin)) {
            // It may still stand there: nobody can tell until the file can be read.
            return self.refuse(why, false);
        }
        if !intake.complete {
            return None;
        }
        let since = *self.missing.get_or_insert(now);
        let is_long = |since: Instant| now.saturating_duration_since(since) >= gone_after;
        let gone = if intake.is_empty {
            self.missing_among_others = None;
            is_long(since).then_some(Gone::Last)
        } else {
            let since = *self.missing_among_others.get_or_insert(now);
            is_long(since).then_some(Gone::Yes)
        };
        // One that is gone stays so until it is there again.
        let gone = gone.filter(|gone| *gone != self.gone && self.gone != Gone::Yes)?;
        (self.gone, self.rejected) = (gone, None);
        Some(Turn::Gone)
    }
}

/// Takes a reading, and returns what turned.
pub fn turns<'s>(
    standings: impl Iterator<Item = (&'s StackName, &'s mut Standing)>,
    intake: &Intake,
    now: Instant,
    gone_after: Duration,
) -> Vec<(StackName, Turn)> {
    let mut unknown: BTreeMap<_, _> = intake.stacks.iter().collect();
    let mut turns = Vec::new();
    for (name, standing) in standings {
        let turn = match unknown.remove(name) {
            Some(verdict) => standing.is_there(verdict),
            None => standing.is_missing(intake, now, gone_after),
        };
        turns.extend(turn.map(|turn| (name.clone(), turn)));
    }
    let valid = unknown
        .into_iter()
        .filter_map(|(name, verdict)| Some((name.clone(), verdict.as_ref().ok()?)));
    turns.extend(valid.map(|(name, desired)| (name, Turn::Appears(Box::new(desired.clone())))));
    turns
}

/// Takes the line off an origin.
fn file_of(origin: &str) -> &str {
    origin.rsplit_once(':').map_or(origin, |(file, _)| file)
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
