//! What `init` writes, on a grid of hosts: valid, within the host, within the tuner's budget.

use super::*;
use crate::api::validate::validate;
use crate::api::{Storage, Workload};
use crate::catalogue::{CRON_DATABASE, DEFAULT_PRELOAD};
use crate::cli::init::text::{Draft, manifest};
use crate::tune::{Inputs, tune};

const NOTHING: (Option<Bytes>, Option<MilliCpu>) = (None, None);

fn host(mib: u64, cpus: u32) -> Host {
    Host {
        memory: Bytes::mib(mib),
        cpus,
    }
}

fn other(name: &str, memory: Option<&str>) -> Desired {
    let resources = memory.map_or(String::new(), |m| {
        format!("  resources: {{memory: {m}, cpus: 2}}\n")
    });
    let text = format!(
        "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata: {{name: {name}}}\nspec:\n  workload: web\n{resources}"
    );
    let report = validate(text.as_bytes(), "other.yaml");
    report.stacks().next().unwrap().clone()
}

fn written(host: Host, share: &Share, workload: Workload) -> Desired {
    let text = manifest(&Draft {
        name: "main",
        host: (host.memory, host.cpus),
        share,
        workload,
        storage: (Storage::Ssd, "Because:"),
        port: 5433,
        has_schema: true,
    });
    let report = validate(text.as_bytes(), "main.yaml");
    let wrong: Vec<String> = report
        .violations()
        .chain(report.warnings())
        .map(ToString::to_string)
        .collect();
    assert!(wrong.is_empty(), "{}\n{text}", wrong.join("\n"));
    report.stacks().next().unwrap().clone()
}

/// 1 GB machines as the kernel counts them, up to half a terabyte.
const SIZES: [u64; 14] = [
    768, 900, 964, 1024, 1500, 1984, 3900, 4096, 7950, 16_000, 32_000, 64_300, 128_000, 512_000,
];

#[test]
fn what_is_written_is_valid_and_keeps_the_tuners_budget_on_every_host() {
    for mib in SIZES {
        for cpus in [1, 2, 3, 4, 8, 16, 64, 128] {
            let host = host(mib, cpus);
            let share = share(host, &[], NOTHING).unwrap();
            for workload in Workload::ALL {
                let desired = written(host, &share, workload);
                let memory = desired.resources.memory.unwrap();
                assert_eq!(memory, share.memory);
                assert!(
                    memory.0 + system(host.memory).0 <= host.memory.0,
                    "{mib} MB"
                );
                let cpus = desired.resources.cpus.unwrap().whole();
                assert!(cpus <= host.cpus, "{cpus} of {}", host.cpus);
                let tuning = tune(&Inputs {
                    memory,
                    cpus,
                    workload: desired.workload,
                    storage: desired.storage,
                    shm: Some(desired.resources.shm_size),
                    disk: None,
                    preload: DEFAULT_PRELOAD.map(str::to_owned).to_vec(),
                    cron_database: CRON_DATABASE.to_owned(),
                });
                assert!(
                    tuning.budget.kept,
                    "{mib} MB, {cpus} CPUs, {workload}: {}",
                    tuning.budget.margin_mb
                );
            }
        }
    }
}

#[test]
fn other_stacks_keep_their_room() {
    let host = host(7950, 4);
    let alone = share(host, &[], NOTHING).unwrap();
    let others = [other("one", Some("2GB")), other("two", Some("1GB"))];
    let beside = share(host, &others, NOTHING).unwrap();
    assert_eq!(alone.memory.to_string(), "5GB");
    assert_eq!(beside.memory.to_string(), "2816MB");
    assert!(beside.memory.0 + 3 * Bytes::GIB + beside.system.0 <= host.memory.0);
    assert_eq!(alone.cpus, MilliCpu(3000));
    assert_eq!(beside.cpus, MilliCpu(1000));
}

#[test]
fn stack_after_stack_never_promises_more_than_the_host_has() {
    for mib in SIZES {
        let host = host(mib, 8);
        let mut declared = Vec::new();
        while let Ok(share) = share(host, &declared, NOTHING) {
            declared.push(other("next", Some(&share.memory.to_string())));
            let total: u64 = declared.iter().map(|d| d.resources.memory.unwrap().0).sum();
            assert!(
                total + share.system.0 <= host.memory.0,
                "{mib} MB, {} stacks",
                declared.len()
            );
        }
        assert!(!declared.is_empty(), "{mib} MB");
    }
}

#[test]
fn a_host_that_is_too_small_is_refused_and_told_what_it_lacks() {
    let refused = share(host(700, 1), &[], NOTHING).unwrap_err();
    assert_eq!(
        (refused.host, refused.system),
        (Bytes::mib(700), Bytes::mib(256))
    );
    // Whoever says how much gets it, up to what is there.
    assert_eq!(
        share(host(700, 1), &[], (Some(LEAST), None))
            .unwrap()
            .memory,
        LEAST
    );
    assert!(share(host(500, 1), &[], (Some(LEAST), None)).is_err());
}

#[test]
fn beside_a_stack_without_a_limit_there_is_no_room() {
    let refused = share(host(64_000, 8), &[other("all", None)], NOTHING).unwrap_err();
    assert_eq!(refused.others, [("all".to_owned(), None)]);
}
