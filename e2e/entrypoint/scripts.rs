//! `/docker-entrypoint-initdb.d`: every kind, in order, and all or nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

use crate::container::{Volume, run};

const DIRECTORY: &str = "/docker-entrypoint-initdb.d";

fn directory(files: &[(&str, &str, u32)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (name, text, mode) in files {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
    }
    directory
}

fn mounted(directory: &TempDir) -> String {
    directory.path().display().to_string()
}

#[test]
fn every_kind_of_script_runs_in_order_of_name() {
    let insert = "INSERT INTO ran (name) VALUES";
    let files = directory(&[
        ("1.sql", "CREATE TABLE ran (id serial, name text);", 0o644),
        ("2 with space.sql", &format!("{insert} ('sql');"), 0o644),
        (
            "3.sh",
            &format!(
                "#!/bin/sh\npsql -qU \"$POSTGRES_USER\" -d \"$POSTGRES_DB\" -c \"{insert} ('run')\""
            ),
            0o755,
        ),
        (
            "4.sh",
            &format!("docker_process_sql -c \"{insert} ('sourced')\""),
            0o644,
        ),
        ("5.sql", &format!("{insert} ('gz');"), 0o644),
        ("6.sql", &format!("{insert} ('xz');"), 0o644),
        ("7.sql", &format!("{insert} ('zst');"), 0o644),
        (
            "8.sh",
            "[ -S \"$PGHOST/.s.PGSQL.5432\" ] && [ \"$PGHOST\" != /run/postgresql ] && [ -f \"$PGDATA/PG_VERSION\" ]",
            0o644,
        ),
        ("README", "not a script", 0o644),
    ]);
    // Packed by the image's own tools: nothing beside docker is asked of this machine.
    let here = mounted(&files);
    for (program, name) in [
        ("gzip", "5.sql"),
        ("xz", "6.sql"),
        ("zstd --rm -q", "7.sql"),
    ] {
        let line = format!("{program} /pack/{name}");
        let words = [
            "run",
            "--rm",
            "--user=0",
            "--entrypoint=sh",
            "-v",
            &format!("{here}:/pack"),
            "aza-pg:18",
            "-c",
            &line,
        ];
        assert!(
            Command::new("docker")
                .args(words)
                .status()
                .unwrap()
                .success()
        );
    }
    let server = run("scripts")
        .mount(&here, &format!("{DIRECTORY}:ro"))
        .env("POSTGRES_DB", "my db")
        .serve();
    let ran = server.sql_as(
        "postgres",
        "my db",
        "SELECT string_agg(name, ' ' ORDER BY id) FROM ran",
    );
    assert_eq!(ran, "sql run sourced gz xz zst");
    let log = server.logs();
    assert!(
        log.contains("ignoring /docker-entrypoint-initdb.d/README"),
        "{log}"
    );
    assert!(log.contains("PostgreSQL init process complete"), "{log}");
}

#[test]
fn a_script_that_fails_is_named_and_leaves_no_cluster() {
    let volume = Volume::new("failing");
    let files = directory(&[("1.sql", "CREATE TABLE t (); SELECT broken;", 0o644)]);
    let failing = || {
        run("failing")
            .on(&volume)
            .mount(&mounted(&files), DIRECTORY)
    };
    let (code, log) = failing().refuse();
    assert_eq!(code, 1);
    assert!(
        log.contains("init script /docker-entrypoint-initdb.d/1.sql failed"),
        "{log}"
    );
    fs::write(files.path().join("1.sql"), "CREATE TABLE t ();").unwrap();
    let server = failing().serve();
    assert!(
        server
            .logs()
            .contains("an earlier first boot was interrupted: making it again")
    );
    assert_eq!(server.sql("SELECT count(*) FROM t"), "0");
}

#[test]
fn scripts_run_only_once() {
    let volume = Volume::new("once");
    let files = directory(&[("1.sql", "CREATE TABLE t ();", 0o644)]);
    for _ in 0..2 {
        let server = run("once")
            .on(&volume)
            .mount(&mounted(&files), DIRECTORY)
            .serve();
        assert_eq!(server.sql("SELECT count(*) FROM t"), "0");
    }
}
