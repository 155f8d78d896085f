//! The superuser's password appears nowhere but in its file.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use crate::stack::{Stack, docker, docker_output, text};

#[test]
fn the_password_is_in_its_file_and_nowhere_else() {
    let stack = Stack::up("secret", "512MB", "");
    let file = stack
        .state_dir()
        .join("secrets")
        .join(&stack.name)
        .join("superuser");
    let password = fs::read_to_string(&file).unwrap();
    let meta = fs::metadata(&file).unwrap();
    assert_eq!(
        (meta.permissions().mode() & 0o777, meta.uid(), meta.gid()),
        (0o440, 999, 0)
    );
    assert_eq!(
        fs::metadata(stack.state_dir().join("secrets"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o700
    );

    let container = stack.container();
    let logs = docker_output(&["logs", &container]);
    let compose = fs::read_to_string(
        stack
            .state_dir()
            .join("stacks")
            .join(&stack.name)
            .join("compose.yml"),
    )
    .unwrap();
    let status = fs::read_to_string(stack.state_dir().join("status.json")).unwrap();
    let processes = Command::new("ps")
        .args(["axww", "-o", "args"])
        .output()
        .unwrap();
    let statements =
        stack.sql("SELECT coalesce(string_agg(query, ' '), '') FROM pg_stat_statements");
    let verifier = stack.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'");
    assert!(verifier.starts_with("SCRAM-SHA-256$"), "{verifier}");
    for (place, seen) in [
        ("docker inspect", docker(&["inspect", &container])),
        ("docker logs", text(&logs.stdout) + &text(&logs.stderr)),
        ("compose.yml", compose),
        ("status.json", status),
        ("the agent's log", stack.log()),
        ("ps", text(&processes.stdout)),
        ("pg_stat_statements", statements),
        ("plan", text(&stack.verb(&["plan"]).stdout)),
        (
            "explain",
            text(&stack.verb(&["explain", &stack.name]).stdout),
        ),
    ] {
        assert!(
            !seen.is_empty() || place == "pg_stat_statements",
            "{place} shows nothing at all"
        );
        assert!(
            !seen.contains(password.trim()),
            "{place} shows the password"
        );
    }
    // It is the right one all the same.
    let uri = "host=127.0.0.1 user=postgres dbname=postgres";
    let login = docker_output(&[
        "exec",
        "-e",
        &format!("PGPASSWORD={}", password.trim()),
        &container,
        "psql",
        uri,
        "-XAtc",
        "SELECT 7",
    ]);
    assert_eq!(text(&login.stdout).trim(), "7", "{}", text(&login.stderr));
    let wrong = docker_output(&[
        "exec",
        "-e",
        "PGPASSWORD=wrong",
        &container,
        "psql",
        uri,
        "-XAtc",
        "SELECT 7",
    ]);
    assert!(!wrong.status.success());
}

#[test]
fn a_password_file_that_the_manifest_names_is_used() {
    let mut stack = Stack::new("named");
    let file = stack.desired_state().join("password.txt");
    fs::write(&file, "from a file, with spaces\n").unwrap();
    stack.save(&stack.manifest(
        "512MB",
        &format!("secrets: {{superuser: {{file: {}}}}}", file.display()),
    ));
    stack.start_agent();
    stack.wait_ready();
    let login = docker_output(&[
        "exec",
        "-e",
        "PGPASSWORD=from a file, with spaces",
        &stack.container(),
        "psql",
        "host=127.0.0.1 user=postgres",
        "-XAtc",
        "SELECT 7",
    ]);
    assert_eq!(text(&login.stdout).trim(), "7", "{}", text(&login.stderr));
}
