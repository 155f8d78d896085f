//! A pretend host that keeps PostgreSQL's and Docker's rules, as far as a pass can notice them.
//!
//! It implements [`World`], so that a whole pass runs on it without Docker, files or a clock. It is not
//! a mock: nobody tells it what to answer. Containers, volumes, configuration files and servers are
//! values; [`docker`] and [`server`] change them by the rules that were measured, [`hand`] is what
//! people do behind the agent's back, and [`mod@look`] is all that a pass gets to see. The conformance
//! test holds it against the real thing: a lie in here is a failing test there.
//!
//! # Current limitations
//! One stack has one container; networks, secrets, logs and standbys are not pretended.

pub mod agent;
pub mod builder;
pub mod docker;
pub mod hand;
pub mod image;
mod limits;
mod look;
pub mod server;
pub mod start;
pub mod values;
pub mod volume;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::api::desired::Desired;
use crate::api::{Bytes, MilliCpu, SettingName};
use crate::facts::observed;
use crate::facts::{CgroupVersion, Disk, Observed, Record};
use crate::plan::Step;
use crate::reconcile::{StepError, World};

pub use agent::Agent;
pub use builder::{StackBuilder, stack};
pub use docker::SimContainer;
pub use image::ImageFiles;
pub use volume::Volume;

/// The image that manifests name unless they say otherwise.
pub const IMAGE: &str = "aza-pg:18";

/// A host with Docker on it.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its name, as our labels carry it.
    pub name: String,
    /// The pretended time.
    pub now: Timestamp,
    /// Its memory and CPUs.
    pub size: observed::Host,
    /// The size of its file system.
    pub disk: Bytes,
    /// What is free of it.
    pub disk_free: Bytes,
    /// Which cgroup interface it has.
    pub cgroup: CgroupVersion,
    /// A limit of a group above every container: memory.
    pub ancestor_memory: Option<Bytes>,
    /// A limit of a group above every container: CPU time.
    pub ancestor_cpus: Option<MilliCpu>,
    /// What each image reference points to.
    pub tags: BTreeMap<String, String>,
    /// What is in each image, by id.
    pub images: BTreeMap<String, ImageFiles>,
    /// Containers by name.
    pub containers: BTreeMap<String, SimContainer>,
    /// Networks that somebody removed.
    pub networks_gone: BTreeSet<String>,
    /// Volumes by name.
    pub volumes: BTreeMap<String, Volume>,
    /// Ports that other programs hold, and which.
    pub taken_ports: BTreeMap<u16, String>,
    /// The declared file of each stack.
    pub declared: BTreeMap<String, String>,
    /// What cannot be seen at the moment.
    pub blind: BTreeSet<Sight>,
    /// How long a step waits for a started server to answer.
    pub patience: SignedDuration,
    /// How long a first boot takes before the server answers.
    pub first_boot: SignedDuration,
    /// What the agent remembers of each stack, on disk.
    pub records: BTreeMap<String, Record>,
    /// Stacks whose next disruptive step a person approved.
    pub approvals: BTreeSet<String>,
    /// Whether the file system of the state directory has no room left.
    pub state_is_full: bool,
    /// Signals to end that were sent to the agent.
    pub stopping: bool,
    life: Life,
    made: u64,
    /// What the last look at each stack saw.
    looked: BTreeMap<String, Observed>,
    /// The start of the server that a session of the agent's was opened to, by stack: it stays open.
    sessions: BTreeMap<String, Timestamp>,
}

/// One thing that a look may fail to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Docker answers nothing at all.
    Docker,
    /// Images.
    Image,
    /// Volumes.
    Volume,
    /// Who holds the port.
    Port,
    /// `/proc/meminfo`.
    HostSize,
    /// The cgroup files.
    Cgroup,
    /// The server's socket.
    Server,
    /// The declared file.
    Declared,
    /// The file system of the data.
    Disk,
    /// Networks.
    Network,
}

impl Sight {
    /// Everything that can fail.
    pub const ALL: [Self; 10] = [
        Self::Docker,
        Self::Image,
        Self::Volume,
        Self::Port,
        Self::HostSize,
        Self::Cgroup,
        Self::Server,
        Self::Declared,
        Self::Disk,
        Self::Network,
    ];
}

/// Whether the agent's process still lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Nobody means to kill it.
    Safe,
    /// It is killed after that many more deeds.
    Doomed(u32),
    /// It was killed: nothing that it does has an effect.
    Dead,
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// Returns a host with 64 GB, 16 CPUs and our image, on Sunday 2026-11-22 at noon UTC.
    #[must_use]
    pub fn new() -> Self {
        let image = "sha256:a1a1a1a1a1a1a1a1".to_owned();
        Self {
            name: "vps".into(),
            now: Timestamp::constant(1_795_348_800, 0),
            size: observed::Host {
                memory: Bytes::gib(64),
                cpus: 16,
            },
            disk: Bytes::gib(256),
            disk_free: Bytes::gib(200),
            cgroup: CgroupVersion::V1,
            ancestor_memory: None,
            ancestor_cpus: None,
            tags: BTreeMap::from([(IMAGE.to_owned(), image.clone())]),
            images: BTreeMap::from([(image, ImageFiles::ours())]),
            containers: BTreeMap::new(),
            networks_gone: BTreeSet::new(),
            volumes: BTreeMap::new(),
            taken_ports: BTreeMap::new(),
            declared: BTreeMap::new(),
            blind: BTreeSet::new(),
            patience: SignedDuration::from_secs(300),
            first_boot: SignedDuration::from_secs(3),
            records: BTreeMap::new(),
            approvals: BTreeSet::new(),
            state_is_full: false,
            stopping: false,
            life: Life::Safe,
            made: 0,
            looked: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }

    /// The file system as a look tells it.
    fn disk(&self) -> Disk {
        Disk {
            size: self.disk,
            free: self.disk_free,
            inodes: 0,
            inodes_free: 0,
        }
    }

    /// Lets time go by.
    pub fn wait(&mut self, duration: SignedDuration) {
        self.now = self.now.checked_add(duration).unwrap_or(Timestamp::MAX);
    }

    /// Kills the agent after that many more deeds. A deed is a call to the world that changes it; a
    /// recreate is two, because a killed Compose leaves the old container gone and no new one.
    pub fn crash_after(&mut self, deeds: u32) {
        self.life = Life::Doomed(deeds);
    }

    /// Starts the agent's process again, and says whether it had been killed.
    pub fn revive_agent(&mut self) -> bool {
        let was_dead = self.life == Life::Dead;
        self.life = Life::Safe;
        was_dead
    }

    /// Whether the agent's process was killed and not started again.
    #[must_use]
    pub fn agent_is_dead(&self) -> bool {
        self.life == Life::Dead
    }

    /// Returns a number that nothing else of this host was made with.
    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// Counts one deed of the agent.
    fn deed(&mut self) -> Result<(), String> {
        self.life = match self.life {
            Life::Safe => Life::Safe,
            Life::Doomed(0) | Life::Dead => Life::Dead,
            Life::Doomed(left) => Life::Doomed(left - 1),
        };
        match self.life {
            Life::Safe | Life::Doomed(_) => Ok(()),
            Life::Dead => Err("the agent was killed".into()),
        }
    }

    /// Whether anything new can be written in the state directory.
    fn state_has_room(&self) -> Result<(), String> {
        if self.state_is_full {
            return Err("cannot write in the state directory: No space left on device".into());
        }
        Ok(())
    }

    fn docker_answers(&self) -> Result<(), String> {
        if self.blind.contains(&Sight::Docker) {
            return Err("docker gave no answer".into());
        }
        Ok(())
    }
}

impl World for Host {
    fn now(&self) -> Timestamp {
        self.now
    }

    async fn look(&mut self, desired: &Desired, settings: &BTreeSet<SettingName>) -> Observed {
        self.crash_loops();
        let seen = look::look(self, desired, settings);
        self.looked.insert(desired.name.to_string(), seen.clone());
        seen
    }

    async fn glance(&mut self, desired: &Desired) -> bool {
        let Some(last) = self.looked.get(desired.name.as_str()).cloned() else {
            return false;
        };
        let names: BTreeSet<SettingName> = match last.server.known() {
            Some(server) => server.settings.keys().cloned().collect(),
            None => return false,
        };
        self.crash_loops();
        look::is_still(last, look::look(self, desired, &names))
    }

    async fn perform(&mut self, desired: &Desired, step: &Step) -> Result<(), StepError> {
        self.deed()?;
        // A step takes its time, so that no two things happen at one moment.
        self.wait(SignedDuration::from_millis(5));
        let stack = desired.name.as_str();
        let done: Result<(), String> = match step {
            Step::Prepare => Ok(()),
            Step::Declare { text } => {
                self.state_has_room()?;
                self.declared.insert(stack.to_owned(), text.clone());
                Ok(())
            }
            Step::Create => self.create(desired),
            Step::Rename {
                container,
                from,
                to,
            } => self.rename_planned(container, from, to),
            Step::RemoveLeftover { container, .. } => self.remove_leftover(container),
            Step::Unpause { container } => self.unpause_planned(stack, container),
            Step::Connect { container, network } => self.connect_planned(stack, container, network),
            Step::RepairAutoConf { container } => {
                self.planned(stack, container)?;
                self.sql(stack)?.cluster.mend_auto_conf();
                Ok(())
            }
            Step::SetPassword => {
                self.sql(stack)?.cluster.other_password = false;
                Ok(())
            }
            Step::Start { container } => self.start_planned(stack, container),
            Step::SetLimits { container, to, .. } => self.set_limits(stack, container, to),
            Step::SetProcessLimit { container, to, .. } => {
                self.set_process_limit(stack, container, *to)
            }
            Step::AlterSystem { name, value, .. } => {
                let altered = self.agents_sql(stack)?.0.alter_system(name, Some(value));
                return altered.map_err(|words| StepError {
                    words,
                    refused: true,
                });
            }
            Step::ResetSetting { name, .. } => self.agents_sql(stack)?.0.alter_system(name, None),
            Step::Reload { expect } => self.agents_sql(stack)?.0.reload(!expect.is_empty()),
            Step::CreateExtension {
                name,
                database,
                version,
            } => self
                .agents_sql(stack)?
                .0
                .create_extension(name, database, version.as_deref()),
            Step::UpdateExtension {
                name, database, to, ..
            } => self
                .agents_sql(stack)?
                .0
                .update_extension(name, database, to),
            Step::DropExtension { name, database, .. } => {
                self.agents_sql(stack)?.0.drop_extension(name, database)
            }
            Step::Restart { container, .. } => self.restart_planned(stack, container),
            Step::Recreate {
                container, serving, ..
            } => self.recreate_planned(desired, container, *serving),
            Step::Stop { container } => self.stop_planned(stack, container),
            Step::Remove { container } => self.remove_planned(stack, container),
        };
        Ok(done?)
    }

    fn remember(&mut self, desired: &Desired, record: &Record) -> Result<(), String> {
        self.deed()?;
        self.state_has_room()?;
        self.records
            .insert(desired.name.to_string(), record.clone());
        Ok(())
    }

    fn take_approval(&mut self, desired: &Desired) -> Result<(), String> {
        self.deed()?;
        self.approvals.remove(desired.name.as_str());
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.stopping
    }
}
