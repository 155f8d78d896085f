//! The loop: which stack is due, one pass for each at a time, and an end in order.
//!
//! Events are for speed (the directory, Docker), timers for truth: every stack is looked at again
//! within the resync time and the directory is read again within the rescan time, whatever was heard.

#![expect(
    clippy::disallowed_methods,
    reason = "the loop asks the clock, so that nobody below has to"
)]

pub mod events;
pub mod intake;
pub mod live;

mod manifests;
mod notify;
mod requests;
mod standing;
mod status;
mod tracked;
mod wake;

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
use crate::api::condition::ConditionType;
use crate::api::status::{AgentStatus, Status, StatusFile};
use crate::client::Kept;
use crate::host::layout::Layout;
use crate::host::lock::Lock;
use crate::observe::Eyes;
use crate::observe::glance::Looks;
use crate::observe::password::Passwords;
use crate::reconcile::{self, After, Next};
use crate::source::DesiredState;
use crate::store;

use intake::Intake;
use live::Live;
use notify::Systemd;
use requests::Requests;
use standing::Gone;
use tracked::Tracked;

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
    let lock = take(&lock_path).await;
    let lock = lock.map_err(|source| ControllerError::Lock {
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
    // Tokio wakes a spawned task by a queue, and the one that it blocks on through the kernel.
    let task = tokio::spawn(async move { controller.run().await });
    task.await
        .expect("the loop does not panic, and nobody aborts it")
}

/// What came of a stack's turn.
enum Done {
    /// Only a glance was due: whether everything is as it was.
    Glanced(bool),
    /// A pass.
    Passed(Box<After>),
}

/// Takes the agent's lock. A child that a killed agent was about to start holds it from its fork to its exec:
/// milliseconds, and no other agent.
async fn take(path: &std::path::Path) -> std::io::Result<Option<Lock>> {
    const TRIES: u32 = 10;
    const POLL: Duration = Duration::from_millis(50);
    for _ in 1..TRIES {
        if let Some(lock) = Lock::try_take(path)? {
            return Ok(Some(lock));
        }
        tokio::time::sleep(POLL).await;
    }
    Lock::try_take(path)
}

struct Controller {
    options: Options,
    docker: Docker,
    world: Live,
    stacks: BTreeMap<StackName, Tracked>,
    directory: DesiredState,
    requests: Requests,
    intake: Intake,
    /// When to read the directory again for a file that does not count yet.
    again: Option<Instant>,
    previous: BTreeMap<String, Status>,
    agent: AgentStatus,
    written: Option<StatusFile>,
    systemd: Systemd,
    /// Whether something may have changed that the status file tells.
    untold: bool,
    /// Whether the last try to write it failed: told once.
    status_fails: bool,
    passes: JoinSet<(StackName, Done)>,
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
        let kept = Kept::default();
        let world = Live {
            eyes: Eyes {
                docker: docker.clone(),
                layout: options.layout.clone(),
                host_name: options.host_name.clone(),
                root: PathBuf::from("/"),
                passwords: Passwords::default(),
                kept: kept.clone(),
                looks: Looks::default(),
            },
            hands: Hands {
                docker: docker.clone(),
                docker_socket: options.docker_socket.clone(),
                layout: options.layout.clone(),
                host_name: options.host_name.clone(),
                kept,
            },
            layout: options.layout.clone(),
            stopping: stopping.clone(),
            forgetful: Arc::default(),
        };
        let agent = AgentStatus {
            pid: std::process::id(),
            version: options.version.to_owned(),
            host: options.host_name.clone(),
            desired_state: options.desired_state.display().to_string(),
            lock: lock.display().to_string(),
            started_at: Timestamp::now(),
            stopped_at: None,
            unwatched: None,
            docker_silent: None,
        };
        let directory = DesiredState::new(&options.desired_state);
        let requests = Requests::listen(&options.layout);
        Ok(Self {
            options,
            docker,
            world,
            stacks: BTreeMap::new(),
            directory,
            requests,
            intake: Intake::default(),
            again: None,
            previous,
            agent,
            written: None,
            systemd: Systemd::here(),
            untold: false,
            status_fails: false,
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
        let mut rescan = tokio::time::interval(self.options.rescan);
        info!(desired_state = %self.options.desired_state.display(), host = self.options.host_name, "agent started");
        self.take_over_from_state();
        self.rescan();
        rescan.reset();
        self.write_status()?;
        self.systemd.ready();
        while !self.stopping.load(Ordering::Relaxed) {
            self.systemd.beat();
            self.start_due_passes();
            if self.options.once && self.is_settled() {
                break;
            }
            let (due, again) = (self.next_due(), self.again);
            // Every arm may be dropped: signals, hints and messages stay queued, and passes go on in
            // their own tasks.
            tokio::select! {
                _ = terminate.recv() => self.stop(),
                _ = interrupt.recv() => self.stop(),
                _ = hangup.recv() => self.reload(),
                () = self.directory.changed() => self.rescan(),
                () = self.requests.changed() => self.wake_approved(),
                () = sleep_until(again) => self.rescan(),
                _ = rescan.tick() => self.rescan(),
                Some(told) = heard.recv() => self.wake(told),
                Some(done) = self.passes.join_next() => self.absorb(done),
                () = tokio::time::sleep_until(due.min(self.systemd.next_beat())) => {}
            }
            self.write_status_or_warn();
        }
        self.drain().await;
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

    /// Waits for the passes in hand: a step, once begun, is allowed to end.
    async fn drain(&mut self) {
        while !self.passes.is_empty() {
            self.systemd.beat();
            self.systemd.put_off();
            // Either arm may be dropped: passes go on in their own tasks.
            tokio::select! {
                Some(done) = self.passes.join_next() => self.absorb(done),
                () = tokio::time::sleep_until(self.systemd.next_beat()) => {}
            }
        }
    }

    fn stop(&mut self) {
        self.untold = true;
        info!("ending: the step in hand is finished first");
        self.stopping.store(true, Ordering::Relaxed);
        self.systemd.stopping(self.passes.len());
    }

    fn reload(&mut self) {
        self.systemd.reloading();
        info!("asked to read the directory again");
        self.rescan();
        self.write_status_or_warn();
        self.systemd.ready();
    }

    fn start_due_passes(&mut self) {
        let now = Instant::now();
        for (name, tracked) in &mut self.stacks {
            if tracked.running || tracked.due > now || self.options.once && is_settled(tracked) {
                continue;
            }
            tracked.running = true;
            let approved = store::requests::is_approved(&self.options.layout, name);
            let (name, mut world) = (name.clone(), self.world.clone());
            if let Some(rest) = tracked.rest.filter(|_| !approved) {
                let desired = tracked.standing.desired.clone();
                self.passes.spawn(async move {
                    let goes_on = rest.goes_on(&mut world, &desired).await;
                    (name, Done::Glanced(goes_on))
                });
                continue;
            }
            let (before, gone) = (tracked.before(approved), tracked.standing.gone);
            self.passes.spawn(async move {
                let after = match gone {
                    Gone::No => reconcile::pass(&mut world, before).await,
                    Gone::Last => reconcile::retire(&mut world, before, false).await,
                    Gone::Yes => reconcile::retire(&mut world, before, true).await,
                };
                (name, Done::Passed(Box::new(after)))
            });
        }
    }

    fn absorb(&mut self, done: Result<(StackName, Done), tokio::task::JoinError>) {
        let (name, done) = match done {
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
        let now = Timestamp::now();
        let after = match done {
            Done::Glanced(goes_on) => {
                tracked.absorb_glance(goes_on, self.options.resync, now);
                return;
            }
            Done::Passed(after) => *after,
        };
        self.untold = true;
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
        if tracked.standing.gone == Gone::Yes && after.seen.container.is_absent() {
            self.forget(&name);
            return;
        }
        let was_ready = tracked.status.is(ConditionType::Ready);
        tracked.absorb(after, self.options.resync, now);
        let is_ready = tracked.status.is(ConditionType::Ready);
        if was_ready != is_ready {
            let why = tracked
                .status
                .condition(ConditionType::Ready)
                .map(|c| c.message.clone());
            info!(
                stack = name.as_str(),
                ready = is_ready,
                why,
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
        self.world.eyes.kept.forget(name.as_str());
        self.world.eyes.looks.forget(name.as_str());
    }

    fn next_due(&self) -> Instant {
        let waiting = self.stacks.values().filter(|t| !t.running).map(|t| t.due);
        waiting
            .min()
            .unwrap_or_else(|| Instant::now() + self.options.rescan)
    }

    fn is_settled(&self) -> bool {
        self.passes.is_empty() && !self.intake.settling && self.stacks.values().all(is_settled)
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Whether `--once` is through with a stack.
fn is_settled(tracked: &Tracked) -> bool {
    let looked = !tracked.status.conditions.is_empty() && !tracked.running;
    looked
        && (tracked.failures >= ONCE_TRIES || tracked.failures == 0 && tracked.due > Instant::now())
}

#[cfg(test)]
mod directory_tests;
