//! A running container: who is process 1, what it writes, how it stops.

use std::time::{Duration, Instant};

use crate::container::run;

#[test]
fn nothing_outside_the_volume_is_written() {
    let server = run("diff").not_locked_down().serve();
    server.sql("CREATE TABLE t AS SELECT generate_series(1, 100000)");
    let changed = server.docker(&["diff"]);
    let changed: Vec<&str> = changed
        .lines()
        .filter(|line| {
            !["/tmp", "/run"]
                .iter()
                .any(|place| line[2..].starts_with(place))
        })
        .collect();
    assert_eq!(changed, Vec::<&str>::new());
    let locked = run("diff-locked").serve();
    assert_eq!(locked.docker(&["diff"]), "");
}

#[test]
fn postgres_is_process_1_without_capabilities_or_new_privileges() {
    let server = run("process").serve();
    assert_eq!(server.sh("cat /proc/1/comm"), "postgres");
    assert_eq!(
        server.sh("grep CapEff /proc/1/status | cut -f2"),
        "0000000000000000"
    );
    assert_eq!(server.sh("grep NoNewPrivs /proc/1/status | cut -f2"), "1");
}

#[test]
fn docker_calls_it_healthy_and_unhealthy_truly() {
    let server = run("health").option("--health-interval=1s").serve();
    server.wait_until("is healthy to docker", || {
        server.inspect("{{.State.Health.Status}}") == "healthy"
    });
    server.sql("ALTER SYSTEM SET session_preload_libraries = 'no_such_library'");
    server.sql("SELECT pg_reload_conf()");
    server.wait_until("is unhealthy to docker", || {
        server.inspect("{{.State.Health.Status}}") == "unhealthy"
    });
}

#[test]
fn it_stops_fast_and_cleanly_with_a_session_open() {
    let server = run("stop").serve();
    let name = server.0.clone();
    let session = std::thread::spawn(move || {
        crate::container::docker_quietly(&[
            "exec",
            &name,
            "psql",
            "-XUpostgres",
            "-cSELECT pg_sleep(60)",
        ]);
    });
    server.wait_until("has a session", || {
        server.sql("SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'") == "1"
    });
    let started = Instant::now();
    server.docker(&["stop"]);
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(server.inspect("{{.State.ExitCode}}"), "0");
    assert!(server.logs().contains("database system is shut down"));
    session.join().unwrap();
}
