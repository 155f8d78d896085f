//! What hands break behind the agent's back, and how it is put right.

use aza_agent::api::condition::{ConditionType, Truth};
use aza_agent::sim::{Host, stack};
use jiff::SignedDuration;

use crate::scene::{Scene, name, verbs};

#[test]
fn a_poisoned_auto_conf_is_repaired_without_a_restart() {
    let mut scene = Scene::running(stack("db").with_setting("work_mem", "7MB"));
    let started_at = scene.started_at();
    scene.host.poison_auto_conf("db");
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.started_at(), started_at);
    assert_eq!(scene.show("work_mem"), "7168");
}

#[test]
fn a_poisoned_auto_conf_is_only_told_where_drift_is_reported() {
    let mut scene = Scene::running(stack("db").reports_drift());
    scene.host.poison_auto_conf("db");
    let passes = scene.settle();
    assert!(verbs(&passes).is_empty());
    assert_eq!(
        scene.reason(ConditionType::SettingsInSync),
        "ConfigFileError"
    );
    assert!(scene.host.cluster("db").unwrap().auto_broken);
}

#[test]
fn a_restart_waits_until_the_poison_is_out() {
    let mut scene = Scene::running(stack("db"));
    scene.host.poison_auto_conf("db");
    scene.save(stack("db").with_setting("max_worker_processes", "20"));
    let passes = scene.settle();
    let verbs = verbs(&passes);
    let at = |verb: &str| verbs.iter().position(|v| *v == verb);
    assert!(at("repair auto.conf") < at("restart"), "{verbs:?}");
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn a_start_by_itself_finds_a_poisoned_file_mended() {
    let mut scene = Scene::running(stack("db"));
    scene.host.poison_auto_conf("db");
    scene.host.kill_postmaster("db");
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn lines_of_an_unreadable_auto_conf_are_written_again() {
    let mut scene = Scene::running(stack("db").with_setting("work_mem", "7MB"));
    scene.host.make_auto_conf_unreadable("db");
    let passes = scene.settle();
    assert!(verbs(&passes).contains(&"repair auto.conf"));
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
    let cluster = scene.host.cluster("db").unwrap();
    assert_eq!(
        cluster.auto.get(&name("work_mem")).map(String::as_str),
        Some("7MB")
    );
}

#[test]
fn an_emptied_auto_conf_is_filled_again() {
    let mut scene = Scene::running(stack("db").with_setting("work_mem", "7MB"));
    scene.host.empty_auto_conf("db");
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
    assert_eq!(scene.show("work_mem"), "7168");
}

#[test]
fn a_renamed_container_gets_its_name_back() {
    let mut scene = Scene::running(stack("db"));
    let (id, started_at) = (scene.id(), scene.started_at());
    scene.host.docker_rename("db", "old-db");
    let passes = scene.settle();
    assert_eq!(verbs(&passes), ["rename"]);
    assert_eq!((scene.id(), scene.started_at()), (id, started_at));
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn what_a_cut_short_recreate_left_goes_and_the_container_comes_back() {
    for deeds in 0..12 {
        let mut scene = Scene::running(stack("db"));
        scene.host.insert_rows("db", 7);
        scene.save(stack("db").with_shm("256MB"));
        scene.host.crash_after(deeds);
        for _ in 0..4 {
            if scene.agent.pass(&mut scene.host).is_none() {
                break;
            }
        }
        scene.host.revive_agent();
        scene.settle();
        assert!(
            scene.agent.is(ConditionType::Ready),
            "{deeds}: {}",
            scene.status()
        );
        assert_eq!(scene.host.containers.len(), 1, "{deeds}");
        assert_eq!(scene.host.cluster("db").unwrap().rows, 7);
    }
}

#[test]
fn a_recreate_by_hand_that_is_under_way_is_left_alone_at_first() {
    let mut scene = Scene::running(stack("db"));
    let id = scene.id();
    let new = scene.host.leave_half_recreated("db");
    let after = scene.pass();
    assert!(after.plan.is_empty(), "{:#?}", after.plan);
    assert_eq!(after.plan.waiting[0].reason, "RecreateUnderWay");
    scene.host.wait(SignedDuration::from_mins(4));
    let passes = scene.settle();
    assert_eq!(verbs(&passes)[0], "remove leftover");
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
    assert!(scene.id() != id && scene.id() != new);
}

#[test]
fn a_container_taken_off_its_network_is_connected_again() {
    let mut scene = Scene::running(stack("db"));
    let started_at = scene.started_at();
    scene.host.disconnect("db");
    let passes = scene.settle();
    assert_eq!(verbs(&passes), ["connect"]);
    assert_eq!(scene.started_at(), started_at);
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn a_network_that_is_gone_is_a_recreate_that_waits_like_one() {
    let mut scene = Scene::running(stack("db").restarts_manually());
    scene.host.remove_network("db");
    let passes = scene.settle();
    assert!(verbs(&passes).is_empty());
    assert_eq!(scene.truth(ConditionType::RestartRequired), Truth::True);
    scene.save(stack("db"));
    let passes = scene.settle();
    assert!(verbs(&passes).contains(&"recreate"));
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn a_pause_is_left_for_a_while_and_then_ended() {
    let mut scene = Scene::running(stack("db"));
    scene.host.docker_pause("db");
    let after = scene.pass();
    assert!(after.plan.is_empty());
    let until = after.plan.waiting[0].until.expect("an end");
    scene.host.wait(until.duration_since(scene.host.now));
    let passes = scene.settle();
    assert_eq!(verbs(&passes), ["unpause"]);
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
    // The next pause has its own time.
    scene.host.docker_pause("db");
    assert!(scene.pass().plan.is_empty());
}

#[test]
fn a_pause_stays_where_drift_is_reported() {
    let mut scene = Scene::running(stack("db").reports_drift());
    scene.host.docker_pause("db");
    scene.pass();
    scene.host.wait(SignedDuration::from_hours(1));
    assert!(scene.pass().plan.is_empty());
    assert_eq!(scene.reason(ConditionType::ContainersReady), "Paused");
}

#[test]
fn a_password_changed_in_sql_goes_back_to_the_files() {
    let mut scene = Scene::running(stack("db"));
    scene.host.alter_password("db");
    let passes = scene.settle();
    assert_eq!(verbs(&passes), ["set password"]);
    assert!(
        scene.agent.is(ConditionType::SecretsInSync),
        "{}",
        scene.status()
    );
    scene.save(stack("db").reports_drift());
    scene.settle();
    scene.host.alter_password("db");
    let passes = scene.settle();
    assert!(verbs(&passes).is_empty());
    assert_eq!(scene.reason(ConditionType::SecretsInSync), "DriftReported");
}

#[test]
fn two_containers_of_one_stack_are_a_persons_to_sort_out() {
    let mut scene = Scene::running(stack("db"));
    scene.host.docker_rename("db", "one");
    let mut other = scene.host.containers["one"].clone();
    "two".clone_into(&mut other.facts.name);
    other.facts.id = "f".repeat(64);
    scene.host.containers.insert("two".into(), other);
    let after = scene.pass();
    assert!(after.plan.is_empty());
    assert_eq!(after.plan.waiting[0].reason, "StrayContainers");
    assert!(after.plan.waiting[0].message.contains("one, two"));
}

#[test]
fn unseen_strays_make_no_new_container() {
    let mut host = Host::new();
    host.blind.insert(aza_agent::sim::Sight::Docker);
    let mut scene = Scene::on(host, stack("db"));
    assert!(scene.pass().plan.is_empty());
}

#[test]
fn a_server_that_lets_nobody_in_is_not_restarted_until_somebody_approves() {
    let mut scene = Scene::running(stack("db"));
    let started_at = scene.started_at();
    let libraries = name("session_preload_libraries");
    scene.host.alter_system("db", &libraries, "nosuch");
    scene.save(stack("db").with_setting("max_worker_processes", "20"));
    scene.settle();
    assert_eq!(scene.started_at(), started_at, "{}", scene.status());
    assert_eq!(scene.reason(ConditionType::Available), "LoginRefused");
    let waits = scene.pass().plan.waiting;
    let held = waits.iter().find(|w| w.reason == "LoginRefused");
    assert!(
        held.is_some_and(|w| w.message.contains("nosuch")),
        "{waits:?}"
    );
    scene.host.approve("db");
    assert!(verbs(&scene.settle()).contains(&"restart"));
}
