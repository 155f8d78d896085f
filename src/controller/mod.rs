//! The loop: which stack is due, one pass for each at a time, and an end in order.
//!
//! Events are for speed (the directory, Docker), timers for truth: every stack is looked at again
//! within the resync time and the directory is read again within the rescan time, whatever was heard.

#![expect(
    clippy::disallowed_methods,
    reason = "the loop asks the clock, so that nobody below has to"
)]

pub mod events;
pub mod live;

mod intake;
mod tracked;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bollard::Docker;
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::act::Hands;
use crate::api::StackName;
use crate::api::chain::in_words;
use crate::api::condition::{Condition, ConditionType, Truth};
use crate::api::status::{AgentStatus, StackStatus, Status, StatusFile};
use crate::host::layout::Layout;
use crate::host::lock::Lock;
use crate::observe::Eyes;
use crate::reconcile::{self, After, Next};
use crate::source::{self, Watch};
use crate::store;

use events::Heard;
use intake::Intake;
use live::Live;
use tracked::{Gone, Tracked};

/// Between two readings of the directory where no event tells of a change.
pub const RESCAN: Duration = Duration::from_secs(60);
/// A manifest counts as gone when it is missing from two complete rescans that far apart.
pub const GONE_AFTER: Duration = Duration::from_secs(60);
/// How often `--once` tries a stack that fails before it gives up.
const ONCE_TRIES: u32 = 5;

/// What the agent is told at its start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory of manifests.
    pub desired_state: PathBuf,
    /// Where everything is kept.
    pub layout: Layout,
    /// The name of this host, which labels and manifests carry.
    pub host_name: String,
    /// Docker's socket.
    pub docker_socket: String,
    /// Whether to end when every stack is settled.
    pub once: bool,
    /// Between two looks at a quiet stack.
    pub resync: Duration,
    /// Between two readings of the directory.
    pub rescan: Duration,
    /// How far apart the two rescans are after which a missing manifest counts as gone.
    pub gone_after: Duration,
    /// The agent's release.
    pub version: &'static str,
}

/// Why the agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// Another agent looks after the same engine under the same host name.
    #[error("another agent already looks after {docker_socket} as host `{host_name}` (it holds {})", lock.display())]
    Locked {
        /// The engine.
        docker_socket: String,
        /// The host name.
        host_name: String,
        /// The lock.
        lock: PathBuf,
    },
    /// The lock cannot be taken at all.
    #[error("cannot lock `{}`", path.display())]
    Lock {
        /// The lock.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// Signals cannot be received.
    #[error("cannot receive signals")]
    Signals(#[source] std::io::Error),
    /// The status cannot be written at the start.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// Looks after the stacks until a signal comes, or with `once` until they are settled. Returns whether
/// every stack was Ready at the end.
///
/// # Errors
/// It cannot begin.
pub async fn run(options: Options, docker: Docker) -> Result<bool, ControllerError> {
    let lock_path = Layout::agent_lock(&options.docker_socket, &options.host_name);
    let lock = Lock::try_take(&lock_path).map_err(|source| ControllerError::Lock {
        path: lock_path.clone(),
        source,
    })?;
    let Some(_lock) = lock else {
        let Options {
            docker_socket,
            host_name,
            ..
        } = options;
        return Err(ControllerError::Locked {
            docker_socket,
            host_name,
            lock: lock_path,
        });
    };
    let mut controller = Controller::new(options, docker, lock_path)?;
    controller.run().await
}

struct Controller {
    options: Options,
    docker: Docker,
    world: Live,
    stacks: BTreeMap<StackName, Tracked>,
    intake: Intake,
    previous: BTreeMap<String, Status>,
    agent: AgentStatus,
    written: Option<StatusFile>,
    passes: JoinSet<(StackName, After)>,
    stopping: Arc<AtomicBool>,
}

impl Controller {
    fn new(options: Options, docker: Docker, lock: PathBuf) -> Result<Self, ControllerError> {
        let previous = store::status::load(&options.layout)
            .unwrap_or_default()
            .unwrap_or_default();
        let previous = previous
            .items
            .into_iter()
            .map(|i| (i.metadata.name, i.status))
            .collect();
        let stopping = Arc::new(AtomicBool::new(false));
        let world = Live {
            eyes: Eyes {
                docker: docker.clone(),
                layout: options.layout.clone(),
                host_name: options.host_name.clone(),
                root: PathBuf::from("/"),
            },
            hands: Hands {
                docker: docker.clone(),
                docker_socket: options.docker_socket.clone(),
                layout: options.layout.clone(),
                host_name: options.host_name.clone(),
            },
            layout: options.layout.clone(),
            stopping: stopping.clone(),
        };
        let agent = AgentStatus {
            pid: std::process::id(),
            version: options.version.to_owned(),
            host: options.host_name.clone(),
            desired_state: options.desired_state.display().to_string(),
            lock: lock.display().to_string(),
            started_at: Timestamp::now(),
            stopped_at: None,
        };
        Ok(Self {
            options,
            docker,
            world,
            stacks: BTreeMap::new(),
            intake: Intake::default(),
            previous,
            agent,
            written: None,
            passes: JoinSet::new(),
            stopping,
        })
    }

    async fn run(&mut self) -> Result<bool, ControllerError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(ControllerError::Signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ControllerError::Signals)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(ControllerError::Signals)?;
        let (tell, mut heard) = mpsc::unbounded_channel();
        let listener = tokio::spawn(events::listen(self.docker.clone(), tell));
        let mut watch = self.watch();
        let mut rescan = tokio::time::interval(self.options.rescan);
        info!(desired_state = %self.options.desired_state.display(), host = self.options.host_name, "agent started");
        self.take_over_from_state();
        self.rescan();
        rescan.reset();
        self.write_status()?;
        while !self.stopping.load(Ordering::Relaxed) {
            self.start_due_passes();
            if self.options.once && self.is_settled() {
                break;
            }
            let due = self.next_due();
            // Every arm may be dropped: signals, hints and messages stay queued, and passes go on in
            // their own tasks.
            tokio::select! {
                _ = terminate.recv() => self.stop(),
                _ = interrupt.recv() => self.stop(),
                _ = hangup.recv() => self.rescan(),
                changed = changed(&mut watch) => {
                    if let Err(error) = changed {
                        warn!(error = in_words(&error), "the directory is not watched; rescans find changes");
                    }
                    self.rescan();
                }
                _ = rescan.tick() => {
                    if watch.is_none() {
                        watch = self.watch();
                    }
                    self.rescan();
                }
                Some(told) = heard.recv() => self.wake(&told),
                Some(done) = self.passes.join_next() => self.absorb(done),
                () = tokio::time::sleep_until(due) => {}
            }
            self.write_status_or_warn();
        }
        // A step, once begun, is allowed to end.
        while let Some(done) = self.passes.join_next().await {
            self.absorb(done);
        }
        listener.abort();
        self.agent.stopped_at = Some(Timestamp::now());
        self.write_status()?;
        info!("agent ended");
        let ready = self
            .stacks
            .values()
            .all(|t| t.status.is(ConditionType::Ready));
        Ok(ready
            && self.intake.rejected.is_empty()
            && self.intake.stacks.values().all(Result::is_ok))
    }

    fn stop(&mut self) {
        info!("ending: the step in hand is finished first");
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn watch(&self) -> Option<Watch> {
        match Watch::start(&self.options.desired_state) {
            Ok(watch) => Some(watch),
            Err(error) => {
                warn!(
                    error = in_words(&error),
                    "the directory is not watched; rescans find changes"
                );
                None
            }
        }
    }

    /// Recalls the stacks that were looked after before: one whose manifest is invalid or missing now
    /// stays as it was.
    fn take_over_from_state(&mut self) {
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

    fn track(&mut self, desired: crate::api::desired::Desired) {
        let record = store::stacks::record(&self.options.layout, &desired.name).unwrap_or_default();
        let previous = self.previous.remove(desired.name.as_str());
        let name = desired.name.clone();
        self.stacks.insert(
            name,
            Tracked::new(desired, record, previous, Timestamp::now()),
        );
    }

    fn rescan(&mut self) {
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

    fn start_due_passes(&mut self) {
        let now = Instant::now();
        for (name, tracked) in &mut self.stacks {
            if tracked.running || tracked.due > now || self.options.once && is_settled(tracked) {
                continue;
            }
            tracked.running = true;
            let approved = store::requests::is_approved(&self.options.layout, name);
            let (before, name, mut world) =
                (tracked.before(approved), name.clone(), self.world.clone());
            let gone = tracked.gone;
            self.passes.spawn(async move {
                let after = match gone {
                    Gone::No => reconcile::pass(&mut world, before).await,
                    Gone::Last => reconcile::retire(&mut world, before, false).await,
                    Gone::Yes => reconcile::retire(&mut world, before, true).await,
                };
                (name, after)
            });
        }
    }

    fn absorb(&mut self, done: Result<(StackName, After), tokio::task::JoinError>) {
        let (name, after) = match done {
            Ok(done) => done,
            Err(error) => {
                // The stack stays marked as running, so a broken pass is not repeated in a loop.
                warn!(error = %error, "a pass ended abnormally");
                return;
            }
        };
        let Some(tracked) = self.stacks.get_mut(&name) else {
            return;
        };
        if let Next::Backoff = after.next {
            let why = after.outcomes.iter().find_map(|o| o.result.as_ref().err());
            let why = why.or(after.plan.waiting.first().map(|w| &w.message));
            if tracked.failures == 0 {
                warn!(
                    stack = name.as_str(),
                    why = why.map_or("", String::as_str),
                    "not there yet; trying again"
                );
            }
        }
        if tracked.gone == Gone::Yes && after.seen.container.is_absent() {
            self.forget(&name);
            return;
        }
        let was_ready = tracked.status.is(ConditionType::Ready);
        tracked.absorb(after, self.options.resync, Timestamp::now());
        let is_ready = tracked.status.is(ConditionType::Ready);
        if was_ready != is_ready {
            let message = tracked
                .status
                .condition(ConditionType::Ready)
                .map(|c| c.message.clone());
            info!(
                stack = name.as_str(),
                ready = is_ready,
                message,
                "readiness changed"
            );
        }
    }

    /// Looks after a stack no longer: its manifest is gone, and so is its container.
    fn forget(&mut self, name: &StackName) {
        info!(
            stack = name.as_str(),
            "looking after a stack no longer; its volume stays"
        );
        if let Err(error) = store::stacks::forget_manifest(&self.options.layout, name) {
            warn!(
                stack = name.as_str(),
                error = in_words(&error),
                "cannot forget the manifest"
            );
        }
        self.stacks.remove(name);
    }

    fn wake(&mut self, told: &Heard) {
        for (name, tracked) in &mut self.stacks {
            let concerned = match told {
                Heard::Anything => true,
                Heard::Stack(stack) => stack == name.as_str(),
            };
            if concerned {
                tracked.wake();
            }
        }
    }

    fn next_due(&self) -> Instant {
        let waiting = self.stacks.values().filter(|t| !t.running).map(|t| t.due);
        waiting
            .min()
            .unwrap_or_else(|| Instant::now() + self.options.rescan)
    }

    fn is_settled(&self) -> bool {
        self.passes.is_empty() && self.stacks.values().all(is_settled)
    }

    fn write_status_or_warn(&mut self) {
        if let Err(error) = self.write_status() {
            warn!(error = in_words(&error), "cannot write the status");
        }
    }

    fn write_status(&mut self) -> Result<(), store::StoreError> {
        let mut items: Vec<StackStatus> = self.stacks.values().map(Tracked::item).collect();
        let never_valid = self
            .intake
            .stacks
            .iter()
            .filter(|(name, _)| !self.stacks.contains_key(*name));
        let changed_at = self.agent.started_at;
        items.extend(never_valid.filter_map(|(name, verdict)| {
            verdict
                .as_ref()
                .err()
                .map(|why| refused(name, why, changed_at))
        }));
        items.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        let status = StatusFile {
            agent: Some(self.agent.clone()),
            items,
            rejected: self.intake.rejected.clone(),
        };
        if self.written.as_ref() != Some(&status) {
            store::status::save(&self.options.layout, &status)?;
            self.written = Some(status);
        }
        Ok(())
    }
}

async fn changed(watch: &mut Option<Watch>) -> Result<(), source::watch::WatchError> {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// Whether `--once` is through with a stack.
fn is_settled(tracked: &Tracked) -> bool {
    let looked = !tracked.status.conditions.is_empty() && !tracked.running;
    looked
        && (tracked.failures >= ONCE_TRIES || tracked.failures == 0 && tracked.due > Instant::now())
}

/// A stack whose manifest was never valid: nothing of it exists, and it is told all the same.
fn refused(name: &StackName, why: &str, since: Timestamp) -> StackStatus {
    let condition = |kind, message: String| Condition {
        kind,
        status: Truth::False,
        reason: "Invalid".to_owned(),
        message,
        last_transition_time: since,
        observed_digest: String::new(),
    };
    let conditions = vec![
        condition(ConditionType::Ready, format!("Accepted: {why}")),
        condition(ConditionType::Accepted, why.to_owned()),
    ];
    let status = Status {
        conditions,
        observed_digest: String::new(),
        manifest: String::new(),
        container: None,
        endpoint: String::new(),
        waiting: Vec::new(),
        changed_at: since,
        events: Vec::new(),
    };
    StackStatus {
        metadata: crate::api::status::Metadata {
            name: name.to_string(),
        },
        status,
    }
}
