//! Settings that take a reload, settings that take a restart, and who decides the moment.

use aza_agent::api::condition::{ConditionType, Truth};
use aza_agent::sim::{ImageFiles, stack};
use jiff::SignedDuration;

use crate::scene::{Scene, name, verbs};

#[test]
fn a_reload_only_setting_restarts_nothing() {
    let mut scene = Scene::running(stack("db"));
    let started = scene.started_at();
    scene.save(stack("db").with_setting("work_mem", "32MB"));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.started_at(), started);
    assert_eq!(scene.show("work_mem"), "32768");
}

#[test]
fn a_restart_only_setting_restarts_once() {
    let mut scene = Scene::running(stack("db"));
    let id = scene.id();
    scene.save(stack("db").with_setting("max_connections", "150"));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(
        (scene.id(), scene.show("max_connections")),
        (id, "150".into())
    );
}

#[test]
fn a_restart_waits_for_its_window() {
    // The pretended day is Sunday; the window opens in the night to Monday.
    let wanted = || stack("db").restarts_in("Mon 02:00-04:00 UTC");
    let mut scene = Scene::running(wanted());
    let started = scene.started_at();
    scene.save(wanted().with_setting("max_connections", "150"));
    insta::assert_snapshot!("window_closed", scene.tale());
    assert_eq!(scene.started_at(), started);
    scene.host.wait(SignedDuration::from_hours(15));
    insta::assert_snapshot!("window_open", scene.tale());
    assert_eq!(scene.show("max_connections"), "150");
}

#[test]
fn a_restart_waits_for_approval_and_uses_it_once() {
    let wanted = || stack("db").restarts_manually();
    let mut scene = Scene::running(wanted());
    scene.save(wanted().with_setting("max_connections", "150"));
    insta::assert_snapshot!("approval_needed", scene.tale());
    scene.host.approve("db");
    insta::assert_snapshot!("approved", scene.tale());
    assert!(scene.host.approvals.is_empty());
    scene.save(wanted().with_setting("max_connections", "160"));
    scene.settle();
    assert_eq!(scene.show("max_connections"), "150");
}

#[test]
fn a_restart_by_hand_is_as_good_as_an_approval() {
    let wanted = || stack("db").restarts_manually();
    let mut scene = Scene::running(wanted());
    scene.save(wanted().with_setting("max_connections", "150"));
    scene.settle();
    scene.host.docker_restart("db");
    scene.settle();
    assert_eq!(scene.show("max_connections"), "150");
    assert_eq!(scene.truth(ConditionType::RestartRequired), Truth::False);
}

#[test]
fn many_pending_settings_take_one_restart() {
    let mut scene = Scene::running(stack("db"));
    let wanted = stack("db")
        .with_setting("max_connections", "150")
        .with_setting("max_wal_senders", "12")
        .with_setting("max_locks_per_transaction", "128");
    scene.save(wanted);
    let passes = scene.settle();
    let restarts = verbs(&passes)
        .into_iter()
        .filter(|v| *v == "restart")
        .count();
    assert_eq!(restarts, 1, "{:?}", verbs(&passes));
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn what_the_command_line_pins_does_not_loop() {
    let mut scene = Scene::running(stack("db"));
    scene
        .host
        .pin_on_command_line("db", &name("max_connections"), "300");
    scene.settle();
    let started = scene.started_at();
    scene.save(stack("db").with_setting("max_connections", "150"));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.started_at(), started);
}

#[test]
fn what_a_role_pins_is_told_and_the_file_is_right() {
    let mut scene = Scene::running(stack("db"));
    scene.host.alter_role("db", &name("work_mem"), "1024");
    scene.save(stack("db").with_setting("work_mem", "32MB"));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.line("work_mem").as_deref(), Some("32MB"));
}

#[test]
fn a_restart_that_does_not_help_is_not_repeated() {
    let mut scene = Scene::running(stack("db"));
    // Somebody takes the line out again at every start, where the agent does not see it.
    scene.save(stack("db").with_setting("max_connections", "150"));
    let after = scene.pass();
    assert!(verbs(&[after]).contains(&"restart"));
    scene.host.reset_system("db", &name("max_connections"));
    scene.host.docker_restart("db");
    insta::assert_snapshot!(scene.tale());
}

#[test]
fn an_override_taken_out_goes_back_to_the_tuned_value() {
    let mut scene = Scene::running(stack("db").with_setting("work_mem", "32MB"));
    assert_eq!(scene.line("work_mem").as_deref(), Some("32MB"));
    scene.save(stack("db"));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(
        (scene.show("work_mem"), scene.line("work_mem")),
        ("2048".into(), None)
    );
}

#[test]
fn an_override_of_an_untuned_setting_goes_back_to_its_default() {
    let mut scene = Scene::running(stack("db").with_setting("deadlock_timeout", "5s"));
    assert_eq!(scene.show("deadlock_timeout"), "5000");
    scene.save(stack("db"));
    scene.settle();
    let left = (
        scene.show("deadlock_timeout"),
        scene.line("deadlock_timeout"),
    );
    assert_eq!(left, ("1000".into(), None));
}

#[test]
fn an_image_re_pointed_is_a_recreate_that_waits_like_one() {
    let wanted = || stack("db").restarts_manually();
    let mut scene = Scene::running(wanted());
    let id = scene.id();
    scene.host.tag("aza-pg:18", ImageFiles::ours());
    insta::assert_snapshot!("image_waits", scene.tale());
    assert_eq!(scene.id(), id);
    scene.host.approve("db");
    insta::assert_snapshot!("image_recreated", scene.tale());
    assert_ne!(scene.id(), id);
}

#[test]
fn an_image_of_another_tuning_revision_is_not_fought() {
    let mut scene = Scene::running(stack("db"));
    let other = ImageFiles::ours().with_other_tuning(9, "work_mem", "3MB");
    scene.host.tag("aza-pg:18", other);
    scene.settle();
    assert_eq!(
        (scene.show("work_mem"), scene.line("work_mem")),
        ("3072".into(), None)
    );
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn an_agent_killed_before_the_restart_that_it_wrote_down_restarts_after_all() {
    for deeds in 0..12 {
        let mut scene = Scene::running(stack("db"));
        scene.save(stack("db").with_setting("max_connections", "150"));
        scene.host.crash_after(deeds);
        scene.settle();
        assert!(
            scene.agent.is(ConditionType::Ready),
            "{deeds}: {}",
            scene.status()
        );
        assert_eq!(
            scene.show("max_connections"),
            "150",
            "killed after {deeds} deeds"
        );
    }
}

#[test]
fn an_approval_of_nothing_lets_nothing_happen_later() {
    let wanted = || stack("db").restarts_manually();
    let mut scene = Scene::running(wanted());
    scene.host.approve("db");
    scene.settle();
    let started = scene.started_at();
    scene.save(wanted().with_setting("max_connections", "150"));
    scene.settle();
    assert_eq!(scene.started_at(), started);
}

#[test]
fn an_approval_of_reported_drift_counts_once() {
    let mut scene = Scene::running(stack("db").reports_drift());
    scene.host.alter_system("db", &name("work_mem"), "64MB");
    scene.host.approve("db");
    scene.settle();
    assert_eq!(scene.show("work_mem"), "2048");
    scene.host.alter_system("db", &name("work_mem"), "64MB");
    scene.settle();
    assert_eq!(scene.show("work_mem"), "65536");
}

#[test]
fn a_restart_that_failed_before_it_began_is_tried_again() {
    let mut scene = Scene::running(stack("db"));
    scene.save(stack("db").with_setting("max_connections", "150"));
    let thought = scene.plan();
    assert!(thought.steps.iter().any(|p| p.step.verb() == "restart"));
    scene.host.patience = SignedDuration::ZERO; // Every step that waits for an answer fails.
    scene.settle();
    assert_eq!(scene.show("max_connections"), "150");
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn memory_that_shrinks_after_a_waiting_restart_does_not_lower_ready() {
    let wanted = || stack("db").restarts_manually();
    let mut scene = Scene::running(wanted().with_memory("2GiB"));
    scene.save(wanted().with_memory("1GiB"));
    insta::assert_snapshot!(scene.tale());
    scene.host.approve("db");
    scene.settle();
    assert_eq!(scene.limit(), Some(aza_agent::api::Bytes::gib(1)));
}
