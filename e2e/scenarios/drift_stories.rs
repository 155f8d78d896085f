//! Changes made by hand: put right, told, or left alone.

use aza_agent::api::Bytes;
use aza_agent::api::condition::{ConditionType, Truth};
use aza_agent::sim::stack;

use crate::scene::{Scene, name, verbs};

#[test]
fn a_hand_made_change_of_an_owned_setting_is_put_right() {
    let mut scene = Scene::running(stack("db"));
    scene.host.alter_system("db", &name("work_mem"), "64MB");
    insta::assert_snapshot!(scene.tale());
    assert_eq!(
        (scene.show("work_mem"), scene.line("work_mem")),
        ("2048".into(), None)
    );
}

#[test]
fn a_hand_made_change_of_a_setting_that_the_manifest_names_is_put_right() {
    let wanted = || stack("db").with_setting("deadlock_timeout", "5s");
    let mut scene = Scene::running(wanted());
    scene
        .host
        .alter_system("db", &name("deadlock_timeout"), "7s");
    scene.settle();
    assert_eq!(scene.show("deadlock_timeout"), "5000");
    scene.host.reset_system("db", &name("deadlock_timeout"));
    scene.settle();
    assert_eq!(scene.show("deadlock_timeout"), "5000");
}

#[test]
fn a_hand_made_change_of_a_foreign_setting_is_told_and_left() {
    let mut scene = Scene::running(stack("db"));
    scene
        .host
        .alter_system("db", &name("deadlock_timeout"), "7s");
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.show("deadlock_timeout"), "7000");
}

#[test]
fn a_hand_made_line_that_takes_a_restart_costs_none() {
    let mut scene = Scene::running(stack("db"));
    scene
        .host
        .alter_system("db", &name("max_connections"), "300");
    let passes = scene.settle();
    assert_eq!(verbs(&passes), ["reset setting", "reload"]);
    assert_eq!(scene.line("max_connections"), None);
}

#[test]
fn drift_report_tells_and_does_nothing() {
    let mut scene = Scene::running(stack("db").reports_drift());
    scene.host.alter_system("db", &name("work_mem"), "64MB");
    scene.host.docker_update_memory("db", Bytes::gib(2));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.show("work_mem"), "65536");
}

#[test]
fn drift_report_still_applies_a_changed_manifest() {
    let mut scene = Scene::running(stack("db").reports_drift());
    scene.save(stack("db").reports_drift().with_setting("work_mem", "32MB"));
    scene.settle();
    assert_eq!(scene.show("work_mem"), "32768");
}

#[test]
fn a_container_that_was_stopped_by_hand_is_started_again() {
    let mut scene = Scene::running(stack("db"));
    let id = scene.id();
    scene.host.docker_stop("db");
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.id(), id);
}

#[test]
fn drift_report_leaves_a_stopped_container_down() {
    let mut scene = Scene::running(stack("db").reports_drift());
    scene.host.docker_stop("db");
    let after = scene.pass();
    assert!(after.plan.is_empty());
    assert_eq!(scene.truth(ConditionType::Ready), Truth::False);
}

#[test]
fn a_container_that_was_removed_comes_back_with_its_data() {
    let mut scene = Scene::running(stack("db"));
    scene.host.insert_rows("db", 7);
    scene.host.docker_rm("db");
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
    assert_eq!(scene.host.cluster("db").unwrap().rows, 7);
}

#[test]
fn limits_that_a_recreate_by_hand_lost_are_set_again() {
    let mut scene = Scene::running(stack("db").with_memory("1GiB"));
    scene.save(stack("db").with_memory("2GiB"));
    scene.settle();
    scene.host.compose_force_recreate("db");
    assert_eq!(scene.limit(), Some(Bytes::gib(1)));
    scene.settle();
    assert_eq!(scene.limit(), Some(Bytes::gib(2)));
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
    assert_eq!(scene.show("shared_buffers"), "65536");
}

#[test]
fn a_paused_container_is_told_and_left() {
    let mut scene = Scene::running(stack("db"));
    scene.host.docker_pause("db");
    let after = scene.pass();
    assert!(after.plan.is_empty());
    assert_eq!(scene.reason(ConditionType::ContainersReady), "Paused");
    scene.host.docker_unpause("db");
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn with_the_state_lost_lines_from_before_are_foreign_and_nothing_is_made_again() {
    let mut scene = Scene::running(stack("db"));
    let (id, started) = (scene.id(), scene.started_at());
    scene.host.alter_system("db", &name("work_mem"), "64MB");
    scene.host.lose_state("db");
    insta::assert_snapshot!(scene.tale());
    assert_eq!((scene.id(), scene.started_at()), (id, started));
    assert_eq!(scene.show("work_mem"), "65536");
}

#[test]
fn with_the_state_lost_lines_that_are_wanted_are_taken_over() {
    let mut scene = Scene::running(stack("db").with_setting("work_mem", "32MB"));
    scene.host.lose_state("db");
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
    scene.save(stack("db"));
    scene.settle();
    assert_eq!(
        (scene.show("work_mem"), scene.line("work_mem")),
        ("2048".into(), None)
    );
}
