//! How a pass is told: conditions, events and explanations, all renderings of the same values.
//!
//! There is no second source of reasons: what a condition says is what the planner saw.

pub mod conditions;
pub mod events;
pub mod explain;
pub mod incidents;

use crate::plan::Step;

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The step.
    pub step: Step,
    /// Why it was planned.
    pub reason: String,
    /// How it ended; the error's whole chain in words.
    pub result: Result<(), String>,
}
