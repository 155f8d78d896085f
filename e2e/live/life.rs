//! From the first manifest to the last: making, recreating, taking over, ending.

use std::fs;
use std::process::Command;

use aza_agent::api::condition::{ConditionType, Truth};

use crate::stack::{AGENT, Stack, docker, docker_output, text};

#[test]
fn a_manifest_becomes_a_ready_stack_and_the_next_plan_is_empty() {
    let stack = Stack::up("create", "1GB", "");
    assert_eq!(stack.inspect("{{.RestartCount}}"), "0");
    assert_eq!(stack.sql("SHOW shared_buffers"), "256MB");
    let plan = stack.verb(&["plan", "--exit-code"]);
    assert_eq!(plan.status.code(), Some(0), "{}", text(&plan.stdout));
    assert!(text(&plan.stdout).contains("nothing to do"));
    let status = stack.state_verb(&["status"]);
    assert!(
        text(&status.stdout).contains("True"),
        "{}",
        text(&status.stdout)
    );
    assert_eq!(text(&status.stderr), "");
}

#[test]
fn a_terminated_agent_exits_with_0_and_status_says_that_it_is_down() {
    let mut stack = Stack::up("term", "512MB", "");
    assert_eq!(stack.end_agent("-TERM"), Some(0));
    let status = stack.state_verb(&["status"]);
    assert!(
        text(&status.stderr).contains("the agent is not running"),
        "{}",
        text(&status.stderr)
    );
    assert_eq!(stack.sql("SELECT 1"), "1");
}

#[test]
fn a_killed_agent_goes_on_where_it_was() {
    let mut stack = Stack::up("kill", "512MB", "settings: {work_mem: 3MB}");
    let before = stack.identity();
    stack.end_agent("-KILL");
    let next = stack.manifest("512MB", "");
    stack.save(&next);
    stack.start_agent();
    stack.wait_settled(&next);
    stack.wait_sql(
        "SELECT count(*) FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'",
        "0",
    );
    assert_eq!(stack.identity(), before);
}

#[test]
fn a_second_agent_for_the_same_host_is_refused() {
    let stack = Stack::up("two", "512MB", "");
    let second = stack.verb(&["run", "--once"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(
        text(&second.stderr).contains("another agent already looks after"),
        "{}",
        text(&second.stderr)
    );
}

#[test]
fn a_lost_state_directory_recreates_nothing() {
    let mut stack = Stack::up("lost", "512MB", "settings: {work_mem: 3MB}");
    let before = stack.identity();
    stack.end_agent("-TERM");
    // The socket, the secret and the declared file are mounted; what the agent remembers is lost.
    fs::remove_dir_all(stack.state_dir().join("stacks")).unwrap();
    fs::remove_file(stack.state_dir().join("status.json")).unwrap();
    stack.start_agent();
    stack.wait_settled(&stack.manifest("512MB", "settings: {work_mem: 3MB}"));
    assert_eq!(stack.identity(), before);
}

#[test]
fn once_ends_by_itself() {
    let stack = Stack::new("once");
    stack.save(&stack.manifest("512MB", ""));
    let once = stack.verb(&["run", "--once"]);
    assert_eq!(once.status.code(), Some(0), "{}", text(&once.stderr));
    assert_eq!(stack.sql("SELECT 1"), "1");
}

#[test]
fn the_last_manifest_of_a_directory_is_never_executed_as_a_deletion() {
    let mut stack = Stack::new("last").with(&["--rescan", "200ms", "--gone-after", "500ms"]);
    stack.save(&stack.manifest("512MB", "deletionPolicy: remove"));
    stack.start_agent();
    stack.wait_ready();
    fs::remove_file(stack.manifest_file()).unwrap();
    stack.wait_condition(ConditionType::Accepted, Truth::False, "Orphaned");
    assert_eq!(stack.sql("SELECT 1"), "1");
}

#[test]
fn a_gone_manifest_with_policy_remove_loses_its_container_and_keeps_its_volume() {
    let mut stack = Stack::new("gone").with(&["--rescan", "200ms", "--gone-after", "500ms"]);
    stack.save(&stack.manifest("512MB", "deletionPolicy: remove"));
    // Another manifest stays, for a host that is not this one: so the directory is not empty.
    let other = stack
        .manifest("512MB", "suspend: true")
        .replace(&stack.name, "aza-test-gone-other");
    let other = other.replace(&format!("port: {}", stack.port), "port: 1");
    fs::write(stack.desired_state().join("other.yaml"), other).unwrap();
    stack.start_agent();
    stack.wait_ready();
    fs::remove_file(stack.manifest_file()).unwrap();
    stack.wait_forgotten();
    assert!(
        !docker_output(&["inspect", &stack.container()])
            .status
            .success()
    );
    docker(&["volume", "inspect", &format!("{}_pgdata", stack.name)]);
}

#[test]
fn an_invalid_manifest_leaves_the_last_valid_one_in_force_also_after_a_restart_of_the_agent() {
    let mut stack = Stack::up("invalid", "512MB", "settings: {work_mem: 3MB}");
    stack.save(&stack.manifest("512", "settings: {wrok_mem: 3MB}"));
    let status = stack.wait_condition(ConditionType::Accepted, Truth::False, "Invalid");
    let message = &status.condition(ConditionType::Accepted).unwrap().message;
    assert!(
        message.contains("spec.resources.memory") && message.contains("did you mean `work_mem`"),
        "{message}"
    );
    stack.end_agent("-TERM");
    stack.start_agent();
    // Drift correction goes on with the last valid one.
    stack.sql("ALTER SYSTEM SET work_mem = '1MB'");
    stack.sql("SELECT pg_reload_conf()");
    stack.wait_sql("SHOW work_mem", "3MB");
}

#[test]
fn a_volume_that_another_container_mounts_blocks_the_start() {
    let mut stack = Stack::new("volume");
    let (volume, other) = (
        format!("{}_pgdata", stack.name),
        format!("{}-other", stack.name),
    );
    let mount = format!("{volume}:/var/lib/postgresql");
    docker(&[
        "run",
        "-d",
        "--name",
        &other,
        "-v",
        &mount,
        "--entrypoint",
        "sleep",
        "aza-pg:18",
        "600",
    ]);
    stack.save(&stack.manifest("512MB", ""));
    stack.start_agent();
    let status = stack.wait_condition(ConditionType::ContainersReady, Truth::False, "Blocked");
    let message = &status
        .condition(ConditionType::ContainersReady)
        .unwrap()
        .message;
    docker_output(&["rm", "-f", "-v", &other]);
    assert!(message.contains(&other), "{message}");
    stack.wait_ready();
}

#[test]
fn a_taken_port_is_a_condition_before_it_is_an_accident() {
    let mut stack = Stack::new("port");
    let listener = std::net::TcpListener::bind(("127.0.0.1", stack.port)).unwrap();
    stack.save(&stack.manifest("512MB", ""));
    stack.start_agent();
    stack.wait_condition(ConditionType::Accepted, Truth::False, "PortConflict");
    assert!(
        !docker_output(&["inspect", &stack.container()])
            .status
            .success()
    );
    drop(listener);
    stack.wait_ready();
}

#[test]
fn a_container_of_that_name_that_is_not_ours_is_left_alone() {
    let mut stack = Stack::new("foreign");
    docker(&[
        "run",
        "-d",
        "--name",
        &stack.container(),
        "--entrypoint",
        "sleep",
        "aza-pg:18",
        "600",
    ]);
    let before = stack.identity();
    stack.save(&stack.manifest("512MB", ""));
    stack.start_agent();
    stack.wait_condition(ConditionType::Accepted, Truth::False, "NameConflict");
    assert_eq!(stack.identity(), before);
}

#[test]
fn without_docker_the_error_names_the_next_command() {
    let output = Command::new(AGENT)
        .args([
            "plan",
            "--docker",
            "unix:///nowhere.sock",
            "--desired-state",
            "desired-state",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("cannot reach Docker") && stderr.contains("next: leave --docker out"),
        "{stderr}"
    );
}

#[test]
fn a_stack_made_by_hand_is_adopted_without_a_recreate() {
    let mut stack = Stack::new("adopt");
    let directory = stack.desired_state().join("by-hand");
    fs::create_dir(&directory).unwrap();
    fs::copy(
        concat!(env!("CARGO_MANIFEST_DIR"), "/stacks/single/compose.yml"),
        directory.join("compose.yml"),
    )
    .unwrap();
    let (name, port) = (&stack.name, stack.port);
    let env = format!(
        "STACK_NAME={name}\nPOSTGRES_PORT={port}\nMEMORY=512m\nCPUS=1\nPOSTGRES_PASSWORD=by-hand\nPOSTGRES_WORKLOAD=web\n"
    );
    fs::write(directory.join(".env"), env).unwrap();
    let up = Command::new("docker")
        .args(["compose", "up", "-d"])
        .current_dir(&directory)
        .output()
        .unwrap();
    assert!(up.status.success(), "{}", text(&up.stderr));
    stack.wait_sql("SELECT 1", "1");
    let before = stack.identity();

    stack.save(&stack.manifest("512MB", ""));
    stack.start_agent();
    stack.wait_condition(ConditionType::Accepted, Truth::False, "NameConflict");
    let secret = directory.join("password");
    fs::write(&secret, "by-hand\n").unwrap();
    let adopting = format!(
        "adopt: true\nsecrets: {{superuser: {{file: {}}}}}\nsettings: {{work_mem: 3MB}}",
        secret.display()
    );
    stack.save(&stack.manifest("512MB", &adopting));
    stack.wait_ready();
    assert_eq!(stack.sql("SHOW work_mem"), "3MB");
    assert_eq!(stack.identity(), before);
    // The first recreate makes it the agent's own, on the same volume.
    stack.sql("CREATE TABLE kept AS SELECT 42 AS x");
    stack.save(
        &stack
            .manifest("512MB", &adopting)
            .replace("cpus: 1}", "cpus: 1, shmSize: 256MB}"),
    );
    stack.wait_sql("SELECT x FROM kept", "42");
    stack.wait("ours", |s| {
        s.is(ConditionType::Ready)
            && !before
                .0
                .starts_with(s.container.as_ref().map_or("", |c| &c.id))
    });
    assert_eq!(
        stack.inspect("{{index .Config.Labels \"aza.dev/stack\"}}"),
        stack.name
    );
}

#[test]
fn two_stacks_on_one_host_share_nothing() {
    let one = Stack::up("pair-one", "512MB", "");
    let two = Stack::up("pair-two", "512MB", "settings: {work_mem: 3MB}");
    one.sql("CREATE TABLE mine (x int)");
    assert_eq!(
        two.sql("SELECT count(*) FROM pg_tables WHERE tablename = 'mine'"),
        "0"
    );
    assert_ne!(one.sql("SHOW work_mem"), "3MB");
    let cluster = "SELECT system_identifier FROM pg_control_system()";
    assert_ne!(one.sql(cluster), two.sql(cluster));
}

#[test]
fn a_port_that_two_manifests_want_is_refused_by_name_and_one_bad_file_hides_no_good_one() {
    let mut stack = Stack::new("clash");
    let other = stack
        .manifest("512MB", "")
        .replace(&stack.name, "aza-test-clash-other");
    stack.save(&stack.manifest("512MB", ""));
    fs::write(stack.desired_state().join("other.yaml"), other).unwrap();
    fs::write(stack.desired_state().join("broken.yaml"), "kind: [").unwrap();
    stack.start_agent();
    let status = stack.wait_condition(ConditionType::Accepted, Truth::False, "Invalid");
    let message = &status.condition(ConditionType::Accepted).unwrap().message;
    assert!(message.contains("aza-test-clash-other"), "{message}");
    fs::remove_file(stack.desired_state().join("other.yaml")).unwrap();
    stack.wait_ready();
    let shown = stack.state_verb(&["status"]);
    assert!(
        text(&shown.stdout).contains("broken.yaml:"),
        "{}",
        text(&shown.stdout)
    );
}
