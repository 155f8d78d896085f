//! Why a setting has its value: a sentence, and the inputs that it rests on.
//!
//! The inputs stand beside the sentence so that `explain` can add where each of them came from
//! (which cgroup, which line of the manifest); the tuner does not know that and need not.

use std::fmt;

use serde::Serialize;

/// One reason. `Display` is the sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The rule or formula in words, with its numbers.
    pub rule: String,
    /// What it was computed from; empty for a value that is the same everywhere.
    pub inputs: Vec<Input>,
}

/// A field of [`Inputs`](super::Inputs).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// The memory that the cgroup grants.
    Memory,
    /// Whole CPUs.
    Cpus,
    /// The workload profile.
    Workload,
    /// What the data lies on.
    Storage,
    /// Size of /dev/shm.
    Shm,
    /// Size of the data's file system.
    Disk,
    /// The preload list.
    Preload,
    /// The database of pg_cron.
    CronDatabase,
}

impl Reason {
    /// Builds a reason that rests on `inputs`.
    #[must_use]
    pub fn of(inputs: &[Input], rule: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            inputs: inputs.to_vec(),
        }
    }

    /// Builds the reason of a value that is the same on every machine.
    #[must_use]
    pub fn always(rule: impl Into<String>) -> Self {
        Self::of(&[], rule)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.rule)
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Memory => "memory",
            Self::Cpus => "cpus",
            Self::Workload => "workload",
            Self::Storage => "storage",
            Self::Shm => "/dev/shm",
            Self::Disk => "disk",
            Self::Preload => "preload list",
            Self::CronDatabase => "cron database",
        })
    }
}
