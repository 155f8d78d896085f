//! Extensions: library, preload, restart, CREATE, in that order.

use aza_agent::api::condition::{ConditionType, Truth};
use aza_agent::sim::{Host, ImageFiles, stack};

use crate::scene::{Scene, verbs};

#[test]
fn a_plain_extension_is_created_without_a_restart() {
    let mut scene = Scene::running(stack("db"));
    let started = scene.started_at();
    scene.save(stack("db").with_extension("hstore"));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.started_at(), started);
}

#[test]
fn what_an_extension_requires_comes_first() {
    let mut scene = Scene::running(stack("db"));
    scene.save(stack("db").with_extension("earthdistance"));
    let after = scene.pass();
    let steps: Vec<String> = after
        .plan
        .steps
        .iter()
        .map(|p| p.step.to_string())
        .collect();
    let wanted = [
        "create extension: cube in database postgres",
        "create extension: earthdistance in database postgres",
    ];
    assert_eq!(steps, wanted);
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

/// A host whose image also carries pg_wait_sampling.
fn host() -> Host {
    let mut host = Host::new();
    let files = ImageFiles::ours()
        .with_library("pg_wait_sampling")
        .with_extension("pg_wait_sampling", &["1.1"], &[]);
    host.tag("aza-pg:18", files);
    host
}

#[test]
fn an_extension_that_must_be_preloaded_is_created_after_the_restart() {
    let mut scene = Scene::on(host(), stack("db"));
    scene.settle();
    scene.save(stack("db").with_extension("pg_wait_sampling"));
    insta::assert_snapshot!(scene.tale());
}

#[test]
fn an_extension_that_must_be_preloaded_waits_for_the_restart() {
    let mut scene = Scene::on(host(), stack("db").restarts_manually());
    scene.settle();
    scene.save(
        stack("db")
            .restarts_manually()
            .with_extension("pg_wait_sampling"),
    );
    scene.settle();
    assert_eq!(scene.truth(ConditionType::Ready), Truth::False);
    assert_eq!(scene.reason(ConditionType::ExtensionsReady), "NotPreloaded");
    scene.host.approve("db");
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn an_extension_that_must_be_preloaded_is_there_after_a_first_boot_without_a_restart() {
    let mut scene = Scene::on(host(), stack("db").with_extension("pg_wait_sampling"));
    let passes = scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
    assert!(!verbs(&passes).contains(&"restart"), "{:?}", verbs(&passes));
}

#[test]
fn an_extension_that_the_image_lacks_is_told() {
    let mut scene = Scene::running(stack("db"));
    scene.save(stack("db").with_extension("postgis"));
    insta::assert_snapshot!(scene.tale());
}

#[test]
fn a_library_that_the_image_lacks_is_told_and_nothing_is_restarted() {
    let mut scene = Scene::running(stack("db"));
    let started = scene.started_at();
    scene.save(stack("db").with_extension("timescaledb"));
    insta::assert_snapshot!(scene.tale());
    assert_eq!(scene.started_at(), started);
}

#[test]
fn another_version_is_an_update() {
    let mut scene =
        Scene::running(stack("db").with_extension_version("pg_stat_statements", "1.11"));
    scene.save(stack("db").with_extension_version("pg_stat_statements", "1.12"));
    let passes = scene.settle();
    assert_eq!(verbs(&passes), ["update extension"]);
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn ensure_absent_drops_and_never_cascades() {
    let mut scene = Scene::running(stack("db").with_extension("earthdistance"));
    scene.save(stack("db").without_extension("cube"));
    let after = scene.pass();
    let failed = after.outcomes.iter().any(|o| o.result.is_err());
    assert!(failed, "{:#?}", after.outcomes);
    scene.save(
        stack("db")
            .without_extension("earthdistance")
            .without_extension("cube"),
    );
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
}

#[test]
fn a_database_that_is_not_there_is_told() {
    let mut scene = Scene::running(stack("db"));
    scene.save(stack("db").with_extension_in("shop", "hstore"));
    scene.settle();
    assert_eq!(scene.reason(ConditionType::ExtensionsReady), "NoDatabase");
}
