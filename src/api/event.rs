//! Events: what changed, in words, the last 200 of a stack.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many events are kept for a stack: weeks of a quiet one, and a file of some 40 kB.
pub const KEPT: usize = 200;

/// Whether a person should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventType {
    /// All in order.
    Normal,
    /// Something to look at.
    Warning,
}

/// One thing that happened to a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When.
    pub time: Timestamp,
    /// Whether a person should look.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// One word for machines, in CamelCase.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}
