//! What a valid manifest asks for. Only [`super::validate`] makes one.
//!
//! Every field is checked and every default filled in: after validation, building cannot fail.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::name::{DatabaseName, ExtensionName, SettingName, StackName};
use super::quantity::{Bytes, MilliCpu};
use super::window::Window;
use super::workload::{Storage, Workload};

/// Twelve hex digits: enough to tell manifests apart, short enough to read out.
const DIGEST_BYTES: usize = 6;

/// One stack as its manifest wants it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// `metadata.name`: project, container and volume names derive from it.
    pub name: StackName,
    /// Twelve hex digits of the SHA-256 of the spec in canonical form, with defaults filled in. Two
    /// manifests that differ in comments or order have the same one.
    pub digest: String,
    /// Where the manifest stands, for messages: `file:line` of its document.
    pub origin: String,
    /// The only host whose agent acts on it; absent means every host.
    pub host: Option<String>,
    /// The image reference.
    pub image: String,
    /// Limits of the container.
    pub resources: Resources,
    /// The tuner's profile; absent means the reference profile.
    pub workload: Option<Workload>,
    /// What the data lies on.
    pub storage: Storage,
    /// Where clients on the host reach it.
    pub publish: Publish,
    /// Settings that the manifest decides instead of the tuner.
    pub settings: BTreeMap<SettingName, Override>,
    /// Extensions to create or drop, in the manifest's order.
    pub extensions: Vec<Extension>,
    /// When a disruptive step may happen.
    pub restart: RestartPolicy,
    /// What to do about differences that arise by hand.
    pub drift: DriftPolicy,
    /// What to do when the manifest is gone.
    pub deletion_policy: DeletionPolicy,
    /// Whether containers of this project that the agent did not make are taken over.
    pub adopt: bool,
    /// Look and tell, but do nothing.
    pub suspend: bool,
    /// Files with passwords; what is absent is generated.
    pub secrets: Secrets,
}

impl Desired {
    /// Returns the digest that belongs in [`Desired::digest`]: of everything but itself and the origin.
    #[must_use]
    pub fn computed_digest(&self) -> String {
        let of = Self {
            digest: String::new(),
            origin: String::new(),
            ..self.clone()
        };
        // Fields come in the order of the type and maps are sorted: the same value, the same text.
        let text = serde_json::to_string(&of).unwrap_or_default();
        let hash = Sha256::digest(text.as_bytes());
        hash.iter()
            .take(DIGEST_BYTES)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// Limits of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Memory limit; absent means the host's capacity.
    pub memory: Option<Bytes>,
    /// Memory and swap together, as Docker counts it. Never absent where `memory` is set: it
    /// defaults to `memory`, so a database does not swap.
    pub memory_swap: Option<Bytes>,
    /// CPU limit; absent means the host's capacity.
    pub cpus: Option<MilliCpu>,
    /// Size of /dev/shm. A new size means a new container, so the default is generous: 1 GiB.
    pub shm_size: Bytes,
}

/// Where clients on the host reach the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// The host's address; 127.0.0.1 unless the manifest says otherwise.
    pub address: IpAddr,
    /// The host's port; 5432 unless the manifest says otherwise.
    pub port: u16,
}

/// What a manifest says of one setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Override {
    /// `auto`: the tuner decides, and a line set by hand is taken back.
    Auto,
    /// This value, in PostgreSQL's own grammar. Checked against the server's recorded limits.
    Value(String),
}

/// An extension in one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Its name, as `CREATE EXTENSION` takes it.
    pub name: ExtensionName,
    /// The database; `postgres` unless the manifest says otherwise.
    pub database: DatabaseName,
    /// The wanted version; absent means whatever is there, or the image's default when created.
    pub version: Option<String>,
    /// Whether it shall be there.
    pub ensure: Ensure,
}

/// Whether something shall be there.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Ensure {
    /// Create it when missing.
    #[default]
    Present,
    /// Drop it when there; never CASCADE.
    Absent,
}

/// When disruptive steps (restarts and recreates) may happen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// Who or what decides the moment.
    pub mode: RestartMode,
    /// The open windows; not empty where the mode is `window`.
    pub windows: Vec<Window>,
}

/// Who or what decides the moment of a disruptive step.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum RestartMode {
    /// As soon as it is needed.
    #[default]
    Auto,
    /// Only while a window is open.
    Window,
    /// Only after `aza-agent approve NAME`.
    Manual,
}

/// What to do about differences that arise by hand.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum DriftPolicy {
    /// Put them right.
    #[default]
    Correct,
    /// Tell them, and leave them.
    Report,
}

/// What to do when the manifest is gone. No policy ever deletes a volume.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum DeletionPolicy {
    /// Leave everything running and report it.
    #[default]
    Orphan,
    /// Stop the containers.
    Stop,
    /// Remove the containers; the volume stays.
    Remove,
}

/// Files with passwords that the manifest names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Secrets {
    /// The superuser's password; generated at first use where absent.
    pub superuser: Option<PathBuf>,
}
