//! What stands against a start, and what cannot be seen.

use aza_agent::api::condition::{ConditionType, Truth};
use aza_agent::sim::{Host, ImageFiles, Sight, stack};

use crate::scene::{Scene, name, verbs};

#[test]
fn a_taken_port_is_a_condition_before_it_is_an_accident() {
    let mut host = Host::new();
    host.take_port(5432, "process `postgres` (pid 812)");
    let mut scene = Scene::on(host, stack("db"));
    let after = scene.pass();
    assert!(after.plan.is_empty());
    insta::assert_snapshot!(format!(
        "{}\n{}",
        crate::scene::tell_plan(&after.plan),
        scene.status()
    ));
    scene.host.taken_ports.clear();
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn a_volume_that_another_container_mounts_blocks_the_start() {
    let mut host = Host::new();
    host.mount_elsewhere("db", Some("old-postgres"));
    let mut scene = Scene::on(host, stack("db"));
    let after = scene.pass();
    insta::assert_snapshot!(format!(
        "{}\n{}",
        crate::scene::tell_plan(&after.plan),
        scene.status()
    ));
    assert!(scene.host.container("db").is_none());
}

#[test]
fn a_volume_of_another_major_version_blocks_the_start() {
    let mut scene = Scene::running(stack("db"));
    scene.host.docker_rm("db");
    scene.host.cluster_mut("db").unwrap().major = 17;
    scene.pass();
    assert!(scene.host.container("db").is_none());
    assert_eq!(scene.truth(ConditionType::ContainersReady), Truth::False);
}

#[test]
fn another_cluster_than_before_stops_everything() {
    let mut scene = Scene::running(stack("db"));
    scene.host.cluster_mut("db").unwrap().system_identifier = "1".into();
    scene.save(stack("db").with_setting("work_mem", "32MB"));
    let after = scene.pass();
    assert!(after.plan.is_empty(), "{:#?}", after.plan);
    assert_eq!(after.plan.waiting[0].reason, "OtherCluster");
}

#[test]
fn a_volume_that_is_gone_is_not_replaced_by_an_empty_one_until_somebody_approves() {
    let mut scene = Scene::running(stack("db"));
    scene.host.docker_rm("db");
    scene.host.volumes.clear();
    let after = scene.pass();
    assert!(after.plan.is_empty(), "{:#?}", after.plan);
    assert_eq!(after.plan.waiting[0].reason, "ClusterGone");
    scene.host.approve("db");
    scene.settle();
    assert_eq!(scene.truth(ConditionType::Ready), Truth::True);
}

#[test]
fn an_approval_from_before_does_not_mean_a_volume_that_goes_later() {
    let mut scene = Scene::running(stack("db"));
    scene.host.docker_stop("db");
    scene.host.take_port(5432, "process `nc` (pid 99)");
    scene.host.approve("db");
    scene.pass();
    scene.host.docker_rm("db");
    scene.host.volumes.clear();
    scene.host.taken_ports.clear();
    scene.settle();
    assert!(scene.host.container("db").is_none());
    assert_eq!(scene.plan().waiting[0].reason, "ClusterGone");
    scene.host.approve("db");
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn a_missing_image_is_told_with_the_command_that_makes_it() {
    let mut scene = Scene::new(stack("db").with_image("mine:18"));
    let after = scene.pass();
    assert!(after.plan.is_empty());
    insta::assert_snapshot!(scene.status());
}

#[test]
fn a_manifest_whose_image_is_missing_is_not_ready_and_the_container_of_before_runs_on() {
    let mut scene = Scene::running(stack("db"));
    let started = scene.started_at();
    scene.save(stack("db").with_image("mine:18"));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.started_at(), started);
    scene.host.tag("mine:18", ImageFiles::ours());
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
    assert_ne!(scene.started_at(), started);
}

#[test]
fn an_image_that_could_not_be_looked_at_is_not_called_missing() {
    let mut scene = Scene::running(stack("db"));
    scene.save(stack("db").with_image("mine:18"));
    scene.host.blind.insert(Sight::Image);
    let after = scene.pass();
    let waits: Vec<&str> = after
        .plan
        .waiting
        .iter()
        .map(|w| w.reason.as_str())
        .collect();
    assert_eq!(waits, ["ImageUnknown"]);
}

#[test]
fn a_stopped_container_needs_no_image_of_that_name_any_more() {
    let mut scene = Scene::running(stack("db"));
    scene.host.untag("aza-pg:18");
    scene.host.docker_stop("db");
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn a_broken_configuration_file_holds_every_restart_back() {
    let mut scene = Scene::running(stack("db"));
    let started = scene.started_at();
    scene.host.break_conf("db", 12);
    scene.save(stack("db").with_port(5433));
    let after = scene.pass();
    insta::assert_snapshot!(format!(
        "{}\n{}",
        crate::scene::tell_plan(&after.plan),
        scene.status()
    ));
    assert_eq!(scene.started_at(), started);
    scene.host.repair_conf("db");
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn a_library_that_the_image_lacks_is_not_preloaded() {
    let mut scene = Scene::running(stack("db"));
    let started = scene.started_at();
    let wanted = "pg_stat_statements, auto_explain, pg_cron, pgaudit, nosuch";
    scene.save(stack("db").with_setting("shared_preload_libraries", wanted));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.started_at(), started);
}

#[test]
fn a_silent_docker_means_unknown_and_nothing_is_done() {
    let mut scene = Scene::running(stack("db"));
    scene.host.blind.insert(Sight::Docker);
    scene.save(stack("db").with_memory("2GiB"));
    let after = scene.pass();
    assert!(after.plan.is_empty());
    insta::assert_snapshot!(scene.status());
    for kind in ConditionType::READY {
        let seen = if kind == ConditionType::Accepted {
            Truth::True
        } else {
            Truth::Unknown
        };
        assert_eq!(scene.truth(kind), seen, "{kind}");
    }
    assert_eq!(scene.truth(ConditionType::Ready), Truth::Unknown);
}

#[test]
fn a_silent_server_is_not_restarted() {
    let mut scene = Scene::running(stack("db"));
    scene.save(
        stack("db")
            .with_setting("max_connections", "150")
            .with_port(5433),
    );
    scene.host.blind.insert(Sight::Server);
    let after = scene.pass();
    let done = verbs(&[after]);
    assert!(
        !done.contains(&"restart") && !done.contains(&"recreate"),
        "{done:?}"
    );
    assert_eq!(scene.truth(ConditionType::Available), Truth::False);
}

#[test]
fn a_container_of_that_name_that_is_not_ours_is_left_alone() {
    let mut scene = Scene::running(stack("db"));
    let container = scene.host.containers.get_mut("db-postgres").unwrap();
    container.facts.labels.clear();
    scene.save(stack("db").with_memory("2GiB"));
    let after = scene.pass();
    assert!(after.plan.is_empty());
    assert_eq!(scene.reason(ConditionType::Accepted), "NameConflict");
}

#[test]
fn a_container_of_compose_is_adopted_only_when_asked() {
    let mut scene = Scene::running(stack("db"));
    let container = scene.host.containers.get_mut("db-postgres").unwrap();
    container
        .facts
        .labels
        .retain(|label, _| !label.starts_with("aza."));
    scene.host.lose_state("db");
    scene.save(stack("db").adopting());
    let id = scene.id();
    scene.settle();
    assert_eq!(scene.id(), id);
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn a_crash_loop_is_told_and_not_fed() {
    let mut scene = Scene::running(stack("db"));
    scene.host.docker_stop("db");
    scene.host.break_conf("db", 3);
    scene.pass();
    let after = scene.pass();
    assert!(after.plan.is_empty(), "{:#?}", after.plan);
    assert_eq!(scene.reason(ConditionType::ContainersReady), "CrashLooping");
    scene.host.repair_conf("db");
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn a_signal_to_end_begins_no_further_step() {
    let mut scene = Scene::new(stack("db"));
    scene.host.stopping = true;
    let after = scene.pass();
    assert!(!after.plan.is_empty() && after.outcomes.is_empty());
    assert!(scene.host.container("db").is_none());
}

#[test]
fn a_setting_unknown_to_the_server_is_told_and_the_others_go_on() {
    let mut scene = Scene::running(stack("db"));
    let wanted = stack("db").with_setting("work_mem", "32MB");
    scene.save(wanted);
    scene.agent.desired.settings.insert(
        name("no_such_setting"),
        aza_agent::api::desired::Override::Value("1".into()),
    );
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.show("work_mem"), "32768");
}

#[test]
fn an_image_whose_server_does_not_start_is_replaced_by_the_next_one() {
    let mut scene = Scene::running(stack("db"));
    let poor = ImageFiles::ours().without_library("pgaudit");
    scene.host.tag("aza-pg:18", poor);
    scene.pass();
    scene.pass();
    assert_eq!(scene.reason(ConditionType::ContainersReady), "CrashLooping");
    scene.host.tag("aza-pg:18", ImageFiles::ours());
    insta::assert_snapshot!(scene.tale());
}

#[test]
fn a_manifest_that_no_server_starts_with_is_repaired_by_the_next_one() {
    let mut scene = Scene::new(stack("db").with_extension("timescaledb"));
    scene.pass();
    scene.pass();
    assert_eq!(scene.reason(ConditionType::ContainersReady), "CrashLooping");
    scene.save(stack("db"));
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn a_library_that_the_image_lacks_never_stands_in_the_way_of_a_start_by_hand() {
    let mut scene = Scene::running(stack("db"));
    scene.save(
        stack("db")
            .with_extension("timescaledb")
            .with_setting("max_connections", "150"),
    );
    scene.settle();
    assert_eq!(scene.show("max_connections"), "150");
    scene.host.docker_restart("db");
    scene.settle();
    assert_eq!(scene.reason(ConditionType::Available), "Answers");
}

#[test]
fn with_the_hosts_size_unknown_nothing_is_called_in_sync() {
    let mut scene = Scene::running(stack("db"));
    scene.host.blind.insert(Sight::HostSize);
    scene.save(stack("db").with_memory("2GiB"));
    let after = scene.pass();
    assert!(after.plan.is_empty());
    insta::assert_snapshot!(scene.status());
}

#[test]
fn with_the_hosts_size_unknown_a_manifest_was_not_in_sync_once() {
    let wanted = || stack("db").reports_drift();
    let mut scene = Scene::running(wanted());
    scene.save(wanted().with_setting("work_mem", "32MB"));
    scene.host.blind.insert(Sight::HostSize);
    scene.pass();
    scene.host.blind.clear();
    scene.settle();
    assert_eq!(scene.show("work_mem"), "32768");
}

#[test]
fn a_limit_above_that_is_not_seen_for_a_moment_is_not_growth() {
    let mut host = Host::new();
    host.ancestor_memory = Some(aza_agent::api::Bytes::gib(2));
    let mut scene = Scene::on(host, stack("db").with_memory("8GiB"));
    scene.settle();
    scene.host.blind.insert(Sight::Cgroup);
    let after = scene.pass();
    assert!(after.plan.is_empty(), "{:#?}", after.plan);
}

#[test]
fn memory_safe_speaks_of_the_limit_that_holds() {
    let wanted = || stack("db").with_memory("4GiB").with_workload("oltp");
    let mut scene = Scene::running(wanted());
    assert!(scene.agent.is(ConditionType::MemorySafe));
    scene.save(wanted().suspended());
    scene
        .host
        .docker_update_memory("db", aza_agent::api::Bytes::gib(2));
    scene.settle();
    assert_eq!(scene.truth(ConditionType::MemorySafe), Truth::False);
    let told = scene.agent.condition(ConditionType::MemorySafe).unwrap();
    assert!(
        told.message.contains("raise spec.resources.memory"),
        "a workload is chosen: {}",
        told.message
    );
}
