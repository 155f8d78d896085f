//! A pass that has nothing to think about: the same input comes to the same plan.
//!
//! After a quiet pass a glance is enough, until something looks different, something is heard, a moment
//! comes that the plan waits for, or the look is old. A glance that finds a difference leads to a look, never
//! to a step.

use std::time::Duration;

use jiff::Timestamp;

use crate::api::desired::Desired;

use super::requeue::LOOK_COUNTS;
use super::{After, Next, World, saw_everything};

/// What a quiet pass came to, and until when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    looked_at: Timestamp,
    until: Option<Timestamp>,
}

impl After {
    /// Returns a rest, where everything was seen, clients get in and nothing was left to do.
    #[must_use]
    pub fn rest(&self) -> Option<Rest> {
        let Next::Quiet(until) = self.next else {
            return None;
        };
        let serves = |server: &crate::facts::Server| {
            server.login_failure.is_none() && server.address_failure.is_none()
        };
        let well = self.outcomes.is_empty()
            && self.plan.steps.is_empty()
            && saw_everything(&self.seen)
            && self.seen.server.known().is_some_and(serves);
        well.then_some(Rest {
            looked_at: self.seen.at,
            until,
        })
    }
}

impl Rest {
    /// Returns until when it holds at the longest, where a moment is known.
    #[must_use]
    pub fn until(self) -> Option<Timestamp> {
        self.until
    }

    /// Whether a pass with the same manifest would come to the same again.
    pub async fn goes_on(self, world: &mut impl World, desired: &Desired) -> bool {
        let now = world.now();
        let age = Duration::try_from(now.duration_since(self.looked_at));
        // Without an age the clock was set back: then nobody knows how old the look is.
        let counts = age.is_ok_and(|age| age < LOOK_COUNTS);
        counts && self.until.is_none_or(|until| now < until) && world.glance(desired).await
    }
}
