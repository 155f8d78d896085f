//! Docker's events, for speed; the timers are for truth.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tracing::warn;

use crate::facts::service::label;

/// How long to wait before listening again after the stream broke: a restarting engine takes seconds.
const AGAIN: Duration = Duration::from_secs(1);
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
    /// The stream began or broke: anything may have happened meanwhile.
    Anything,
}

/// Listens until nobody wants to hear.
pub async fn listen(docker: Docker, heard: mpsc::UnboundedSender<Heard>) {
    let mut warned = false;
    loop {
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
            let stack = match event {
                Ok(event) => event
                    .actor
                    .and_then(|a| a.attributes)
                    .and_then(|mut a| a.remove(label::STACK)),
                Err(error) => {
                    if !warned {
                        warn!(error = %error, "docker's events broke off; listening again");
                    }
                    warned = true;
                    break;
                }
            };
            warned = false;
            let told = stack.map_or(Heard::Anything, Heard::Stack);
            if heard.send(told).is_err() {
                return;
            }
        }
        tokio::time::sleep(AGAIN).await;
        if heard.send(Heard::Anything).is_err() {
            return;
        }
    }
}
