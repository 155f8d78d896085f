//! A running server, as it describes itself through SQL.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::SettingName;
use crate::api::setting::{Context, SettingDef};

use super::extensions::Extensions;
use super::{Collation, Observation};

/// A server that answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// `server_version_num`.
    pub version_num: u32,
    /// The cluster's identity, which survives every restart and no new initdb.
    pub system_identifier: String,
    /// When the postmaster started.
    pub started_at: Timestamp,
    /// When it last started all its processes again, because one of them had died; absent where none has.
    pub reinitialised_at: Option<Timestamp>,
    /// Whether it is a standby.
    pub in_recovery: bool,
    /// The include file's tuning revision; absent where it does not carry one.
    pub tuning_revision: Option<u32>,
    /// The include file's line of tuner inputs, as the container saw them.
    pub inputs: Option<String>,
    /// The settings that were asked for and exist.
    pub settings: BTreeMap<SettingName, SettingRow>,
    /// Lines of `postgresql.auto.conf`, by name; the last one of a name counts.
    pub auto_lines: BTreeMap<SettingName, String>,
    /// Errors in the configuration files.
    pub file_errors: Vec<FileError>,
    /// Whether the server's user may not open `postgresql.auto.conf`, which it then skips without a word.
    pub auto_conf_unreadable: bool,
    /// Whether the superuser's password is the one in its file. `Absent` means there is no such file.
    pub password_holds: Observation<bool>,
    /// Databases that another version of the C library put in order.
    pub collations: Observation<Vec<Collation>>,
    /// Preloadable libraries in the image.
    pub libraries: Vec<String>,
    /// Databases and what is in them.
    pub extensions: Extensions,
    /// Why the container's address does not answer; absent where it does.
    pub address_failure: Option<String>,
    /// Why a new client is not let in, though a session of ours that was open before answers; absent where
    /// one is.
    #[serde(default)]
    pub login_failure: Option<String>,
}

impl Server {
    /// Returns what is wrong with `postgresql.auto.conf`, where no server can read it.
    #[must_use]
    pub fn auto_conf_damage(&self) -> Option<String> {
        if self.auto_conf_unreadable {
            let what = "the server's user may not read postgresql.auto.conf, and all its lines are skipped";
            return Some(what.to_owned());
        }
        let broken = |e: &&FileError| e.name.is_none() && e.file == "postgresql.auto.conf";
        let error = self.file_errors.iter().find(broken)?;
        let FileError { line, error, .. } = error;
        Some(format!("postgresql.auto.conf line {line}: {error}"))
    }

    /// Whether all its configuration files could be read. A mistake that names no setting ends the reading:
    /// `pg_file_settings` then tells neither the lines behind it nor any of `postgresql.auto.conf`, so that a
    /// line which is not told may well be there.
    #[must_use]
    pub fn read_its_files(&self) -> bool {
        !self.auto_conf_unreadable && self.file_errors.iter().all(|error| error.name.is_some())
    }
}

/// One row of `pg_settings`, with what the files say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingRow {
    /// Type, unit, limits and context, as the server tells them.
    pub def: SettingDef,
    /// The effective value, a bare number in its unit.
    pub running: String,
    /// Where the effective value comes from (`pg_settings.source`).
    pub source: String,
    /// What a start would yield without `postgresql.auto.conf`: the include file's value, or
    /// `postgresql.conf`'s; absent where no file sets it.
    pub base: Option<String>,
    /// The built-in default.
    pub boot: Option<String>,
}

impl SettingRow {
    /// What a change takes.
    #[must_use]
    pub fn context(&self) -> Context {
        self.def.context
    }

    /// Why no file can change the value, where none can.
    #[must_use]
    pub fn pinned(&self) -> Option<Pin> {
        match self.source.as_str() {
            "command line" => Some(Pin::CommandLine),
            "environment variable" => Some(Pin::Environment),
            "user" | "database" | "database user" => Some(Pin::RoleOrDatabase),
            "override" if self.def.context == Context::Internal => Some(Pin::Internal),
            _ => None,
        }
    }
}

/// What keeps a file's value from being effective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pin {
    /// `-c name=value`.
    CommandLine,
    /// An environment variable of the server.
    Environment,
    /// `ALTER ROLE` or `ALTER DATABASE … SET`.
    RoleOrDatabase,
    /// The server's own.
    Internal,
}

/// One line that the server could not apply (`pg_file_settings.error`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileError {
    /// The file.
    pub file: String,
    /// The line in it.
    pub line: u32,
    /// The setting, where the line names one.
    pub name: Option<String>,
    /// The server's words.
    pub error: String,
}
