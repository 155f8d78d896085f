//! Compose: renders a stack's file, and creates or recreates one service at a time.
//!
//! Never `-y`, `--remove-orphans` or `down -v`: `up -y` deleted a data volume because a label of it had
//! changed. Every failure exits 1 and a change and a no-op both exit 0, so what counts is the next look.
//!
//! The file keeps the limits that the container was made with: after a live change a by-hand
//! `docker compose up -d` must not recreate a database because its memory grew. The wanted limits stand
//! beside them under `x-aza`, which Compose does not hash.

use std::path::Path;
use std::time::Duration;

use serde_yaml::{Mapping, Value};
use tokio::process::Command;

use crate::api::declared;
use crate::api::desired::Desired;
use crate::api::{Bytes, StackName};
use crate::diff::limits::LimitValues;
use crate::diff::services::{POSTGRES, TEMPLATE_REVISION, container_name, volume_name};
use crate::facts::service::label;
use crate::host::layout::Layout;
use crate::host::lock::Lock;

use super::{ActError, Hands};

/// The compose file that people start by hand too.
const TEMPLATE: &str = include_str!("../../stacks/single/compose.yml");
/// Where the container finds its secrets.
const SECRETS: &str = "/run/secrets/aza";
/// How long Compose may take: a stop's grace period of a minute, a start, and a slow disk. Beyond it the
/// call is left alone, not killed: half a recreate is worse than a late one.
const DEADLINE: Duration = Duration::from_secs(300);

/// Whether a container may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// There is none.
    Create,
    /// The one that is there goes.
    Recreate,
}

/// Writes the stack's file and lets Compose create or recreate the service.
///
/// # Errors
/// Compose is not there, fails, or does not end in time.
pub async fn up(hands: &Hands, desired: &Desired, mode: Mode) -> Result<(), ActError> {
    let directory = hands.layout.stack(&desired.name);
    let file = hands.layout.compose(&desired.name);
    let text = render(desired, &hands.layout, &hands.host_name)?;
    replace(&file, &text)?;
    let mut command = Command::new("docker");
    command
        .args([
            "--host",
            &hands.docker_socket,
            "compose",
            "--ansi",
            "never",
            "--progress",
            "plain",
        ])
        .args([
            "--project-name",
            desired.name.as_str(),
            "--project-directory",
        ])
        .arg(&directory)
        .arg("--file")
        .arg(&file)
        .args([
            "up",
            "--detach",
            "--no-deps",
            "--no-build",
            "--pull",
            "never",
        ]);
    match mode {
        Mode::Create => {}
        // A container of the same configuration may still run an older image.
        Mode::Recreate => {
            command.arg("--force-recreate");
        }
    }
    // The child holds the project's lock as its standard input, in a process group of its own: a killed
    // agent leaves it to end, and the next agent waits for it. Two calls at once left the service down.
    let lock = project_lock(&desired.name).await?;
    let input = lock
        .share()
        .map_err(|e| ActError::Compose(format!("could not get its lock: {e}")))?;
    command.arg(POSTGRES).stdin(input).process_group(0);
    run(command).await
}

/// Takes the project's lock, waiting for a call that a killed agent left.
async fn project_lock(name: &StackName) -> Result<Lock, ActError> {
    const POLL: Duration = Duration::from_millis(100);
    let path = Layout::project_lock(name);
    let until = std::time::Instant::now() + DEADLINE;
    loop {
        match Lock::try_take(&path).map_err(ActError::file("lock", &path))? {
            Some(lock) => return Ok(lock),
            None if std::time::Instant::now() > until => {
                return Err(ActError::Compose(format!(
                    "is still running for project {name}, left by another agent"
                )));
            }
            None => tokio::time::sleep(POLL).await,
        }
    }
}

async fn run(mut command: Command) -> Result<(), ActError> {
    let output = tokio::time::timeout(DEADLINE, command.output());
    let output = match output.await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => {
            return Err(ActError::Compose(format!(
                "could not be started: {error} (install the compose plugin: make setup)"
            )));
        }
        Err(_) => {
            return Err(ActError::Compose(format!(
                "did not end within {} s",
                DEADLINE.as_secs()
            )));
        }
    };
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = stderr
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .rev()
        .take(2)
        .collect();
    Err(ActError::Compose(format!(
        "failed: {}",
        last.into_iter().rev().collect::<Vec<_>>().join("; ")
    )))
}

/// Returns the stack's compose file, without any interpolation left.
///
/// # Errors
/// The embedded template is not as this code expects it; a test makes sure that it is.
pub fn render(desired: &Desired, layout: &Layout, host_name: &str) -> Result<String, ActError> {
    let broken = |what: &str| ActError::Compose(format!("template: {what}"));
    let mut document: Value = serde_yaml::from_str(TEMPLATE).map_err(|e| broken(&e.to_string()))?;
    let root = document
        .as_mapping_mut()
        .ok_or_else(|| broken("no mapping"))?;
    let stack = desired.name.as_str();
    set(root, "name", stack.into());
    set(root, "x-aza", wanted(&limits_of(desired)));
    let volumes = Value::from(Mapping::from_iter([(
        "pgdata".into(),
        mapping([("name", volume_name(stack).into())]),
    )]));
    set(root, "volumes", volumes);
    let service = root
        .get_mut("services")
        .and_then(|services| services.get_mut(POSTGRES))
        .and_then(Value::as_mapping_mut)
        .ok_or_else(|| broken("no services.postgres"))?;
    set(service, "image", desired.image.as_str().into());
    set(service, "container_name", container_name(stack).into());
    let limits = limits_of(desired);
    let bytes = |b: Option<Bytes>| b.map(|b| Value::from(format!("{}b", b.0)));
    set_or_remove(service, "mem_limit", bytes(limits.memory));
    set_or_remove(service, "memswap_limit", bytes(limits.memory_swap));
    set_or_remove(
        service,
        "cpus",
        limits.cpus.map(|c| Value::from(c.to_string())),
    );
    set(
        service,
        "shm_size",
        format!("{}b", desired.resources.shm_size.0).into(),
    );
    let publish = &desired.publish;
    let address = match publish.address {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => format!("[{v6}]"),
    };
    set(
        service,
        "ports",
        Value::Sequence(vec![format!("{address}:{}:5432", publish.port).into()]),
    );
    set(service, "volumes", mounts(desired, layout));
    // The socket directory is mounted from the state directory, so its tmpfs goes.
    if let Some(Value::Sequence(tmpfs)) = service.get_mut("tmpfs") {
        tmpfs.retain(|t| t.as_str().is_none_or(|t| !t.starts_with("/run/postgresql")));
    }
    service.remove("env_file");
    let password = format!("{SECRETS}/superuser");
    set(
        service,
        "environment",
        mapping([("POSTGRES_PASSWORD_FILE", password.into())]),
    );
    let labels = [
        (label::STACK, stack),
        (label::HOST, host_name),
        (label::TEMPLATE, TEMPLATE_REVISION),
    ];
    set(
        service,
        "labels",
        mapping(labels.map(|(k, v)| (k, v.into()))),
    );
    let body = serde_yaml::to_string(&document).map_err(|e| broken(&e.to_string()))?;
    Ok(format!(
        "# Written by aza-agent from {}. Changes here are lost; change the manifest.\n\
         # `docker compose ps`, `logs` and `up -d` work in this directory.\n{body}",
        desired.origin
    ))
}

fn mounts(desired: &Desired, layout: &Layout) -> Value {
    let bind = |source: &Path, target: &str, read_only: bool| {
        mapping([
            ("type", "bind".into()),
            ("source", source.display().to_string().into()),
            ("target", target.into()),
            ("read_only", read_only.into()),
        ])
    };
    let name = &desired.name;
    let data = mapping([
        ("type", "volume".into()),
        ("source", "pgdata".into()),
        ("target", "/var/lib/postgresql".into()),
    ]);
    Value::Sequence(vec![
        data,
        bind(&layout.socket_dir(name), "/run/postgresql", false),
        bind(&layout.declared_dir(name), declared::DIRECTORY, true),
        bind(&layout.stack_secrets(name), SECRETS, true),
    ])
}

/// Notes limits that were changed live beside those that the container was made with.
pub fn note_limits(hands: &Hands, desired: &Desired, limits: &LimitValues) -> Result<(), ActError> {
    let path = hands.layout.compose(&desired.name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Ok(());
    };
    let Ok(mut document) = serde_yaml::from_str::<Value>(&text) else {
        return Ok(());
    };
    let Some(root) = document.as_mapping_mut() else {
        return Ok(());
    };
    set(root, "x-aza", wanted(limits));
    let comments: String = text
        .lines()
        .take_while(|l| l.starts_with('#'))
        .map(|l| format!("{l}\n"))
        .collect();
    let body = serde_yaml::to_string(&document).map_err(|e| ActError::Compose(e.to_string()))?;
    replace(&path, &(comments + &body))
}

/// Replaces the file at once: a person may be reading it, and the agent may be killed.
fn replace(path: &Path, text: &str) -> Result<(), ActError> {
    let temporary = path.with_extension("new");
    std::fs::write(&temporary, text).map_err(ActError::file("write", &temporary))?;
    std::fs::rename(&temporary, path).map_err(ActError::file("replace", path))
}

fn limits_of(desired: &Desired) -> LimitValues {
    let r = &desired.resources;
    LimitValues {
        memory: r.memory,
        memory_swap: r.memory_swap,
        cpus: r.cpus,
    }
}

fn wanted(limits: &LimitValues) -> Value {
    mapping([("limits", limits.to_string().into())])
}

fn mapping<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Mapping(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect())
}

fn set(map: &mut Mapping, key: &str, value: Value) {
    map.insert(key.into(), value);
}

fn set_or_remove(map: &mut Mapping, key: &str, value: Option<Value>) {
    match value {
        Some(value) => set(map, key, value),
        None => {
            map.remove(key);
        }
    }
}
