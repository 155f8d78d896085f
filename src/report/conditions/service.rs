//! `ContainersReady` and `Available`: the container, and whether a client gets an answer.

use crate::api::condition::{ConditionType, Finding, Truth};
use crate::diff::ServiceDrift;
use crate::facts::{ContainerState, Observation, Server};

use super::{LOGIN_REFUSED, Told, failed, failure_message, finding, not_compared, waiting_for};

pub(super) fn containers_ready(told: &Told<'_>) -> Finding {
    let kind = ConditionType::ContainersReady;
    if let Some(outcome) = failed(told, &["prepare", "create", "start", "recreate", "restart"]) {
        return finding(kind, Truth::False, "StepFailed", failure_message(outcome));
    }
    if let (Observation::Known(_), Some(unknown)) = (&told.seen.container, not_compared(told, kind))
    {
        return unknown;
    }
    let blocked = [
        "VolumeInUse",
        "OtherMajorVersion",
        "OtherCluster",
        "ClusterGone",
        "ImageMissing",
        "StrayContainers",
        "RecreateUnderWay",
        "NameConflict",
        "PortConflict",
    ];
    let blocked = waiting_for(told, &blocked);
    let blocked_message =
        |what: &str| blocked.map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"));
    match (&told.seen.container, &told.drifts.service) {
        (Observation::Unknown { why }, _) => {
            finding(kind, Truth::Unknown, "DockerUnknown", why.clone())
        }
        (_, Some(ServiceDrift::Missing)) => {
            let (reason, what) = match blocked {
                Some(_) => ("Blocked", "there is no container, and none can be made"),
                None => ("Creating", "there is no container; it is being made"),
            };
            finding(kind, Truth::False, reason, blocked_message(what))
        }
        (_, Some(ServiceDrift::Foreign { what })) => {
            finding(kind, Truth::False, "NameConflict", what.clone())
        }
        (
            _,
            Some(ServiceDrift::Down {
                state,
                by_hand,
                how,
                ..
            }),
        ) => {
            let (reason, what) = match (state, by_hand) {
                (ContainerState::Paused, _) => ("Paused", "the container is paused".to_owned()),
                (ContainerState::Restarting, _) => (
                    "CrashLooping",
                    format!("the container ends right after each start ({how})"),
                ),
                (ContainerState::Exited, true) => (
                    "Stopped",
                    format!("the container was stopped by hand ({how})"),
                ),
                (_, _) => (
                    "Down",
                    format!("the container is {}: {how}", state.as_str()),
                ),
            };
            finding(kind, Truth::False, reason, blocked_message(&what))
        }
        (_, Some(ServiceDrift::Outdated { changes })) => {
            // What cannot be made is not on its way: a person has to bring the image.
            if let Some(why) = waiting_for(told, &["ImageMissing"]) {
                let message = format!("the container of before runs on: {why}");
                return finding(kind, Truth::False, "ImageMissing", message);
            }
            let list: Vec<String> = changes.iter().map(ToString::to_string).collect();
            let message = format!(
                "the container runs, made with other values: {}",
                list.join("; ")
            );
            finding(kind, Truth::True, "Outdated", message)
        }
        (Observation::Known(container), None) => {
            let message = format!(
                "container {} ({}) runs from {}",
                container.name,
                container.short_id(),
                container.image
            );
            finding(kind, Truth::True, "Running", message)
        }
        (Observation::Absent, None) => finding(
            kind,
            Truth::Unknown,
            "NotLooked",
            "the container was not looked for",
        ),
    }
}

pub(super) fn available(told: &Told<'_>) -> Finding {
    let kind = ConditionType::Available;
    // Whether anything runs is Docker's to say.
    if let Observation::Unknown { why } = &told.seen.container {
        return finding(kind, Truth::Unknown, "DockerUnknown", why.clone());
    }
    match &told.seen.server {
        Observation::Unknown { why } => {
            finding(kind, Truth::False, "NoAnswer", format!("no answer: {why}"))
        }
        Observation::Absent => finding(
            kind,
            Truth::False,
            "NotRunning",
            "the container does not run",
        ),
        Observation::Known(Server {
            login_failure: Some(why),
            ..
        }) => {
            let message = format!("the server runs, and lets no new client in: {why}");
            finding(kind, Truth::False, LOGIN_REFUSED, message)
        }
        Observation::Known(Server {
            address_failure: Some(why),
            ..
        }) => {
            let message = format!("the socket answers, the container's address does not: {why}");
            finding(kind, Truth::False, "AddressSilent", message)
        }
        Observation::Known(server) => {
            let (major, minor) = (server.version_num / 10_000, server.version_num % 10_000);
            let message = format!(
                "PostgreSQL {major}.{minor} answers, up since {:.0}",
                server.started_at
            );
            finding(kind, Truth::True, "Answers", message)
        }
    }
}
