//! What people do by hand, and what becomes of it.

use aza_agent::api::condition::{ConditionType, Truth};

use crate::stack::{Stack, docker};

#[test]
fn settings_changed_by_sql_are_put_right_and_foreign_lines_are_left() {
    let stack = Stack::up("sql", "512MB", "");
    let before = stack.identity();
    let owned = stack.sql("SHOW random_page_cost");
    stack.sql("ALTER SYSTEM SET random_page_cost = 9");
    stack.sql("ALTER SYSTEM SET deadlock_timeout = '3s'");
    stack.sql("SELECT pg_reload_conf()");
    stack.wait_sql("SHOW random_page_cost", &owned);
    assert_eq!(stack.sql("SHOW deadlock_timeout"), "3s");
    let status = stack.wait("foreign line told", |s| {
        s.condition(ConditionType::SettingsInSync)
            .is_some_and(|c| c.message.contains("deadlock_timeout"))
    });
    assert!(status.is(ConditionType::Ready));
    assert_eq!(stack.identity(), before);
}

#[test]
fn drift_that_is_only_reported_stays_until_the_manifest_changes() {
    let stack = Stack::up("report", "512MB", "drift: report");
    stack.sql("ALTER SYSTEM SET random_page_cost = 9");
    stack.sql("SELECT pg_reload_conf()");
    stack.wait("report", |s| {
        s.waiting.iter().any(|w| w.reason == "DriftReported")
    });
    assert_eq!(stack.sql("SHOW random_page_cost"), "9");
    stack.save(&stack.manifest("512MB", "drift: report\nsettings: {work_mem: 2MB}"));
    stack.wait_sql("SHOW work_mem", "2MB");
    stack.wait_sql("SHOW random_page_cost", "1.1");
}

#[test]
fn a_role_setting_is_told_and_does_not_restart_anything() {
    let stack = Stack::up("role", "512MB", "");
    let before = stack.identity();
    stack.sql("ALTER ROLE postgres SET random_page_cost = 7");
    stack.wait_condition(
        ConditionType::SettingsInSync,
        Truth::False,
        "PinnedByRoleOrDatabase",
    );
    stack.sql("ALTER ROLE postgres RESET random_page_cost");
    stack.wait_ready();
    assert_eq!(stack.identity(), before);
}

#[test]
fn limits_changed_by_hand_come_back() {
    let stack = Stack::up("update", "1GB", "");
    let before = stack.identity();
    docker(&[
        "update",
        "--memory",
        "900m",
        "--memory-swap",
        "900m",
        &stack.container(),
    ]);
    stack.wait("limits back", |s| {
        s.is(ConditionType::LimitsInSync) && s.events.iter().any(|e| e.reason == "SetLimits")
    });
    assert_eq!(
        stack.inspect("{{.HostConfig.Memory}}"),
        (1_u64 << 30).to_string()
    );
    assert_eq!(stack.identity(), before);
}

#[test]
fn a_stopped_container_starts_again_and_a_removed_one_is_made_again_with_its_data() {
    let stack = Stack::up("stop", "512MB", "");
    stack.sql("CREATE TABLE kept AS SELECT 42 AS x");
    let (id, started) = stack.identity();
    docker(&["stop", &stack.container()]);
    stack.wait_sql("SELECT x FROM kept", "42");
    assert_eq!(stack.identity().0, id);
    assert_ne!(stack.identity().1, started);
    stack.wait_ready();
    docker(&["rm", "-f", &stack.container()]);
    stack.wait_sql("SELECT x FROM kept", "42");
    assert_ne!(stack.identity().0, id);
    stack.wait_ready();
}

#[test]
fn a_stop_is_respected_where_drift_is_only_reported() {
    let stack = Stack::up("respect", "512MB", "drift: report");
    docker(&["stop", &stack.container()]);
    stack.wait_condition(ConditionType::ContainersReady, Truth::False, "Stopped");
    assert_eq!(stack.inspect("{{.State.Running}}"), "false");
    docker(&["start", &stack.container()]);
    stack.wait_ready();
}

#[test]
fn a_syntax_error_in_a_file_is_told_and_holds_a_restart_back() {
    let stack = Stack::up("syntax", "512MB", "");
    let before = stack.identity();
    let container = stack.container();
    docker(&[
        "exec",
        &container,
        "sh",
        "-c",
        "echo 'this is = = wrong' >> $PGDATA/postgresql.conf",
    ]);
    stack.save(&stack.manifest("512MB", "settings: {max_connections: 44}"));
    stack.wait_condition(
        ConditionType::SettingsInSync,
        Truth::False,
        "ConfigFileError",
    );
    assert_eq!(stack.identity(), before);
    docker(&[
        "exec",
        &container,
        "sh",
        "-c",
        "sed -i '/this is = = wrong/d' $PGDATA/postgresql.conf",
    ]);
    stack.wait_sql("SHOW max_connections", "44");
}

#[test]
fn a_volume_that_was_removed_is_not_silently_replaced_by_an_empty_database() {
    let mut stack = Stack::up("emptied", "512MB", "drift: report");
    let volume = format!("{}_pgdata", stack.name);
    stack.end_agent("-TERM");
    docker(&["rm", "-f", &stack.container()]);
    docker(&["volume", "rm", &volume]);
    stack.start_agent();
    stack.wait("cluster missed", |s| {
        s.waiting.iter().any(|w| w.reason == "ClusterGone")
    });
    assert!(
        !crate::stack::docker_output(&["volume", "inspect", &volume])
            .status
            .success()
    );
    assert!(stack.state_verb(&["approve", &stack.name]).status.success());
    stack.wait_ready();
    assert_eq!(stack.sql("SELECT 1"), "1");
}

#[test]
fn another_cluster_in_the_volume_blocks_the_start() {
    let mut stack = Stack::up("swapped", "512MB", "");
    let (volume, other) = (
        format!("{}_pgdata", stack.name),
        Stack::up("swapper", "512MB", ""),
    );
    stack.end_agent("-TERM");
    docker(&["rm", "-f", &stack.container()]);
    docker(&["volume", "rm", &volume]);
    docker(&["volume", "create", &volume]);
    let copy = format!("{}_pgdata:/from", other.name);
    let into = format!("{volume}:/to");
    docker(&[
        "run",
        "--rm",
        "--user",
        "0",
        "-v",
        &copy,
        "-v",
        &into,
        "--entrypoint",
        "cp",
        "aza-pg:18",
        "-a",
        "/from/.",
        "/to/",
    ]);
    stack.start_agent();
    stack.wait("other cluster told", |s| {
        s.waiting.iter().any(|w| w.reason == "OtherCluster")
    });
    assert!(
        !crate::stack::docker_output(&["inspect", &stack.container()])
            .status
            .success()
    );
}
