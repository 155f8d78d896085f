//! What holds on every machine from 512 MB to 1 TB, and the numbers as a table for a reader.
//!
//! The ranges come from a recorded `pg_settings`, so no limit of the server is written down twice.

use proptest::prelude::*;

use super::recording::{SERVER, number};
use super::*;

/// Returns the numeric settings of a tuning, in the server's units.
fn numbers(inputs: &Inputs) -> Vec<(&'static str, f64)> {
    tune(inputs)
        .settings
        .into_iter()
        .filter_map(|setting| {
            let def = SERVER.get(setting.name)?;
            let is_number = matches!(def.vartype, "integer" | "real");
            is_number.then(|| (setting.name, number(&setting.value, def.unit)))
        })
        .collect()
}

fn any_machine() -> impl Strategy<Value = Inputs> {
    let memory = prop_oneof![512u64..=16 << 10, 512u64..=1 << 20];
    let cpus = prop_oneof![1u32..=8, 1u32..=128];
    let workload = proptest::sample::select(vec![
        None,
        Some(Workload::Web),
        Some(Workload::Oltp),
        Some(Workload::Dw),
        Some(Workload::Mixed),
    ]);
    let storage = proptest::sample::select(Storage::ALL.to_vec());
    let shm = proptest::option::of(1u64..=1 << 16);
    let disk = proptest::option::of(1u64..=1 << 26);
    let preload = proptest::sample::subsequence(
        vec![
            "pg_stat_statements",
            "auto_explain",
            "pg_cron",
            "pgaudit",
            "timescaledb",
        ],
        0..=5,
    );
    (memory, cpus, workload, storage, shm, disk, preload).prop_map(
        |(memory, cpus, workload, storage, shm, disk, preload)| Inputs {
            memory: Bytes::mib(memory),
            cpus,
            workload,
            storage,
            shm: shm.map(Bytes::mib),
            disk: disk.map(Bytes::mib),
            preload: preload.into_iter().map(str::to_owned).collect(),
            cron_database: "postgres".into(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_server_takes_every_value(inputs in any_machine()) {
        for TunedSetting { name, value, because } in tune(&inputs).settings {
            prop_assert!(!because.is_empty(), "{name} has no reason");
            if name.starts_with("timescaledb.") {
                continue; // Not in the recording.
            }
            let def = SERVER.get(name).unwrap_or_else(|| panic!("{name} is unknown to 18"));
            prop_assert_ne!(def.context, "internal");
            match def.vartype {
                "integer" | "real" => {
                    let n = number(&value, def.unit);
                    prop_assert!(def.vartype == "real" || n.fract() == 0.0, "{name} = {value}");
                    prop_assert!(def.min.is_none_or(|min| n >= min), "{name} = {value}");
                    prop_assert!(def.max.is_none_or(|max| n <= max), "{name} = {value}");
                }
                "bool" => prop_assert!(value == "on" || value == "off", "{name} = {value}"),
                "enum" => prop_assert!(def.words.contains(&value.as_str()), "{name} = {value}"),
                "string" => {}
                other => panic!("vartype {other}"),
            }
        }
    }

    #[test]
    fn no_setting_is_given_twice(inputs in any_machine()) {
        let mut names: Vec<_> = tune(&inputs).settings.iter().map(|s| s.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        prop_assert_eq!(names.len(), count);
    }

    #[test]
    fn more_memory_never_lowers_a_value(inputs in any_machine(), more in prop_oneof![1u64..=64, 1u64..=1 << 19]) {
        let larger = Inputs { memory: Bytes(inputs.memory.0 + Bytes::mib(more).0), ..inputs.clone() };
        for (before, now) in numbers(&inputs).into_iter().zip(numbers(&larger)) {
            prop_assert_eq!(before.0, now.0);
            prop_assert!(now.1 >= before.1, "{:?}, with {more} MB more {:?}", before, now);
        }
    }

    #[test]
    fn more_cpus_lower_nothing_but_work_mem(inputs in any_machine(), more in 1u32..=127) {
        let larger = Inputs { cpus: inputs.cpus + more, ..inputs.clone() };
        for (before, now) in numbers(&inputs).into_iter().zip(numbers(&larger)) {
            prop_assert_eq!(before.0, now.0);
            if before.0 != "work_mem" {
                prop_assert!(now.1 >= before.1, "{:?}, with {more} CPUs more {:?}", before, now);
            } else if now.1 < before.1 {
                let tuning = tune(&larger);
                let because = &tuning.setting("work_mem").unwrap().because;
                prop_assert!(because.iter().any(|reason| reason.inputs.contains(&Input::Cpus)));
            }
        }
    }

    #[test]
    fn the_workload_profiles_keep_the_budget(inputs in any_machine()) {
        let Budget { kept, margin_mb, shm_kept, .. } = tune(&inputs).budget;
        prop_assert_eq!(kept, margin_mb >= 0);
        prop_assert!(kept || inputs.workload.is_none(), "margin {margin_mb} MB");
        prop_assert!(shm_kept);
    }

    /// What was measured under full load, and no formula of ours: 2 MB and page tables for a session at
    /// work, and twice what a hash may take for its join of three tables.
    #[test]
    fn every_connection_of_a_workload_profile_can_join_three_tables(inputs in any_machine()) {
        let Budget { limit, reserve, page_cache, shared, connections, background, .. } = tune(&inputs).budget;
        let Budget { per_connection, work_mem, hash_mem_multiplier, .. } = tune(&inputs).budget;
        let session = per_connection - 2.5 + 2.0 * work_mem * hash_mem_multiplier;
        let total = shared + background + f64::from(connections) * session;
        let room = limit - reserve - page_cache;
        prop_assert!(total <= room || inputs.workload.is_none(), "{total} MB in {room} MB");
    }

    #[test]
    fn no_combination_kills_a_start(inputs in any_machine()) {
        let tuning = tune(&inputs);
        let of = |name| number(tuning.value(name).unwrap(), "");
        // 3 is the server's superuser_reserved_connections, 16 its autovacuum_worker_slots.
        prop_assert!(of("max_connections") > 3.0);
        prop_assert!(of("autovacuum_max_workers") <= 16.0);
        prop_assert!(of("max_parallel_workers") <= of("max_worker_processes") - 6.0);
        prop_assert!(of("max_parallel_workers_per_gather") <= of("max_parallel_workers"));
        prop_assert!(tuning.value("wal_level").is_none(), "minimal would not start with senders");
        prop_assert_eq!(tuning.value("huge_pages"), Some("try"));
        prop_assert_eq!(tuning.value("io_method"), Some("worker"));
        let mb = |name| number(tuning.value(name).unwrap(), "MB");
        prop_assert!(mb("min_wal_size") >= 32.0 && mb("max_wal_size") >= mb("min_wal_size"));
        prop_assert!(tuning.budget.shared < tuning.budget.limit);
    }

    #[test]
    fn which_settings_there_are_does_not_depend_on_amounts(inputs in any_machine(), other in any_machine()) {
        let other = Inputs {
            preload: inputs.preload.clone(),
            disk: inputs.disk.and(other.disk.or(inputs.disk)),
            ..other
        };
        let names = |inputs| tune(inputs).settings.iter().map(|s| s.name).collect::<Vec<_>>();
        prop_assert_eq!(names(&inputs), names(&other));
    }

    #[test]
    fn what_the_container_saw_comes_back(inputs in any_machine()) {
        let read = Inputs::parse_line(&inputs.to_line()).unwrap();
        prop_assert_eq!(Inputs { preload: inputs.preload.clone(), ..read }, inputs);
    }
}

/// Every megabyte up to 40 GB, where all the steps are: random pairs could miss a small cliff.
#[test]
fn no_profile_has_a_cliff() {
    for workload in [None].into_iter().chain(Workload::ALL.map(Some)) {
        for cpus in [1, 2, 8, 33, 128] {
            let at = |memory| {
                let inputs = Inputs {
                    memory: Bytes::mib(memory),
                    cpus,
                    workload,
                    ..tests::machine()
                };
                sizes::Sizes::of(&inputs)
            };
            let mut before = at(512);
            for memory in 513..=40 << 10 {
                let now = at(memory);
                assert!(
                    now.shared_buffers >= before.shared_buffers
                        && now.connections >= before.connections
                        && now.work_mem_kb >= before.work_mem_kb,
                    "{workload:?} on {cpus} CPUs at {memory} MB: {before:?}, then {now:?}"
                );
                before = now;
            }
        }
    }
}

#[test]
fn absurd_inputs_are_answered_not_panicked_on() {
    for workload in [None].into_iter().chain(Workload::ALL.map(Some)) {
        for (memory, cpus) in [(0, 0), (1, 1), (u64::MAX, u32::MAX), (Bytes::mib(64).0, 64)] {
            let inputs = Inputs {
                memory: Bytes(memory),
                cpus,
                workload,
                ..tests::machine()
            };
            assert!(tune(&inputs).value("work_mem").is_some());
        }
    }
}

#[test]
fn the_numbers_for_a_reader() {
    const NAMES: [&str; 7] = [
        "shared_buffers",
        "max_connections",
        "work_mem",
        "maintenance_work_mem",
        "max_parallel_workers",
        "max_wal_size",
        "enable_parallel_hash",
    ];
    let mut table = format!("{:<10} {:>8} {:>4}", "workload", "memory", "cpus");
    for column in NAMES.into_iter().chain(["total MB", "margin MB"]) {
        table += &format!("  {column}");
    }
    for workload in [None].into_iter().chain(Workload::ALL.map(Some)) {
        table.push('\n');
        for (memory, cpus) in [
            (512, 1),
            (1024, 2),
            (2048, 2),
            (4096, 2),
            (8192, 4),
            (16384, 8),
            (65536, 16),
            (1 << 20, 128),
        ] {
            let inputs = Inputs {
                memory: Bytes::mib(memory),
                cpus,
                workload,
                ..tests::machine()
            };
            let tuning = tune(&inputs);
            let name = workload.map_or("reference", Workload::as_str);
            table += &format!("\n{name:<10} {:>8} {cpus:>4}", inputs.memory.to_string());
            for name in NAMES {
                table += &format!(
                    "  {:>width$}",
                    tuning.value(name).unwrap(),
                    width = name.len()
                );
            }
            table += &format!(
                "  {:>8.0}  {:>9}",
                tuning.budget.total, tuning.budget.margin_mb
            );
        }
    }
    insta::assert_snapshot!(table);
}
