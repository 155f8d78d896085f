//! What a pass needs of the world: eyes and hands. `controller/live` is the real one, `sim` pretends.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::api::SettingName;
use crate::api::desired::Desired;
use crate::facts::{Observed, Record};
use crate::plan::Step;

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError {
    /// In words, with its causes.
    pub words: String,
    /// Whether PostgreSQL refused the value itself: the same value would be refused again.
    pub refused: bool,
}

impl From<String> for StepError {
    fn from(words: String) -> Self {
        Self {
            words,
            refused: false,
        }
    }
}

/// The world as a pass sees it.
pub trait World {
    /// Returns the time.
    fn now(&self) -> Timestamp;

    /// Looks at everything that belongs to a stack, and changes nothing. `settings` are those to read.
    fn look(
        &mut self,
        desired: &Desired,
        settings: &BTreeSet<SettingName>,
    ) -> impl Future<Output = Observed> + Send;

    /// Whether everything that belongs to a stack is as the last look saw it, found out for less than a look
    /// costs; false when in doubt. Nothing is done on it.
    fn glance(&mut self, desired: &Desired) -> impl Future<Output = bool> + Send;

    /// Does one step, exactly as planned.
    ///
    /// # Errors
    /// What went wrong, in words, with its causes.
    fn perform(
        &mut self,
        desired: &Desired,
        step: &Step,
    ) -> impl Future<Output = Result<(), StepError>> + Send;

    /// Remembers what the agent did; called before a disruptive step and after each step.
    ///
    /// # Errors
    /// It could not be remembered: then a disruptive step does not begin.
    fn remember(&mut self, desired: &Desired, record: &Record) -> Result<(), String>;

    /// Takes the approval away, since a disruptive step begins that it let happen.
    ///
    /// # Errors
    /// It could not be taken: then the step does not begin.
    fn take_approval(&mut self, desired: &Desired) -> Result<(), String>;

    /// Whether the agent is to end: no further step begins.
    fn is_stopping(&self) -> bool;
}
