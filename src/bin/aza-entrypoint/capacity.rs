//! What this container is sized for: the machine, what was declared, and what the environment says.

use std::path::Path;
use std::{fs, io};

use aza_agent::api::declared::{DIRECTORY, Declared, FILE};
use aza_agent::api::{Bytes, Storage};
use aza_agent::facts::Capacity;
use aza_agent::host::{self, Ceilings};
use aza_agent::tune::{Inputs, Tuning, tune};

use crate::environment::{DEFAULT_PRELOAD, Environment};
use crate::refusal::{Context, Refusal};

/// Below this the reference profile does not hold.
const LEAST_MEMORY: Bytes = Bytes::mib(512);

/// What the values follow from, where each came from, and the values.
pub struct Sizing {
    /// What the tuner was given.
    pub inputs: Inputs,
    /// Which limits decided.
    pub capacity: Capacity,
    /// What the tuner answered.
    pub tuning: Tuning,
    sources: [&'static str; 3],
}

/// Reads the machine and tunes for it.
///
/// # Errors
/// Unreadable limits, a malformed declaration, or less than 512 MB.
pub fn size(environment: &Environment) -> Result<Sizing, Refusal> {
    let declared = declared(&Path::new(DIRECTORY).join(FILE))?;
    let ceilings = Ceilings {
        override_memory: environment.memory,
        declared_memory: declared.memory,
        declared_cpus: declared.cpus,
    };
    let capacity = host::capacity(Path::new("/"), None, ceilings)
        .tried(|| "cannot find out how much memory and CPU this container has".to_owned())?;
    if capacity.memory < LEAST_MEMORY {
        return Err(Refusal::new(format!(
            "{} of memory ({}) is too little: PostgreSQL is not started below {LEAST_MEMORY}",
            capacity.memory, capacity.memory_from
        ))
        .fix("raise the limit, for example `docker run --memory 512m` or mem_limit, or POSTGRES_MEMORY"));
    }
    let (workload, workload_from) = first(declared.workload, environment.workload);
    let (storage, storage_from) = first(declared.storage, environment.storage);
    let (preload, preload_from) = first(declared.preload, environment.preload.clone());
    let inputs = Inputs {
        memory: capacity.memory,
        cpus: capacity.cpus,
        workload,
        storage: storage.unwrap_or(Storage::Ssd),
        shm: file_system_size(Path::new("/dev/shm")),
        disk: environment
            .pgdata
            .ancestors()
            .find(|path| path.is_dir())
            .and_then(file_system_size),
        preload: preload.unwrap_or_else(|| DEFAULT_PRELOAD.map(str::to_owned).into()),
        cron_database: environment.database.clone(),
    };
    let tuning = tune(&inputs);
    Ok(Sizing {
        inputs,
        capacity,
        tuning,
        sources: [workload_from, storage_from, preload_from],
    })
}

impl Sizing {
    /// Says in one line what was decided, and where each part came from.
    pub fn line(&self) -> String {
        let [workload_from, storage_from, preload_from] = self.sources;
        let workload = self
            .inputs
            .workload
            .map_or("reference", |workload| workload.as_str());
        let preload = match self.inputs.preload.join(",") {
            none if none.is_empty() => "nothing".to_owned(),
            some => some,
        };
        let value = |name| self.tuning.value(name).unwrap_or("?");
        format!(
            "memory {} ({}), cpus {} ({}), workload {workload} ({workload_from}), storage {} ({storage_from}), \
             preload {preload} ({preload_from}): shared_buffers {}, work_mem {}, max_connections {}",
            self.capacity.memory,
            self.capacity.memory_from,
            self.capacity.cpus,
            self.capacity.cpus_from,
            self.inputs.storage,
            value("shared_buffers"),
            value("work_mem"),
            value("max_connections"),
        )
    }
}

/// Declared values count before the environment's: they follow live changes, an environment cannot.
fn first<T>(declared: Option<T>, environment: Option<T>) -> (Option<T>, &'static str) {
    match (declared, environment) {
        (Some(value), _) => (Some(value), "declared"),
        (None, Some(value)) => (Some(value), "environment"),
        (None, None) => (None, "default"),
    }
}

fn declared(path: &Path) -> Result<Declared, Refusal> {
    let text = match fs::read_to_string(path) {
        Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => return Ok(Declared::default()),
        read => read.tried(|| format!("cannot read {}", path.display()))?,
    };
    Declared::parse(&text).tried(|| format!("{} is malformed", path.display()))
}

fn file_system_size(path: &Path) -> Option<Bytes> {
    let seen = rustix::fs::statvfs(path).ok()?;
    seen.f_blocks
        .checked_mul(seen.f_frsize)
        .filter(|size| *size > 0)
        .map(Bytes)
}
