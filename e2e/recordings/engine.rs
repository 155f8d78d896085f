//! Engines that answer, refuse, talk nonsense or stay silent. Only a 404 means "not there".

use std::path::PathBuf;
use std::time::{Duration, Instant};

use aza_agent::api::desired::Desired;
use aza_agent::api::validate::validate;
use aza_agent::facts::Observation;
use aza_agent::host::layout::Layout;
use aza_agent::observe::{Eyes, docker};

use crate::inspect::recording;
use crate::replay::{Answer, Replay};

const NO_IMAGE: &str = r#"{"message":"no such image: nosuch:18: No such image: nosuch:18"}"#;

fn why<T: std::fmt::Debug>(seen: &Observation<T>) -> &str {
    seen.why_unknown().unwrap_or_else(|| panic!("{seen:?}"))
}

#[tokio::test]
async fn a_recorded_answer_is_known() {
    let engine = Replay::start(Answer::Http(200, recording("running")));
    let seen = docker::container(&engine.docker(), "db-postgres").await;
    assert_eq!(seen.known().unwrap().name, "db-running");
    let engine = Replay::start(Answer::Http(200, recording("image")));
    let seen = docker::image(&engine.docker(), "aza-pg:18").await;
    assert!(seen.known().unwrap().id.starts_with("sha256:"));
}

#[tokio::test]
async fn not_found_is_absent() {
    let engine = Replay::start(Answer::Http(404, recording("no-container")));
    assert!(
        docker::container(&engine.docker(), "db-postgres")
            .await
            .is_absent()
    );
    let engine = Replay::start(Answer::Http(404, NO_IMAGE.into()));
    assert!(
        docker::image(&engine.docker(), "nosuch:18")
            .await
            .is_absent()
    );
}

#[tokio::test]
async fn an_engine_in_trouble_is_unknown_with_its_own_words() {
    for status in [400, 409, 500, 503] {
        let engine = Replay::start(Answer::Http(
            status,
            r#"{"message":"layer does not exist"}"#.into(),
        ));
        let container = docker::container(&engine.docker(), "db-postgres").await;
        assert!(
            why(&container).contains("layer does not exist"),
            "{status}: {container:?}"
        );
        let image = docker::image(&engine.docker(), "aza-pg:18").await;
        assert!(
            why(&image).contains("layer does not exist"),
            "{status}: {image:?}"
        );
    }
}

#[tokio::test]
async fn nonsense_is_unknown() {
    for body in [
        "",
        "<html>502 Bad Gateway</html>",
        "[]",
        "{\"Id\": 5}",
        "{}",
    ] {
        let engine = Replay::start(Answer::Http(200, body.into()));
        let container = docker::container(&engine.docker(), "db-postgres").await;
        assert!(!why(&container).is_empty(), "{body}");
        let image = docker::image(&engine.docker(), "aza-pg:18").await;
        assert!(!why(&image).is_empty(), "{body}");
    }
}

#[tokio::test]
async fn half_an_answer_is_unknown() {
    let engine = Replay::start(Answer::CutShort(recording("running")));
    why(&docker::container(&engine.docker(), "db-postgres").await);
    let text = recording("running");
    let engine = Replay::start(Answer::Http(200, text[..text.len() / 2].into()));
    why(&docker::container(&engine.docker(), "db-postgres").await);
}

#[tokio::test]
async fn an_engine_that_is_gone_is_unknown() {
    let engine = Replay::start(Answer::Silence);
    let docker = engine.docker();
    std::fs::remove_file(engine.socket()).unwrap();
    why(&docker::container(&docker, "db-postgres").await);
}

#[tokio::test]
async fn an_engine_that_never_answers_is_unknown_within_the_deadline() {
    let engine = Replay::start(Answer::Silence);
    let state = tempfile::tempdir().unwrap();
    let eyes = Eyes {
        docker: engine.docker(),
        layout: Layout::new(state.path()),
        host_name: "vps".into(),
        root: PathBuf::from("/"),
        passwords: aza_agent::observe::password::Passwords::default(),
        kept: Default::default(),
        looks: Default::default(),
    };
    let begun = Instant::now();
    let seen = eyes.look(&desired(), &Default::default()).await;
    // The container and the image are asked side by side, 5 s each; what depends on them is not asked.
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(
        why(&seen.container),
        "docker inspect gave no answer within 5 s"
    );
    why(&seen.image);
    why(&seen.volume);
    why(&seen.port);
}

fn desired() -> Desired {
    let text = "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata: {name: db}\nspec: {stack: single}\n";
    let report = validate(text.as_bytes(), "db.yaml");
    report.stacks().next().unwrap().clone()
}
