//! One volume, one server; and volumes that come from elsewhere.

use std::time::{Duration, Instant};

use crate::container::{Volume, run};

const DATA: &str = "/var/lib/postgresql/18/docker";

#[test]
fn a_second_container_on_the_same_volume_is_refused() {
    let volume = Volume::new("lock");
    let first = run("lock-first").on(&volume).serve();
    let (code, log) = run("lock-second").on(&volume).refuse();
    assert_eq!(code, 1);
    assert!(
        log.contains("another container runs on this volume"),
        "{log}"
    );
    assert_eq!(first.sql("SELECT 1"), "1");
    // Free at once when the first one is killed.
    first.docker(&["kill"]);
    let started = Instant::now();
    run("lock-second").on(&volume).serve();
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn values_left_from_a_bigger_container_are_set_aside() {
    let volume = Volume::new("shrink");
    let big = run("shrink").on(&volume).memory("2g").serve();
    big.sql("ALTER SYSTEM SET shared_buffers = '1536MB'");
    big.sql("ALTER SYSTEM SET log_min_duration_statement = '4711ms'");
    drop(big);
    let small = run("shrink").on(&volume).memory("512m").serve();
    assert_eq!(small.sql("SHOW shared_buffers"), "128MB");
    assert_eq!(small.sql("SHOW log_min_duration_statement"), "4711ms");
    let log = small.logs();
    assert!(
        log.contains("WARNING: postgresql.auto.conf does not fit this container")
            && log.contains("shared_buffers"),
        "{log}"
    );
    assert!(
        small
            .sh(&format!("cat {DATA}/aza.set-aside.conf"))
            .contains("1536MB")
    );
}

#[test]
fn values_that_fit_stay() {
    let volume = Volume::new("fits");
    let server = run("fits").on(&volume).serve();
    server.sql("ALTER SYSTEM SET shared_buffers = '300MB'");
    server.docker(&["restart"]);
    server.wait_until_healthy();
    assert_eq!(server.sql("SHOW shared_buffers"), "300MB");
}

#[test]
fn a_process_may_take_what_a_maintenance_setting_of_ones_own_grants() {
    let volume = Volume::new("maintenance");
    let server = run("maintenance").on(&volume).serve();
    let limit = |server: &crate::container::Container| {
        let line = "awk '/Max data size/ { print $4 }' /proc/1/limits";
        server.sh(line).parse::<u64>().unwrap() >> 20
    };
    assert!(limit(&server) < 600, "{}", limit(&server));
    server.sql("ALTER SYSTEM SET maintenance_work_mem = '600MB'");
    server.docker(&["restart"]);
    server.wait_until_healthy();
    assert!(limit(&server) > 600, "{}", limit(&server));
}

#[test]
fn the_include_line_is_restored_at_every_start_and_pg_hba_is_left_alone() {
    let volume = Volume::new("include");
    let server = run("include").on(&volume).serve();
    server.sh(&format!(
        "sed -i /aza.conf/d {DATA}/postgresql.conf; rm {DATA}/aza.conf"
    ));
    server.sh(&format!("echo '# mine' >>{DATA}/pg_hba.conf"));
    server.docker(&["restart"]);
    server.wait_until_healthy();
    assert_eq!(
        server.sh(&format!("tail -n 1 {DATA}/postgresql.conf")),
        "include_if_exists = 'aza.conf'"
    );
    assert_eq!(server.sql("SHOW shared_buffers"), "256MB");
    assert_eq!(
        server.sh(&format!("tail -n 1 {DATA}/pg_hba.conf")),
        "# mine"
    );
}

#[test]
fn another_major_version_is_refused() {
    let volume = Volume::new("major");
    let writer = run("major").on(&volume).start_with(&[
        "sh",
        "-c",
        "mkdir -p $PGDATA && echo 17 >$PGDATA/PG_VERSION",
    ]);
    writer.docker(&["wait"]);
    drop(writer);
    let (code, log) = run("major").on(&volume).refuse();
    assert_eq!(code, 1);
    assert!(
        log.contains("was made by PostgreSQL 17, this image runs 18"),
        "{log}"
    );
}

#[test]
fn a_stale_pid_file_does_not_keep_it_from_starting() {
    let volume = Volume::new("stale");
    let server = run("stale").on(&volume).option("--init").serve();
    // Under an init the postmaster has a small number, which another program can have next time.
    let stale = format!(
        "printf '1\\n{DATA}\\n1\\n5432\\n/run/postgresql\\n*\\n 1 1\\nready\\n' >{DATA}/postmaster.pid"
    );
    server.docker(&["kill"]);
    drop(server);
    let writer = run("stale").on(&volume).start_with(&["sh", "-c", &stale]);
    writer.docker(&["wait"]);
    drop(writer);
    let server = run("stale").on(&volume).option("--init").serve();
    assert!(
        server.logs().contains("removing a stale postmaster.pid"),
        "{}",
        server.logs()
    );
}

#[test]
fn a_volume_of_the_official_image_is_tuned_too() {
    let volume = Volume::new("official");
    let line = format!(
        "mkdir -p {DATA} && initdb -D {DATA} -U postgres --locale=en_US.utf8 --auth=trust >/dev/null && \
         echo 'host all all all scram-sha-256' >>{DATA}/pg_hba.conf && cat {DATA}/pg_hba.conf"
    );
    let writer = run("official").on(&volume).start_with(&["sh", "-c", &line]);
    writer.docker(&["wait"]);
    let hba = writer.logs();
    drop(writer);
    let server = run("official").on(&volume).serve();
    assert_eq!(server.sql("SHOW shared_buffers"), "256MB");
    assert_eq!(server.sql("SHOW listen_addresses"), "*");
    assert_eq!(server.sh(&format!("cat {DATA}/pg_hba.conf")), hba.trim());
    assert!(!server.logs().contains("init process complete"));
}
