//! A stack is made, grows, shrinks, and gets what its manifest says.

use aza_agent::api::Bytes;
use aza_agent::api::condition::ConditionType;
use aza_agent::facts::CgroupVersion;
use aza_agent::sim::{Host, stack};

use crate::scene::{Scene, name, verbs};

#[test]
fn a_manifest_becomes_a_ready_stack() {
    let mut scene = Scene::new(stack("db"));
    insta::assert_snapshot!(scene.tale());
}

#[test]
fn the_first_plan_after_a_first_boot_is_empty() {
    let scene = Scene::running(stack("db").with_workload("web").with_memory("4GiB"));
    assert!(scene.plan().is_empty(), "{:#?}", scene.plan());
}

#[test]
fn a_slow_first_boot_is_waited_for_and_nothing_is_restarted() {
    let mut host = Host::new();
    host.patience = jiff::SignedDuration::ZERO;
    host.first_boot = jiff::SignedDuration::from_secs(4);
    let mut scene = Scene::on(host, stack("db"));
    insta::assert_snapshot!(scene.tale());
}

#[test]
fn memory_grown_raises_the_limit_first_and_restarts_once() {
    let mut scene = Scene::running(stack("db").with_memory("1GiB"));
    let id = scene.id();
    scene.save(stack("db").with_memory("2GiB"));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.id(), id);
    assert_eq!(scene.show("shared_buffers"), "65536");
}

#[test]
fn memory_grown_lets_a_process_take_more_although_the_restart_waits() {
    let mut scene = Scene::running(stack("db").with_memory("1GiB").restarts_manually());
    scene.save(stack("db").with_memory("4GiB").restarts_manually());
    insta::assert_snapshot!(scene.tale());
}

#[test]
fn a_larger_maintenance_work_mem_is_one_that_a_process_can_get() {
    let mut scene = Scene::running(stack("db").with_memory("1GiB"));
    let process = |scene: &Scene| {
        let server = scene.host.container("db").unwrap().postmaster.as_ref();
        server.unwrap().process_limit
    };
    assert!(process(&scene) < Bytes::mib(512));
    scene.save(
        stack("db")
            .with_memory("1GiB")
            .with_setting("maintenance_work_mem", "512MB"),
    );
    scene.settle();
    assert!(process(&scene) > Bytes::mib(512));
}

#[test]
fn memory_shrunk_lowers_the_settings_first() {
    let mut scene = Scene::running(stack("db").with_memory("4GiB"));
    let id = scene.id();
    scene.save(stack("db").with_memory("1GiB"));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.id(), id);
    assert_eq!(scene.limit(), Some(Bytes::gib(1)));
}

#[test]
fn memory_shrunk_on_cgroup_v2_kills_nobody() {
    let mut host = Host::new();
    host.cgroup = CgroupVersion::V2;
    let mut scene = Scene::on(host, stack("db").with_memory("8GiB"));
    scene.settle();
    scene.save(stack("db").with_memory("1GiB"));
    scene.settle();
    assert_eq!(scene.host.container("db").unwrap().oom_kills, 0);
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn more_cpus_restart_only_for_what_takes_a_restart() {
    let mut scene = Scene::running(stack("db").with_cpus("2"));
    scene.save(stack("db").with_cpus("8"));
    insta::assert_snapshot!(scene.tale());
}

#[test]
fn what_became_redundant_with_the_next_start_is_taken_out_of_the_file() {
    let mut scene = Scene::running(stack("db").with_memory("1GiB"));
    scene.save(stack("db").with_memory("2GiB"));
    scene.settle();
    let cluster = scene.host.cluster("db").unwrap();
    assert!(cluster.auto.is_empty(), "{:#?}", cluster.auto);
}

#[test]
fn a_limit_of_a_group_above_tunes_the_server_too() {
    for cgroup in [CgroupVersion::V1, CgroupVersion::V2] {
        let mut host = Host::new();
        host.cgroup = cgroup;
        host.ancestor_memory = Some(Bytes::gib(2));
        let mut scene = Scene::on(host, stack("db").with_memory("8GiB"));
        scene.settle();
        assert_eq!(
            scene.show("shared_buffers"),
            "65536",
            "{cgroup:?}: {}",
            scene.status()
        );
        assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
    }
}

#[test]
fn a_limit_taken_out_waits_for_a_recreate() {
    let mut scene = Scene::running(stack("db").with_memory("1GiB").restarts_manually());
    scene.save(stack("db").without_memory().restarts_manually());
    insta::assert_snapshot!(scene.tale());
}

#[test]
fn a_new_port_recreates_the_container_and_keeps_the_data() {
    let mut scene = Scene::running(stack("db"));
    scene.host.insert_rows("db", 42);
    let identity = scene.host.cluster("db").unwrap().system_identifier.clone();
    scene.save(stack("db").with_port(5433));
    insta::assert_snapshot!(scene.tale());
    let cluster = scene.host.cluster("db").unwrap();
    assert_eq!((cluster.rows, &cluster.system_identifier), (42, &identity));
}

#[test]
fn suspended_looks_and_tells_and_does_nothing() {
    let mut scene = Scene::running(stack("db"));
    scene.save(
        stack("db")
            .with_memory("2GiB")
            .with_setting("work_mem", "32MB")
            .suspended(),
    );
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.limit(), Some(Bytes::gib(1)));
}

#[test]
fn an_invalid_manifest_leaves_the_last_valid_one_in_force() {
    let mut scene = Scene::running(stack("db"));
    let wrong = stack("db")
        .with_setting("work_mem", "lots")
        .read()
        .unwrap_err();
    scene.agent.rejected = Some(wrong);
    scene.host.docker_update_memory("db", Bytes::gib(2));
    insta::assert_snapshot!(scene.tale());
}

#[test]
fn drift_of_live_limits_is_put_right_without_a_restart() {
    let mut scene = Scene::running(stack("db"));
    let started = scene.started_at();
    scene.host.docker_update_memory("db", Bytes::gib(2));
    let passes = scene.settle();
    assert_eq!(verbs(&passes), ["set limits"]);
    assert_eq!(
        (scene.limit(), scene.started_at()),
        (Some(Bytes::gib(1)), started)
    );
}

#[test]
fn a_limit_of_cpu_time_above_tunes_the_server_too() {
    for cgroup in [CgroupVersion::V1, CgroupVersion::V2] {
        let mut host = Host::new();
        host.cgroup = cgroup;
        host.ancestor_cpus = Some(aza_agent::api::MilliCpu(4000));
        let mut scene = Scene::on(host, stack("db").with_memory("16GiB").with_cpus("12"));
        let passes = scene.settle();
        assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
        if cgroup == CgroupVersion::V1 {
            assert!(!verbs(&passes).contains(&"restart"), "{:?}", verbs(&passes));
        }
    }
}

#[test]
fn a_limit_taken_out_makes_no_setting_outgrow_the_limit_that_still_holds() {
    let wanted = || stack("db").restarts_manually();
    let mut scene = Scene::running(wanted());
    scene.save(wanted().without_memory());
    scene.settle();
    assert_eq!(
        (scene.show("work_mem"), scene.line("work_mem")),
        ("2048".into(), None)
    );
    scene.host.approve("db");
    let passes = scene.settle();
    assert_eq!(scene.show("work_mem"), "32768");
    assert_eq!(
        verbs(&passes),
        ["prepare", "recreate"],
        "one disruption brings it all"
    );
}

#[test]
fn memory_shrinks_although_another_setting_is_held() {
    let mut scene = Scene::running(stack("db").with_memory("2GiB"));
    scene.host.alter_role("db", &name("log_statement"), "all");
    scene.save(
        stack("db")
            .with_memory("1GiB")
            .with_setting("log_statement", "ddl"),
    );
    scene.settle();
    assert_eq!(scene.limit(), Some(Bytes::gib(1)), "{}", scene.status());
}

#[test]
fn memory_does_not_shrink_below_shared_buffers_that_are_pinned() {
    let mut scene = Scene::running(stack("db").with_memory("4GiB"));
    scene
        .host
        .pin_on_command_line("db", &name("shared_buffers"), "1GB");
    scene.settle();
    scene.save(stack("db").with_memory("1GiB"));
    scene.settle();
    assert_eq!(scene.limit(), Some(Bytes::gib(4)));
    assert_eq!(scene.reason(ConditionType::LimitsInSync), "SettingsFirst");
}
