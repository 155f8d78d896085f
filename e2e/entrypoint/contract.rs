//! What people know from the official image: variables, files, users, arguments.

use crate::container::{bare, docker, run};

#[test]
fn user_and_database_may_hold_spaces_and_quotes() {
    let (user, database) = ("Al \"ice' \\x", "it's =a \"db\"");
    let server = run("names")
        .env("POSTGRES_USER", user)
        .env("POSTGRES_DB", database)
        .serve();
    let me = server.sql_as(
        user,
        database,
        "SELECT current_user || '|' || current_database()",
    );
    assert_eq!(me, format!("{user}|{database}"));
    assert_eq!(
        server.sql_as(
            user,
            database,
            "SELECT count(*) FROM pg_roles WHERE rolname !~ '^pg_'"
        ),
        "1"
    );
    assert_eq!(
        server.sql_as(
            user,
            database,
            "SELECT 1 FROM pg_extension WHERE extname = 'pg_cron'"
        ),
        "1"
    );
}

#[test]
fn a_password_with_spaces_and_quotes_lets_in_and_no_other_does() {
    let password = "pa ss'w\"o\\rd$";
    let server = bare("password").env("POSTGRES_PASSWORD", password).serve();
    let login = |password: &str| {
        server.exec(&[
            "env",
            &format!("PGPASSWORD={password}"),
            "psql",
            "-XAtq",
            "-h127.0.0.1",
            "-Upostgres",
            "-cSELECT system_user",
        ])
    };
    assert_eq!(
        String::from_utf8_lossy(&login(password).stdout).trim(),
        "scram-sha-256:postgres"
    );
    assert!(!login("other").status.success());
}

#[test]
fn every_value_may_come_from_a_file() {
    let secrets = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("user", "owner\n"),
        ("password", "from-file\n"),
        ("db", "shop\n"),
    ] {
        std::fs::write(secrets.path().join(name), text).unwrap();
    }
    open_to_all(secrets.path());
    let server = bare("files")
        .mount(&secrets.path().display().to_string(), "/secrets")
        .env("POSTGRES_USER_FILE", "/secrets/user")
        .env("POSTGRES_PASSWORD_FILE", "/secrets/password")
        .env("POSTGRES_DB_FILE", "/secrets/db")
        .serve();
    assert_eq!(
        server.sql_as("owner", "shop", "SELECT current_database()"),
        "shop"
    );
    let login = server.exec(&[
        "env",
        "PGPASSWORD=from-file",
        "psql",
        "-h127.0.0.1",
        "-Uowner",
        "-dshop",
        "-cSELECT 1",
    ]);
    assert!(
        login.status.success(),
        "{}",
        String::from_utf8_lossy(&login.stderr)
    );
}

#[test]
fn a_value_and_its_file_at_once_are_refused() {
    let (code, log) = run("both").env("POSTGRES_PASSWORD_FILE", "/x").refuse();
    assert_eq!(code, 1);
    assert!(
        log.contains("both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are set"),
        "{log}"
    );
}

#[test]
fn an_empty_password_is_refused_with_help() {
    let (code, log) = bare("empty").env("POSTGRES_PASSWORD", "").refuse();
    assert_eq!(code, 1);
    for word in [
        "needs a password",
        "POSTGRES_PASSWORD_FILE",
        "POSTGRES_HOST_AUTH_METHOD=trust",
    ] {
        assert!(log.contains(word), "{word} in {log}");
    }
}

#[test]
fn trust_needs_no_password_and_warns() {
    let server = bare("trust")
        .env("POSTGRES_HOST_AUTH_METHOD", "trust")
        .serve();
    assert!(
        server
            .logs()
            .contains("WARNING: POSTGRES_HOST_AUTH_METHOD=trust"),
        "{}",
        server.logs()
    );
    assert!(
        server
            .exec(&["psql", "-h127.0.0.1", "-Upostgres", "-cSELECT 1"])
            .status
            .success()
    );
}

#[test]
fn initdb_takes_further_arguments() {
    let server = run("initdb")
        .env(
            "POSTGRES_INITDB_ARGS",
            "--wal-segsize=4 --locale='en_US.utf8'",
        )
        .serve();
    assert_eq!(server.sql("SHOW wal_segment_size"), "4MB");
    assert_eq!(
        server.sql("SELECT datlocprovider, datcollate FROM pg_database WHERE datname = 'postgres'"),
        "c|en_US.utf8"
    );
}

#[test]
fn checksums_scram_and_a_locale_that_no_glibc_breaks_are_the_defaults() {
    let server = run("defaults").serve();
    assert_eq!(server.sql("SHOW data_checksums"), "on");
    assert_eq!(server.sql("SHOW password_encryption"), "scram-sha-256");
    assert_eq!(server.sql("SHOW listen_addresses"), "*");
    let locale = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'postgres'";
    assert_eq!(server.sql(locale), "b|C.UTF-8");
    assert_eq!(server.sql("SHOW server_encoding"), "UTF8");
}

#[test]
fn checksums_can_be_turned_off() {
    let server = run("no-checksums")
        .env("DISABLE_DATA_CHECKSUMS", "true")
        .serve();
    assert_eq!(server.sql("SHOW data_checksums"), "off");
}

#[test]
fn any_user_can_run_it() {
    let server = run("user").option("--user=12345:6789").serve();
    assert_eq!(server.sh("stat -c %u /proc/1"), "12345");
    assert_eq!(server.sql("SELECT system_user"), "peer:postgres");
    // The agent comes as root from the host: peer must resolve that too.
    let root = docker(&[
        "exec",
        "--user=0",
        &server.0,
        "psql",
        "-XAtqUpostgres",
        "-cSELECT system_user",
    ]);
    assert_eq!(root.trim(), "peer:root");
}

#[test]
fn started_as_root_it_becomes_postgres() {
    let server = run("root").not_locked_down().option("--user=0").serve();
    assert_eq!(server.sh("stat -c %u /proc/1"), "999");
    assert_eq!(
        server.sh("grep -i ^groups /proc/1/status | tr -d '[:space:]'"),
        "Groups:"
    );
}

#[test]
fn arguments_reach_the_server_and_other_commands_run_as_they_are() {
    let server = run("arguments").start_with(&["-c", "work_mem=7MB"]);
    server.wait_until_healthy();
    assert_eq!(
        server.sql("SELECT setting, source FROM pg_settings WHERE name = 'work_mem'"),
        "7168|command line"
    );
    let other = bare("command").start_with(&["echo", "as it is"]);
    other.docker(&["wait"]);
    assert_eq!(other.logs().trim(), "as it is");
    let version = bare("version").start_with(&["postgres", "--version"]);
    version.docker(&["wait"]);
    assert!(
        version.logs().starts_with("postgres (PostgreSQL) 18"),
        "{}",
        version.logs()
    );
}

#[test]
fn no_secret_is_in_the_log_in_statements_or_in_the_servers_environment() {
    let server = run("secret")
        .env("POSTGRES_INITDB_ARGS", "--set=log_statement=all")
        .serve();
    assert!(!server.logs().contains("s3cret-word"));
    assert_eq!(
        server.sql("SELECT count(*) FROM pg_stat_statements WHERE query ~ 's3cret-word'"),
        "0"
    );
    assert!(
        !server
            .sh("tr '\\0' '\\n' </proc/1/environ")
            .contains("s3cret-word")
    );
    assert_eq!(
        server.sh("grep -rl s3cret-word /var/lib/postgresql /tmp || true"),
        ""
    );
}

/// The container's user is not the one who runs the tests.
fn open_to_all(directory: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
}
