//! What the host takes: processes killed, room on the disk; and what Docker brings back by itself.

use aza_agent::api::Bytes;
use aza_agent::api::condition::{ConditionType, Truth};
use aza_agent::api::event::EventType;
use aza_agent::sim::stack;
use jiff::SignedDuration;

use crate::scene::Scene;

fn told(scene: &Scene, reason: &str) -> Vec<String> {
    let events = scene.agent.events.iter();
    events
        .filter(|e| e.reason == reason)
        .map(|e| format!("{:?} {}", e.kind, e.message))
        .collect()
}

#[test]
fn a_kill_by_the_kernel_is_an_event_and_a_condition_for_a_day() {
    let mut scene = Scene::running(stack("db"));
    assert_eq!(scene.truth(ConditionType::OomKilled), Truth::False);
    scene.host.oom_kill_backend("db");
    scene.host.wait(SignedDuration::from_secs(3));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(told(&scene, "OomKilled").len(), 1);
    assert_eq!(told(&scene, "Reinitialised").len(), 1);
    // Seen again and again, told once.
    scene.settle();
    assert_eq!(told(&scene, "OomKilled").len(), 1);
    scene.host.wait(SignedDuration::from_hours(25));
    scene.settle();
    assert_eq!(scene.truth(ConditionType::OomKilled), Truth::False);
}

#[test]
fn a_kill_that_ended_no_session_is_not_blamed_on_the_server() {
    let mut scene = Scene::running(stack("db"));
    scene
        .host
        .containers
        .get_mut("db-postgres")
        .unwrap()
        .oom_kills = 2;
    scene.settle();
    let kill = scene.condition(ConditionType::OomKilled);
    assert_eq!(kill.status, Truth::True);
    assert!(kill.message.contains("2 processes"), "{}", kill.message);
    assert!(
        kill.message.contains("no session was ended"),
        "{}",
        kill.message
    );
}

#[test]
fn a_restart_resets_the_kernels_count_and_tells_no_kill_twice() {
    let mut scene = Scene::running(stack("db"));
    scene.host.oom_kill_backend("db");
    scene.settle();
    scene.host.docker_restart("db");
    scene.settle();
    scene.host.oom_kill_backend("db");
    scene.settle();
    assert_eq!(told(&scene, "OomKilled").len(), 2);
}

#[test]
fn a_backend_that_died_is_told_and_nothing_is_restarted() {
    let mut scene = Scene::running(stack("db"));
    let started_at = scene.started_at();
    scene.host.kill_backend("db");
    scene.settle();
    assert!(told(&scene, "Reinitialised")[0].starts_with("Warning a process of the server died"));
    assert_eq!(scene.started_at(), started_at);
}

#[test]
fn what_docker_brought_back_is_told_and_a_step_of_ours_is_not() {
    let mut scene = Scene::running(stack("db"));
    scene.save(stack("db").with_setting("max_worker_processes", "20"));
    scene.settle();
    assert!(told(&scene, "ContainerRestarted").is_empty());
    assert!(told(&scene, "ContainerStarted").is_empty());
    scene.host.kill_postmaster("db");
    scene.settle();
    assert!(told(&scene, "ContainerRestarted")[0].contains("restart policy"));
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn a_database_that_another_c_library_put_in_order_is_told_with_what_mends_it() {
    let mut scene = Scene::running(stack("db"));
    assert!(scene.agent.is(ConditionType::CollationsMatch));
    scene.host.has_an_older_collation("db", "app");
    scene.settle();
    let told = scene.condition(ConditionType::CollationsMatch);
    assert_eq!(told.status, Truth::False);
    insta::assert_snapshot!(told.message);
    // It stands beside Ready: the server answers, and no step of ours rebuilds somebody's indexes.
    assert!(scene.agent.is(ConditionType::Ready));
    scene.host.refresh_collations("db");
    scene.settle();
    assert!(scene.agent.is(ConditionType::CollationsMatch));
}

#[test]
fn a_restart_by_hand_is_told_as_one() {
    let mut scene = Scene::running(stack("db"));
    scene.host.docker_restart("db");
    scene.settle();
    assert!(told(&scene, "ContainerStarted")[0].ends_with("not by aza-agent"));
}

#[test]
fn a_disk_that_fills_is_told_well_before_and_does_not_lower_ready() {
    let mut scene = Scene::running(stack("db"));
    scene.host.leave_free(Bytes::gib(15));
    scene.settle();
    let disk = scene.condition(ConditionType::DiskSpace);
    assert_eq!((disk.status, disk.reason.as_str()), (Truth::False, "Low"));
    assert!(
        disk.message.starts_with("about 5 % of 256.0 GB"),
        "{}",
        disk.message
    );
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
    scene.host.leave_free(Bytes::gib(2));
    scene.settle();
    assert_eq!(
        scene.condition(ConditionType::DiskSpace).reason,
        "NearlyFull"
    );
}

#[test]
fn a_disk_at_the_border_is_one_event() {
    let mut scene = Scene::running(stack("db"));
    for free in [19, 21, 19, 21, 19] {
        scene.host.leave_free(Bytes::gib(free));
        scene.settle();
    }
    let warnings = |scene: &Scene| {
        let events = scene.agent.events.iter();
        let low = events.filter(|e| e.kind == EventType::Warning && e.reason == "Low");
        low.count()
    };
    assert_eq!(warnings(&scene), 1);
    scene.host.leave_free(Bytes::gib(25));
    scene.settle();
    assert!(
        scene.agent.is(ConditionType::DiskSpace),
        "{}",
        scene.status()
    );
}
