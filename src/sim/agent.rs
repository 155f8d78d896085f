//! The agent's loop on a pretended host: passes, and the time between them.

use jiff::SignedDuration;

use crate::api::condition::{Condition, ConditionType, Truth};
use crate::api::desired::Desired;
use crate::api::event::Event;
use crate::plan::Plan;
use crate::reconcile::{After, Before, Next, Rest, World, pass, requeue, settings_to_read, think};

use super::Host;

/// More passes than any change needs; who is not quiet by then never will be.
const PATIENCE: usize = 40;

/// One stack's agent between two passes.
#[derive(Debug, Clone)]
pub struct Agent {
    /// The manifest in force.
    pub desired: Desired,
    /// Why the newest text is not in force.
    pub rejected: Option<String>,
    /// The conditions of the last pass that was told.
    pub conditions: Vec<Condition>,
    /// The events so far.
    pub events: Vec<Event>,
    /// What the last pass came to, and with which manifest, as long as a glance is enough.
    resting: Option<(Rest, Desired, Option<String>, Box<After>)>,
}

impl Agent {
    /// Returns an agent that has just read its first manifest.
    #[must_use]
    pub fn new(desired: Desired) -> Self {
        Self {
            desired,
            rejected: None,
            conditions: Vec::new(),
            events: Vec::new(),
            resting: None,
        }
    }

    /// Returns the last pass where it still holds, as the loop finds out.
    fn rests(&self, host: &mut Host) -> Option<After> {
        let (rest, desired, rejected, after) = self.resting.as_ref()?;
        let same = *desired == self.desired
            && *rejected == self.rejected
            && !host.approvals.contains(self.desired.name.as_str())
            && host.records.get(desired.name.as_str()) == Some(&after.record);
        (same && at_once(rest.goes_on(host, desired))).then(|| (**after).clone())
    }

    /// Returns what a pass starts from, as the agent finds it on disk.
    #[must_use]
    pub fn before(&self, host: &Host) -> Before {
        let stack = self.desired.name.as_str();
        Before {
            desired: self.desired.clone(),
            rejected: self.rejected.clone(),
            record: host.records.get(stack).cloned(),
            conditions: self.conditions.clone(),
            events: self.events.clone(),
            approved: host.approvals.contains(stack),
        }
    }

    /// Takes what a pass told.
    pub fn absorb(&mut self, after: &After) {
        self.conditions.clone_from(&after.conditions);
        self.events.clone_from(&after.events);
    }

    /// Makes one pass, and lets the time go by that lies before the next one. `None`: it was killed.
    pub fn pass(&mut self, host: &mut Host) -> Option<After> {
        if let Some(after) = self.rests(host) {
            host.wait(pause(after.next));
            return Some(after);
        }
        let before = self.before(host);
        let after = at_once(pass(host, before));
        if host.agent_is_dead() {
            host.revive_agent();
            // A new process has no session, and remembers no look.
            host.lose_sessions();
            self.resting = None;
            return None;
        }
        self.absorb(&after);
        let rest = after.rest();
        self.resting = rest.map(|rest| {
            let (desired, rejected) = (self.desired.clone(), self.rejected.clone());
            (rest, desired, rejected, Box::new(after.clone()))
        });
        host.wait(pause(after.next));
        Some(after)
    }

    /// Passes until nothing is left to do that can be done now; returns all of them. A killed agent
    /// starts again.
    pub fn settle(&mut self, host: &mut Host) -> Vec<After> {
        let mut passes = Vec::new();
        for _ in 0..PATIENCE {
            let Some(after) = self.pass(host) else {
                continue;
            };
            let is_quiet = matches!(after.next, Next::Quiet(_));
            passes.push(after);
            if is_quiet {
                break;
            }
        }
        passes
    }

    /// Returns what a pass would do now, and changes nothing: `aza-agent plan`.
    #[must_use]
    pub fn plan(&self, host: &Host) -> Plan {
        let mut host = host.clone();
        let stack = self.desired.name.as_str();
        let record = host.records.get(stack).cloned().unwrap_or_default();
        let approved = host.approvals.contains(stack);
        let names = settings_to_read(&self.desired, &record);
        let seen = at_once(host.look(&self.desired, &names));
        think(&self.desired, &seen, &record, approved).plan
    }

    /// Returns a condition of the last pass.
    #[must_use]
    pub fn condition(&self, kind: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.kind == kind)
    }

    /// Whether the condition was seen to hold at the last pass.
    #[must_use]
    pub fn is(&self, kind: ConditionType) -> bool {
        self.condition(kind)
            .is_some_and(|c| c.status == Truth::True)
    }
}

fn pause(next: Next) -> SignedDuration {
    let duration = match next {
        Next::Now => return SignedDuration::from_millis(10),
        Next::Quiet(_) => requeue::RESYNC,
        Next::Backoff => requeue::FIRST_BACKOFF,
    };
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::ZERO)
}

/// Runs what never has to wait: the pretended world answers at once.
///
/// # Panics
/// It had to wait: then it is not of this world.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("nothing on a pretended host takes real time"),
    }
}
