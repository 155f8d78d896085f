//! Memory and CPU, through the real container: the points that are promised, and where each number comes from.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aza_agent::api::declared::{DIRECTORY, Declared, FILE};
use aza_agent::api::{Bytes, Workload};
use aza_agent::host::host_capacity;

use crate::container::{Container, Volume, run};

fn value(server: &Container, name: &str) -> String {
    server.sql(&format!("SELECT current_setting('{name}')"))
}

#[test]
fn the_reference_points_hold_in_a_container() {
    let names = [
        "shared_buffers",
        "effective_cache_size",
        "maintenance_work_mem",
        "work_mem",
        "max_connections",
    ];
    let (host, _) = host_capacity("/".as_ref()).unwrap();
    let volume = Volume::new("points");
    for (limit, memory, values) in [
        ("512m", 512, ["128MB", "384MB", "32MB", "1MB", "80"]),
        ("1g", 1024, ["256MB", "768MB", "32MB", "2MB", "120"]),
        ("2g", 2048, ["512MB", "1536MB", "64MB", "4MB", "120"]),
        ("4g", 4096, ["1GB", "3GB", "128MB", "5MB", "200"]),
        ("8g", 8192, ["2GB", "6GB", "256MB", "10MB", "200"]),
    ] {
        if host < Bytes::mib(memory) {
            continue;
        }
        let server = run("points").on(&volume).memory(limit).serve();
        assert_eq!(names.map(|name| value(&server, name)), values, "{limit}");
    }
}

#[test]
fn too_little_memory_is_refused_clearly() {
    let (code, log) = run("little").memory("256m").refuse();
    assert_eq!(code, 1);
    assert!(
        log.contains("256MB of memory (cgroup v") && log.contains("is too little"),
        "{log}"
    );
}

#[test]
fn the_smallest_of_override_and_limit_counts_and_the_log_says_which() {
    let volume = Volume::new("override");
    let lower = run("override")
        .on(&volume)
        .memory("1g")
        .env("POSTGRES_MEMORY", "768")
        .serve();
    assert!(
        lower.logs().contains("memory 768MB (POSTGRES_MEMORY)"),
        "{}",
        lower.logs()
    );
    assert_eq!(value(&lower, "shared_buffers"), "192MB");
    drop(lower);
    let higher = run("override")
        .on(&volume)
        .memory("1g")
        .env("POSTGRES_MEMORY", "3GB")
        .serve();
    assert!(
        higher.logs().contains("memory 1GB (cgroup v"),
        "{}",
        higher.logs()
    );
    assert_eq!(value(&higher, "shared_buffers"), "256MB");
}

#[test]
fn a_cpu_quota_is_rounded_up() {
    let server = run("quota").option("--cpus=0.5").serve();
    assert!(
        server.logs().contains("cpus 1 (quota)"),
        "{}",
        server.logs()
    );
}

#[test]
fn declared_values_count_before_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let declared = Declared {
        memory: Some(Bytes::mib(640)),
        cpus: Some(1),
        workload: Some(Workload::Oltp),
        preload: Some(vec!["pg_stat_statements".into()]),
        ..Declared::default()
    };
    fs::write(directory.path().join(FILE), declared.render()).unwrap();
    let server = run("declared")
        .mount(
            &directory.path().display().to_string(),
            &format!("{DIRECTORY}:ro"),
        )
        .env("POSTGRES_WORKLOAD", "dw")
        .env("POSTGRES_STORAGE", "hdd")
        .serve();
    let log = server.logs();
    let words = [
        "memory 640MB (declared)",
        "cpus 1 (declared)",
        "workload oltp (declared)",
        "storage hdd (environment)",
    ];
    for word in words {
        assert!(log.contains(word), "{word} in {log}");
    }
    assert_eq!(
        value(&server, "shared_preload_libraries"),
        "pg_stat_statements"
    );
    assert_eq!(value(&server, "random_page_cost"), "4");
}

#[test]
fn tuned_values_come_from_the_include_file_and_alter_system_beats_them() {
    let server = run("sources").serve();
    let source = "SELECT sourcefile FROM pg_settings WHERE name = 'shared_buffers'";
    assert_eq!(server.sql(source), "/var/lib/postgresql/18/docker/aza.conf");
    assert_eq!(
        server.sql("SELECT count(*) FROM pg_settings WHERE source = 'command line'"),
        "0"
    );
    assert_eq!(
        server.sql("SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL"),
        "0"
    );
    assert_eq!(
        value(&server, "aza.tuning_revision"),
        aza_agent::tune::REVISION.to_string()
    );
    server.sql("ALTER SYSTEM SET work_mem = '3MB'");
    server.docker(&["restart"]);
    server.wait_until_healthy();
    assert_eq!(value(&server, "work_mem"), "3MB");
}
