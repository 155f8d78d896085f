//! A manifest as it is written: the fields, their kinds, and nothing about what makes sense.
//!
//! The JSON Schema is generated from these types, and `shape` checks documents against that
//! schema: so editor, schema and parser know the same fields. The doc comments here are what an editor
//! shows. Everything is optional in these types, because a field with a mistake is taken out, told, and
//! the rest is still checked; what is required says so in its schema attribute.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::desired::{DeletionPolicy, DriftPolicy, Ensure, RestartMode};
use super::workload::{Storage, Workload};

/// One PostgreSQL stack on one Docker host.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostgresStack {
    /// The version of this format.
    #[schemars(required)]
    pub api_version: Option<ApiVersion>,
    /// What the document describes.
    #[schemars(required)]
    pub kind: Option<Kind>,
    /// What names the stack.
    #[schemars(required)]
    pub metadata: Option<Metadata>,
    /// What the stack shall be.
    #[schemars(required)]
    pub spec: Option<Spec>,
}

/// The version of this format.
#[derive(Debug, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The only one so far; it may still change.
    #[serde(rename = "aza.dev/v1alpha1")]
    V1Alpha1,
}

/// What a document describes.
#[derive(Debug, Deserialize, JsonSchema)]
pub enum Kind {
    /// One PostgreSQL stack.
    PostgresStack,
}

/// What names a stack.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// The stack's name: 2 to 40 of a-z, 0-9 and `-`. Project, container and volume names derive from it.
    #[schemars(
        required,
        length(min = 2, max = 40),
        regex(pattern = r"^[a-z][-a-z0-9]*[a-z0-9]$")
    )]
    pub name: Option<String>,
}

/// What a stack shall be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// Only the agent of this host acts on the manifest. Absent: every host's.
    #[schemars(length(min = 1, max = 253))]
    pub host: Option<String>,
    /// The kind of stack. Default: single.
    pub stack: Option<Stack>,
    /// The image reference. Default: aza-pg:18.
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// Limits of the container. Absent: the host's capacity.
    pub resources: Option<Resources>,
    /// What the database is used for: steers the tuner. Absent: the reference profile.
    pub workload: Option<Workload>,
    /// What the data lies on. Default: ssd.
    pub storage: Option<Storage>,
    /// Where clients reach the server. Default: 127.0.0.1:5432.
    pub publish: Option<Publish>,
    /// PostgreSQL settings that the manifest decides instead of the tuner, in PostgreSQL's own grammar.
    /// `auto` gives one back to the tuner.
    pub settings: Option<BTreeMap<String, SettingText>>,
    /// Extensions to create or drop.
    pub extensions: Option<Vec<Extension>>,
    /// When restarts and recreates may happen.
    pub restart: Option<Restart>,
    /// What to do about changes made by hand. Default: correct.
    pub drift: Option<DriftPolicy>,
    /// What to do with the containers when the manifest is gone. Volumes always stay. Default: orphan.
    pub deletion_policy: Option<DeletionPolicy>,
    /// Take over containers of this project that the agent did not make. Default: false.
    pub adopt: Option<bool>,
    /// Look and report, but change nothing. Default: false.
    pub suspend: Option<bool>,
    /// Files with passwords. What is absent is generated.
    pub secrets: Option<Secrets>,
}

/// The kind of stack.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stack {
    /// One server.
    #[default]
    Single,
}

/// Limits of the container.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// Memory limit with a unit, 512MB at least: `1GB`, `4GiB`. All units are binary.
    pub memory: Option<Quantity>,
    /// Memory and swap together. Default: as memory, so that the database does not swap.
    pub memory_swap: Option<Quantity>,
    /// CPU limit: `2`, `1.5` or `500m`.
    pub cpus: Option<Cpus>,
    /// Size of /dev/shm, 64MB at least. Default: 1GB. A change means a new container.
    pub shm_size: Option<Quantity>,
}

/// Where clients reach the server.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Publish {
    /// An address of the host. Default: 127.0.0.1. Beyond loopback, Docker's rules go past the firewall.
    pub address: Option<String>,
    /// A port of the host. Default: 5432.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
}

/// An extension in one database.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Extension {
    /// Its name, as CREATE EXTENSION takes it: `vector`.
    #[schemars(required, length(min = 1, max = 63))]
    pub name: Option<String>,
    /// The database. Default: postgres.
    #[schemars(length(min = 1, max = 63))]
    pub database: Option<String>,
    /// The wanted version, in quotes. Absent: what is there, or the image's default.
    #[schemars(length(min = 1))]
    pub version: Option<String>,
    /// Whether it shall be there. Default: present.
    pub ensure: Option<Ensure>,
}

/// When restarts and recreates may happen.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Restart {
    /// Who or what decides the moment. Default: auto.
    pub mode: Option<RestartMode>,
    /// Weekly windows for the mode `window`: `Sun 03:00-05:00 Europe/Berlin`.
    pub windows: Option<Vec<String>>,
}

/// Files with passwords.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secrets {
    /// The superuser's password.
    pub superuser: Option<SecretFile>,
}

/// A file with one password.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretFile {
    /// Its absolute path on the host.
    #[schemars(required, length(min = 1, max = 4095))]
    pub file: Option<String>,
}

macro_rules! written_text {
    ($(#[$doc:meta])* $name:ident, $schema:tt) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

written_text!(
    /// An amount of memory with its unit.
    Quantity,
    {
        "type": "string",
        "format": "quantity",
        "pattern": "^\\s*[0-9]+(\\.[0-9]*)?\\s*([kKmMgGtT]([iI]?[bB]?)|[bB])\\s*$"
    }
);
written_text!(
    /// A number of CPUs.
    Cpus,
    { "type": ["string", "number"], "format": "cpus" }
);
written_text!(
    /// A value in PostgreSQL's grammar.
    SettingText,
    { "type": ["string", "number", "boolean"], "format": "setting" }
);
