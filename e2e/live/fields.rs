//! Each kind of field of the manifest, changed: the steps that `plan` announced and no others happen,
//! with the container's id and start time as proof.

use std::fs;
use std::process::Command;

use aza_agent::api::condition::{ConditionType, Truth};

use crate::stack::{Stack, text};

#[test]
fn a_cpu_limit_changes_live() {
    let stack = Stack::up("cpu", "1GB", "");
    let before = stack.identity();
    let next = stack.manifest("1GB", "").replace("cpus: 1", "cpus: 0.5");
    assert_eq!(stack.planned(&next), ["setLimits"]);
    stack.save(&next);
    stack.wait_settled(&next);
    assert_eq!(stack.inspect("{{.HostConfig.NanoCpus}}"), "500000000");
    assert_eq!(stack.identity(), before);
}

#[test]
fn memory_grows_limit_first_and_shrinks_settings_first() {
    let stack = Stack::up("memory", "1GB", "");
    let (id, started) = stack.identity();
    let grown = stack.manifest("2GB", "");
    let steps = stack.planned(&grown);
    assert_eq!(steps.first().map(String::as_str), Some("setLimits"));
    assert_eq!(steps.last().map(String::as_str), Some("restart"));
    stack.save(&grown);
    stack.wait_settled(&grown);
    let (id_grown, started_grown) = stack.identity();
    assert_eq!(id_grown, id);
    assert_ne!(started_grown, started);
    assert_eq!(
        stack.inspect("{{.HostConfig.Memory}}"),
        (2_u64 << 30).to_string()
    );
    assert_eq!(stack.sql("SHOW shared_buffers"), "512MB");

    let shrunk = stack.manifest("1GB", "");
    assert!(!stack.planned(&shrunk).contains(&"setLimits".to_owned()));
    stack.save(&shrunk);
    stack.wait_settled(&shrunk);
    assert_eq!(stack.identity().0, id);
    assert_eq!(
        stack.inspect("{{.HostConfig.Memory}}"),
        (1_u64 << 30).to_string()
    );
    assert_eq!(stack.sql("SHOW shared_buffers"), "256MB");
    // What the include file says by now needs no line any more.
    stack.wait_sql(
        "SELECT count(*) FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'",
        "0",
    );
}

#[test]
fn a_reload_setting_restarts_nothing_and_goes_back() {
    let stack = Stack::up("reload", "1GB", "");
    let before = stack.identity();
    let original = stack.sql("SHOW work_mem");
    let next = stack.manifest(
        "1GB",
        "settings: {work_mem: 7MB, log_min_duration_statement: 2s}",
    );
    assert_eq!(
        stack.planned(&next),
        ["alterSystem", "alterSystem", "reload"]
    );
    stack.save(&next);
    stack.wait_settled(&next);
    assert_eq!(stack.sql("SHOW work_mem"), "7MB");
    stack.save(&stack.manifest("1GB", ""));
    stack.wait_sql("SHOW work_mem", &original);
    assert_eq!(stack.identity(), before);
}

#[test]
fn a_restart_setting_restarts_once_and_keeps_the_container() {
    let stack = Stack::up("restart", "1GB", "");
    let (id, started) = stack.identity();
    let next = stack.manifest(
        "1GB",
        "settings: {max_worker_processes: 20, max_connections: 77}",
    );
    assert_eq!(
        stack.planned(&next),
        ["alterSystem", "alterSystem", "reload", "restart"]
    );
    stack.save(&next);
    let status = stack.wait_settled(&next);
    assert_eq!(stack.sql("SHOW max_connections"), "77");
    assert_eq!(stack.sql("SHOW max_worker_processes"), "20");
    let after = stack.identity();
    assert_eq!(after.0, id);
    assert_ne!(after.1, started);
    assert_eq!(
        status
            .events
            .iter()
            .filter(|e| e.reason == "Restart")
            .count(),
        1
    );
}

#[test]
fn a_restart_waits_for_its_window_and_for_its_approval() {
    // Looks so rare that an approval has to be heard.
    let mut stack = Stack::new("modes").with(&["--resync", "1h"]);
    stack.save(&stack.manifest("1GB", ""));
    stack.start_agent();
    stack.wait_ready();
    let before = stack.identity();
    // A window that is never open now: it opens for one minute in half a week.
    let closed = "restart: {mode: window, windows: [\"Mon 00:00-00:01\", \"Thu 00:00-00:01\"]}\nsettings: {max_connections: 60}";
    stack.save(&stack.manifest("1GB", closed));
    // A pending restart stands beside Ready and does not lower it.
    stack.wait("restart held back by the window", |s| {
        s.is(ConditionType::Ready)
            && s.condition(ConditionType::RestartRequired)
                .is_some_and(|c| {
                    c.status == Truth::True
                        && c.message.contains("→ 60")
                        && c.message.contains("window")
                })
    });
    assert_eq!(stack.verb(&["plan", "--exit-code"]).status.code(), Some(3));

    stack.save(&stack.manifest(
        "1GB",
        "restart: {mode: manual}\nsettings: {max_connections: 60}",
    ));
    stack.wait("approval asked for", |s| {
        s.waiting.iter().any(|w| w.reason == "ApprovalNeeded")
    });
    assert_eq!(stack.identity(), before);
    assert!(stack.state_verb(&["approve", &stack.name]).status.success());
    stack.wait_sql("SHOW max_connections", "60");
    assert_eq!(stack.identity().0, before.0);
    assert!(
        !stack
            .state_dir()
            .join(format!("requests/{}.approve", stack.name))
            .exists()
    );
}

#[test]
fn a_new_port_and_shm_size_recreate_the_container_and_keep_the_data() {
    let stack = Stack::up("recreate", "512MB", "");
    let (id, _) = stack.identity();
    stack.sql("CREATE TABLE kept (x int)");
    stack.sql("INSERT INTO kept VALUES (42)");
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = probe.local_addr().unwrap().port();
    drop(probe);
    let next = stack
        .manifest("512MB", "")
        .replace(&stack.port.to_string(), &port.to_string());
    let next = next.replace("cpus: 1}", "cpus: 1, shmSize: 256MB}");
    assert_eq!(stack.planned(&next), ["prepare", "recreate"]);
    stack.save(&next);
    stack.wait_settled(&next);
    assert_ne!(stack.identity().0, id);
    assert_eq!(stack.sql("SELECT x FROM kept"), "42");
    assert_eq!(
        stack.inspect("{{.HostConfig.ShmSize}}"),
        (256 << 20).to_string()
    );
    let answer = std::net::TcpStream::connect(("127.0.0.1", port));
    assert!(answer.is_ok(), "{answer:?}");
}

#[test]
fn a_limit_taken_out_of_the_manifest_is_a_recreate() {
    let stack = Stack::up("nolimit", "1GB", "restart: {mode: manual}");
    let before = stack.identity();
    let next = stack
        .manifest("1GB", "restart: {mode: manual}")
        .replace(", cpus: 1", "");
    stack.save(&next);
    stack.wait_condition(
        ConditionType::RestartRequired,
        Truth::True,
        "RecreatePending",
    );
    assert_eq!(stack.identity(), before);
    stack.state_verb(&["approve", &stack.name]);
    stack.wait_settled(&next);
    assert_eq!(stack.inspect("{{.HostConfig.NanoCpus}}"), "0");
}

#[test]
fn extensions_come_with_what_they_require_and_go_without_cascade() {
    let stack = Stack::up("extension", "512MB", "extensions: [{name: earthdistance}]");
    assert_eq!(
        stack.sql("SELECT count(*) FROM pg_extension WHERE extname IN ('cube', 'earthdistance')"),
        "2"
    );
    // cube is needed by earthdistance: it must not go, and nothing else with it.
    stack.save(&stack.manifest("512MB", "extensions: [{name: cube, ensure: absent}]"));
    stack.wait_condition(ConditionType::ExtensionsReady, Truth::False, "StepFailed");
    assert_eq!(
        stack.sql("SELECT count(*) FROM pg_extension WHERE extname IN ('cube', 'earthdistance')"),
        "2"
    );
    stack.save(&stack.manifest(
        "512MB",
        "extensions: [{name: earthdistance, ensure: absent}, {name: cube, ensure: absent}]",
    ));
    stack.wait_ready();
    assert_eq!(
        stack.sql("SELECT count(*) FROM pg_extension WHERE extname IN ('cube', 'earthdistance')"),
        "0"
    );
    stack.save(&stack.manifest("512MB", "extensions: [{name: postgiss}]"));
    stack.wait_condition(ConditionType::ExtensionsReady, Truth::False, "NotInImage");
}

#[test]
fn a_suspended_stack_is_looked_at_and_left_alone() {
    let stack = Stack::up("suspend", "1GB", "");
    stack.save(&stack.manifest("1GB", "suspend: true\nsettings: {work_mem: 9MB}"));
    stack.wait("suspension", |s| {
        s.waiting.iter().any(|w| w.reason == "Suspended")
    });
    assert_ne!(stack.sql("SHOW work_mem"), "9MB");
}

#[test]
fn explain_names_the_rule_and_the_budget() {
    let stack = Stack::up("explain", "1GB", "settings: {work_mem: 9MB}");
    let all = text(&stack.verb(&["explain", &stack.name]).stdout);
    assert!(
        all.contains("shared_buffers = 256MB") && all.contains("memory budget"),
        "{all}"
    );
    let one = text(&stack.verb(&["explain", &stack.name, "work_mem"]).stdout);
    assert!(
        one.contains("work_mem = 9MB") && one.contains("the manifest says so"),
        "{one}"
    );
    let typo = stack.verb(&["explain", &stack.name, "work_men"]);
    assert!(
        text(&typo.stderr).contains("did you mean `work_mem`"),
        "{}",
        text(&typo.stderr)
    );
}

#[test]
fn compose_by_hand_recreates_nothing_also_after_a_live_change() {
    let stack = Stack::up("byhand", "1GB", "");
    let next = stack.manifest("1GB", "").replace("cpus: 1", "cpus: 0.5");
    stack.save(&next);
    stack.wait_settled(&next);
    let before = stack.identity();
    let directory = stack.state_dir().join("stacks").join(&stack.name);
    let up = Command::new("docker")
        .args(["compose", "up", "-d"])
        .current_dir(&directory)
        .output()
        .unwrap();
    assert!(up.status.success(), "{}", text(&up.stderr));
    assert_eq!(stack.identity(), before);
    let ps = Command::new("docker")
        .args(["compose", "ps", "--format", "{{.Name}}"])
        .current_dir(&directory)
        .output()
        .unwrap();
    assert_eq!(text(&ps.stdout).trim(), stack.container());
    let file = fs::read_to_string(directory.join("compose.yml")).unwrap();
    assert!(file.contains("0.5 CPUs") && !file.contains("${"), "{file}");
}

#[test]
fn the_recorded_settings_are_those_of_the_image() {
    let stack = Stack::up("recorded", "512MB", "");
    let rows = stack.sql(
        "SELECT name || '|' || vartype || '|' || context || '|' || coalesce(unit, '') FROM pg_settings ORDER BY name COLLATE \"C\"",
    );
    let mut checked = 0;
    for row in rows.lines() {
        let parts: Vec<&str> = row.split('|').collect();
        let Some(def) = aza_agent::api::setting::recorded(parts[0]) else {
            panic!("{} is not in settings-18.tsv", parts[0]);
        };
        let context = serde_json::to_value(def.context).unwrap();
        let vartype = serde_json::to_value(def.vartype).unwrap();
        let recorded = [
            vartype.as_str().unwrap(),
            context.as_str().unwrap(),
            def.unit.as_deref().unwrap_or(""),
        ];
        assert_eq!(recorded, parts[1..4], "{}", parts[0]);
        checked += 1;
    }
    assert!(checked > 350, "only {checked} settings were compared");
}

#[test]
fn a_value_that_the_server_does_not_take_waits_with_its_words_and_holds_nothing_else_up() {
    let stack = Stack::up("refused", "512MB", "");
    let before = stack.identity();
    stack.save(&stack.manifest(
        "512MB",
        "settings: {log_timezone: Nowhere/Land, work_mem: 3MB}",
    ));
    let status = stack.wait_condition(ConditionType::SettingsInSync, Truth::False, "ValueRejected");
    let message = &status
        .condition(ConditionType::SettingsInSync)
        .unwrap()
        .message;
    assert!(
        message.contains("log_timezone") && message.contains("Nowhere/Land"),
        "{message}"
    );
    stack.wait_sql("SHOW work_mem", "3MB");
    assert_eq!(stack.identity(), before);
    let next = stack.manifest("512MB", "settings: {log_timezone: Europe/Berlin}");
    stack.save(&next);
    stack.wait_settled(&next);
    assert_eq!(stack.sql("SHOW log_timezone"), "Europe/Berlin");
}
