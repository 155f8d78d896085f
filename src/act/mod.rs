//! Hands: one step at a time, exactly as planned. `perform` is one match and decides nothing.
//!
//! A step carries the container that it was planned for; a step on a container that is gone meanwhile
//! fails instead of hitting its successor. That a call returned proves nothing: the next look does.

pub mod compose;
pub mod sql;

mod container;
mod files;
mod postgres;
pub mod secrets;

use std::path::PathBuf;

use bollard::Docker;

use crate::api::SettingName;
use crate::api::desired::Desired;
use crate::client::{Kept, Serving, WayIn};
use crate::diff::services::container_name;
use crate::facts::service::SOCKET_DIR;
use crate::host::layout::Layout;
use crate::plan::Step;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// Docker refused.
    #[error("docker did not {what}")]
    Docker {
        /// What was asked.
        what: &'static str,
        /// Its answer.
        #[source]
        source: bollard::errors::Error,
    },
    /// PostgreSQL refused.
    #[error("PostgreSQL refused to {what}: {answer}")]
    Postgres {
        /// What was asked, without values.
        what: String,
        /// Its answer.
        answer: String,
    },
    /// PostgreSQL does not take a value, and would not take it the next time.
    #[error("PostgreSQL refused to change {name}: {answer}")]
    Refused {
        /// The setting.
        name: SettingName,
        /// Its answer.
        answer: String,
    },
    /// Compose failed.
    #[error("docker compose {0}")]
    Compose(String),
    /// A file could not be written or read.
    #[error("cannot {what} `{}`", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// There is no usable password.
    #[error(transparent)]
    Secret(#[from] secrets::SecretFileError),
    /// The container is another one than the step was planned for.
    #[error("the container is not the one that this was planned for ({planned}): looking again")]
    Changed {
        /// The planned one.
        planned: String,
    },
    /// It was done, and its effect did not come in time.
    #[error("{0}")]
    NoEffect(String),
}

impl ActError {
    /// Returns one of a closed set of words, for metrics.
    #[must_use]
    pub fn category(&self) -> &'static str {
        match self {
            Self::Docker { .. } => "docker",
            Self::Postgres { .. } => "postgres",
            Self::Refused { .. } => "refused",
            Self::Compose(_) => "compose",
            Self::File { .. } => "file",
            Self::Secret(_) => "secret",
            Self::Changed { .. } => "changed",
            Self::NoEffect(_) => "no-effect",
        }
    }

    pub(crate) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }

    pub(crate) fn docker(what: &'static str) -> impl FnOnce(bollard::errors::Error) -> Self {
        move |source| Self::Docker { what, source }
    }
}

/// Everything that acting needs.
#[derive(Clone)]
pub struct Hands {
    /// The engine.
    pub docker: Docker,
    /// Its socket, for compose.
    pub docker_socket: String,
    /// Where files go.
    pub layout: Layout,
    /// The host name for our labels.
    pub host_name: String,
    /// The sessions that are kept, shared with the eyes.
    pub kept: Kept,
}

impl Hands {
    /// Does one step.
    ///
    /// # Errors
    /// It could not be done, or its effect did not show.
    pub async fn perform(&self, desired: &Desired, step: &Step) -> Result<(), ActError> {
        let name = container_name(desired.name.as_str());
        let door = self.door(desired, &name).await?;
        let way = &door.way;
        match step {
            Step::Prepare => files::prepare(&self.layout, desired),
            Step::Declare { text } => files::declare(&self.layout, &desired.name, text),
            Step::Create => {
                compose::up(self, desired, compose::Mode::Create).await?;
                let way = WayIn::Socket(self.layout.socket_dir(&desired.name));
                container::wait_for_answer(&self.docker, &name, &way, None).await
            }
            Step::Rename { container, to, .. } => {
                container::rename(&self.docker, container, to).await
            }
            Step::RemoveLeftover { container, .. } => {
                container::remove(&self.docker, container).await
            }
            Step::Unpause { container } => {
                container::unpause(&self.docker, container).await?;
                container::wait_for_answer(&self.docker, &name, way, None).await
            }
            Step::Connect { container, network } => {
                container::connect(&self.docker, container, network).await
            }
            Step::RepairAutoConf { container } => {
                container::repair_auto_conf(&self.docker, container).await
            }
            Step::SetPassword => {
                files::superuser(&self.layout, desired)?;
                let secret = secrets::read(&self.layout.superuser_secret(&desired.name))?;
                postgres::set_password(&door, &secret).await
            }
            Step::Start { container } => {
                container::start(&self.docker, container).await?;
                container::wait_for_answer(&self.docker, &name, way, None).await
            }
            Step::SetLimits { container, to, .. } => {
                container::set_limits(&self.docker, container, to).await?;
                compose::note_limits(self, desired, to)
            }
            Step::SetProcessLimit { container, to, .. } => {
                container::set_process_limit(&self.docker, container, *to).await
            }
            Step::AlterSystem { name, value, .. } => {
                postgres::alter_system(&door, name, Some(value)).await
            }
            Step::ResetSetting { name, .. } => postgres::alter_system(&door, name, None).await,
            Step::Reload { expect } => postgres::reload(&door, expect).await,
            Step::CreateExtension {
                name,
                database,
                version,
            } => {
                postgres::execute(
                    &door,
                    database,
                    &sql::create_extension(name, version.as_deref()),
                    "create the extension",
                )
                .await
            }
            Step::UpdateExtension {
                name, database, to, ..
            } => {
                postgres::execute(
                    &door,
                    database,
                    &sql::update_extension(name, to),
                    "update the extension",
                )
                .await
            }
            Step::DropExtension { name, database, .. } => {
                postgres::execute(
                    &door,
                    database,
                    &sql::drop_extension(name),
                    "drop the extension",
                )
                .await
            }
            Step::Restart { container, .. } => {
                container::same(&self.docker, &name, container).await?;
                let before = postgres::checkpoint(&door).await?;
                container::restart(&self.docker, container).await?;
                container::wait_for_answer(&self.docker, &name, way, Some(before)).await
            }
            Step::Recreate {
                container, serving, ..
            } => {
                container::same(&self.docker, &name, container).await?;
                if *serving {
                    postgres::checkpoint(&door).await?;
                }
                compose::up(self, desired, compose::Mode::Recreate).await?;
                let way = WayIn::Socket(self.layout.socket_dir(&desired.name));
                container::wait_for_answer(&self.docker, &name, &way, None).await
            }
            Step::Stop { container } => container::stop(&self.docker, container).await,
            Step::Remove { container } => {
                container::stop(&self.docker, container).await?;
                container::remove(&self.docker, container).await
            }
        }
    }

    /// Returns how the server is reached: through what the container mounts, by its address where it
    /// mounts nothing of ours, or as the next container will be.
    async fn door<'a>(
        &'a self,
        desired: &'a Desired,
        container: &str,
    ) -> Result<postgres::Door<'a>, ActError> {
        let door = |way, serving| postgres::Door {
            way,
            stack: desired.name.as_str(),
            serving,
            kept: &self.kept,
        };
        let own = WayIn::Socket(self.layout.socket_dir(&desired.name));
        let Ok(response) = self.docker.inspect_container(container, None).await else {
            return Ok(door(own, None));
        };
        let started_at = response.state.and_then(|s| s.started_at?.parse().ok());
        let serving = response.id.map(|container| Serving {
            container,
            started_at,
        });
        let mounts = response.mounts.unwrap_or_default();
        let mount = mounts
            .into_iter()
            .find(|m| m.destination.as_deref() == Some(SOCKET_DIR));
        if let Some(source) = mount.and_then(|m| m.source).filter(|s| !s.is_empty()) {
            return Ok(door(WayIn::Socket(PathBuf::from(source)), serving));
        }
        let networks = response
            .network_settings
            .and_then(|n| n.networks)
            .unwrap_or_default();
        let address = networks
            .values()
            .find_map(|n| n.ip_address.as_ref()?.parse().ok());
        match (address, &desired.secrets.superuser) {
            (Some(address), Some(file)) => {
                Ok(door(WayIn::Address(address, secrets::read(file)?), serving))
            }
            (Some(_) | None, _) => Ok(door(own, serving)),
        }
    }
}
