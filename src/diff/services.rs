//! The container against the manifest: missing, down, or made from something else.
//!
//! Fields are compared one by one instead of by Compose's hash: a Compose upgrade changes the hash,
//! and nothing that a person would call a change. The reason for a recreate is then a field with its
//! old and new value.

use serde::Serialize;

use crate::api::desired::Desired;
use crate::facts::service::{DATA_DIR, Published, label};
use crate::facts::{Container, ContainerState, Observation, Observed};

/// The service that every stack has.
pub const POSTGRES: &str = "postgres";

/// The revision of the compose template (`stacks/single/compose.yml`) as far as it matters to a
/// running container. Raising it makes every container wait for a recreate: not for cosmetics.
pub const TEMPLATE_REVISION: &str = "1";

/// How the container differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceDrift {
    /// There is none.
    Missing,
    /// One of that name is there, and neither ours nor to be adopted.
    Foreign {
        /// What it is, in words.
        what: String,
    },
    /// It does not serve.
    Down {
        /// Docker's state.
        state: ContainerState,
        /// Whether a person stopped it.
        by_hand: bool,
        /// How it ended, in words.
        how: String,
        /// What else differs, so that it is made again instead of started.
        changes: Vec<Change>,
    },
    /// It runs, made from something else.
    Outdated {
        /// What differs; not empty.
        changes: Vec<Change>,
    },
}

/// One field in which a container differs from its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The field's path in the manifest.
    pub field: &'static str,
    /// What the container has.
    pub from: String,
    /// What the manifest wants.
    pub to: String,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} → {}", self.field, self.from, self.to)
    }
}

/// Returns the names that derive from the stack's.
#[must_use]
pub fn container_name(stack: &str) -> String {
    format!("{stack}-{POSTGRES}")
}

/// Returns the name of the stack's network, as Compose calls a project's only one.
#[must_use]
pub fn network_name(stack: &str) -> String {
    format!("{stack}_default")
}

/// Returns the name of the stack's volume.
#[must_use]
pub fn volume_name(stack: &str) -> String {
    format!("{stack}_pgdata")
}

/// Compares the container; `None` means it runs as wanted, or could not be seen.
#[must_use]
pub fn diff(desired: &Desired, seen: &Observed) -> Option<ServiceDrift> {
    let container = match &seen.container {
        Observation::Known(container) => container,
        Observation::Absent => return Some(ServiceDrift::Missing),
        Observation::Unknown { .. } => return None,
    };
    let stack = desired.name.as_str();
    let ours = container.is_ours(stack, &seen.host_name);
    let adopted = desired.adopt && container.is_adoptable(stack, POSTGRES);
    if !ours && !adopted {
        return Some(ServiceDrift::Foreign {
            what: foreigner(container),
        });
    }
    let changes = changes(desired, container, seen, ours);
    match container.state {
        ContainerState::Running if changes.is_empty() => None,
        ContainerState::Running => Some(ServiceDrift::Outdated { changes }),
        state @ (ContainerState::Created
        | ContainerState::Paused
        | ContainerState::Restarting
        | ContainerState::Removing
        | ContainerState::Exited
        | ContainerState::Dead) => Some(ServiceDrift::Down {
            state,
            by_hand: container.was_stopped_by_hand(),
            how: how_it_ended(container),
            changes,
        }),
    }
}

/// Returns the network that the container has to be connected to again. An adopted one keeps its own.
#[must_use]
pub fn lost_network(desired: &Desired, seen: &Observed) -> Option<String> {
    let container = seen.container.known()?;
    let network = seen.network.known()?;
    let ours = container.is_ours(desired.name.as_str(), &seen.host_name);
    let runs = container.state == ContainerState::Running;
    (ours && runs && !container.networks.contains(network)).then(|| network.clone())
}

fn foreigner(container: &Container) -> String {
    let owner = match (
        container.labels.get(label::HOST),
        container.labels.get(label::PROJECT),
    ) {
        (Some(host), _) => format!("made by the agent of host `{host}`"),
        (None, Some(project)) => {
            format!("of the compose project `{project}`, not made by the agent")
        }
        (None, None) => "not made by the agent".to_owned(),
    };
    format!(
        "container `{}` ({}) is {owner}",
        container.name,
        container.short_id()
    )
}

fn how_it_ended(container: &Container) -> String {
    if !container.error.is_empty() {
        return container.error.clone();
    }
    match container.exit_code {
        137 if container.oom_killed => "killed by the kernel for memory (exit code 137)".to_owned(),
        137 => "killed (exit code 137)".to_owned(),
        code => format!("exit code {code}"),
    }
}

fn changes(
    desired: &Desired,
    container: &Container,
    seen: &Observed,
    is_ours: bool,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut differs = |field, from: String, to: String| {
        if from != to {
            changes.push(Change { field, from, to });
        }
    };
    if container.image != desired.image {
        differs("spec.image", container.image.clone(), desired.image.clone());
    } else if let Some(image) = seen.image.known() {
        differs("spec.image", short(&container.image_id), short(&image.id));
    }
    let wanted = Published {
        address: desired.publish.address,
        port: desired.publish.port,
    };
    // A created container that never started has no ports yet: Docker tells those of the plan.
    differs(
        "spec.publish",
        ports(&container.published),
        ports(&[wanted]),
    );
    differs(
        "spec.resources.shmSize",
        container.shm_size.to_string(),
        desired.resources.shm_size.to_string(),
    );
    if desired.resources.memory.is_none()
        && let Some(memory) = container.memory
    {
        differs(
            "spec.resources.memory",
            memory.to_string(),
            "no limit".into(),
        );
    }
    if desired.resources.cpus.is_none()
        && let Some(cpus) = container.cpus
    {
        differs("spec.resources.cpus", cpus.to_string(), "no limit".into());
    }
    if let Some(template) = container.labels.get(label::TEMPLATE) {
        differs("template", template.clone(), TEMPLATE_REVISION.into());
    }
    // A network that is gone takes a new one, and Compose makes that with the container.
    let runs = container.state == ContainerState::Running;
    if runs && is_ours && seen.network.is_absent() {
        differs(
            "network",
            "gone".into(),
            network_name(desired.name.as_str()),
        );
    }
    let volume = container.mounts.get(DATA_DIR).cloned();
    differs(
        "volume",
        volume.unwrap_or_else(|| "none".into()),
        volume_name(desired.name.as_str()),
    );
    changes
}

fn short(image_id: &str) -> String {
    image_id
        .trim_start_matches("sha256:")
        .chars()
        .take(12)
        .collect()
}

fn ports(published: &[Published]) -> String {
    let list: Vec<String> = published
        .iter()
        .map(|p| format!("{}:{}", p.address, p.port))
        .collect();
    if list.is_empty() {
        "none".into()
    } else {
        list.join(", ")
    }
}
