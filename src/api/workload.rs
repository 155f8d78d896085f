//! What a stack is used for and what its data lies on: the two hints that steer the tuner.

use serde::{Deserialize, Serialize};

/// The kind of load. Absent in a manifest means the reference profile.
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
pub enum Workload {
    /// Many short requests from web applications.
    Web,
    /// Many concurrent small transactions.
    Oltp,
    /// Few sessions, large scans and sorts.
    Dw,
    /// A bit of everything.
    Mixed,
}

impl Workload {
    /// Every workload, in the order the documentation lists them.
    pub const ALL: [Self; 4] = [Self::Web, Self::Oltp, Self::Dw, Self::Mixed];

    /// Returns the word that manifests use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Oltp => "oltp",
            Self::Dw => "dw",
            Self::Mixed => "mixed",
        }
    }

    /// Reads the word that manifests use; `None` for any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|w| w.as_str() == text)
    }
}

impl std::fmt::Display for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the data directory lies on.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// Flash: random reads cost about what sequential ones do. What nearly every VPS has.
    #[default]
    Ssd,
    /// A spinning disk.
    Hdd,
    /// A storage network: deep queues, some latency.
    San,
}

impl Storage {
    /// Every kind, in the order the documentation lists them.
    pub const ALL: [Self; 3] = [Self::Ssd, Self::Hdd, Self::San];

    /// Returns the word that manifests use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssd => "ssd",
            Self::Hdd => "hdd",
            Self::San => "san",
        }
    }

    /// Reads the word that manifests use; `None` for any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

impl std::fmt::Display for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
