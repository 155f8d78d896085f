//! What editors do when they save, call by call as `strace` recorded it, with the content written in two parts.
//! After each call the agent reads, at once and again when it has been quiet: nothing may count but the whole.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;

use super::*;

/// One system call.
#[derive(Clone, Copy)]
enum Call {
    /// `openat(O_WRONLY|O_CREAT)`
    Open(&'static str),
    /// `openat(O_WRONLY|O_CREAT|O_TRUNC)`
    OpenEmpty(&'static str),
    /// `ftruncate(fd, 0)`
    Truncate(&'static str),
    /// `write` of the first part of the new manifest
    First(&'static str),
    /// `write` of the rest
    Rest(&'static str),
    /// `write` of something else
    Other(&'static str),
    /// `fsync`
    Sync(&'static str),
    Close(&'static str),
    Rename(&'static str, &'static str),
    Unlink(&'static str),
    Symlink(&'static str, &'static str),
}

use Call::*;

/// VIM 9.0, `:wq`; with `set backup` the last `Unlink` of `x.yaml~` is left out.
const VIM: [Call; 20] = [
    Open(".x.yaml.swp"),
    Other(".x.yaml.swp"),
    Open("4913"),
    Close("4913"),
    Unlink("4913"),
    Rename("x.yaml", "x.yaml~"),
    Open("x.yaml"),
    Truncate("x.yaml"),
    First("x.yaml"),
    Rest("x.yaml"),
    Sync("x.yaml"),
    Close("x.yaml"),
    Other(".x.yaml.swp"),
    Unlink("x.yaml~"),
    Close(".x.yaml.swp"),
    Unlink(".x.yaml.swp"),
    Open(".x.yaml.swx"),
    Close(".x.yaml.swx"),
    Unlink(".x.yaml.swx"),
    Sync("x.yaml"),
];
/// GNU nano 7.2 with `-B`, ^O: a copy as backup, then truncated and written in place.
const NANO: [Call; 12] = [
    Open(".x.yaml.swp"),
    Other(".x.yaml.swp"),
    Close(".x.yaml.swp"),
    Open("x.yaml~"),
    Other("x.yaml~"),
    Close("x.yaml~"),
    OpenEmpty("x.yaml"),
    First("x.yaml"),
    Rest("x.yaml"),
    Sync("x.yaml"),
    Close("x.yaml"),
    Unlink(".x.yaml.swp"),
];
/// GNU Emacs 28.2, the first save: lock link, auto-save file, backup by rename, and a second `open` of the result.
const EMACS: [Call; 12] = [
    Symlink("root@host.447:1", ".#x.yaml"),
    OpenEmpty("#x.yaml#"),
    Other("#x.yaml#"),
    Close("#x.yaml#"),
    Rename("x.yaml", "x.yaml~"),
    OpenEmpty("x.yaml"),
    First("x.yaml"),
    Rest("x.yaml"),
    Close("x.yaml"),
    Open("x.yaml"),
    Close("x.yaml"),
    Unlink(".#x.yaml"),
];
/// GNU sed 4.9, `-i`.
const SED: [Call; 5] = [
    Open("sedifdHJd"),
    First("sedifdHJd"),
    Rest("sedifdHJd"),
    Close("sedifdHJd"),
    Rename("sedifdHJd", "x.yaml"),
];
/// `cat >`, `cp`, `scp`, and VS Code as Node's `fs.open(path, "w")` does it.
const IN_PLACE: [Call; 4] = [
    OpenEmpty("x.yaml"),
    First("x.yaml"),
    Rest("x.yaml"),
    Close("x.yaml"),
];
/// rsync: a hidden temporary file, then a rename.
const RSYNC: [Call; 5] = [
    Open(".x.yaml.Ab12Cd"),
    First(".x.yaml.Ab12Cd"),
    Rest(".x.yaml.Ab12Cd"),
    Close(".x.yaml.Ab12Cd"),
    Rename(".x.yaml.Ab12Cd", "x.yaml"),
];

struct Editor {
    directory: PathBuf,
    open: BTreeMap<&'static str, File>,
    parts: (String, String),
}

impl Editor {
    fn of(agent: &Agent, text: &str) -> Self {
        let (first, rest) = text.split_at(text.find("  settings:").unwrap());
        Self {
            directory: agent.directory.clone(),
            open: BTreeMap::new(),
            parts: (first.into(), rest.into()),
        }
    }

    fn call(&mut self, call: Call) {
        let path = |name: &str| self.directory.join(name);
        let opened = |name, truncate| {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(truncate);
            options.open(path(name)).unwrap()
        };
        match call {
            Open(name) => drop(self.open.insert(name, opened(name, false))),
            OpenEmpty(name) => drop(self.open.insert(name, opened(name, true))),
            Truncate(name) => self.open[name].set_len(0).unwrap(),
            First(name) => (&self.open[name])
                .write_all(self.parts.0.as_bytes())
                .unwrap(),
            Rest(name) => (&self.open[name])
                .write_all(self.parts.1.as_bytes())
                .unwrap(),
            Other(name) => (&self.open[name]).write_all(b"something else").unwrap(),
            Sync(name) => drop(self.open.get(name).map(|file| file.sync_all().unwrap())),
            Close(name) => drop(self.open.remove(name).unwrap()),
            Rename(from, to) => fs::rename(path(from), path(to)).unwrap(),
            Unlink(name) => fs::remove_file(path(name)).unwrap(),
            Symlink(target, name) => symlink(target, path(name)).unwrap(),
        }
    }
}

/// Saves call by call, with a pause after each, and checks that there is one turn, to the whole.
async fn saves(calls: &[Call], pause: Duration) {
    let mut agent = Agent::with(&[("x.yaml", manifest("shop", "8MB"))]);
    let mut editor = Editor::of(&agent, &manifest("shop", "16MB"));
    for call in calls {
        editor.call(*call);
        agent.read();
        agent.live(pause).await;
        assert_ne!(
            agent.work_mem("shop"),
            "-",
            "a half-written file came into force"
        );
    }
    assert_eq!(agent.settled().await, ["shop in force"]);
    assert_eq!(agent.work_mem("shop"), "16MB");
    assert_eq!(agent.intake.rejected, [""; 0]);
}

const ALL: [&[Call]; 6] = [&VIM, &NANO, &EMACS, &SED, &IN_PLACE, &RSYNC];

#[tokio::test]
async fn a_save_is_one_pass() {
    for calls in ALL {
        saves(calls, Duration::ZERO).await;
    }
}

#[tokio::test]
async fn a_save_that_stalls_after_any_call_is_one_pass() {
    // Longer than it takes a change to be told, and than content of unknown state waits.
    for calls in ALL {
        saves(calls, Duration::from_millis(220)).await;
    }
}

#[tokio::test]
async fn what_editors_leave_behind_is_nothing() {
    let mut agent = Agent::with(&[("x.yaml", manifest("shop", "8MB"))]);
    for name in [
        ".x.yaml.swp",
        "#x.yaml#",
        ".#x.yaml",
        "x.yaml~",
        "4913",
        ".git.yaml",
    ] {
        fs::write(agent.file(name), manifest("other", "8MB")).unwrap();
    }
    agent.is_calm().await;
    assert_eq!(agent.standings.len(), 1);
}

#[tokio::test]
async fn a_rename_counts_within_the_time_that_quiet_takes() {
    let mut agent = Agent::with(&[("x.yaml", manifest("shop", "8MB"))]);
    let mut times = Vec::new();
    for number in 0..11 {
        let text = manifest("shop", if number % 2 == 0 { "16MB" } else { "8MB" });
        fs::write(agent.file(".x.tmp"), text).unwrap();
        let begun = Instant::now();
        fs::rename(agent.file(".x.tmp"), agent.file("x.yaml")).unwrap();
        while agent.turned.is_empty() {
            assert!(begun.elapsed() < LONG);
            agent.source.changed().await;
            agent.read();
        }
        agent.turned.clear();
        times.push(begun.elapsed());
    }
    times.sort();
    println!("median {:?}, longest {:?}", times[5], times[10]);
    // 50 ms of it is waiting for quiet.
    assert!(times[5] < Duration::from_millis(90), "{times:?}");
}
