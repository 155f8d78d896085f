//! What happened between two looks that was no step of ours: processes killed, servers and containers
//! started again.
//!
//! A container that Docker's restart policy brought back within a second looks as healthy as before, and a
//! server whose backend was killed has ended every session. Nobody would hear of either.

use jiff::Timestamp;

use crate::api::event::EventType;
use crate::facts::record::{Life, OomKill};
use crate::facts::{Container, Observed, Record};

/// Something that happened, for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Whether a person should look.
    pub kind: EventType,
    /// One word for machines.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
}

fn warning(reason: &'static str, message: String) -> Incident {
    Incident {
        kind: EventType::Warning,
        reason,
        message,
    }
}

/// Returns what happened since the look that the record tells of, and brings the record up to this one.
pub fn incidents(record: &mut Record, seen: &Observed) -> Vec<Incident> {
    let mut incidents = Vec::new();
    let Some(container) = seen.container.known() else {
        return incidents;
    };
    let Some(started_at) = container.started_at else {
        return incidents;
    };
    if record.life.started_at != Some(started_at) {
        let known = record.life.started_at.is_some();
        if known && !record.life.started_by_us {
            incidents.push(started_again(container, started_at));
        }
        // A new start has a new cgroup, which counts from zero.
        record.life = Life {
            started_at: Some(started_at),
            ..Life::default()
        };
    }
    if let Some(kills) = seen.limits.known().and_then(|l| l.oom_kills) {
        let processes = kills.saturating_sub(record.life.oom_kills);
        if processes > 0 {
            let at = seen.at;
            record.last_oom = Some(OomKill { at, processes });
            incidents.push(warning("OomKilled", killed(processes)));
        }
        record.life.oom_kills = kills;
    }
    if let Some(server) = seen.server.known() {
        let at = server.reinitialised_at;
        if let Some(at) = at.filter(|_| record.life.reinitialised_at != at) {
            let message = format!(
                "a process of the server died at {at:.0}: every session was ended and the server recovered (see docker logs {})",
                container.name
            );
            incidents.push(warning("Reinitialised", message));
        }
        record.life.reinitialised_at = at;
    }
    incidents
}

fn started_again(container: &Container, at: Timestamp) -> Incident {
    let name = &container.name;
    if container.restarts > 0 {
        let message = format!(
            "the container ended and Docker's restart policy started it again at {at:.0} (see docker logs {name})"
        );
        return warning("ContainerRestarted", message);
    }
    Incident {
        kind: EventType::Normal,
        reason: "ContainerStarted",
        message: format!("the container was started at {at:.0}, and not by aza-agent"),
    }
}

/// Says how many processes the kernel killed.
#[must_use]
pub fn killed(processes: u64) -> String {
    match processes {
        1 => "the kernel killed a process of the container for memory".to_owned(),
        n => format!("the kernel killed {n} processes of the container for memory"),
    }
}
