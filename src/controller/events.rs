//! Docker's events, for speed; the timers are for truth.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tracing::warn;

use crate::api::chain::in_words;
use crate::facts::service::label;

/// How long to wait before listening again after the stream broke: a restarting engine takes seconds.
const AGAIN: Duration = Duration::from_secs(1);
/// How long an engine may take to say its version.
const DEADLINE: Duration = Duration::from_secs(5);
/// The longest time between two tries at an engine that does not answer.
const LONGEST: Duration = Duration::from_secs(10);
/// What can happen to a container that a pass would see. Health checks and `docker exec` are not among
/// them: they come every few seconds and change nothing.
const ACTIONS: [&str; 11] = [
    "create", "destroy", "die", "kill", "oom", "pause", "rename", "start", "stop", "unpause",
    "update",
];

/// What the engine told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Something happened to a container of that stack.
    Stack(String),
    /// The engine answers again, or its stream broke: anything may have happened meanwhile.
    Anything,
    /// The engine does not answer; why, in words.
    Silent(String),
}

/// Listens until nobody wants to hear.
pub async fn listen(docker: Docker, heard: mpsc::UnboundedSender<Heard>) {
    if !wait_for_answer(&docker, &heard).await {
        return;
    }
    loop {
        if let Err(error) = pass_on(&docker, &heard).await {
            warn!(
                error = in_words(&error),
                "docker's events broke off; listening again"
            );
        }
        tokio::time::sleep(AGAIN).await;
        wait_for_answer(&docker, &heard).await;
        if heard.send(Heard::Anything).is_err() {
            return;
        }
    }
}

/// Waits until the engine says its version, and agrees on one with it: after an upgrade it may be another.
/// Tells of every try that failed, and of the answer where one had. Returns whether somebody still listens.
async fn wait_for_answer(docker: &Docker, heard: &mpsc::UnboundedSender<Heard>) -> bool {
    let mut wait = AGAIN / 4;
    let mut was_silent = false;
    loop {
        let why = match tokio::time::timeout(DEADLINE, docker.clone().negotiate_version()).await {
            Ok(Ok(_)) => return !was_silent || heard.send(Heard::Anything).is_ok(),
            Ok(Err(error)) => in_words(&error),
            Err(_) => format!("no answer within {} s", DEADLINE.as_secs()),
        };
        was_silent = true;
        if heard.send(Heard::Silent(why)).is_err() {
            return false;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST);
    }
}

/// Passes events on until the stream breaks.
async fn pass_on(
    docker: &Docker,
    heard: &mpsc::UnboundedSender<Heard>,
) -> Result<(), bollard::errors::Error> {
    let filters = HashMap::from([
        ("type".to_owned(), vec!["container".to_owned()]),
        ("label".to_owned(), vec![label::STACK.to_owned()]),
        ("event".to_owned(), ACTIONS.map(str::to_owned).to_vec()),
    ]);
    let options = EventsOptions {
        filters: Some(filters),
        ..Default::default()
    };
    let mut events = std::pin::pin!(docker.events(Some(options)));
    while let Some(event) = events.next().await {
        let attributes = event?.actor.and_then(|a| a.attributes);
        let stack = attributes.and_then(|mut a| a.remove(label::STACK));
        let told = stack.map_or(Heard::Anything, Heard::Stack);
        if heard.send(told).is_err() {
            return Ok(());
        }
    }
    Ok(())
}
