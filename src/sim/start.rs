//! What happens inside a container at its start: the entrypoint's order, and what PostgreSQL dies of.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::api::declared::Declared;
use crate::api::{Bytes, SettingName, Storage};
use crate::catalogue;
use crate::facts::CgroupVersion;
use crate::facts::service::DATA_DIR;
use crate::tune::{self, Effective, Inputs};

use super::Host;
use super::docker::SimContainer;
use super::image::ImageFiles;
use super::server::Postmaster;
use super::values::is_unknown;
use super::volume::Cluster;

/// Below this the entrypoint refuses.
const LEAST_MEMORY: Bytes = Bytes::mib(512);
/// From the entrypoint to the first answer of a cluster that is there already.
const START: SignedDuration = SignedDuration::from_millis(300);
/// What the image creates at first boot.
const CREATED: [&str; 5] = [
    "vector",
    "pg_cron",
    "pgaudit",
    "pg_stat_statements",
    "pg_trgm",
];
/// Settings that reserve memory at the start, which the entrypoint sets aside where they do not fit.
const RESERVING: [&str; 5] = [
    "shared_buffers",
    "max_connections",
    "wal_buffers",
    "max_worker_processes",
    "max_locks_per_transaction",
];

/// Lines that initdb writes into `postgresql.conf`, and that nothing of ours beats.
const WRITTEN_BY_INITDB: [(&str, &str); 10] = [
    ("autovacuum_worker_slots", "16"),
    ("datestyle", "iso, mdy"),
    ("default_text_search_config", "pg_catalog.english"),
    ("dynamic_shared_memory_type", "posix"),
    ("lc_messages", "C.UTF-8"),
    ("lc_monetary", "C.UTF-8"),
    ("lc_numeric", "C.UTF-8"),
    ("lc_time", "C.UTF-8"),
    ("log_timezone", "Etc/UTC"),
    ("timezone", "Etc/UTC"),
];

impl Host {
    /// Does what `aza-entrypoint` does, and becomes the server.
    ///
    /// # Errors
    /// What the container's log would say.
    pub(super) fn entrypoint(&mut self, stack: &str) -> Result<Postmaster, String> {
        let now = self.now;
        let identity = format!("7{:018}", self.number());
        let container = self.container(stack).ok_or("no container")?.clone();
        let image = self
            .images
            .get(&container.facts.image_id)
            .ok_or("no image")?
            .clone();
        let declared = match self.declared.get(stack) {
            Some(text) => Declared::parse(text).map_err(|e| e.to_string())?,
            None => Declared::default(),
        };
        let inputs = self.inputs(&container, declared);
        let volume = container.facts.mounts.get(DATA_DIR).ok_or("no volume")?;
        let volume = self.volumes.get_mut(volume).ok_or("no volume")?;
        if let Some(other) = &volume.mounted_by {
            return Err(format!("the volume is locked by `{other}`"));
        }
        if inputs.memory < LEAST_MEMORY {
            return Err(format!("{} of memory is too little", inputs.memory));
        }
        if let Some(library) = missing(&inputs.preload, &image) {
            return Err(format!("the image has no library `{library}`"));
        }
        let first_boot = volume.cluster.is_none();
        let cluster = volume
            .cluster
            .get_or_insert_with(|| initdb(identity, &image, &inputs));
        if cluster.major != image.major {
            return Err(format!("the volume holds PostgreSQL {}", cluster.major));
        }
        cluster.mend_auto_conf();
        write_include(cluster, &inputs, &image);
        fit_auto_conf(cluster, &inputs);
        let postmaster = postgres(cluster, &container, &image, self.size.memory)?;
        let value = |name: &str| cluster.file_value(&SettingName::parse(name).ok()?).cloned();
        let budget = tune::budget(&inputs, &Effective::from_lookup(value));
        let takes = if first_boot { self.first_boot } else { START };
        Ok(Postmaster {
            started_at: now,
            answers_at: now.checked_add(takes).unwrap_or(now),
            process_limit: Bytes::mib(budget.process_limit as u64),
            ..postmaster
        })
    }

    /// The smallest of what was declared, what the cgroup lets a container see, and the host.
    fn inputs(&self, container: &SimContainer, declared: Declared) -> Inputs {
        // On v2 a container cannot see the groups above its own.
        let visible = self.cgroup == CgroupVersion::V1;
        let (above, above_cpus) = (self.ancestor_memory, self.ancestor_cpus);
        let memory = [
            declared.memory,
            container.facts.memory,
            above.filter(|_| visible),
        ];
        let cpus = [container.facts.cpus, above_cpus.filter(|_| visible)];
        let cpus = cpus.into_iter().flatten().map(|c| c.whole());
        let memory = memory.into_iter().flatten().chain([self.size.memory]).min();
        let cpus = cpus.chain(declared.cpus).chain([self.size.cpus]).min();
        Inputs {
            memory: memory.unwrap_or(self.size.memory),
            cpus: cpus.unwrap_or(1).clamp(1, 128),
            workload: declared.workload,
            storage: declared.storage.unwrap_or(Storage::Ssd),
            shm: Some(container.facts.shm_size),
            disk: Some(self.disk),
            preload: declared
                .preload
                .unwrap_or_else(|| catalogue::DEFAULT_PRELOAD.map(str::to_owned).into()),
            cron_database: catalogue::CRON_DATABASE.to_owned(),
        }
    }
}

fn missing(preload: &[String], image: &ImageFiles) -> Option<String> {
    preload
        .iter()
        .find(|library| !image.libraries.contains(library))
        .cloned()
}

fn initdb(system_identifier: String, image: &ImageFiles, inputs: &Inputs) -> Cluster {
    let loaded = |name: &str| match catalogue::find(name).and_then(|e| e.preload) {
        Some(library) => inputs.preload.iter().any(|l| l == library),
        None => true,
    };
    let created = CREATED
        .into_iter()
        .filter(|name| loaded(name))
        .filter_map(|name| Some((name.to_owned(), image.extensions.get(name)?)))
        .map(|(name, files)| (name, files.default_version.clone()));
    Cluster {
        system_identifier,
        major: image.major,
        databases: BTreeMap::from([
            ("postgres".to_owned(), created.collect()),
            ("template1".to_owned(), BTreeMap::new()),
        ]),
        conf: WRITTEN_BY_INITDB
            .into_iter()
            .filter_map(|(name, value)| Some((SettingName::parse(name).ok()?, value.to_owned())))
            .collect(),
        ..Cluster::default()
    }
}

fn write_include(cluster: &mut Cluster, inputs: &Inputs, image: &ImageFiles) {
    let tuning = tune::tune(inputs);
    let mut include: BTreeMap<SettingName, String> = tuning
        .settings
        .iter()
        .filter_map(|s| Some((SettingName::parse(s.name).ok()?, s.value.clone())))
        .collect();
    for (name, value) in &image.other_values {
        if let Ok(name) = SettingName::parse(name) {
            include.insert(name, value.clone());
        }
    }
    cluster.include = include;
    cluster.inputs = inputs.to_line();
    cluster.tuning_revision = image.tuning_revision;
}

/// Sets lines aside that a bigger container left behind and that would keep this one from starting.
fn fit_auto_conf(cluster: &mut Cluster, inputs: &Inputs) {
    // What a connection takes before it did anything.
    const IDLE_CONNECTION_MB: f64 = 1.6;
    let reserving = |name: &SettingName| RESERVING.contains(&name.as_str());
    let value = |name: &str| {
        let name = SettingName::parse(name).ok()?;
        cluster.file_value(&name).cloned()
    };
    let then = tune::budget(inputs, &Effective::from_lookup(value));
    let needs = then.shared + f64::from(then.connections) * IDLE_CONNECTION_MB;
    if needs <= then.limit - then.reserve || !cluster.auto.keys().any(reserving) {
        return;
    }
    let aside: Vec<SettingName> = cluster
        .auto
        .keys()
        .filter(|n| reserving(n))
        .cloned()
        .collect();
    for name in aside {
        cluster.auto.remove(&name);
        cluster.set_aside.insert(name);
    }
}

/// Starts PostgreSQL on the files, or dies as it would.
fn postgres(
    cluster: &Cluster,
    container: &SimContainer,
    image: &ImageFiles,
    host_memory: Bytes,
) -> Result<Postmaster, String> {
    if let Some(error) = cluster.file_errors().first() {
        return Err(format!("{} contains errors: {}", error.file, error.error));
    }
    if let Some(name) = container.command_line.keys().find(|name| is_unknown(name)) {
        return Err(format!("unrecognized configuration parameter \"{name}\""));
    }
    let postmaster = Postmaster::reads(cluster, &container.command_line);
    if let Some(library) = missing(&postmaster.libraries, image) {
        return Err(format!("could not access file \"{library}\""));
    }
    if Bytes(postmaster.shared_pages() * 8 * Bytes::KIB) > host_memory {
        return Err("could not map anonymous shared memory: Cannot allocate memory".into());
    }
    let number = |name: &str| postmaster.shows(name).parse::<i64>().unwrap_or(0);
    if number("superuser_reserved_connections") + number("reserved_connections")
        >= number("max_connections")
    {
        return Err("superuser_reserved_connections must be less than max_connections".into());
    }
    if postmaster.shows("wal_level") == "minimal" && number("max_wal_senders") > 0 {
        return Err("WAL streaming requires \"wal_level\" to be \"replica\" or \"logical\"".into());
    }
    if postmaster.shows("huge_pages") == "on" {
        return Err("could not map anonymous shared memory with huge pages".into());
    }
    Ok(postmaster)
}
