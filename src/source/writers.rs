//! Who is writing which file, as far as the kernel's events tell. Pure.
//!
//! A file that was written to and not closed since is open for writing: what it holds now may be the
//! beginning of what it will hold, and the beginning of a manifest is often a manifest too. A file that was
//! closed, or moved to its name, is finished. Of all others nothing is known, which is not the same as
//! finished. What surprised us: a file that is renamed while somebody writes to it stays open, so its state
//! goes with it to the new name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the kernel told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Somebody changed the content.
    Written(PathBuf),
    /// Somebody who could write closed it.
    Closed(PathBuf),
    /// It lost this name; the number pairs it with the name it got.
    MovedFrom(PathBuf, Option<usize>),
    /// It got this name.
    MovedTo(PathBuf, Option<usize>),
    /// It came or went under this name in another way: made, linked, removed.
    Replaced(PathBuf),
    /// Something else happened.
    Other,
    /// Events were lost: nothing that was known is known any more.
    Lost,
}

/// What is known of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// Somebody writes to it.
    Open,
    /// It was closed, or moved here whole.
    Finished,
}

/// What is known of the files that something happened to.
#[derive(Debug, Default)]
pub struct Writers {
    files: BTreeMap<PathBuf, Writing>,
    /// What just lost its name.
    moving: Option<(usize, Writing)>,
}

impl Writers {
    /// Takes what the kernel told.
    pub fn hear(&mut self, heard: &Heard) {
        match heard {
            Heard::Written(path) => {
                self.files.insert(path.clone(), Writing::Open);
            }
            Heard::Closed(path) => {
                self.files.insert(path.clone(), Writing::Finished);
            }
            Heard::MovedFrom(path, pair) => {
                self.moving = pair.zip(self.files.remove(path));
            }
            Heard::MovedTo(path, pair) => {
                let moved = self.moving.take().filter(|(of, _)| Some(*of) == *pair);
                let writing = moved.map_or(Writing::Finished, |(_, writing)| writing);
                self.files.insert(path.clone(), writing);
            }
            Heard::Replaced(path) => {
                self.files.remove(path);
            }
            Heard::Other => {}
            Heard::Lost => *self = Self::default(),
        }
    }

    /// Returns what is known of a file; `None` where it is nothing.
    #[must_use]
    pub fn of(&self, path: &Path) -> Option<Writing> {
        self.files.get(path).copied()
    }

    /// Forgets that files were finished, but for those that `keep` names: what was finished has been read,
    /// and says nothing about what is written later without a word of the kernel's (a remote file system).
    pub fn finished_is_read(&mut self, keep: impl Fn(&Path) -> bool) {
        self.files
            .retain(|path, writing| *writing == Writing::Open || keep(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(heard: &[Heard]) -> Writers {
        let mut writers = Writers::default();
        heard.iter().for_each(|heard| writers.hear(heard));
        writers
    }

    fn path(name: &str) -> PathBuf {
        Path::new("/d").join(name)
    }

    fn of(writers: &Writers, name: &str) -> Option<Writing> {
        writers.of(&path(name))
    }

    #[test]
    fn a_file_is_open_from_the_first_write_to_the_close() {
        let written = Heard::Written(path("a"));
        let mut writers = after(&[Heard::Replaced(path("a")), written.clone()]);
        assert_eq!(of(&writers, "a"), Some(Writing::Open));
        writers.hear(&Heard::Closed(path("a")));
        assert_eq!(of(&writers, "a"), Some(Writing::Finished));
        writers.hear(&written);
        assert_eq!(of(&writers, "a"), Some(Writing::Open));
    }

    #[test]
    fn a_file_that_was_moved_here_is_finished() {
        let elsewhere = after(&[Heard::MovedTo(path("a"), Some(1))]);
        assert_eq!(of(&elsewhere, "a"), Some(Writing::Finished));
        let beside = after(&[
            Heard::Written(path("t")),
            Heard::Closed(path("t")),
            Heard::MovedFrom(path("t"), Some(2)),
            Heard::MovedTo(path("a"), Some(2)),
        ]);
        assert_eq!(of(&beside, "a"), Some(Writing::Finished));
        assert_eq!(of(&beside, "t"), None);
    }

    #[test]
    fn a_file_that_is_moved_while_it_is_written_stays_open() {
        let writers = after(&[
            Heard::Written(path("t")),
            Heard::MovedFrom(path("t"), Some(2)),
            Heard::MovedTo(path("a"), Some(2)),
        ]);
        assert_eq!(of(&writers, "a"), Some(Writing::Open));
        // One that left for elsewhere says nothing about the next that comes.
        let other = after(&[
            Heard::Written(path("t")),
            Heard::MovedFrom(path("t"), Some(2)),
            Heard::MovedTo(path("a"), Some(3)),
        ]);
        assert_eq!(of(&other, "a"), Some(Writing::Finished));
    }

    #[test]
    fn lost_events_leave_nothing_known() {
        let writers = after(&[Heard::Written(path("a")), Heard::Lost]);
        assert_eq!(of(&writers, "a"), None);
    }

    #[test]
    fn finished_is_good_for_one_reading() {
        let mut writers = after(&[
            Heard::Closed(path("a")),
            Heard::Closed(path("b")),
            Heard::Written(path("c")),
        ]);
        writers.finished_is_read(|kept| kept == path("b"));
        assert_eq!(
            [of(&writers, "a"), of(&writers, "b"), of(&writers, "c")],
            [None, Some(Writing::Finished), Some(Writing::Open)]
        );
    }
}
