//! A first boot is all or nothing, and nobody takes its server for the final one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use tempfile::TempDir;

use crate::container::{Container, Volume, docker, image, run};

/// A script that keeps the first boot busy until the test is done with it.
fn waiting() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(
        directory.path().join("1.sh"),
        "echo script is waiting; sleep 60",
    )
    .unwrap();
    directory
}

fn in_the_middle(test: &str, volume: &Volume, scripts: &TempDir, data: &str) -> Container {
    let mount = scripts.path().display().to_string();
    let server = run(test)
        .mount(&volume.0, data)
        .mount(&mount, "/docker-entrypoint-initdb.d")
        .start();
    server.wait_until("waits in a script", || {
        server.logs().contains("script is waiting")
    });
    server
}

#[test]
fn the_healthcheck_is_false_until_the_final_server_answers() {
    let volume = Volume::new("middle");
    let server = in_the_middle("middle", &volume, &waiting(), "/var/lib/postgresql");
    let said = |output: Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let check = server.exec(&["aza-entrypoint", "healthcheck"]);
    assert!(!check.status.success());
    assert!(said(check).contains("no ready postmaster"));
    let outside = server.exec(&["pg_isready", "-h", "/run/postgresql"]);
    assert!(
        !outside.status.success(),
        "the temporary server's socket is private"
    );
    assert!(
        !server
            .exec(&["pg_isready", "-h", "127.0.0.1"])
            .status
            .success()
    );
}

#[test]
fn a_first_boot_killed_midway_is_made_again() {
    let volume = Volume::new("killed");
    let scripts = waiting();
    let server = in_the_middle("killed", &volume, &scripts, "/var/lib/postgresql");
    server.docker(&["kill"]);
    fs::remove_file(scripts.path().join("1.sh")).unwrap();
    server.docker(&["start"]);
    server.wait_until_healthy();
    assert!(
        server
            .logs()
            .contains("an earlier first boot was interrupted"),
        "{}",
        server.logs()
    );
    assert_eq!(server.sh("ls /var/lib/postgresql/18"), "docker");
    assert_eq!(
        server.sql("SHOW data_directory"),
        "/var/lib/postgresql/18/docker"
    );
}

#[test]
fn a_mounted_data_directory_works_and_is_all_or_nothing_too() {
    let data = "/var/lib/postgresql/18/docker";
    let volume = Volume::new("mounted");
    // Docker gives root a volume where the image has no directory: whoever mounts there gives it away.
    let own = [
        "run",
        "--rm",
        "--user=0",
        "--entrypoint=chown",
        "-v",
        &format!("{}:/v", volume.0),
        &image(),
        "999",
        "/v",
    ];
    docker(&own);
    let scripts = waiting();
    let server = in_the_middle("mounted", &volume, &scripts, data);
    server.docker(&["kill"]);
    fs::remove_file(scripts.path().join("1.sh")).unwrap();
    server.docker(&["start"]);
    server.wait_until_healthy();
    assert_eq!(
        server.sql("SELECT count(*) FROM pg_extension WHERE extname = 'vector'"),
        "1"
    );
    assert_eq!(
        server.sh(&format!("ls -A {data} | grep -c unfinished || true")),
        "0"
    );
}

#[test]
fn a_directory_with_something_else_in_it_is_left_alone() {
    let volume = Volume::new("foreign");
    let writer = run("foreign").on(&volume).start_with(&[
        "sh",
        "-c",
        "mkdir -p $PGDATA && echo mine >$PGDATA/photo.jpg",
    ]);
    writer.docker(&["wait"]);
    drop(writer);
    let (code, log) = run("foreign").on(&volume).refuse();
    assert_eq!(code, 1);
    assert!(
        log.contains("is not empty") && log.contains("photo.jpg"),
        "{log}"
    );
}
