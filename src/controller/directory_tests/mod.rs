//! The directory, against the agent: real files, real events, and everything of the agent that needs no Docker.
//!
//! [`Agent`] is the loop's part that lives with the directory: it waits as the loop does, reads, and notes what
//! turned. Each turn is one pass.

mod editors;
mod exhausted;
mod git;
mod links;
mod many;
mod moves;
mod trouble;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::intake::{self, Intake};
use super::standing::{Gone, Standing, Turn, turns};
use crate::api::StackName;
use crate::source::{DesiredState, Moment};

/// Longer than anything that settles by itself.
const CALM: Duration = Duration::from_millis(500);
/// Longer than a loaded machine takes to tell of a change.
const LONG: Duration = Duration::from_secs(10);

/// A manifest. Cut before its `settings` it is one too.
fn manifest(name: &str, work_mem: &str) -> String {
    let port = 6000
        + name
            .bytes()
            .fold(0, |n: u32, b| (n * 31 + u32::from(b)) % 50_000);
    format!(
        "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata:\n  name: {name}\nspec:\n  workload: web\n  \
         publish: {{port: {port}}}\n  settings:\n    work_mem: {work_mem}\n"
    )
}

/// What lives with a directory.
struct Agent {
    _root: tempfile::TempDir,
    root: PathBuf,
    directory: PathBuf,
    source: DesiredState,
    standings: BTreeMap<StackName, Standing>,
    intake: Intake,
    again: Option<Duration>,
    turned: Vec<String>,
    /// By how much the agent's clock is ahead: minutes pass in no time.
    ahead: Duration,
}

impl Agent {
    /// With these files, read and settled.
    fn with(files: &[(&str, String)]) -> Self {
        Self::at("desired", |directory| {
            fs::create_dir(directory).unwrap();
            for (name, text) in files {
                fs::write(directory.join(name), text).unwrap();
            }
        })
    }

    /// At a path below a new directory, once `make` has made it.
    fn at(path: &str, make: impl FnOnce(&Path)) -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join(path);
        make(&directory);
        let mut agent = Self {
            root: root.path().to_owned(),
            _root: root,
            source: DesiredState::new(&directory),
            directory,
            standings: BTreeMap::new(),
            intake: Intake::default(),
            again: None,
            turned: Vec::new(),
            ahead: Duration::from_secs(10),
        };
        // Ten seconds later, as the agent's clock has it: what lies there is old.
        agent.read();
        agent.ahead = Duration::ZERO;
        agent.turned.clear();
        agent
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Reads the directory, as the loop does.
    #[expect(clippy::disallowed_methods, reason = "in the loop's place")]
    fn read(&mut self) {
        let moment = Moment {
            clock: Instant::now() + self.ahead,
            wall: SystemTime::now() + self.ahead,
        };
        let Ok(snapshot) = self.source.read(moment) else {
            (self.intake, self.again) = (Intake::default(), None);
            return;
        };
        self.again = snapshot.again;
        self.intake = intake::sort(&snapshot, "here");
        let minute = Duration::from_secs(60);
        let turned = turns(
            self.standings.iter_mut(),
            &self.intake,
            moment.clock,
            minute,
        );
        for (name, turn) in turned {
            let what = match turn {
                Turn::Appears(desired) => {
                    self.standings.insert(name.clone(), Standing::new(*desired));
                    "appears"
                }
                Turn::InForce => "in force",
                Turn::Refused(_) => "refused",
                Turn::Gone => "gone",
            };
            self.turned.push(format!("{name} {what}"));
        }
    }

    /// Lives for a while. Returns how often the directory was read.
    async fn live(&mut self, time: Duration) -> u32 {
        let end = tokio::time::Instant::now() + time;
        let mut readings = 0;
        loop {
            let again = self.again.map_or(LONG, |after| after);
            tokio::select! {
                () = self.source.changed() => {}
                () = tokio::time::sleep(again) => {}
                () = tokio::time::sleep_until(end) => return readings,
            }
            self.read();
            readings += 1;
        }
    }

    /// Lives until something turned and nothing more does. Returns what turned.
    async fn settled(&mut self) -> Vec<String> {
        let begun = Instant::now();
        while self.turned.is_empty() && begun.elapsed() < LONG {
            self.live(Duration::from_millis(50)).await;
        }
        self.live(CALM).await;
        std::mem::take(&mut self.turned)
    }

    /// Lives for a moment in which nothing may turn.
    async fn is_calm(&mut self) {
        self.live(CALM).await;
        assert_eq!(self.turned, [""; 0]);
    }

    /// A reading so much later.
    fn later(&mut self, seconds: u64) -> Vec<String> {
        self.ahead += Duration::from_secs(seconds);
        self.read();
        std::mem::take(&mut self.turned)
    }

    fn standing(&self, name: &str) -> &Standing {
        &self.standings[&StackName::parse(name).unwrap()]
    }

    /// The value of `work_mem` that is in force; `-` for a manifest that was cut.
    fn work_mem(&self, name: &str) -> String {
        let settings = &self.standing(name).desired.settings;
        let value = settings.values().next();
        value.map_or("-".into(), |value| match value {
            crate::api::desired::Override::Value(text) => text.clone(),
            crate::api::desired::Override::Auto => "auto".into(),
        })
    }
}
