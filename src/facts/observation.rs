//! A fact with its certainty. Not having seen is not the same as not being there.

use serde::{Deserialize, Serialize};

/// One fact about the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Observation<T> {
    /// Seen.
    Known(T),
    /// Looked for, and not there.
    Absent,
    /// Could not be seen. Nothing is created, restarted or removed on it.
    Unknown {
        /// Why not, in words that a person can act on.
        why: String,
    },
}

impl<T> Observation<T> {
    /// Returns an unknown with its reason.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into() }
    }

    /// Returns the fact where it was seen.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(fact) => Some(fact),
            Self::Absent | Self::Unknown { .. } => None,
        }
    }

    /// Returns why it could not be seen, where it could not.
    pub fn why_unknown(&self) -> Option<&str> {
        match self {
            Self::Unknown { why } => Some(why),
            Self::Known(_) | Self::Absent => None,
        }
    }

    /// Whether it was looked for and is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Applies a function to the fact, and keeps the certainty.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Observation<U> {
        match self {
            Self::Known(fact) => Observation::Known(f(fact)),
            Self::Absent => Observation::Absent,
            Self::Unknown { why } => Observation::Unknown { why },
        }
    }
}
