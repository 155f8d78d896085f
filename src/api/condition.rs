//! Conditions: what is true of a stack, since when, and why. Kubernetes' shape.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a condition speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConditionType {
    /// Everything below that counts is as the manifest wants.
    Ready,
    /// The manifest is valid and in force.
    Accepted,
    /// The container exists, is ours, and runs from what the manifest names.
    ContainersReady,
    /// A client can log in and gets an answer, through the socket and at the container's address.
    Available,
    /// The cgroup's limits are the wanted ones.
    LimitsInSync,
    /// The effective settings are the wanted ones.
    SettingsInSync,
    /// The extensions are there, in the wanted version.
    ExtensionsReady,
    /// The superuser's password is the one in its file.
    SecretsInSync,
    /// The C library sorts text as it did when each database was made.
    CollationsMatch,
    /// A restart or a recreate is needed and has not happened yet.
    RestartRequired,
    /// What the settings may use fits the memory limit.
    MemorySafe,
    /// There is room on the file system of the data.
    DiskSpace,
    /// The kernel killed a process of the container for memory, within the last day.
    OomKilled,
}

impl ConditionType {
    /// Every type, in the order that `status` shows them.
    pub const ALL: [Self; 13] = [
        Self::Ready,
        Self::Accepted,
        Self::ContainersReady,
        Self::Available,
        Self::LimitsInSync,
        Self::SettingsInSync,
        Self::ExtensionsReady,
        Self::SecretsInSync,
        Self::CollationsMatch,
        Self::RestartRequired,
        Self::MemorySafe,
        Self::DiskSpace,
        Self::OomKilled,
    ];

    /// Those that must be True for `Ready`. The others stand beside it.
    pub const READY: [Self; 6] = [
        Self::Accepted,
        Self::ContainersReady,
        Self::Available,
        Self::LimitsInSync,
        Self::SettingsInSync,
        Self::ExtensionsReady,
    ];

    /// Returns the word that `status` shows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Accepted => "Accepted",
            Self::ContainersReady => "ContainersReady",
            Self::Available => "Available",
            Self::LimitsInSync => "LimitsInSync",
            Self::SettingsInSync => "SettingsInSync",
            Self::ExtensionsReady => "ExtensionsReady",
            Self::SecretsInSync => "SecretsInSync",
            Self::CollationsMatch => "CollationsMatch",
            Self::RestartRequired => "RestartRequired",
            Self::MemorySafe => "MemorySafe",
            Self::DiskSpace => "DiskSpace",
            Self::OomKilled => "OomKilled",
        }
    }

    /// The value that a person likes to see.
    #[must_use]
    pub fn good(self) -> Truth {
        match self {
            Self::RestartRequired | Self::OomKilled => Truth::False,
            Self::Ready
            | Self::Accepted
            | Self::ContainersReady
            | Self::Available
            | Self::LimitsInSync
            | Self::SettingsInSync
            | Self::ExtensionsReady
            | Self::SecretsInSync
            | Self::CollationsMatch
            | Self::MemorySafe
            | Self::DiskSpace => Truth::True,
        }
    }
}

impl std::fmt::Display for ConditionType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Kubernetes' three values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Truth {
    /// Seen to hold.
    True,
    /// Seen not to hold.
    False,
    /// Could not be seen.
    Unknown,
}

impl std::fmt::Display for Truth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        })
    }
}

/// One condition of one stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it speaks of.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: Truth,
    /// One word for machines, in CamelCase.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// When `status` last changed.
    pub last_transition_time: Timestamp,
    /// The digest of the manifest that it was computed from.
    pub observed_digest: String,
}

/// A condition without its history: what one pass found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it speaks of.
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: Truth,
    /// One word for machines.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl Finding {
    /// Dates the finding: the transition time moves only when the status changed.
    #[must_use]
    pub fn dated(self, previous: Option<&Condition>, digest: &str, now: Timestamp) -> Condition {
        let since = match previous {
            Some(old) if old.status == self.status => old.last_transition_time,
            Some(_) | None => now,
        };
        Condition {
            kind: self.kind,
            status: self.status,
            reason: self.reason.to_owned(),
            message: self.message,
            last_transition_time: since,
            observed_digest: digest.to_owned(),
        }
    }
}
