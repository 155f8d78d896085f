//! Containers and images, as the engine tells them.

use std::collections::HashMap;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::ContainerSummaryStateEnum;
use bollard::query_parameters::ListContainersOptions;
use jiff::Timestamp;

use crate::facts::service::{Image, Stray, label};
use crate::facts::{Container, Observation};

use super::inspect;
use crate::api::chain::in_words;

/// Looks for a container by its name.
pub async fn container(docker: &Docker, name: &str) -> Observation<Container> {
    match docker.inspect_container(name, None).await {
        Ok(response) => match inspect::interpret(response) {
            Ok(container) => Observation::Known(container),
            Err(what) => Observation::unknown(format!("docker's answer on `{name}` has {what}")),
        },
        Err(error) => not_seen(&error),
    }
}

/// Looks for the image that a reference points to.
pub async fn image(docker: &Docker, reference: &str) -> Observation<Image> {
    match docker.inspect_image(reference).await {
        Ok(response) => match response.id {
            Some(id) => Observation::Known(Image { id }),
            None => {
                Observation::unknown(format!("docker's answer on image `{reference}` has no id"))
            }
        },
        Err(error) => not_seen(&error),
    }
}

/// Looks for containers of a stack under other names than its own.
pub async fn strays(
    docker: &Docker,
    stack: &str,
    host_name: &str,
    own: &str,
) -> Observation<Vec<Stray>> {
    let labels = [(label::STACK, stack), (label::HOST, host_name)];
    let labels = labels.map(|(key, value)| format!("{key}={value}")).to_vec();
    let options = ListContainersOptions {
        all: true,
        filters: Some(HashMap::from([("label".to_owned(), labels)])),
        ..Default::default()
    };
    let found = match docker.list_containers(Some(options)).await {
        Ok(found) => found,
        Err(error) => return not_seen(&error),
    };
    let strays = found.into_iter().filter_map(|c| {
        let name = c
            .names?
            .into_iter()
            .next()?
            .trim_start_matches('/')
            .to_owned();
        let created_at = Timestamp::from_second(c.created?).ok()?;
        (name != own).then_some(Stray {
            id: c.id?,
            name,
            created_at,
            started: c.state != Some(ContainerSummaryStateEnum::CREATED),
        })
    });
    Observation::Known(strays.collect())
}

/// Looks for a network by its name.
pub async fn network(docker: &Docker, name: &str) -> Observation<String> {
    match docker.inspect_network(name, None).await {
        Ok(_) => Observation::Known(name.to_owned()),
        Err(error) => not_seen(&error),
    }
}

/// 404 is an answer; everything else is not having seen.
pub(super) fn not_seen<T>(error: &Error) -> Observation<T> {
    match error {
        Error::DockerResponseServerError {
            status_code: 404, ..
        } => Observation::Absent,
        other => Observation::unknown(format!("docker: {}", in_words(other))),
    }
}
