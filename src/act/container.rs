//! What bollard does to a container: start, limits, restart, stop, remove. Never with a volume.

use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::{ContainerUpdateBody, EndpointSettings, ExecConfig, NetworkConnectRequest};
use bollard::query_parameters::{RemoveContainerOptions, RenameContainerOptions};
use futures_util::StreamExt;

use crate::api::Bytes;
use crate::client::WayIn;
use crate::diff::limits::LimitValues;
use crate::diff::services::POSTGRES;
use crate::host::auto_conf::REQUEST;

use super::{ActError, postgres};

/// How long a started container may take to answer: a first boot takes seconds, crash recovery of a
/// large instance minutes; meanwhile the pass of this stack waits, and no other.
const ANSWERS_WITHIN: Duration = Duration::from_secs(300);
/// How often it is asked. PostgreSQL answers 200 to 350 ms after a start, so this costs nothing much.
const ANSWER_POLL: Duration = Duration::from_millis(40);

/// Checks that the container of that name is still the planned one.
pub async fn same(docker: &Docker, name: &str, planned: &str) -> Result<(), ActError> {
    let now = docker
        .inspect_container(name, None)
        .await
        .map_err(ActError::docker("inspect the container"))?;
    if now.id.as_deref() == Some(planned) {
        Ok(())
    } else {
        Err(ActError::Changed {
            planned: planned.chars().take(12).collect(),
        })
    }
}

/// Starts a container.
pub async fn start(docker: &Docker, id: &str) -> Result<(), ActError> {
    docker
        .start_container(id, None)
        .await
        .map_err(ActError::docker("start the container"))
}

/// Gives a container a name.
pub async fn rename(docker: &Docker, id: &str, name: &str) -> Result<(), ActError> {
    let options = RenameContainerOptions {
        name: name.to_owned(),
    };
    docker
        .rename_container(id, options)
        .await
        .map_err(ActError::docker("rename the container"))
}

/// Lets the processes of a paused container go on.
pub async fn unpause(docker: &Docker, id: &str) -> Result<(), ActError> {
    docker
        .unpause_container(id)
        .await
        .map_err(ActError::docker("unpause the container"))
}

/// Connects a container to the stack's network again, under the names that Compose gave it there.
pub async fn connect(docker: &Docker, id: &str, network: &str) -> Result<(), ActError> {
    let short = id.get(..12).unwrap_or(id).to_owned();
    let endpoint = EndpointSettings {
        aliases: Some(vec![POSTGRES.to_owned(), short]),
        ..Default::default()
    };
    let request = NetworkConnectRequest {
        container: id.to_owned(),
        endpoint_config: Some(endpoint),
    };
    docker
        .connect_network(network, request)
        .await
        .map_err(ActError::docker("connect the container to its network"))
}

/// Lets the image's own program, in the container and as its user, set aside what no server can read of
/// `postgresql.auto.conf`: the host's root has no business in a directory whose links others can make.
pub async fn repair_auto_conf(docker: &Docker, id: &str) -> Result<(), ActError> {
    let failed = || ActError::docker("repair postgresql.auto.conf");
    let config = ExecConfig {
        cmd: Some(vec!["aza-entrypoint".to_owned(), REQUEST.to_owned()]),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..Default::default()
    };
    let exec = docker.create_exec(id, config).await.map_err(failed())?;
    let mut said = String::new();
    if let StartExecResults::Attached { mut output, .. } =
        docker.start_exec(&exec.id, None).await.map_err(failed())?
    {
        while let Some(part) = output.next().await {
            said.push_str(&part.map_err(failed())?.to_string());
        }
    }
    let ended = docker.inspect_exec(&exec.id).await.map_err(failed())?;
    match ended.exit_code {
        Some(0) => Ok(()),
        Some(_) | None => Err(ActError::NoEffect(format!(
            "postgresql.auto.conf was not repaired: {}",
            said.trim()
        ))),
    }
}

/// Restarts a container with its own signal and grace period.
pub async fn restart(docker: &Docker, id: &str) -> Result<(), ActError> {
    docker
        .restart_container(id, None)
        .await
        .map_err(ActError::docker("restart the container"))
}

/// Stops a container; one that is stopped already is as wanted.
pub async fn stop(docker: &Docker, id: &str) -> Result<(), ActError> {
    match docker.stop_container(id, None).await {
        Err(Error::DockerResponseServerError {
            status_code: 304 | 404,
            ..
        }) => Ok(()),
        other => other.map_err(ActError::docker("stop the container")),
    }
}

/// Removes a container, and no volume: `v` stays false.
pub async fn remove(docker: &Docker, id: &str) -> Result<(), ActError> {
    let options = RemoveContainerOptions {
        v: false,
        force: false,
        link: false,
    };
    match docker.remove_container(id, Some(options)).await {
        Err(Error::DockerResponseServerError {
            status_code: 404, ..
        }) => Ok(()),
        other => other.map_err(ActError::docker("remove the container")),
    }
}

/// Sets live limits and looks whether Docker has them. Memory and swap go together: raising memory
/// alone is refused.
pub async fn set_limits(docker: &Docker, id: &str, to: &LimitValues) -> Result<(), ActError> {
    let bytes = |b: Option<Bytes>| b.and_then(|b| i64::try_from(b.0).ok());
    let update = ContainerUpdateBody {
        memory: bytes(to.memory),
        memory_swap: bytes(to.memory_swap.or(to.memory)),
        nano_cpus: to.cpus.map(|c| i64::from(c.0) * 1_000_000),
        ..Default::default()
    };
    let wanted = (update.memory, update.nano_cpus);
    docker
        .update_container(id, update)
        .await
        .map_err(ActError::docker("change the limits"))?;
    let now = docker
        .inspect_container(id, None)
        .await
        .map_err(ActError::docker("inspect the container"))?;
    let host = now.host_config.unwrap_or_default();
    let holds = |wanted: Option<i64>, now: Option<i64>| wanted.is_none() || wanted == now;
    if holds(wanted.0, host.memory) && holds(wanted.1, host.nano_cpus) {
        Ok(())
    } else {
        Err(ActError::NoEffect(
            "docker accepted the new limits, and still shows the old ones".to_owned(),
        ))
    }
}

/// Sets what each new process of the server may allocate. From inside, by a process of the server's own
/// user: from outside it would take a capability.
pub async fn set_process_limit(docker: &Docker, id: &str, to: Bytes) -> Result<(), ActError> {
    let limit = format!("--data={}:", to.0);
    let command = ["prlimit", "--pid", "1", &limit].map(str::to_owned);
    let exec = CreateExecOptions {
        cmd: Some(command.to_vec()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..Default::default()
    };
    let failed = || ActError::docker("run prlimit in the container");
    let exec = docker.create_exec(id, exec).await.map_err(failed())?.id;
    let started = docker.start_exec(&exec, None).await.map_err(failed())?;
    let mut said = String::new();
    if let StartExecResults::Attached { mut output, .. } = started {
        while let Some(part) = output.next().await {
            said.push_str(&part.map_err(failed())?.to_string());
        }
    }
    let ended = docker.inspect_exec(&exec).await.map_err(failed())?;
    match ended.exit_code {
        Some(0) => Ok(()),
        _ => Err(ActError::NoEffect(format!(
            "prlimit in the container did not raise the limit of one process: {}",
            said.trim()
        ))),
    }
}

/// Waits until the server lets us in, over the socket that the agent uses: seen, not inferred.
///
/// # Errors
/// The container ended meanwhile, or the time is over.
pub async fn wait_for_answer(
    docker: &Docker,
    name: &str,
    way: &WayIn,
    after: Option<f64>,
) -> Result<(), ActError> {
    let deadline = Instant::now() + ANSWERS_WITHIN;
    let mut polls = 0_u32;
    loop {
        if matches!(postgres::answers(way, after).await, Ok(true)) {
            return Ok(());
        }
        polls += 1;
        // An inspect costs ten times a refused connect, and a container that ended says so for long.
        if polls.is_multiple_of(10) {
            still_running(docker, name).await?;
        }
        if Instant::now() > deadline {
            let message = format!(
                "PostgreSQL gave no answer within {} s: see docker logs {name}",
                ANSWERS_WITHIN.as_secs()
            );
            return Err(ActError::NoEffect(message));
        }
        tokio::time::sleep(ANSWER_POLL).await;
    }
}

async fn still_running(docker: &Docker, name: &str) -> Result<(), ActError> {
    let seen = docker
        .inspect_container(name, None)
        .await
        .map_err(ActError::docker("inspect the container"))?;
    let state = seen.state.unwrap_or_default();
    let ended_before = seen.restart_count.unwrap_or(0) > 0 && state.restarting == Some(true);
    if state.running == Some(true) && !ended_before {
        return Ok(());
    }
    let code = state.exit_code.unwrap_or(0);
    Err(ActError::NoEffect(format!(
        "the container ended with exit code {code}: see docker logs {name}"
    )))
}
