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

use crate::facts::service::label;

/// How long to wait before listening again after the stream broke: a restarting engine takes seconds.
const AGAIN: Duration = Duration::from_secs(1);
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
    /// A reference to an image changed, or a stream began or broke: anything may have happened meanwhile.
    Anything,
}

/// Listens until nobody wants to hear.
pub async fn listen(docker: Docker, heard: mpsc::UnboundedSender<Heard>) {
    let containers = HashMap::from([
        ("type".to_owned(), vec!["container".to_owned()]),
        ("label".to_owned(), vec![label::STACK.to_owned()]),
        (
            "event".to_owned(),
            OF_CONTAINERS.map(str::to_owned).to_vec(),
        ),
    ]);
    let others = HashMap::from([
        (
            "type".to_owned(),
            vec!["image".to_owned(), "network".to_owned()],
        ),
        ("event".to_owned(), OF_OTHERS.map(str::to_owned).to_vec()),
    ]);
    tokio::join!(
        stream(&docker, containers, &heard),
        stream(&docker, others, &heard)
    );
}

async fn stream(
    docker: &Docker,
    filters: HashMap<String, Vec<String>>,
    heard: &mpsc::UnboundedSender<Heard>,
) {
    let mut warned = false;
    let mut since = Timestamp::now();
    loop {
        let options = EventsOptions {
            since: Some(since.as_second().to_string()),
            filters: Some(filters.clone()),
            ..Default::default()
        };
        let mut events = std::pin::pin!(docker.events(Some(options)));
        while let Some(event) = events.next().await {
            let told = match event {
                Ok(event) => told_by(event),
                Err(error) => {
                    if !warned {
                        warn!(error = %error, "docker's events broke off; listening again");
                    }
                    warned = true;
                    break;
                }
            };
            warned = false;
            if heard.send(told).is_err() {
                return;
            }
        }
        since = Timestamp::now();
        tokio::time::sleep(AGAIN).await;
        if heard.send(Heard::Anything).is_err() {
            return;
        }
    }
}

fn told_by(event: EventMessage) -> Heard {
    let mut attributes = event.actor.and_then(|a| a.attributes).unwrap_or_default();
    // A network's events name the container: somebody else's are many, and none of a stack's business.
    let stack = attributes.remove(label::STACK).map(Heard::Stack);
    let container = || attributes.remove("container").map(Heard::Container);
    stack.or_else(container).unwrap_or(Heard::Anything)
}
