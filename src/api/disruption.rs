//! How much a step disturbs the clients of a stack.

use serde::{Deserialize, Serialize};

/// What clients notice of a step. Ordered, so "is it allowed" is a comparison.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Disruption {
    /// Nothing: a live limit, a file, a container that did not serve before.
    None,
    /// New values for running sessions; no connection is lost.
    Reload,
    /// Every connection ends once; the container stays.
    Restart,
    /// Every connection ends once, and the container is made again.
    Recreate,
}

impl std::fmt::Display for Disruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::Reload => "reload",
            Self::Restart => "restart",
            Self::Recreate => "recreate",
        })
    }
}
