//! What `aza-agent status` shows, and the file it comes from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, ConditionType, Truth};
use super::event::Event;

/// `status.json`: everything that is told about every stack of this agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct StatusFile {
    /// Who wrote it.
    pub agent: Option<AgentStatus>,
    /// The stacks, by name.
    #[serde(default)]
    pub items: Vec<StackStatus>,
    /// Files and documents that could not be taken, in words with their place.
    #[serde(default)]
    pub rejected: Vec<String>,
}

/// The agent that wrote the status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// Its process id on the host.
    pub pid: u32,
    /// Its release.
    pub version: String,
    /// The host's name as the agent knows it.
    pub host: String,
    /// The directory it watches.
    pub desired_state: String,
    /// The lock that it holds while it runs.
    pub lock: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it stopped in order; absent while it runs, and after a crash.
    pub stopped_at: Option<Timestamp>,
    /// Why the directory is not watched, where it is not: changes are then found by rescans only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwatched: Option<String>,
    /// Since when Docker does not answer; absent while it does.
    #[serde(default)]
    pub docker_silent: Option<Silence>,
}

/// Docker does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Since when.
    pub since: Timestamp,
    /// What was tried and what came back.
    pub why: String,
}

/// One stack, in Kubernetes' shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackStatus {
    /// Its name.
    pub metadata: Metadata,
    /// What is told of it.
    pub status: Status,
}

/// The name of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// `metadata.name` of the manifest.
    pub name: String,
}

/// What is told of one stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The conditions, in the order of [`ConditionType::ALL`].
    pub conditions: Vec<Condition>,
    /// The digest of the manifest in force.
    pub observed_digest: String,
    /// Where that manifest stands.
    pub manifest: String,
    /// The container, where one was seen.
    pub container: Option<ContainerStatus>,
    /// `host:port` for clients.
    pub endpoint: String,
    /// What was planned and not done, each with its reason.
    pub waiting: Vec<Waiting>,
    /// When the agent that wrote this first looked at the stack; absent until it has, and then everything here is
    /// what the agent before it saw.
    #[serde(default)]
    pub first_look_at: Option<Timestamp>,
    /// When anything of this last changed. A quiet agent writes nothing.
    pub changed_at: Timestamp,
    /// The last events, oldest first.
    pub events: Vec<Event>,
}

/// The container of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerStatus {
    /// Its name.
    pub name: String,
    /// Twelve digits of its id.
    pub id: String,
    /// Docker's word for its state.
    pub state: String,
    /// The image's reference.
    pub image: String,
    /// When it last started.
    pub started_at: Option<Timestamp>,
    /// What it may use, in words: `1GB, 2 CPUs`.
    pub limits: String,
}

/// Something that was seen and left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// One word for machines, in CamelCase.
    pub reason: String,
    /// What waits and for what, a sentence for people.
    pub message: String,
    /// When it may go on by itself, where that is known.
    pub until: Option<Timestamp>,
}

impl Status {
    /// Returns the condition of that type.
    #[must_use]
    pub fn condition(&self, kind: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.kind == kind)
    }

    /// Whether the condition of that type is seen to hold.
    #[must_use]
    pub fn is(&self, kind: ConditionType) -> bool {
        self.condition(kind)
            .is_some_and(|c| c.status == Truth::True)
    }
}
