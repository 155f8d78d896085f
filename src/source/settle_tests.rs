//! When new content counts, by values.

use std::io;

use super::*;
use crate::source::writers::Heard;

/// A directory with one file, and the two clocks.
struct Desk {
    settling: Settling,
    writers: Writers,
    deaf: bool,
    now: Moment,
    text: Option<String>,
    written: SystemTime,
}

const FILE: &str = "/d/a.yaml";

fn desk() -> Desk {
    let now = Moment {
        clock: Instant::now(),
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
    };
    Desk {
        settling: Settling::default(),
        writers: Writers::default(),
        deaf: false,
        now,
        text: None,
        written: now.wall,
    }
}

impl Desk {
    /// Somebody wrote: the content and its time.
    fn write(&mut self, workload: &str) -> &mut Self {
        let text = format!(
            "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata:\n  name: shop\nspec:\n  workload: {workload}\n"
        );
        (self.text, self.written) = (Some(text), self.now.wall);
        self
    }

    fn hear(&mut self, heard: fn(PathBuf) -> Heard) -> &mut Self {
        self.writers.hear(&heard(FILE.into()));
        self
    }

    fn later(&mut self, millis: u64) -> &mut Self {
        let by = Duration::from_millis(millis);
        self.now.clock += by;
        self.now.wall += by;
        self
    }

    fn take(&mut self) -> Snapshot {
        let text = match &self.text {
            Some(text) => Ok(Text {
                bytes: text.clone().into_bytes(),
                stamp: Stamp {
                    file: (1, 2),
                    length: text.len() as u64,
                    written: Some(self.written),
                },
                is_steady: true,
            }),
            None => Err(io::Error::other("gone bad")),
        };
        let reading = Reading {
            path: FILE.into(),
            real: FILE.into(),
            text,
        };
        let hearing = if self.deaf {
            Hearing::Deaf
        } else {
            Hearing::Told(&self.writers)
        };
        self.settling.take(vec![reading], hearing, self.now)
    }

    /// The workload that counts, or `-`, and `…` where something does not count yet.
    fn told(&mut self) -> String {
        let snapshot = self.take();
        let workload = snapshot
            .stacks()
            .find_map(|d| d.workload)
            .map_or("-", |w| w.as_str());
        let waits = if snapshot.pending.is_empty() {
            ""
        } else {
            "…"
        };
        assert_eq!(
            snapshot.again.is_some(),
            !waits.is_empty(),
            "a wait has an end"
        );
        format!("{workload}{waits}")
    }
}

#[test]
fn a_file_that_lay_there_counts_at_once() {
    let mut desk = desk();
    assert_eq!(desk.write("web").later(150).told(), "web");
}

#[test]
fn content_that_is_being_written_counts_when_it_is_closed() {
    let mut desk = desk();
    desk.write("web").later(1000).told();
    desk.write("oltp").hear(Heard::Written);
    assert_eq!(desk.later(50).told(), "web…");
    // A network that stalls for a minute.
    assert_eq!(desk.later(60_000).told(), "web…");
    assert!(!desk.take().is_complete(), "nothing may be said to be gone");
    desk.write("dw").hear(Heard::Closed);
    assert_eq!(desk.later(50).told(), "dw");
}

#[test]
fn what_was_renamed_to_its_name_counts_at_once() {
    let mut desk = desk();
    desk.write("web").later(1000).told();
    desk.write("oltp").hear(|path| Heard::MovedTo(path, None));
    assert_eq!(desk.later(20).told(), "oltp");
}

#[test]
fn finished_content_waits_as_long_as_the_next_write_may_be_unheard() {
    let mut desk = desk();
    desk.write("web").hear(Heard::Closed);
    assert_eq!(desk.later(5).told(), "-…");
    assert_eq!(desk.take().again, Some(Duration::from_millis(15)));
    assert_eq!(desk.later(15).told(), "web");
}

#[test]
fn content_of_which_nothing_was_told_must_be_old() {
    let mut desk = desk();
    assert_eq!(desk.write("web").later(100).told(), "-…");
    assert_eq!(desk.take().again, Some(Duration::from_millis(50)));
    assert_eq!(desk.later(50).told(), "web");
}

#[test]
fn without_a_watch_it_must_be_older() {
    let mut desk = desk();
    desk.deaf = true;
    assert_eq!(desk.write("web").later(1900).told(), "-…");
    assert_eq!(desk.later(100).told(), "web");
}

#[test]
fn a_time_in_the_future_delays_and_does_not_hang() {
    let mut desk = desk();
    desk.write("web");
    desk.written += Duration::from_secs(1 << 30);
    assert_eq!(desk.told(), "-…");
    assert_eq!(desk.later(149).told(), "-…");
    assert_eq!(desk.later(1).told(), "web");
}

#[test]
fn a_clock_set_back_delays_and_does_not_hang() {
    let mut desk = desk();
    desk.write("web").told();
    desk.now.wall -= Duration::from_secs(86_400);
    assert_eq!(desk.told(), "-…");
    assert_eq!(desk.later(150).told(), "web");
}

#[test]
fn content_that_changes_between_looks_begins_to_wait_anew() {
    let mut desk = desk();
    desk.write("web");
    desk.written += Duration::from_secs(1 << 30);
    desk.told();
    desk.later(100);
    desk.write("dw");
    desk.written += Duration::from_secs(1 << 30);
    assert_eq!(desk.told(), "-…");
    assert_eq!(desk.later(149).told(), "-…");
    assert_eq!(desk.later(1).told(), "dw");
}

#[test]
fn a_close_that_was_never_told_does_not_hang() {
    let mut desk = desk();
    desk.write("web").hear(Heard::Written).told();
    desk.later(599_999);
    assert_eq!(desk.told(), "-…");
    assert_eq!(desk.later(1).told(), "web");
}

#[test]
fn a_file_that_stays_open_is_told_after_a_while() {
    let mut desk = desk();
    desk.write("web").hear(Heard::Written);
    let first = desk.take();
    assert!(!first.pending[0].is_long);
    assert_eq!(first.again, Some(TELL_AFTER), "to tell it, not to take it");
    assert!(desk.later(5000).take().pending[0].is_long);
}

#[test]
fn content_that_was_seen_before_is_not_new() {
    let mut desk = desk();
    desk.write("web").later(1000).told();
    desk.write("web").hear(Heard::Written);
    assert_eq!(desk.told(), "web", "somebody touched it");
}

#[test]
fn an_unreadable_file_is_told_at_once() {
    let mut desk = desk();
    desk.write("web").later(1000).told();
    desk.text = None;
    let snapshot = desk.take();
    assert!(snapshot.files[0].content.is_err() && snapshot.pending.is_empty());
    assert!(!snapshot.is_complete());
}

#[test]
fn a_reading_that_was_torn_never_counts() {
    let mut desk = desk();
    desk.write("web").later(10_000);
    let mut take = |is_steady| {
        let text = desk.text.clone().unwrap();
        let stamp = Stamp {
            file: (1, 2),
            length: text.len() as u64,
            written: Some(desk.written),
        };
        let reading = Reading {
            path: FILE.into(),
            real: FILE.into(),
            text: Ok(Text {
                bytes: text.into_bytes(),
                stamp,
                is_steady,
            }),
        };
        let snapshot = desk.settling.take(vec![reading], Hearing::Deaf, desk.now);
        snapshot.pending.len()
    };
    assert_eq!(take(false), 1);
    assert_eq!(take(true), 0);
}
