//! One world with one agent: passes until they are quiet, the same lines for both worlds.

use std::time::Duration;

use aza_agent::api::condition::Condition;
use aza_agent::api::desired::Desired;
use aza_agent::api::event::Event;
use aza_agent::controller::live::Live;
use aza_agent::facts::Record;
use aza_agent::reconcile::{After, Before, Next, World, pass, requeue};
use aza_agent::sim::Host;
use jiff::SignedDuration;

/// More passes than any story needs; on the real world, with its waits, half a minute.
const PATIENCE: usize = 60;
/// Idle passes in a row after which a world that is not well will not get well: longer than a start.
const LONG: usize = 12;

/// How time goes by between two passes.
pub trait Clock {
    async fn lets_go_by(&mut self, time: Duration);
}

impl Clock for Host {
    async fn lets_go_by(&mut self, time: Duration) {
        self.wait(SignedDuration::try_from(time).unwrap());
    }
}

impl Clock for Live {
    async fn lets_go_by(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// A world, and what the agent remembers in it.
pub struct Side<W> {
    pub world: W,
    record: Option<Record>,
    conditions: Vec<Condition>,
    events: Vec<Event>,
}

impl<W: World + Clock> Side<W> {
    pub fn new(world: W) -> Self {
        Self {
            world,
            record: None,
            conditions: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The agent's memory is lost.
    pub fn forgets(&mut self) {
        (self.record, self.conditions, self.events) = (None, Vec::new(), Vec::new());
    }

    /// Makes one pass.
    pub async fn pass(&mut self, desired: &Desired) -> After {
        let before = Before {
            desired: desired.clone(),
            rejected: None,
            record: self.record.clone(),
            conditions: self.conditions.clone(),
            events: self.events.clone(),
            approved: false,
        };
        let after = pass(&mut self.world, before).await;
        self.record = Some(after.record.clone());
        self.conditions.clone_from(&after.conditions);
        self.events.clone_from(&after.events);
        after
    }

    /// Passes until nothing is left that can be done now: until they are quiet, or the same step failed
    /// twice, or nothing was done and nothing changed for long.
    pub async fn settle(&mut self, desired: &Desired) -> Vec<After> {
        let mut passes: Vec<After> = Vec::new();
        let mut idle_for = 0;
        for _ in 0..PATIENCE {
            let after = self.pass(desired).await;
            let again = passes.last().is_some_and(|last| fails_alike(last, &after));
            let (next, idle) = (after.next, after.outcomes.is_empty());
            passes.push(after);
            idle_for = if idle { idle_for + 1 } else { 0 };
            match next {
                Next::Quiet(_) if idle => return passes,
                Next::Backoff if again || idle_for > LONG => return passes,
                Next::Quiet(_) | Next::Now => {}
                Next::Backoff => self.world.lets_go_by(requeue::FIRST_BACKOFF).await,
            }
        }
        let last = passes.last();
        panic!(
            "never quiet: {:#?}\n{:#?}",
            last.map(|a| &a.plan),
            last.map(|a| &a.conditions)
        );
    }
}

/// Whether two passes did the same, and it failed both times.
fn fails_alike(last: &After, this: &After) -> bool {
    let failed = |after: &After| after.outcomes.iter().any(|o| o.result.is_err());
    let steps = |after: &After| {
        after
            .outcomes
            .iter()
            .map(|o| o.step.to_string())
            .collect::<Vec<_>>()
    };
    failed(last) && failed(this) && steps(last) == steps(this)
}
