//! Eyes: Docker, PostgreSQL and the cgroup files, looked at side by side, each with its own deadline.
//!
//! Nothing here changes anything. What cannot be seen in time is `Unknown`, with the reason.

#![expect(
    clippy::disallowed_methods,
    reason = "this room looks at the world, its clock included"
)]

pub mod docker;
pub mod glance;
pub mod inspect;
pub mod password;

mod disk;
mod extensions;
mod port;
mod postgres;
mod volume;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use bollard::Docker;
use jiff::Timestamp;

use crate::api::SettingName;
use crate::api::desired::Desired;
use crate::api::secret::Secret;
use crate::client::{self, Kept, LoginError, Serving, Session, WayIn};
use crate::diff::services::{container_name, network_name};
use crate::facts::observed::Host;
use crate::facts::{Container, ContainerState, Limits, Observation, Observed, Server};
use crate::host;
use crate::host::layout::Layout;

use extensions::Shelf;
use glance::{Before, Looks, Question};
use password::Passwords;

/// How long one look may take. Docker answers an inspect within milliseconds and the server a query
/// within one; a minute of a hung engine must not hang the other stacks' passes.
const DEADLINE: Duration = Duration::from_secs(5);

/// Everything that looking needs.
#[derive(Clone)]
pub struct Eyes {
    /// The engine.
    pub docker: Docker,
    /// Where sockets and declared files are.
    pub layout: Layout,
    /// The host name that our labels carry.
    pub host_name: String,
    /// The root of `/proc` and `/sys`, for the cgroup files.
    pub root: PathBuf,
    /// Passwords that were compared already.
    pub passwords: Passwords,
    /// The sessions that are kept, shared with the hands.
    pub kept: Kept,
    /// What is remembered of the last looks.
    pub looks: Looks,
}

impl Eyes {
    /// Looks at everything that belongs to one stack. `extra` names settings beside the owned ones.
    pub async fn look(&self, desired: &Desired, names: &BTreeSet<SettingName>) -> Observed {
        let at = Timestamp::now();
        let container_name = container_name(desired.name.as_str());
        let (container, image, strays) = tokio::join!(
            in_time(
                "docker inspect",
                docker::container(&self.docker, &container_name)
            ),
            in_time(
                "docker image inspect",
                docker::image(&self.docker, &desired.image)
            ),
            in_time(
                "docker ps",
                docker::strays(
                    &self.docker,
                    desired.name.as_str(),
                    &self.host_name,
                    &container_name
                )
            ),
        );
        let running = container.running();
        let before = running.known().and_then(|c| Before::of(self, desired, c));
        let mut shelf = self.looks.shelf(desired.name.as_str());
        let ((server, question), network, (volume, port)) = tokio::join!(
            self.server(desired, &running, names, &mut shelf),
            self.network(desired, &running),
            self.before_a_start(desired, &container),
        );
        let seen = Observed {
            at,
            host_name: self.host_name.clone(),
            host: self.host(),
            image,
            strays,
            network,
            limits: self.limits(&running),
            volume,
            port,
            server,
            declared: self.declared(desired),
            disk: disk::disk(&container),
            container,
        };
        let stack = desired.name.as_str();
        self.looks.remember(stack, shelf, (before, question));
        seen
    }

    /// Looks at the server through a new session, which then becomes the kept one. Where a new one is
    /// refused, the kept one tells the facts, and the refusal is one of them.
    async fn server(
        &self,
        desired: &Desired,
        running: &Observation<&Container>,
        names: &BTreeSet<SettingName>,
        shelf: &mut Shelf,
    ) -> (Observation<Server>, Option<Question>) {
        let stack = desired.name.as_str();
        let container = match running {
            Observation::Known(container) => container,
            Observation::Absent => {
                self.kept.forget(stack);
                return (Observation::Absent, None);
            }
            Observation::Unknown { why } => return (Observation::unknown(why.clone()), None),
        };
        let way = match way_in(desired, container) {
            Ok(way) => way,
            Err(why) => return (Observation::unknown(why), None),
        };
        let serving = Serving::of(container);
        let kept = self.kept.take(stack, &serving);
        let (session, refusal) = match enter(&way, kept).await {
            Ok(entered) => entered,
            Err(error) => return (Observation::unknown(error.words), None),
        };
        let password = self.passwords.of(&self.layout, desired);
        let look = async {
            let client = &session.client;
            // Before the facts: what changes in between has to show at the next glance.
            let question = Question::ask(client, names.iter()).await?;
            let about = (&way, client);
            let server =
                postgres::look(about, desired, names, container.address, (shelf, &password))
                    .await?;
            session.settle().await?;
            Ok((server, question))
        };
        // A session whose answer does not come is closed, not kept.
        let Ok(looked) = tokio::time::timeout(DEADLINE, look).await else {
            let why = format!("no answer within {} s", DEADLINE.as_secs());
            return (Observation::unknown(refusal.unwrap_or(why)), None);
        };
        self.kept.keep(stack, serving, session);
        match looked {
            Ok((server, question)) => {
                // Nobody else's login is tried before the next look, so this one is tried again by it.
                let question = refusal.is_none().then_some(question);
                let login_failure = refusal.or(server.login_failure);
                let server = Server {
                    login_failure,
                    ..server
                };
                (Observation::Known(server), question)
            }
            Err(error) => {
                let why = refusal.unwrap_or_else(|| client::in_words(&error));
                (Observation::unknown(why), None)
            }
        }
    }

    /// The stack's network is asked for only where the container is not on it.
    async fn network(
        &self,
        desired: &Desired,
        running: &Observation<&Container>,
    ) -> Observation<String> {
        let name = network_name(desired.name.as_str());
        match running {
            Observation::Known(container) if container.networks.contains(&name) => {
                Observation::Known(name)
            }
            Observation::Known(_) => {
                let look = docker::network(&self.docker, &name);
                in_time("docker network inspect", look).await
            }
            Observation::Absent => {
                Observation::unknown("not asked while the container does not run")
            }
            Observation::Unknown { why } => Observation::unknown(why.clone()),
        }
    }

    /// What stands against a start is asked only where one is due: a running stack is its own proof.
    async fn before_a_start(
        &self,
        desired: &Desired,
        container: &Observation<Container>,
    ) -> (
        Observation<crate::facts::service::Volume>,
        Observation<crate::facts::service::PortHolder>,
    ) {
        let own = match container {
            Observation::Known(c) if c.state == ContainerState::Running => {
                return (
                    Observation::unknown("not asked while the stack runs"),
                    Observation::Absent,
                );
            }
            Observation::Known(c) => Some(c.id.as_str()),
            Observation::Absent => None,
            Observation::Unknown { why } => {
                return (
                    Observation::unknown(why.clone()),
                    Observation::unknown(why.clone()),
                );
            }
        };
        let name = crate::diff::services::volume_name(desired.name.as_str());
        tokio::join!(
            in_time(
                "docker volume inspect",
                volume::volume(&self.docker, &name, own)
            ),
            in_time(
                "docker ps",
                port::holder(&self.docker, &desired.publish, own)
            ),
        )
    }

    fn host(&self) -> Observation<Host> {
        match host::host_capacity(&self.root) {
            Ok((memory, cpus)) => Observation::Known(Host { memory, cpus }),
            Err(error) => {
                Observation::unknown(format!("the host's size could not be read: {error}"))
            }
        }
    }

    fn limits(&self, running: &Observation<&Container>) -> Observation<Limits> {
        let container = match running {
            Observation::Known(container) => container,
            Observation::Absent => return Observation::Absent,
            Observation::Unknown { why } => return Observation::unknown(why.clone()),
        };
        match host::container_limits(&self.root, Some(container.pid)) {
            // The cgroup of a process that just ended is the root's: not "no limit", but not seen.
            Ok(limits) if container.memory.is_some() && limits.own_memory.is_none() => {
                Observation::unknown("the container is ending, its cgroup is gone")
            }
            Ok(limits) => Observation::Known(limits),
            Err(error) => {
                Observation::unknown(format!("the container's cgroup could not be read: {error}"))
            }
        }
    }

    fn declared(&self, desired: &Desired) -> Observation<String> {
        match std::fs::read_to_string(self.layout.declared(&desired.name)) {
            Ok(text) => Observation::Known(text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Observation::Absent,
            Err(e) => Observation::unknown(format!("the declared file could not be read: {e}")),
        }
    }
}

/// Returns a session to look with, and why it is not a new one where it is not.
async fn enter(
    way: &WayIn,
    kept: Option<Session>,
) -> Result<(Session, Option<String>), LoginError> {
    let refusal = match client::log_in(way).await {
        Ok(session) => return Ok((session, None)),
        Err(error) => error,
    };
    let session = match kept {
        Some(session) => Some(session),
        // Without one from before there is a way past some of what keeps clients out.
        None if refusal.of_libraries => client::enter(way, client::DATABASE, "").await.ok(),
        None => None,
    };
    match session {
        Some(session) => Ok((session, Some(refusal.words))),
        None => Err(refusal),
    }
}

/// Returns how the container's server is reached, or why it cannot be.
fn way_in(desired: &Desired, container: &Container) -> Result<WayIn, String> {
    if let Some(directory) = container.socket_dir() {
        return Ok(WayIn::Socket(PathBuf::from(directory)));
    }
    let Some(file) = &desired.secrets.superuser else {
        return Err("the container mounts no socket directory of the agent's: name the superuser's password \
             file under spec.secrets.superuser, until a recreate mounts one"
            .to_owned());
    };
    let address = container
        .address
        .ok_or("the container has no address: it is on no network")?;
    let bytes =
        std::fs::read(file).map_err(|e| format!("cannot read `{}`: {e}", file.display()))?;
    let secret = Secret::parse(&bytes).map_err(|e| format!("`{}` {e}", file.display()))?;
    Ok(WayIn::Address(address, secret))
}

/// Waits for one look, and says so where it takes too long.
async fn in_time<T>(what: &str, look: impl Future<Output = Observation<T>>) -> Observation<T> {
    match tokio::time::timeout(DEADLINE, look).await {
        Ok(seen) => seen,
        Err(_) => Observation::unknown(format!(
            "{what} gave no answer within {} s",
            DEADLINE.as_secs()
        )),
    }
}
