//! What the agent remembers of its own doing between passes.
//!
//! Losing it loses no data and restarts nothing: without a record, lines that differ are reported as
//! foreign instead of being put right.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::SettingName;

/// A value that the server did not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The value, as it was sent.
    pub value: String,
    /// The server's words.
    pub said: String,
    /// The start of the server that said so: another one is asked again.
    pub server_start: Timestamp,
}

/// Processes that the kernel killed for memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OomKill {
    /// When it was seen; it happened since the look before.
    pub at: Timestamp,
    /// How many were killed.
    pub processes: u64,
}

/// What was seen of the container's life at the last look, so that the next one tells what happened since.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Life {
    /// The container's start.
    pub started_at: Option<Timestamp>,
    /// Whether a step of ours has started it since.
    pub started_by_us: bool,
    /// The kernel's count of kills since that start.
    pub oom_kills: u64,
    /// When the server last started all its processes again.
    pub reinitialised_at: Option<Timestamp>,
}

/// The memory of one stack.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Record {
    /// Whether the agent has known this cluster from its first start, so that lines on owned settings
    /// that it did not write are drift and not somebody's choice from before.
    pub known_from_start: bool,
    /// Lines of `postgresql.auto.conf` that the agent wrote.
    pub lines: BTreeMap<SettingName, String>,
    /// Lines that were there when the cluster was taken over.
    pub inherited: BTreeSet<SettingName>,
    /// Values that the server did not take, so that they are not sent again and again.
    pub refused: BTreeMap<SettingName, Refusal>,
    /// The cluster that the volume held: another one under the same name blocks the start.
    pub system_identifier: Option<String>,
    /// Whether the last look missed that cluster, and said so: an approval from before does not mean it.
    pub cluster_is_missed: bool,
    /// What the last restart was to bring about; the same again would not help either.
    pub last_restart: Option<String>,
    /// The same for the last recreate.
    pub last_recreate: Option<String>,
    /// What ran when the last disruptive step began: the server's start for a restart, the container's
    /// id for a recreate. While the same still runs, the step has not happened.
    pub begun_on: Option<String>,
    /// The digest that was once in sync: from then on `drift: report` holds back.
    pub synced_digest: Option<String>,
    /// What was seen of the container's life.
    pub life: Life,
    /// Since when the container is seen paused.
    pub paused_since: Option<Timestamp>,
    /// The last time that the kernel killed for memory.
    pub last_oom: Option<OomKill>,
    /// A disruptive step that had begun when this was written.
    pub journal: Option<String>,
}
