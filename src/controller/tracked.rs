//! One stack as the loop knows it: the manifest in force, what is remembered, when it is due.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::api::desired::Desired;
use crate::api::status::{ContainerStatus, Metadata, StackStatus, Status};
use crate::diff::limits::LimitValues;
use crate::facts::{Observed, Record};
use crate::reconcile::requeue::{FIRST_BACKOFF, LONGEST_BACKOFF};
use crate::reconcile::{After, Before, Next, Rest};

use super::standing::{Gone, Standing};

/// A stack that the loop looks after.
pub struct Tracked {
    /// How its manifest stands.
    pub standing: Standing,
    /// Whether the manifest in force is kept in the state directory.
    pub kept: bool,
    /// What the agent remembers.
    pub record: Option<Record>,
    /// What was told last.
    pub status: Status,
    /// When the next pass is due.
    pub due: Instant,
    /// Whether a pass is under way: one at a time.
    pub running: bool,
    /// Whether something happened during the pass.
    pub again: bool,
    /// What the last pass came to, as long as a glance is enough to know that it holds.
    pub rest: Option<Rest>,
    /// How often in a row a pass failed.
    pub failures: u32,
    backoff: ExponentialBackoff,
}

impl Tracked {
    /// Begins to look after a stack.
    #[must_use]
    pub fn new(
        desired: Desired,
        record: Option<Record>,
        previous: Option<Status>,
        now: Timestamp,
    ) -> Self {
        let mut status = previous.unwrap_or_else(|| empty_status(&desired, now));
        // Another agent's looks are not ours.
        status.first_look_at = None;
        Self {
            standing: Standing::new(desired),
            kept: true,
            record,
            status,
            due: Instant::now(),
            running: false,
            again: false,
            rest: None,
            failures: 0,
            backoff: ExponentialBackoff {
                initial_interval: FIRST_BACKOFF,
                current_interval: FIRST_BACKOFF,
                max_interval: LONGEST_BACKOFF,
                multiplier: 2.0,
                // It would give up after 15 minutes otherwise, and a database may be down for longer.
                max_elapsed_time: None,
                ..ExponentialBackoff::default()
            },
        }
    }

    /// Asks for a pass now; the earlier time wins.
    pub fn wake(&mut self) {
        self.due = Instant::now();
        self.again |= self.running;
        self.rest = None;
    }

    /// Returns what a pass starts from.
    #[must_use]
    pub fn before(&self, approved: bool) -> Before {
        Before {
            desired: self.standing.desired.clone(),
            rejected: self.standing.rejected.clone(),
            record: self.record.clone(),
            conditions: self.status.conditions.clone(),
            events: self.status.events.clone(),
            approved,
        }
    }

    /// Sets the time of the next pass after a glance. One that found a difference is followed by a look.
    pub fn absorb_glance(&mut self, goes_on: bool, resync: Duration, now: Timestamp) {
        self.running = false;
        let heard_meanwhile = std::mem::take(&mut self.again);
        self.rest = self.rest.filter(|_| goes_on && !heard_meanwhile);
        let wait = match self.rest {
            Some(rest) => self.wait(Next::Quiet(rest.until()), resync, now),
            None => Duration::ZERO,
        };
        self.due = Instant::now() + wait;
    }

    /// Takes what a pass left, and sets the time of the next one.
    pub fn absorb(&mut self, after: After, resync: Duration, now: Timestamp) {
        self.running = false;
        self.rest = after
            .rest()
            .filter(|_| self.standing.gone == Gone::No && !self.again);
        let status = Status {
            container: container(&after.seen),
            waiting: after.plan.waiting,
            conditions: after.conditions,
            events: after.events,
            changed_at: self.status.changed_at,
            first_look_at: self.status.first_look_at.or(Some(now)),
            ..empty_status(&self.standing.desired, now)
        };
        if status != self.status {
            self.status = Status {
                changed_at: now,
                ..status
            };
        }
        self.record = Some(after.record);
        let wait = self.wait(after.next, resync, now);
        self.due = Instant::now()
            + if std::mem::take(&mut self.again) {
                Duration::ZERO
            } else {
                wait
            };
    }

    fn wait(&mut self, next: Next, resync: Duration, now: Timestamp) -> Duration {
        if next == Next::Backoff {
            self.failures += 1;
            return self.backoff.next_backoff().unwrap_or(LONGEST_BACKOFF);
        }
        self.failures = 0;
        self.backoff.reset();
        match next {
            Next::Now | Next::Backoff => Duration::ZERO,
            Next::Quiet(until) => {
                let until = until.and_then(|t| Duration::try_from(t.duration_since(now)).ok());
                until.unwrap_or(resync).min(jittered(resync))
            }
        }
    }

    /// Returns it in the form of the status file.
    #[must_use]
    pub fn item(&self) -> StackStatus {
        StackStatus {
            metadata: Metadata {
                name: self.standing.desired.name.to_string(),
            },
            status: self.status.clone(),
        }
    }
}

/// Spreads the passes of many stacks, a tenth to either side.
fn jittered(resync: Duration) -> Duration {
    let mut spread = ExponentialBackoff {
        current_interval: resync,
        initial_interval: resync,
        randomization_factor: 0.1,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    spread.next_backoff().unwrap_or(resync)
}

fn empty_status(desired: &Desired, now: Timestamp) -> Status {
    Status {
        conditions: Vec::new(),
        observed_digest: desired.digest.clone(),
        manifest: desired.origin.clone(),
        container: None,
        endpoint: std::net::SocketAddr::new(desired.publish.address, desired.publish.port)
            .to_string(),
        waiting: Vec::new(),
        first_look_at: None,
        changed_at: now,
        events: Vec::new(),
    }
}

fn container(seen: &Observed) -> Option<ContainerStatus> {
    let container = seen.container.known()?;
    let limits = LimitValues {
        memory: container.memory,
        memory_swap: container.memory_swap,
        cpus: container.cpus,
    };
    Some(ContainerStatus {
        name: container.name.clone(),
        id: container.short_id().to_owned(),
        state: container.state.as_str().to_owned(),
        image: container.image.clone(),
        started_at: container.started_at,
        limits: limits.to_string(),
    })
}
