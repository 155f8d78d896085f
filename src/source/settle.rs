//! Which content of a file counts. Pure: readings, what the kernel told, and the clocks come in.
//!
//! A manifest that is overwritten in place (`scp`, `cat >`, nano, vim, VS Code) is, for a moment or for as
//! long as a network stalls, the beginning of itself; cut before `settings:` it is valid, and acting on it
//! would take every setting back. So new content counts only when it is whole, as far as that can be known:
//!
//! - **Renamed to its name, or written and closed:** at once. This is what the kernel tells, and it keeps
//!   a save that renames as fast as it was.
//! - **Written and not closed:** when it is closed. Whoever holds a file open for [`OPEN_PATIENCE`] without
//!   writing is not saving, and a `close` that was never told must not hold us up for ever.
//! - **Nothing was told** (the agent just started, a link changed its target, events were lost): when it is
//!   [`SETTLE`] old. Where nothing is watched at all, [`SETTLE_UNWATCHED`].
//!
//! Until then the file says what it said before, nothing counts as gone, and a look is due. "Old" is by the
//! file's time of writing, or, because that clock may be wrong and may have been set back, by having
//! been the same at two looks that far apart: a time in the future delays, and never hangs.
//!
//! *Current limitations*: a writer that dies half-way closes the file as one that is done does; what it left
//! counts. `mv` of a finished file is safe whatever happens. Nor can a stalled writer be told from a
//! finished one where no event comes (a remote file system, a save in the moment of the agent's start).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::api::validate::Report;

use super::directory::{FileReport, Pending, Reading, Snapshot, Stamp, Text, fingerprint, judged};
use super::writers::{Writers, Writing};

/// How old content must be of which nothing was told. An editor that writes in place takes a few ms.
pub const SETTLE: Duration = Duration::from_millis(150);
/// The same where nothing is watched: rescans are far apart there, so a longer wait costs nothing.
pub const SETTLE_UNWATCHED: Duration = Duration::from_secs(2);
/// How old finished content must be: the next write may have begun before we heard of it. Less than it is
/// quiet before a change is told, so an ordinary save never waits for it.
const JUST_NOW: Duration = Duration::from_millis(20);
/// How long a file may be open without a write before its content counts all the same. A person who types
/// into `cat > db.yaml` may think for some minutes.
pub const OPEN_PATIENCE: Duration = Duration::from_secs(600);
/// How long a file may be open before people are told.
const TELL_AFTER: Duration = Duration::from_secs(5);

/// The two clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The one that only goes forward.
    pub clock: Instant,
    /// The one that files are dated with.
    pub wall: SystemTime,
}

/// What the kernel told about the files.
#[derive(Debug, Clone, Copy)]
pub enum Hearing<'w> {
    /// Nothing is watched.
    Deaf,
    /// What is known.
    Told(&'w Writers),
}

/// The content of each file that counts, and the one that does not yet.
#[derive(Debug, Default)]
pub struct Settling {
    files: BTreeMap<PathBuf, File>,
}

#[derive(Debug, Default)]
struct File {
    counts: Option<Counts>,
    waits: Option<Waits>,
}

#[derive(Debug)]
struct Counts {
    fingerprint: [u8; 32],
    report: Report,
}

/// Content that does not count yet.
#[derive(Debug, Clone, PartialEq)]
struct Waits {
    fingerprint: [u8; 32],
    stamp: Stamp,
    /// Since when it is the same, by the clock that only goes forward.
    since: Instant,
    /// Since when there is something that does not count, whether it stays the same or not.
    begun: Instant,
}

impl Settling {
    /// Takes a reading of every file, and returns what counts now.
    pub fn take(&mut self, readings: Vec<Reading>, hearing: Hearing<'_>, now: Moment) -> Snapshot {
        let mut before = std::mem::take(&mut self.files);
        let mut snapshot = Snapshot::default();
        for Reading { path, real, text } in readings {
            let mut file = before.remove(&path).unwrap_or_default();
            let content = match text {
                Ok(text) => {
                    if let Some(again) = file.take(&path, text, writing(hearing, &real), now) {
                        let open_since = file.waits.as_ref().map(|waits| waits.begun);
                        snapshot.again = snapshot.again.into_iter().chain([again]).min();
                        snapshot.pending.push(Pending {
                            path: path.clone(),
                            is_long: open_since.is_some_and(|t| elapsed(t, now) >= TELL_AFTER),
                        });
                    }
                    file.counts.as_ref().map(|counts| Ok(counts.report.clone()))
                }
                // Nothing comes into force by a file that cannot be read: there is nothing to wait for.
                Err(_) => {
                    file = File::default();
                    Some(judged(&path, &text))
                }
            };
            snapshot.files.extend(content.map(|content| FileReport {
                path: path.clone(),
                content,
            }));
            self.files.insert(path, file);
        }
        snapshot
    }
}

impl File {
    /// Takes a text, and returns after which time to look again where it does not count yet.
    fn take(&mut self, path: &Path, text: Text, told: Told, now: Moment) -> Option<Duration> {
        let fingerprint = fingerprint(&text.bytes);
        if self
            .counts
            .as_ref()
            .is_some_and(|c| c.fingerprint == fingerprint)
        {
            self.waits = None;
            return None;
        }
        let last = self.waits.take();
        let begun = last.as_ref().map_or(now.clock, |waits| waits.begun);
        let is_same = |waits: &Waits| waits.fingerprint == fingerprint && waits.stamp == text.stamp;
        let since = match last.filter(is_same) {
            Some(waits) if text.is_steady => waits.since,
            Some(_) | None => now.clock,
        };
        let waits = Waits {
            fingerprint,
            stamp: text.stamp,
            since,
            begun,
        };
        let again = if text.is_steady {
            waits.still(told, now)
        } else {
            Some(SETTLE)
        };
        if again.is_some() {
            self.waits = Some(waits);
        } else {
            let report = judged(path, &Ok(text)).ok();
            self.counts = report.map(|report| Counts {
                fingerprint,
                report,
            });
        }
        again
    }
}

/// What is known of one file's writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Unwatched,
    Writing(Writing),
}

fn writing(hearing: Hearing<'_>, real: &Path) -> Told {
    match hearing {
        Hearing::Deaf => Told::Unwatched,
        Hearing::Told(writers) => writers.of(real).map_or(Told::Nothing, Told::Writing),
    }
}

impl Waits {
    /// Returns how long it still waits; `None` where it counts.
    fn still(&self, told: Told, now: Moment) -> Option<Duration> {
        let same_for = elapsed(self.since, now);
        // A time in the future says nothing.
        let written = self
            .stamp
            .written
            .and_then(|t| now.wall.duration_since(t).ok());
        let age = same_for.max(written.unwrap_or_default());
        let (age, needed) = match told {
            Told::Writing(Writing::Finished) => (age, JUST_NOW),
            Told::Nothing => (age, SETTLE),
            Told::Unwatched => (age, SETTLE_UNWATCHED),
            // An old time of writing is no sign here: its writer stalls.
            Told::Writing(Writing::Open) => (same_for, OPEN_PATIENCE),
        };
        let rest = needed.checked_sub(age).filter(|rest| !rest.is_zero())?;
        // A look for the sake of those who are to be told.
        let until_told = TELL_AFTER.checked_sub(elapsed(self.begun, now));
        Some(
            until_told
                .filter(|t| !t.is_zero())
                .map_or(rest, |t| rest.min(t)),
        )
    }
}

fn elapsed(since: Instant, now: Moment) -> Duration {
    now.clock.saturating_duration_since(since)
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
