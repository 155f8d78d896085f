//! How big each setting should be, and why. Pure and std-only: the agent and the container call the
//! same code, so they cannot disagree.
//!
//! [`tune`] puts the rooms' settings in a row: `sizes` divides the memory (along the reference
//! curve, or by solving the inequality of [`mod@budget`]), the others follow from CPUs, storage,
//! disk and workload. More memory never lowers a value; more CPUs lower none but work_mem, whose
//! reason then says so.
//!
//! # Current limitations
//! Background jobs of extensions (pg_cron, timescaledb) are not a term of the budget. The size of
//! /dev/shm bounds hash joins only: a parallel pgvector build that does not fit it is reported
//! ([`Budget::shm_build_kept`]), not prevented.

mod because;
pub mod budget;
pub mod conf;
mod connections;
mod demand;
mod effective;
mod habits;
mod io;
mod line;
mod memory;
mod preload;
mod profile;
mod rows;
mod sizes;
mod wal;
mod workers;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod recording;

use serde::{Deserialize, Serialize};

use crate::api::{Bytes, Storage, Workload};

pub use because::{Input, Reason};
pub use budget::{Budget, budget};
pub use effective::Effective;
pub use line::LineError;
pub use rows::Row;

/// The revision of the formulas. The include file carries it as `aza.tuning_revision`, so that an
/// agent and an image of different releases do not fight: any change of a value raises it.
pub const REVISION: u32 = 2;

/// Everything the values follow from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// The memory that the cgroup grants. At least 512 MB.
    pub memory: Bytes,
    /// Whole CPUs, 1 to 128.
    pub cpus: u32,
    /// Absent means the reference profile.
    pub workload: Option<Workload>,
    /// What the data lies on.
    pub storage: Storage,
    /// Size of /dev/shm, where known.
    pub shm: Option<Bytes>,
    /// Size of the file system that holds the data, where known. Never its free space.
    pub disk: Option<Bytes>,
    /// The preload list, in order.
    pub preload: Vec<String>,
    /// The database that pg_cron lives in.
    pub cron_database: String,
}

/// What the tuner answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuning {
    /// What it was asked.
    pub inputs: Inputs,
    /// Every setting it owns, in the order a reader wants them.
    pub settings: Vec<TunedSetting>,
    /// What these settings can make PostgreSQL use.
    pub budget: Budget,
}

/// One setting with its value and the reasons for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TunedSetting {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Its value in PostgreSQL's grammar, with unit, never quoted: `512MB`, `10min`, `on`, `1.1`.
    pub value: String,
    /// Why, in the order the value came about.
    pub because: Vec<Reason>,
}

/// Returns every setting that follows from `inputs`.
///
/// Which settings there are depends on the preload list and on what is known of the disk, never on
/// the amounts or the workload: a live change of those changes values, and leaves none behind.
#[must_use]
pub fn tune(inputs: &Inputs) -> Tuning {
    let sizes = sizes::Sizes::of(inputs);
    let mut settings = memory::settings(inputs, &sizes);
    settings.extend(connections::settings(inputs, &sizes));
    settings.extend(workers::settings(inputs));
    settings.extend(wal::settings(inputs));
    settings.extend(io::settings(inputs));
    settings.extend(habits::settings(inputs));
    settings.extend(preload::settings(inputs));
    let mut tuning = Tuning {
        inputs: inputs.clone(),
        budget: measure(inputs, &settings),
        settings,
    };
    // Until it is decided the budget counts it as on, as the server does.
    let parallel_hash = memory::parallel_hash(&tuning.budget);
    tuning.settings.push(parallel_hash);
    tuning.budget = measure(inputs, &tuning.settings);
    tuning
}

/// Returns the budget of the settings chosen so far.
fn measure(inputs: &Inputs, settings: &[TunedSetting]) -> Budget {
    let value = |name: &str| Some(settings.iter().find(|s| s.name == name)?.value.clone());
    budget(inputs, &Effective::from_lookup(value))
}

impl Tuning {
    /// Returns the value of a setting that the tuner owns.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.setting(name).map(|setting| setting.value.as_str())
    }

    /// Returns a setting that the tuner owns, with its reasons.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&TunedSetting> {
        self.settings.iter().find(|setting| setting.name == name)
    }
}

impl TunedSetting {
    fn new(name: &'static str, value: impl ToString, because: Vec<Reason>) -> Self {
        Self {
            name,
            value: value.to_string(),
            because,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small server, as most are.
    pub(crate) fn machine() -> Inputs {
        Inputs {
            memory: Bytes::gib(2),
            cpus: 2,
            workload: None,
            storage: Storage::Ssd,
            shm: Some(Bytes::gib(1)),
            disk: Some(Bytes::gib(64)),
            preload: Vec::new(),
            cron_database: "postgres".into(),
        }
    }

    #[test]
    fn the_six_promised_points_hold() {
        for (memory, values) in [
            (512, ["128MB", "384MB", "32MB", "1MB", "80"]),
            (1024, ["256MB", "768MB", "32MB", "2MB", "120"]),
            (2048, ["512MB", "1536MB", "64MB", "4MB", "120"]),
            (4096, ["1024MB", "3072MB", "128MB", "5MB", "200"]),
            (8192, ["2048MB", "6144MB", "256MB", "10MB", "200"]),
            (65536, ["9830MB", "49152MB", "2048MB", "32MB", "200"]),
        ] {
            let tuning = tune(&Inputs {
                memory: Bytes::mib(memory),
                ..machine()
            });
            let seen = [
                "shared_buffers",
                "effective_cache_size",
                "maintenance_work_mem",
                "work_mem",
                "max_connections",
            ]
            .map(|name| tuning.value(name).unwrap());
            assert_eq!(seen, values, "{memory} MB");
        }
    }

    /// `enable_parallel_hash` for web on two CPUs.
    fn parallel_hash(memory: Bytes, shm: Option<Bytes>) -> Option<String> {
        let inputs = Inputs {
            shm,
            memory,
            workload: Some(Workload::Web),
            ..machine()
        };
        tune(&inputs)
            .value("enable_parallel_hash")
            .map(str::to_owned)
    }

    #[test]
    fn parallel_hash_is_off_where_dev_shm_is_too_small() {
        let large = Bytes::gib(256);
        let on = |shm| parallel_hash(large, shm);
        assert_eq!(on(Some(Bytes::gib(1))).as_deref(), Some("off"));
        assert_eq!(on(Some(Bytes::gib(128))).as_deref(), Some("on"));
        assert_eq!(on(None).as_deref(), Some("off"));
    }

    #[test]
    fn parallel_hash_is_off_where_the_memory_has_no_room_for_every_connections_tables() {
        // Measured: with it on, 65 sessions joining three tables in 1 GB put 570 MB into /dev/shm, and
        // the kernel killed 25 processes.
        let small = parallel_hash(Bytes::gib(1), Some(Bytes::gib(1)));
        assert_eq!(small.as_deref(), Some("off"));
    }

    #[test]
    fn the_budget_is_that_of_the_values_chosen() {
        let tuning = tune(&Inputs {
            workload: Some(Workload::Oltp),
            ..machine()
        });
        assert_eq!(
            tuning.budget,
            budget(&tuning.inputs, &Effective::of(&tuning))
        );
    }

    #[test]
    fn less_work_mem_for_more_cpus_says_so() {
        let with = |cpus| {
            let inputs = Inputs {
                workload: Some(Workload::Dw),
                memory: Bytes::gib(16),
                cpus,
                ..machine()
            };
            tune(&inputs).setting("work_mem").unwrap().clone()
        };
        assert_ne!(with(2).value, with(32).value);
        let said = with(32)
            .because
            .iter()
            .any(|reason| reason.inputs.contains(&Input::Cpus));
        assert!(said, "{:?}", with(32));
    }

    #[test]
    fn settings_of_a_library_come_only_with_it() {
        let names = |preload: &[&str]| {
            let preload = preload.iter().map(|&library| library.to_owned()).collect();
            tune(&Inputs {
                preload,
                ..machine()
            })
            .settings
            .into_iter()
            .map(|setting| setting.name)
            .filter(|name| name.contains('.'))
            .collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), Vec::<&str>::new());
        assert_eq!(
            names(&["auto_explain", "mine"]),
            ["auto_explain.log_min_duration"]
        );
    }
}
