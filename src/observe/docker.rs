//! Containers and images, as the engine tells them.

use bollard::Docker;
use bollard::errors::Error;

use crate::facts::service::Image;
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

/// 404 is an answer; everything else is not having seen.
pub(super) fn not_seen<T>(error: &Error) -> Observation<T> {
    match error {
        Error::DockerResponseServerError {
            status_code: 404, ..
        } => Observation::Absent,
        other => Observation::unknown(format!("docker: {}", in_words(other))),
    }
}
