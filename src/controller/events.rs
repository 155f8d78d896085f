//! Docker's events, for speed; the timers are for truth.
//!
//! Two streams: what happens to containers with our label, and what happens to images and networks, which
//! carry no label of ours and change what a stack is all the same. Each is asked from the moment on at which
//! the last one broke, so that nothing is missed in between; a restarted engine remembers nothing from
//! before, which is why everything is looked at again after each break.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;
use jiff::Timestamp;
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
const OF_CONTAINERS: [&str; 11] = [
    "create", "destroy", "die", "kill", "oom", "pause", "rename", "start", "stop", "unpause",
    "update",
];
/// A reference that points elsewhere, and a container that lost its address. What `docker build` does on its
/// way to a tag is not among them.
const OF_OTHERS: [&str; 8] = [
    "connect",
    "delete",
    "disconnect",
    "import",
    "load",
    "pull",
    "tag",
    "untag",
];

/// What the engine told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Something happened to a container of that stack.
    Stack(String),
    /// A container was connected to a network or disconnected from one.
    Container(String),
    /// A reference to an image changed, the engine answers again, or its stream broke: anything may have
    /// happened meanwhile.
    Anything,
    /// The engine does not answer; why, in words.
    Silent(String),
}

/// Listens until nobody wants to hear.
pub async fn listen(docker: Docker, heard: mpsc::UnboundedSender<Heard>) {
    let of = |types: &[&str], actions: &[&str]| {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        HashMap::from([
            ("type".to_owned(), words(types)),
            ("event".to_owned(), words(actions)),
        ])
    };
    let mut containers = of(&["container"], &OF_CONTAINERS);
    containers.insert("label".to_owned(), vec![label::STACK.to_owned()]);
    let others = of(&["image", "network"], &OF_OTHERS);
    if !wait_for_answer(&docker, &heard).await {
        return;
    }
    let mut since = Timestamp::now();
    loop {
        // The other stream is given up with the one that broke: both begin again where this one ended.
        let broken = tokio::select! {
            broken = pass_on(&docker, since, &containers, &heard) => broken,
            broken = pass_on(&docker, since, &others, &heard) => broken,
        };
        since = Timestamp::now();
        if let Err(error) = broken {
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
    since: Timestamp,
    filters: &HashMap<String, Vec<String>>,
    heard: &mpsc::UnboundedSender<Heard>,
) -> Result<(), bollard::errors::Error> {
    let options = EventsOptions {
        since: Some(since.as_second().to_string()),
        filters: Some(filters.clone()),
        ..Default::default()
    };
    let mut events = std::pin::pin!(docker.events(Some(options)));
    while let Some(event) = events.next().await {
        if heard.send(told_by(event?)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn told_by(event: EventMessage) -> Heard {
    let mut attributes = event.actor.and_then(|a| a.attributes).unwrap_or_default();
    // A network's events name the container: somebody else's are many, and none of a stack's business.
    let stack = attributes.remove(label::STACK).map(Heard::Stack);
    let container = || attributes.remove("container").map(Heard::Container);
    stack.or_else(container).unwrap_or(Heard::Anything)
}
