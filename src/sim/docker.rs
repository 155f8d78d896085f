//! Docker's part: containers come, start, restart, lose their limits and go; volumes stay.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;

use crate::api::SettingName;
use crate::api::desired::{Desired, Resources};
use crate::diff::services::{
    POSTGRES, TEMPLATE_REVISION, container_name, network_name, volume_name,
};
use crate::facts::service::{DATA_DIR, Published, Stray, label};
use crate::facts::{Container, ContainerState};

use super::server::{Postmaster, Sql};
use super::{Host, Sight};

/// A container, with what is inside.
#[derive(Debug, Clone)]
pub struct SimContainer {
    /// What Docker tells of it.
    pub facts: Container,
    /// The limits in the compose file: those it was made with. A by-hand recreate brings them back.
    pub made_with: Resources,
    /// `-c name=value` on the server's command line.
    pub command_line: BTreeMap<SettingName, String>,
    /// The server, while one runs.
    pub postmaster: Option<Postmaster>,
    /// How often the kernel killed a process of it for memory.
    pub oom_kills: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl SimContainer {
    pub(super) fn ends(&mut self, state: ContainerState, exit_code: i64) {
        self.facts.state = state;
        self.facts.exit_code = exit_code;
        self.facts.pid = 0;
        self.postmaster = None;
    }
}

impl Host {
    /// Returns the stack's container.
    #[must_use]
    pub fn container(&self, stack: &str) -> Option<&SimContainer> {
        self.containers.get(&container_name(stack))
    }

    pub(super) fn container_mut(&mut self, stack: &str) -> Result<&mut SimContainer, String> {
        let name = container_name(stack);
        self.containers
            .get_mut(&name)
            .ok_or_else(|| format!("docker: no such container: {name}"))
    }

    /// The container, if it is still the one that a step was planned for.
    pub(super) fn planned(&mut self, stack: &str, id: &str) -> Result<&mut SimContainer, String> {
        self.docker_answers()?;
        let container = self.container_mut(stack)?;
        if container.facts.id == id {
            Ok(container)
        } else {
            Err("the container is not the one that this was planned for: looking again".into())
        }
    }

    /// A session at the stack's server.
    /// Opens a session as the agent does: the one that it kept where a new one is not let in, and says why
    /// that was so.
    pub(super) fn agents_sql(&mut self, stack: &str) -> Result<(Sql<'_>, Option<String>), String> {
        let kept = self.sessions.get(stack).copied();
        let session = self.sql(stack)?;
        // When a process dies, the server ends every session.
        let begun = session.postmaster.reinitialised_at;
        let begun = begun.unwrap_or(session.postmaster.started_at);
        let lock_out = session.postmaster.lock_out(session.image);
        if let Some(lock) = &lock_out
            && !lock.can_be_passed
            && kept != Some(begun)
        {
            return Err(lock.words.clone());
        }
        self.sessions.insert(stack.to_owned(), begun);
        Ok((self.sql(stack)?, lock_out.map(|lock| lock.words)))
    }

    pub(super) fn sql(&mut self, stack: &str) -> Result<Sql<'_>, String> {
        let now = self.now;
        let blind = self.blind.contains(&Sight::Server);
        let container = self
            .containers
            .get_mut(&container_name(stack))
            .filter(|c| !blind && c.facts.state == ContainerState::Running)
            .ok_or("no answer on the socket")?;
        let image = self.images.get(&container.facts.image_id);
        let postmaster = container
            .postmaster
            .as_mut()
            .filter(|p| p.answers_at <= now);
        let volume = container.facts.mounts.get(DATA_DIR);
        let cluster = volume.and_then(|v| self.volumes.get_mut(v)?.cluster.as_mut());
        match (postmaster, cluster, image) {
            (Some(postmaster), Some(cluster), Some(image)) => Ok(Sql {
                postmaster,
                cluster,
                image,
                command_line: &container.command_line,
                is_off_network: container.facts.networks.is_empty(),
            }),
            _ => Err("no answer on the socket".into()),
        }
    }

    /// `docker compose up` where there is no container.
    pub(super) fn create(&mut self, desired: &Desired) -> Result<(), String> {
        self.docker_answers()?;
        self.state_has_room()?; // the compose file
        let stack = desired.name.as_str();
        if self.container(stack).is_some() {
            return Err(format!(
                "docker: the name {} is in use",
                container_name(stack)
            ));
        }
        self.make(desired, &container_name(stack))?;
        self.deed()?;
        self.start(stack)?;
        self.wait_for_answer(stack)
    }

    fn make(&mut self, desired: &Desired, name: &str) -> Result<(), String> {
        let stack = desired.name.as_str();
        let image_id = self.tags.get(&desired.image).cloned();
        let image_id =
            image_id.ok_or_else(|| format!("docker: no such image: {}", desired.image))?;
        let resources = desired.resources.clone();
        let labels = [
            (label::STACK, stack),
            (label::HOST, &self.name),
            (label::TEMPLATE, TEMPLATE_REVISION),
            (label::PROJECT, stack),
            (label::SERVICE, POSTGRES),
        ];
        let labels = labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let volume = volume_name(stack);
        let facts = Container {
            id: format!("{:012x}{:052x}", 0xc0_ffee_0000_u64 + self.number(), 0),
            name: name.to_owned(),
            image: desired.image.clone(),
            image_id,
            state: ContainerState::Created,
            pid: 0,
            started_at: None,
            exit_code: 0,
            error: String::new(),
            oom_killed: false,
            labels,
            memory: resources.memory,
            memory_swap: resources.memory_swap,
            cpus: resources.cpus,
            shm_size: resources.shm_size,
            published: vec![Published {
                address: desired.publish.address,
                port: desired.publish.port,
            }],
            mounts: BTreeMap::from([(DATA_DIR.to_owned(), volume.clone())]),
            data_path: Some(format!("/var/lib/docker/volumes/{volume}/_data")),
            restarts: 0,
            networks: BTreeSet::from([network_name(stack)]),
            address: Some(IpAddr::V4(Ipv4Addr::new(172, 17, 0, 2))),
        };
        self.volumes.entry(volume).or_default();
        let container = SimContainer {
            facts,
            made_with: resources,
            command_line: BTreeMap::new(),
            postmaster: None,
            oom_kills: 0,
            created_at: self.now,
        };
        self.networks_gone.remove(&network_name(stack));
        self.containers.insert(name.to_owned(), container);
        Ok(())
    }

    pub(super) fn start_planned(&mut self, stack: &str, id: &str) -> Result<(), String> {
        self.planned(stack, id)?;
        self.start(stack)?;
        self.wait_for_answer(stack)
    }

    pub(super) fn restart_planned(&mut self, stack: &str, id: &str) -> Result<(), String> {
        self.planned(stack, id)?;
        self.sql(stack)?; // CHECKPOINT
        self.restart(stack)?;
        self.wait_for_answer(stack)
    }

    pub(super) fn recreate_planned(
        &mut self,
        desired: &Desired,
        id: &str,
        serving: bool,
    ) -> Result<(), String> {
        let stack = desired.name.as_str();
        self.planned(stack, id)?;
        if serving {
            self.sql(stack)?; // CHECKPOINT
        }
        self.state_has_room()?; // the compose file
        if !self.tags.contains_key(&desired.image) {
            return Err(format!("docker: no such image: {}", desired.image));
        }
        // As Compose does it: the new one under another name, the old one away, the name, the start.
        let name = container_name(stack);
        let beside = format!("{}_{name}", id.get(..12).unwrap_or(id));
        self.make(desired, &beside)?;
        self.deed()?;
        self.containers.remove(&name);
        self.deed()?;
        self.rename(&beside, &name)?;
        self.deed()?;
        self.start(stack)?;
        self.wait_for_answer(stack)
    }

    /// `docker rename`
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), String> {
        if self.containers.contains_key(to) {
            return Err(format!("docker: the name {to} is in use"));
        }
        let container = self.containers.remove(from);
        let mut container =
            container.ok_or_else(|| format!("docker: no such container: {from}"))?;
        to.clone_into(&mut container.facts.name);
        self.containers.insert(to.to_owned(), container);
        Ok(())
    }

    pub(super) fn rename_planned(&mut self, id: &str, from: &str, to: &str) -> Result<(), String> {
        self.docker_answers()?;
        match self.containers.get(from) {
            Some(container) if container.facts.id == id => self.rename(from, to),
            Some(_) | None => Err(format!("docker: no such container: {id}")),
        }
    }

    pub(super) fn remove_leftover(&mut self, id: &str) -> Result<(), String> {
        self.docker_answers()?;
        self.containers.retain(|_, c| c.facts.id != id);
        Ok(())
    }

    pub(super) fn unpause_planned(&mut self, stack: &str, id: &str) -> Result<(), String> {
        self.planned(stack, id)?;
        self.docker_unpause(stack);
        Ok(())
    }

    pub(super) fn connect_planned(
        &mut self,
        stack: &str,
        id: &str,
        network: &str,
    ) -> Result<(), String> {
        if self.networks_gone.contains(network) {
            return Err(format!("docker: network {network} not found"));
        }
        let container = self.planned(stack, id)?;
        container.facts.networks.insert(network.to_owned());
        container.facts.address = Some(IpAddr::V4(Ipv4Addr::new(172, 17, 0, 2)));
        Ok(())
    }

    /// Containers of the stack under other names.
    pub(super) fn strays(&self, stack: &str) -> Vec<Stray> {
        let own = container_name(stack);
        let is = |c: &&SimContainer| c.facts.is_ours(stack, &self.name) && c.facts.name != own;
        let strays = self.containers.values().filter(is).map(|c| Stray {
            id: c.facts.id.clone(),
            name: c.facts.name.clone(),
            created_at: c.created_at,
            started: c.facts.state != ContainerState::Created,
        });
        strays.collect()
    }

    pub(super) fn stop_planned(&mut self, stack: &str, id: &str) -> Result<(), String> {
        self.planned(stack, id)?.ends(ContainerState::Exited, 0);
        Ok(())
    }

    pub(super) fn remove_planned(&mut self, stack: &str, id: &str) -> Result<(), String> {
        self.planned(stack, id)?;
        self.containers.remove(&container_name(stack));
        Ok(())
    }

    /// `docker start`: Docker's part may fail, and then no restart policy tries it again.
    ///
    /// # Errors
    /// The port is taken.
    pub(super) fn start(&mut self, stack: &str) -> Result<(), String> {
        let taken = self.port_holder(stack).is_some();
        let container = self.container_mut(stack)?;
        if container.facts.state == ContainerState::Running {
            return Ok(());
        }
        if taken {
            let error =
                "driver failed programming external connectivity: port is already allocated";
            container.facts.error = error.into();
            container.facts.exit_code = 128;
            return Err(format!("docker did not start the container: {error}"));
        }
        container.facts.error.clear();
        self.enter(stack);
        Ok(())
    }

    /// `docker restart`: the same container, id and limits.
    ///
    /// # Errors
    /// Docker could not start it again.
    pub(super) fn restart(&mut self, stack: &str) -> Result<(), String> {
        self.container_mut(stack)?.ends(ContainerState::Exited, 0);
        self.start(stack)
    }

    /// Who else holds the port that the container publishes.
    pub(super) fn port_holder(&self, stack: &str) -> Option<String> {
        let own = self.container(stack)?;
        let port = own.facts.published.first()?.port;
        self.holder_of(port, stack)
    }

    pub(super) fn holder_of(&self, port: u16, stack: &str) -> Option<String> {
        let own = container_name(stack);
        let by_container = self.containers.values().find(|c| {
            c.facts.name != own
                && c.facts.state == ContainerState::Running
                && c.facts.published.iter().any(|p| p.port == port)
        });
        let by_container = by_container.map(|c| format!("container `{}`", c.facts.name));
        by_container.or_else(|| self.taken_ports.get(&port).cloned())
    }

    /// Runs the entrypoint; one that refuses leaves the container between two attempts for ever.
    fn enter(&mut self, stack: &str) {
        let number = self.number();
        let entered = self.entrypoint(stack);
        let now = self.now;
        let Ok(container) = self.container_mut(stack) else {
            return;
        };
        container.facts.started_at = Some(now);
        // A new start has a new cgroup.
        container.oom_kills = 0;
        match entered {
            Ok(postmaster) => {
                container.facts.state = ContainerState::Running;
                container.facts.pid = 1000 + u32::try_from(number).unwrap_or(0);
                container.facts.exit_code = 0;
                container.postmaster = Some(postmaster);
            }
            Err(_) => container.ends(ContainerState::Restarting, 1),
        }
    }

    /// The first process ended by itself: Docker's restart policy brings it back.
    pub(super) fn comes_back(&mut self, stack: &str) {
        let Ok(container) = self.container_mut(stack) else {
            return;
        };
        container.ends(ContainerState::Exited, 137);
        container.facts.restarts += 1;
        self.enter(stack);
    }

    /// The restart policy tries again what ended by itself.
    pub(super) fn crash_loops(&mut self) {
        let looping = self
            .containers
            .values()
            .filter(|c| c.facts.state == ContainerState::Restarting);
        let stacks: Vec<String> = looping
            .filter_map(|c| c.facts.labels.get(label::STACK).cloned())
            .collect();
        for stack in stacks {
            self.enter(&stack);
        }
    }

    fn wait_for_answer(&mut self, stack: &str) -> Result<(), String> {
        let deadline = self.now.checked_add(self.patience).unwrap_or(self.now);
        let container = self.container_mut(stack)?;
        let Some(postmaster) = &container.postmaster else {
            let code = container.facts.exit_code;
            return Err(format!(
                "the container ended with exit code {code}: see docker logs"
            ));
        };
        let answers_at = postmaster.answers_at;
        self.now = self.now.max(answers_at.min(deadline));
        if answers_at > deadline {
            return Err("PostgreSQL gave no answer in time: see docker logs".into());
        }
        Ok(())
    }
}

impl SimContainer {
    pub(super) fn stops(&mut self) {
        self.ends(ContainerState::Exited, 0);
    }
}
