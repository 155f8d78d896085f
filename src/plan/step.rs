//! One thing that the agent does to a stack. A step carries all it needs: who performs it decides
//! nothing.

use serde::Serialize;

use crate::api::{Bytes, Disruption, SettingName};
use crate::diff::limits::LimitValues;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "camelCase")]
pub enum Step {
    /// Directories and secrets that a container is about to mount.
    Prepare,
    /// The file through which declared values reach the next start.
    Declare {
        /// Its whole text.
        text: String,
    },
    /// The container, which is not there.
    Create,
    /// The container gets its name back.
    Rename {
        /// The container it was planned for.
        container: String,
        /// Its name now.
        from: String,
        /// Its name by right.
        to: String,
    },
    /// A container that never started goes: a recreate that was cut short left it.
    RemoveLeftover {
        /// The container it was planned for.
        container: String,
        /// Its name.
        name: String,
    },
    /// The processes of a paused container go on.
    Unpause {
        /// The container it was planned for.
        container: String,
    },
    /// The container is connected to the stack's network again.
    Connect {
        /// The container it was planned for.
        container: String,
        /// The network.
        network: String,
    },
    /// What cannot be read of `postgresql.auto.conf` is set aside.
    RepairAutoConf {
        /// The container it was planned for.
        container: String,
    },
    /// The superuser gets the password of its file.
    SetPassword,
    /// The container, which is there and down.
    Start {
        /// The container it was planned for.
        container: String,
    },
    /// Limits of the running container.
    SetLimits {
        /// The container it was planned for.
        container: String,
        /// What holds now.
        from: LimitValues,
        /// What shall hold.
        to: LimitValues,
    },
    /// What one new process of the server may allocate.
    SetProcessLimit {
        /// The container it was planned for.
        container: String,
        /// What holds now.
        from: Bytes,
        /// What shall hold.
        to: Bytes,
    },
    /// A line in `postgresql.auto.conf`.
    AlterSystem {
        /// The setting.
        name: SettingName,
        /// The effective value, for people.
        from: String,
        /// The new value, for people.
        to: String,
        /// The new value, as it is sent.
        value: String,
    },
    /// A line that goes out of `postgresql.auto.conf`.
    ResetSetting {
        /// The setting.
        name: SettingName,
        /// The effective value, for people.
        from: String,
        /// What the other files say, for people.
        to: String,
    },
    /// The server reads its files again.
    Reload {
        /// Settings and their values that must be effective afterwards, as they are sent.
        expect: Vec<(SettingName, String)>,
    },
    /// An extension that is missing.
    CreateExtension {
        /// Its name.
        name: String,
        /// The database.
        database: String,
        /// The version, where the manifest names one.
        version: Option<String>,
    },
    /// An extension that is there in another version.
    UpdateExtension {
        /// Its name.
        name: String,
        /// The database.
        database: String,
        /// The version that is there.
        from: String,
        /// The version that the manifest names.
        to: String,
    },
    /// An extension that shall not be there.
    DropExtension {
        /// Its name.
        name: String,
        /// The database.
        database: String,
        /// The version that is there.
        from: String,
    },
    /// CHECKPOINT, then the container's restart.
    Restart {
        /// The container it was planned for.
        container: String,
        /// What it is to bring about.
        because: Vec<String>,
    },
    /// CHECKPOINT, then the container made again on the same volume.
    Recreate {
        /// The container it was planned for.
        container: String,
        /// What it is to bring about.
        because: Vec<String>,
        /// Whether clients notice: not where nothing served.
        serving: bool,
    },
    /// The container stops; for a stack whose manifest is gone.
    Stop {
        /// The container it was planned for.
        container: String,
    },
    /// The container goes, the volume stays; for a stack whose manifest is gone.
    Remove {
        /// The container it was planned for.
        container: String,
    },
}

impl Step {
    /// Returns what clients notice.
    #[must_use]
    pub fn disruption(&self) -> Disruption {
        match self {
            Self::Prepare
            | Self::Declare { .. }
            | Self::Create
            | Self::Rename { .. }
            | Self::RemoveLeftover { .. }
            | Self::Unpause { .. }
            | Self::Connect { .. }
            | Self::RepairAutoConf { .. }
            | Self::SetPassword
            | Self::Start { .. }
            | Self::SetLimits { .. }
            | Self::SetProcessLimit { .. }
            | Self::CreateExtension { .. }
            | Self::AlterSystem { .. }
            | Self::ResetSetting { .. }
            | Self::Recreate { serving: false, .. } => Disruption::None,
            Self::Reload { .. } | Self::UpdateExtension { .. } | Self::DropExtension { .. } => {
                Disruption::Reload
            }
            Self::Restart { .. } => Disruption::Restart,
            Self::Recreate { serving: true, .. } | Self::Stop { .. } | Self::Remove { .. } => {
                Disruption::Recreate
            }
        }
    }

    /// Returns the verb, for logs and events.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Declare { .. } => "declare",
            Self::Create => "create",
            Self::Rename { .. } => "rename",
            Self::RemoveLeftover { .. } => "remove leftover",
            Self::Unpause { .. } => "unpause",
            Self::Connect { .. } => "connect",
            Self::RepairAutoConf { .. } => "repair auto.conf",
            Self::SetPassword => "set password",
            Self::Start { .. } => "start",
            Self::SetLimits { .. } => "set limits",
            Self::SetProcessLimit { .. } => "set process limit",
            Self::AlterSystem { .. } => "alter system",
            Self::ResetSetting { .. } => "reset setting",
            Self::Reload { .. } => "reload",
            Self::CreateExtension { .. } => "create extension",
            Self::UpdateExtension { .. } => "update extension",
            Self::DropExtension { .. } => "drop extension",
            Self::Restart { .. } => "restart",
            Self::Recreate { .. } => "recreate",
            Self::Stop { .. } => "stop",
            Self::Remove { .. } => "remove",
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prepare => f.write_str("prepare directories and secrets"),
            Self::Declare { text } => {
                // The preload list is long, and a change of it stands among the settings.
                let told = |l: &&str| !l.starts_with("version") && !l.starts_with("preload");
                let said: Vec<&str> = text.lines().filter(told).collect();
                write!(f, "declare for the next start: {}", said.join(", "))
            }
            Self::Create => f.write_str("create the container"),
            Self::Rename { from, to, .. } => write!(f, "rename: {from} → {to}"),
            Self::RemoveLeftover { name, .. } => {
                write!(f, "remove leftover: {name}, which never started")
            }
            Self::Unpause { .. } => f.write_str("unpause the container"),
            Self::Connect { network, .. } => write!(f, "connect: network {network}"),
            Self::RepairAutoConf { .. } => {
                f.write_str("repair auto.conf: set aside what cannot be read")
            }
            Self::SetPassword => f.write_str("set password: the superuser's, from its file"),
            Self::Start { .. } => f.write_str("start the container"),
            Self::SetLimits { from, to, .. } => write!(f, "set limits: {from} → {to}"),
            Self::SetProcessLimit { from, to, .. } => {
                write!(f, "set process limit: {from} → {to} for each new session")
            }
            Self::AlterSystem { name, from, to, .. } => {
                write!(f, "alter system: {name} {from} → {to}")
            }
            Self::ResetSetting { name, from, to } if from == to => {
                write!(
                    f,
                    "reset setting: {name} stays {to}, its line is no longer needed"
                )
            }
            Self::ResetSetting { name, from, to } => {
                write!(f, "reset setting: {name} {from} → {to}")
            }
            Self::Reload { .. } => f.write_str("reload the configuration"),
            Self::CreateExtension {
                name,
                database,
                version,
            } => {
                let version = version
                    .as_ref()
                    .map(|v| format!(" {v}"))
                    .unwrap_or_default();
                write!(
                    f,
                    "create extension: {name}{version} in database {database}"
                )
            }
            Self::UpdateExtension {
                name,
                database,
                from,
                to,
            } => {
                write!(
                    f,
                    "update extension: {name} {from} → {to} in database {database}"
                )
            }
            Self::DropExtension {
                name,
                database,
                from,
            } => {
                write!(f, "drop extension: {name} {from} in database {database}")
            }
            Self::Restart { .. } => f.write_str("restart the container"),
            Self::Recreate { .. } => f.write_str("recreate the container"),
            Self::Stop { .. } => f.write_str("stop the container"),
            Self::Remove { .. } => f.write_str("remove the container; the volume stays"),
        }
    }
}
