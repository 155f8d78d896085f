//! `docker inspect` of containers in every state that a stack was seen in.

use std::fs;
use std::path::Path;

use aza_agent::api::{Bytes, MilliCpu};
use aza_agent::facts::service::{Published, label};
use aza_agent::facts::{Container, ContainerState};
use aza_agent::observe::inspect::interpret;

/// Returns a recorded answer.
pub fn recording(name: &str) -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/recordings/data");
    fs::read_to_string(data.join(format!("{name}.json"))).unwrap()
}

fn container(name: &str) -> Container {
    interpret(serde_json::from_str(&recording(name)).unwrap()).unwrap()
}

#[test]
fn a_running_container_is_read_whole() {
    let seen = container("running");
    assert_eq!(
        seen.id,
        "63ea6b032dad0dd7dd9aeb7940ef03638db34af1d64efe8943afff0998bc920a"
    );
    assert_eq!(
        (seen.name.as_str(), seen.image.as_str()),
        ("db-running", "aza-pg:18")
    );
    assert!(seen.image_id.starts_with("sha256:fa4d2a36"));
    assert_eq!(
        (seen.state, seen.pid, seen.exit_code),
        (ContainerState::Running, 29224, 0)
    );
    assert_eq!(
        seen.started_at.unwrap().to_string(),
        "2026-11-22T17:46:29.426658793Z"
    );
    assert_eq!((seen.error.as_str(), seen.oom_killed), ("", false));
    assert_eq!(seen.memory, Some(Bytes::mib(512)));
    assert_eq!(seen.memory_swap, Some(Bytes::mib(512)));
    assert_eq!(seen.cpus, Some(MilliCpu(1500)));
    assert_eq!(seen.shm_size, Bytes::mib(256));
    assert_eq!(seen.mounts["/var/lib/postgresql"], "db_pgdata");
    assert_eq!(seen.socket_dir(), Some("/var/lib/aza-agent/run/db"));
    assert_eq!(seen.address, Some("172.17.0.2".parse().unwrap()));
    assert_eq!(seen.labels[label::STACK], "db");
    assert!(seen.is_ours("db", "vps") && !seen.is_ours("db", "other"));
}

#[test]
fn only_the_servers_port_counts_as_published() {
    let published = |address: &str, port| {
        vec![Published {
            address: address.parse().unwrap(),
            port,
        }]
    };
    assert_eq!(
        container("running").published,
        published("127.0.0.1", 55990)
    );
    // An empty address means every one.
    assert_eq!(
        container("unlimited").published,
        published("0.0.0.0", 55992)
    );
    assert_eq!(container("created").published, []);
}

#[test]
fn a_stopped_container_still_tells_what_it_publishes() {
    assert_eq!(container("port-taken").published.len(), 1);
}

#[test]
fn zero_is_no_limit() {
    let seen = container("unlimited");
    assert_eq!(
        (seen.memory, seen.memory_swap, seen.cpus),
        (None, None, None)
    );
    assert_eq!(seen.shm_size, Bytes::mib(64));
}

#[test]
fn a_quota_is_a_cpu_limit_too() {
    assert_eq!(container("quota").cpus, Some(MilliCpu(500)));
}

#[test]
fn a_quota_beyond_all_numbers_is_no_limit_and_a_tiny_one_is_the_least() {
    let with = |quota: &str| {
        let text =
            recording("quota").replace("\"CpuQuota\": 50000", &format!("\"CpuQuota\": {quota}"));
        assert!(text.contains(quota));
        interpret(serde_json::from_str(&text).unwrap())
            .unwrap()
            .cpus
    };
    assert_eq!(with("9223372036854775807"), None);
    assert_eq!(with("1"), Some(MilliCpu(1)));
}

#[test]
fn memory_alone_lets_the_engine_add_as_much_swap() {
    let seen = container("hostnet");
    assert_eq!(
        (seen.memory, seen.memory_swap),
        (Some(Bytes::mib(256)), Some(Bytes::mib(512)))
    );
}

#[test]
fn without_a_network_of_its_own_there_is_no_address() {
    assert_eq!(container("quota").address, None);
    assert_eq!(container("hostnet").address, None);
    assert_eq!(container("exited-0").address, None);
}

#[test]
fn a_start_that_failed_is_told_with_its_error_and_never_happened() {
    let seen = container("port-taken");
    assert_eq!(
        (seen.state, seen.exit_code, seen.started_at),
        (ContainerState::Created, 128, None)
    );
    assert!(
        seen.error
            .ends_with("Bind for 127.0.0.1:55990 failed: port is already allocated"),
        "{}",
        seen.error
    );
    assert!(!seen.was_stopped_by_hand());
}

#[test]
fn a_container_that_was_only_created_has_no_error() {
    let seen = container("created");
    assert_eq!(
        (seen.state, seen.exit_code, seen.started_at),
        (ContainerState::Created, 0, None)
    );
    assert_eq!(
        (seen.error.as_str(), seen.was_stopped_by_hand()),
        ("", false)
    );
}

#[test]
fn what_ended_without_an_error_was_stopped_by_hand() {
    for (name, code) in [("exited-0", 0), ("exited-137", 137)] {
        let seen = container(name);
        assert_eq!(
            (seen.state, seen.exit_code, seen.pid),
            (ContainerState::Exited, code, 0),
            "{name}"
        );
        assert!(seen.was_stopped_by_hand() && !seen.oom_killed, "{name}");
    }
}

#[test]
fn a_kill_for_memory_is_told_apart_from_any_other_137() {
    let seen = container("oom");
    assert_eq!((seen.exit_code, seen.oom_killed), (137, true));
}

#[test]
fn a_paused_container_has_a_process_and_one_between_two_starts_has_none() {
    let (paused, restarting) = (container("paused"), container("restarting"));
    assert_eq!((paused.state, paused.pid), (ContainerState::Paused, 29741));
    assert_eq!(
        (restarting.state, restarting.pid, restarting.exit_code),
        (ContainerState::Restarting, 0, 1)
    );
    assert!(!restarting.was_stopped_by_hand());
}

#[test]
fn an_answer_that_lacks_what_matters_is_refused_by_name() {
    let without = |path: &[&str], part: &str| {
        let mut answer: serde_json::Value = serde_json::from_str(&recording("running")).unwrap();
        let parent = path.iter().fold(&mut answer, |value, key| &mut value[*key]);
        parent.as_object_mut().unwrap().remove(part).unwrap();
        interpret(serde_json::from_value(answer).unwrap()).unwrap_err()
    };
    assert_eq!(without(&[], "Id"), "no id");
    assert_eq!(without(&[], "State"), "no state");
    assert_eq!(without(&["State"], "Status"), "an unknown state ``");
}
