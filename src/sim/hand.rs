//! What people do behind the agent's back, in the words that they would type.

use crate::api::{Bytes, MilliCpu, SettingName};
use crate::diff::limits::LimitValues;
use crate::diff::services::{container_name, network_name, volume_name};
use crate::facts::{Collation, ContainerState};

use super::Host;
use super::docker::SimContainer;
use super::image::ImageFiles;
use super::volume::Cluster;

/// By hand. What cannot be done (no container, no server) is not done.
impl Host {
    /// `docker stop`
    pub fn docker_stop(&mut self, stack: &str) {
        if let Ok(container) = self.container_mut(stack) {
            container.stops();
        }
    }

    /// `docker start`
    pub fn docker_start(&mut self, stack: &str) {
        let _ = self.start(stack);
    }

    /// `docker restart`
    pub fn docker_restart(&mut self, stack: &str) {
        let _ = self.restart(stack);
    }

    /// `docker pause`: no process runs, and nothing answers.
    pub fn docker_pause(&mut self, stack: &str) {
        if let Ok(container) = self.container_mut(stack)
            && container.facts.state == ContainerState::Running
        {
            container.facts.state = ContainerState::Paused;
        }
    }

    /// `docker unpause`
    pub fn docker_unpause(&mut self, stack: &str) {
        if let Ok(container) = self.container_mut(stack)
            && container.facts.state == ContainerState::Paused
        {
            container.facts.state = ContainerState::Running;
        }
    }

    /// `docker rename`
    pub fn docker_rename(&mut self, stack: &str, to: &str) {
        let _ = self.rename(&container_name(stack), to);
    }

    /// `docker compose up --force-recreate`, cut short between the old container's end and the new one's name.
    /// Returns the new one's id.
    pub fn leave_half_recreated(&mut self, stack: &str) -> String {
        let (now, number) = (self.now, self.number());
        let name = container_name(stack);
        let Some(mut container) = self.containers.remove(&name) else {
            return String::new();
        };
        container.stops();
        let old = container.facts.short_id().to_owned();
        let facts = &mut container.facts;
        facts.id = format!("{:012x}{:052x}", 0xc0_ffee_0000_u64 + number, 0);
        facts.name = format!("{old}_{name}");
        facts.state = ContainerState::Created;
        facts.started_at = None;
        let id = facts.id.clone();
        container.created_at = now;
        self.containers
            .insert(container.facts.name.clone(), container);
        id
    }

    /// `docker network disconnect`
    pub fn disconnect(&mut self, stack: &str) {
        if let Ok(container) = self.container_mut(stack) {
            container.facts.networks.clear();
            container.facts.address = None;
        }
    }

    /// `docker network rm`, after everything was disconnected.
    pub fn remove_network(&mut self, stack: &str) {
        self.disconnect(stack);
        self.networks_gone.insert(network_name(stack));
    }

    /// `ALTER SYSTEM SET "a.b.c" = 'x'`: it succeeds, and no server can parse the file any more.
    pub fn poison_auto_conf(&mut self, stack: &str) {
        if let Some(cluster) = self.cluster_mut(stack) {
            cluster.auto_broken = true;
        }
    }

    /// `postgresql.auto.conf` was copied by root.
    pub fn make_auto_conf_unreadable(&mut self, stack: &str) {
        if let Some(cluster) = self.cluster_mut(stack) {
            cluster.auto_unreadable = true;
        }
    }

    /// `ALTER ROLE postgres PASSWORD`
    pub fn alter_password(&mut self, stack: &str) {
        if let Some(cluster) = self.cluster_mut(stack) {
            cluster.other_password = true;
        }
    }

    /// A database of the C library's locale, made when that was of another version.
    pub fn has_an_older_collation(&mut self, stack: &str, database: &str) {
        if let Some(cluster) = self.cluster_mut(stack) {
            cluster.collations.push(Collation {
                database: database.to_owned(),
                made_with: "2.36".to_owned(),
                now: "2.42".to_owned(),
            });
        }
    }

    /// `REINDEX DATABASE; ALTER DATABASE … REFRESH COLLATION VERSION`
    pub fn refresh_collations(&mut self, stack: &str) {
        if let Some(cluster) = self.cluster_mut(stack) {
            cluster.collations.clear();
        }
    }

    /// `kill -9` of the postmaster: Docker's restart policy starts the container again.
    pub fn kill_postmaster(&mut self, stack: &str) {
        let runs = |c: &SimContainer| c.facts.state == ContainerState::Running;
        if self.container(stack).is_some_and(runs) {
            self.comes_back(stack);
        }
    }

    /// `kill -9` of a backend: the server ends every session and recovers.
    pub fn kill_backend(&mut self, stack: &str) {
        let now = self.now;
        if let Ok(container) = self.container_mut(stack)
            && let Some(postmaster) = &mut container.postmaster
        {
            postmaster.reinitialised_at = Some(now);
        }
    }

    /// A backend wants more than the limit leaves, and the kernel kills it.
    pub fn oom_kill_backend(&mut self, stack: &str) {
        if let Ok(container) = self.container_mut(stack)
            && container.postmaster.is_some()
        {
            container.oom_kills += 1;
            self.kill_backend(stack);
        }
    }

    /// Something else fills the disk, or leaves it.
    pub fn leave_free(&mut self, free: Bytes) {
        self.disk_free = free;
    }

    /// `docker rm -f`: the container goes, the volume stays.
    pub fn docker_rm(&mut self, stack: &str) {
        self.containers.remove(&container_name(stack));
    }

    /// `docker update --memory --memory-swap`
    pub fn docker_update_memory(&mut self, stack: &str, memory: Bytes) {
        let to = LimitValues {
            memory: Some(memory),
            memory_swap: Some(memory),
            cpus: None,
        };
        let _ = self.update(stack, &to);
    }

    /// `docker update --cpus`
    pub fn docker_update_cpus(&mut self, stack: &str, cpus: MilliCpu) {
        let to = LimitValues {
            cpus: Some(cpus),
            ..LimitValues::default()
        };
        let _ = self.update(stack, &to);
    }

    /// `docker compose up --force-recreate`: a new id, and the limits of the file, not the live ones.
    pub fn compose_force_recreate(&mut self, stack: &str) {
        let number = self.number();
        let tags = self.tags.clone();
        let Ok(container) = self.container_mut(stack) else {
            return;
        };
        container.stops();
        let facts = &mut container.facts;
        facts.id = format!("{:012x}{:052x}", 0xc0_ffee_0000_u64 + number, 0);
        facts.memory = container.made_with.memory;
        facts.memory_swap = container.made_with.memory_swap;
        facts.cpus = container.made_with.cpus;
        if let Some(id) = tags.get(&facts.image) {
            facts.image_id.clone_from(id);
        }
        let _ = self.start(stack);
    }

    /// `docker build` or `docker load`: the reference points to another image from now on.
    pub fn tag(&mut self, reference: &str, files: ImageFiles) -> String {
        let id = format!("sha256:{:04x}b2b2b2b2b2b2", 0xb200 + self.number());
        self.images.insert(id.clone(), files);
        self.tags.insert(reference.to_owned(), id.clone());
        id
    }

    /// `docker rmi`: the name goes; containers that run from it keep the files.
    pub fn untag(&mut self, reference: &str) {
        self.tags.remove(reference);
    }

    /// `ALTER SYSTEM SET` and a reload, as a person at psql would.
    pub fn alter_system(&mut self, stack: &str, name: &SettingName, value: &str) {
        if let Ok(mut session) = self.sql(stack) {
            let _ = session.alter_system(name, Some(value));
            let _ = session.reload(false);
        }
    }

    /// `ALTER SYSTEM RESET` and a reload.
    pub fn reset_system(&mut self, stack: &str, name: &SettingName) {
        if let Ok(mut session) = self.sql(stack) {
            let _ = session.alter_system(name, None);
            let _ = session.reload(false);
        }
    }

    /// `ALTER ROLE postgres SET`: every new session of that role sees it.
    pub fn alter_role(&mut self, stack: &str, name: &SettingName, value: &str) {
        if let Some(cluster) = self.cluster_mut(stack) {
            cluster
                .pins
                .insert(name.clone(), (value.to_owned(), "user"));
        }
    }

    /// `ALTER DATABASE postgres SET`: every new session in it sees it.
    pub fn alter_database(&mut self, stack: &str, name: &SettingName, value: &str) {
        if let Some(cluster) = self.cluster_mut(stack) {
            let pin = (value.to_owned(), "database");
            cluster.pins.insert(name.clone(), pin);
        }
    }

    /// `ALTER ROLE` and `ALTER DATABASE … RESET ALL`
    pub fn reset_pins(&mut self, stack: &str) {
        if let Some(cluster) = self.cluster_mut(stack) {
            cluster.pins.clear();
        }
    }

    /// `DROP EXTENSION` at psql.
    pub fn drop_extension(&mut self, stack: &str, database: &str, name: &str) {
        if let Ok(mut session) = self.sql(stack) {
            let _ = session.drop_extension(name, database);
        }
    }

    /// Somebody edits `postgresql.auto.conf` and reloads nothing; no value takes the line out.
    pub fn edit_auto_conf(&mut self, stack: &str, name: &SettingName, value: Option<&str>) {
        let Some(cluster) = self.cluster_mut(stack) else {
            return;
        };
        match value {
            Some(value) => drop(cluster.auto.insert(name.clone(), value.to_owned())),
            None => drop(cluster.auto.remove(name)),
        }
    }

    /// `: >postgresql.auto.conf`
    pub fn empty_auto_conf(&mut self, stack: &str) {
        if let Some(cluster) = self.cluster_mut(stack) {
            cluster.auto.clear();
        }
    }

    /// Other limits in the compose file, and `docker compose up -d` in its directory.
    pub fn compose_up_with(&mut self, stack: &str, memory: Bytes) {
        if let Ok(container) = self.container_mut(stack) {
            container.made_with.memory = Some(memory);
            container.made_with.memory_swap = Some(memory);
            self.compose_force_recreate(stack);
        }
    }

    /// `-c name=value` in the compose file's command, and the restart that makes it count.
    pub fn pin_on_command_line(&mut self, stack: &str, name: &SettingName, value: &str) {
        if let Ok(container) = self.container_mut(stack) {
            container
                .command_line
                .insert(name.clone(), value.to_owned());
        }
        self.docker_restart(stack);
    }

    /// Somebody edits `postgresql.conf` and leaves a mistake in it.
    pub fn break_conf(&mut self, stack: &str, line: u32) {
        if let Some(cluster) = self.cluster_mut(stack) {
            cluster.broken_line = Some(line);
        }
    }

    /// Somebody repairs `postgresql.conf`.
    pub fn repair_conf(&mut self, stack: &str) {
        if let Some(cluster) = self.cluster_mut(stack) {
            cluster.broken_line = None;
        }
    }

    /// Users do what the database is for.
    pub fn insert_rows(&mut self, stack: &str, rows: u64) {
        if let Some(cluster) = self.cluster_mut(stack) {
            cluster.rows += rows;
        }
    }

    /// Another container mounts the stack's volume; `None` takes it away again.
    pub fn mount_elsewhere(&mut self, stack: &str, container: Option<&str>) {
        let volume = self.volumes.entry(volume_name(stack)).or_default();
        volume.mounted_by = container.map(str::to_owned);
    }

    /// Another program takes a port.
    pub fn take_port(&mut self, port: u16, who: &str) {
        self.taken_ports.insert(port, who.to_owned());
    }

    /// The agent starts again: its sessions are closed, and it remembers no look.
    pub fn lose_sessions(&mut self) {
        self.sessions.clear();
        self.looked.clear();
    }

    /// The agent's state directory is lost: everything that it remembered and declared.
    pub fn lose_state(&mut self, stack: &str) {
        self.records.remove(stack);
        self.declared.remove(stack);
        self.approvals.remove(stack);
    }

    /// `aza-agent approve`
    pub fn approve(&mut self, stack: &str) {
        self.approvals.insert(stack.to_owned());
    }

    /// Returns the stack's cluster.
    #[must_use]
    pub fn cluster(&self, stack: &str) -> Option<&Cluster> {
        self.volumes.get(&volume_name(stack))?.cluster.as_ref()
    }

    /// Returns the stack's cluster, to change what a person with a root shell could.
    pub fn cluster_mut(&mut self, stack: &str) -> Option<&mut Cluster> {
        self.volumes.get_mut(&volume_name(stack))?.cluster.as_mut()
    }
}
