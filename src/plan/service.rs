//! The container: making it, bringing it back, and the one disruptive step of a pass.

use jiff::SignedDuration;

use crate::api::desired::Desired;
use crate::api::status::Waiting;
use crate::diff::services::volume_name;
use crate::diff::settings::list_items;
use crate::diff::{Change, Drifts, ServiceDrift};
use crate::facts::{ContainerState, Observation, Observed, Record};

use super::{Moment, Plan, Step, restart, wait};

/// The PostgreSQL major version that this release manages.
const MAJOR: u32 = 18;

/// A container that does not serve.
pub struct Down<'a> {
    /// Docker's state.
    pub state: ContainerState,
    /// Whether a person stopped it.
    pub by_hand: bool,
    /// How it ended.
    pub how: &'a str,
    /// What else differs.
    pub changes: &'a [Change],
}

/// Why nothing may be started here, where something stands against it.
pub fn blocked(
    desired: &Desired,
    drift: Option<&ServiceDrift>,
    seen: &Observed,
    record: &Record,
) -> Option<Waiting> {
    if let Some(ServiceDrift::Foreign { what }) = drift {
        let help = "remove or rename it, name the stack otherwise, or say `adopt: true`";
        return Some(wait("NameConflict", format!("{what}: {help}")));
    }
    other_cluster(desired, seen, record).or_else(|| start_blocked(desired, drift, seen, record))
}

/// Whether the cluster from before is not the one that is there now.
#[must_use]
pub fn is_another_cluster(desired: &Desired, seen: &Observed, record: &Record) -> bool {
    other_cluster(desired, seen, record)
        .or_else(|| cluster_is_gone(desired, seen, record))
        .is_some()
}

/// Another cluster under the same name than the one that was there before.
fn other_cluster(desired: &Desired, seen: &Observed, record: &Record) -> Option<Waiting> {
    let known = record.system_identifier.as_ref()?;
    let on_disk = seen.volume.known().and_then(|v| v.cluster.known());
    let running = seen.server.known().map(|s| &s.system_identifier);
    let other = running.or(on_disk.and_then(|c| c.system_identifier.as_ref()))?;
    (other != known).then(|| {
        let message = format!(
            "the volume holds another cluster (system identifier {other}) than before ({known}): {}",
            accept(desired)
        );
        wait("OtherCluster", message)
    })
}

/// What a person does about a cluster that is not the one from before.
fn accept(desired: &Desired) -> String {
    format!(
        "bring the old volume back, or go on with what is there: aza-agent approve {}",
        desired.name
    )
}

/// A volume that is empty or gone although it held a cluster: an empty database in its place would be
/// taken for the old one.
fn cluster_is_gone(desired: &Desired, seen: &Observed, record: &Record) -> Option<Waiting> {
    let known = record.system_identifier.as_ref()?;
    let gone = match &seen.volume {
        Observation::Absent => "is gone",
        Observation::Known(volume) if volume.cluster.is_absent() => "is empty",
        Observation::Known(_) | Observation::Unknown { .. } => return None,
    };
    let message = format!(
        "the volume {gone}, and it held the cluster {known} before: {}",
        accept(desired)
    );
    Some(wait("ClusterGone", message))
}

/// What stands against a start: the volume, the port, the image. Asked only where one is due.
fn start_blocked(
    desired: &Desired,
    drift: Option<&ServiceDrift>,
    seen: &Observed,
    record: &Record,
) -> Option<Waiting> {
    match drift? {
        ServiceDrift::Missing | ServiceDrift::Down { .. } => {}
        ServiceDrift::Outdated { .. } | ServiceDrift::Foreign { .. } => return None,
    }
    cluster_is_gone(desired, seen, record)
        .or_else(|| volume_blocks(desired, seen))
        .or_else(|| port_blocks(desired, seen))
        .or_else(|| image_blocks(desired, drift, seen))
}

fn volume_blocks(desired: &Desired, seen: &Observed) -> Option<Waiting> {
    let name = volume_name(desired.name.as_str());
    match &seen.volume {
        Observation::Absent => None,
        Observation::Unknown { why } => Some(wait(
            "VolumeUnknown",
            format!("volume `{name}` could not be looked at: {why}"),
        )),
        Observation::Known(volume) => {
            if let Some(other) = volume.mounted_by.first() {
                let message = format!(
                    "volume `{name}` is mounted by the running container `{other}`: stop it first"
                );
                return Some(wait("VolumeInUse", message));
            }
            let major = volume
                .cluster
                .known()
                .map(|c| c.major)
                .filter(|major| *major != MAJOR)?;
            let message = format!(
                "volume `{name}` holds PostgreSQL {major}, and this agent manages {MAJOR}: upgrade it with pg_upgrade first"
            );
            Some(wait("OtherMajorVersion", message))
        }
    }
}

fn port_blocks(desired: &Desired, seen: &Observed) -> Option<Waiting> {
    let at = format!("{}:{}", desired.publish.address, desired.publish.port);
    match &seen.port {
        Observation::Absent => None,
        Observation::Known(holder) => {
            let message = format!(
                "{at} is taken by {}: free it (who it is: `sudo ss -ltnp 'sport = :{}'`), or change \
                 spec.publish.port ({})",
                holder.who, desired.publish.port, desired.origin
            );
            Some(wait("PortConflict", message))
        }
        Observation::Unknown { why } => Some(wait(
            "PortUnknown",
            format!("whether {at} is free could not be seen: {why}"),
        )),
    }
}

/// A container that is only started again needs no image of that name any more.
fn image_blocks(
    desired: &Desired,
    drift: Option<&ServiceDrift>,
    seen: &Observed,
) -> Option<Waiting> {
    if let Some(ServiceDrift::Down { changes, .. }) = drift
        && changes.is_empty()
    {
        return None;
    }
    image_missing(desired, seen)
}

/// Why no container can be made from the wanted image, with the command that brings it.
fn image_missing(desired: &Desired, seen: &Observed) -> Option<Waiting> {
    let image = &desired.image;
    match &seen.image {
        Observation::Known(_) => None,
        Observation::Absent => {
            // The builder's own name needs no naming.
            let tag = if image == "aza-pg:18" {
                String::new()
            } else {
                format!(" --tag {image}")
            };
            let message = format!(
                "there is no image `{image}` on this host: build it with `sudo aza-agent image build{tag}`, or load it with \
                 `docker load`"
            );
            Some(wait("ImageMissing", message))
        }
        Observation::Unknown { why } => Some(wait(
            "ImageUnknown",
            format!("image `{image}` could not be looked at: {why}"),
        )),
    }
}

/// Plans a new container.
pub fn create(drifts: &Drifts, plan: &mut Plan) {
    plan.push(Step::Prepare, "the container is about to mount them");
    if let Some(text) = &drifts.declared {
        plan.push(
            Step::Declare { text: text.clone() },
            "the first start tunes for it",
        );
    }
    plan.push(Step::Create, "there is no container");
    plan.then
        .push("create extensions that the image does not create itself".to_owned());
}

/// Plans what brings a container back that does not serve.
pub fn revive(
    seen: &Observed,
    drifts: &Drifts,
    moment: Moment<'_>,
    down: &Down<'_>,
    plan: &mut Plan,
) {
    let Some(container) = seen.container.known() else {
        return;
    };
    match down.state {
        ContainerState::Exited | ContainerState::Created | ContainerState::Dead => {}
        ContainerState::Paused => return unpause(&container.id, moment, plan),
        // A new try does not help, a new cause does: another image, another declared file.
        ContainerState::Restarting if !down.changes.is_empty() => {}
        ContainerState::Restarting => {
            if let Some(text) = &drifts.declared {
                plan.push(
                    Step::Declare { text: text.clone() },
                    "the container's next attempt tunes for it",
                );
            }
            let message = format!(
                "the container ends right after each start ({}): see `docker logs {}`",
                down.how, container.name
            );
            return plan.wait("CrashLooping", message);
        }
        ContainerState::Removing | ContainerState::Running => {
            return plan.wait(
                "Removing",
                "the container is being removed; the next pass makes a new one",
            );
        }
    }
    plan.push(Step::Prepare, "the container is about to mount them");
    if let Some(text) = &drifts.declared {
        plan.push(
            Step::Declare { text: text.clone() },
            "the next start tunes for it",
        );
    }
    let who = match down.state {
        ContainerState::Restarting => "it ends right after each start",
        _ if down.by_hand => "it was stopped by hand",
        _ => "its start failed",
    };
    let id = container.id.clone();
    if down.changes.is_empty() {
        plan.push(
            Step::Start { container: id },
            format!("the container is down: {who} ({})", down.how),
        );
    } else {
        let because: Vec<String> = down.changes.iter().map(ToString::to_string).collect();
        let reason = format!("{}; and {who}, so nobody notices", because.join("; "));
        plan.push(
            Step::Recreate {
                container: id,
                because,
                serving: false,
            },
            reason,
        );
    }
}

/// How long a paused container is left: somebody may be copying its files, and `docker commit` pauses too.
const PAUSED_FOR: SignedDuration = SignedDuration::from_mins(5);

fn unpause(container: &str, moment: Moment<'_>, plan: &mut Plan) {
    let since = moment.record.paused_since.unwrap_or(moment.now);
    let until = since.checked_add(PAUSED_FOR).unwrap_or(moment.now);
    if moment.now >= until || moment.approved {
        let step = Step::Unpause {
            container: container.to_owned(),
        };
        return plan.push(step, format!("it has been paused since {since:.0}"));
    }
    let message =
        format!("the container is paused, and goes on at {until:.0} (now: docker unpause)");
    plan.waiting.push(Waiting {
        until: Some(until),
        ..wait("Paused", message)
    });
}

/// Plans the one disruptive step of a pass, or says what it waits for.
///
/// At most one: two would empty every connection pool twice. A recreate does what a restart does.
pub fn disrupt(
    desired: &Desired,
    drifts: &Drifts,
    recreate: Vec<String>,
    seen: &Observed,
    moment: Moment<'_>,
    plan: &mut Plan,
) {
    let restarts = restart::reasons(&drifts.settings);
    if recreate.is_empty() && restarts.is_empty() {
        return;
    }
    let Some(container) = seen.container.known() else {
        return;
    };
    let (what, tried) = if recreate.is_empty() {
        ("restart", &moment.record.last_restart)
    } else {
        ("recreate", &moment.record.last_recreate)
    };
    let because: Vec<String> = recreate.iter().chain(&restarts).cloned().collect();
    if let Some(waiting) = unsafe_now(desired, seen, &because, !recreate.is_empty()) {
        plan.waiting.push(waiting);
        return;
    }
    if !moment.approved
        && let Some(waiting) = nobody_gets_in(desired, seen, &because)
    {
        plan.waiting.push(waiting);
        return;
    }
    let fingerprint = because.join("; ");
    let happened = restart::happened(seen, !recreate.is_empty(), moment.record);
    if tried.as_ref() == Some(&fingerprint) && happened && !moment.approved {
        let message = format!(
            "a {what} was tried and did not bring about: {fingerprint}. It is not repeated (again: aza-agent approve {})",
            desired.name
        );
        plan.wait("DidNotHelp", message);
        return;
    }
    match restart::allowed(desired, moment.approved, moment.now, what, &because) {
        Err(waiting) => plan.waiting.push(waiting),
        Ok(()) => {
            let id = container.id.clone();
            let step = if recreate.is_empty() {
                Step::Restart {
                    container: id,
                    because,
                }
            } else {
                // An adopted stack has none of them yet.
                plan.push(Step::Prepare, "the new container is about to mount them");
                Step::Recreate {
                    container: id,
                    because,
                    serving: true,
                }
            };
            plan.push(step, fingerprint);
            if drifts.declared.is_some() {
                // The next start writes an include file for the new capacity.
                let then = "reset the lines that the next start makes redundant, and reload";
                plan.then.push(then.to_owned());
            }
        }
    }
}

/// A postmaster that hangs lets nobody in, while the session that is kept still answers: to restart it could end in
/// SIGKILL and crash recovery, and whatever else keeps clients out is for a person to look at first.
fn nobody_gets_in(desired: &Desired, seen: &Observed, because: &[String]) -> Option<Waiting> {
    let why = seen.server.known()?.login_failure.as_ref()?;
    let message = format!(
        "no new client gets in ({why}), so nothing is restarted: {} (all the same: aza-agent approve {})",
        because.join("; "),
        desired.name
    );
    Some(wait("LoginRefused", message))
}

/// Why a start right now might not come up again.
fn unsafe_now(
    desired: &Desired,
    seen: &Observed,
    because: &[String],
    recreate: bool,
) -> Option<Waiting> {
    let Some(server) = seen.server.known() else {
        let message = format!(
            "the server could not be asked, so nothing is restarted: {}",
            because.join("; ")
        );
        return Some(wait("ServerUnknown", message));
    };
    if recreate && let Some(missing) = image_missing(desired, seen) {
        let message = format!("{}; then: {}", missing.message, because.join("; "));
        return Some(wait(&missing.reason, message));
    }
    if let Some(error) = server.file_errors.first() {
        let message = format!(
            "{} line {} stands against a start: {}",
            error.file, error.line, error.error
        );
        return Some(wait("ConfigFileError", message));
    }
    // What the next start would load, whoever wrote the line; a recreate may bring another image.
    let line = server
        .auto_lines
        .iter()
        .find(|(name, _)| name.as_str() == "shared_preload_libraries");
    let libraries = line.map(|(_, list)| list_items(list)).unwrap_or_default();
    let missing = libraries
        .iter()
        .find(|l| !recreate && !server.libraries.contains(l))?;
    Some(wait(
        "LibraryMissing",
        format!(
            "the image has no library `{missing}`, and a server that preloads it does not start"
        ),
    ))
}
