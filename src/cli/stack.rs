//! Looking at one stack of this host, for the verbs that explain.

use std::path::{Path, PathBuf};

use bollard::Docker;

use crate::api::StackName;
use crate::api::desired::Desired;
use crate::api::validate::validate;
use crate::facts::Observed;
use crate::host::layout::Layout;
use crate::observe::Eyes;
use crate::reconcile::{self, Thought};
use crate::{source, store};

use super::{CliError, HostArgs};

/// One stack, looked at.
pub struct Looked {
    /// The manifest.
    pub desired: Desired,
    /// What was seen.
    pub seen: Observed,
    /// What was thought of it.
    pub thought: Thought,
}

/// Connects to the engine at `socket` and agrees on a version.
///
/// # Errors
/// It is not there, or not for us.
pub async fn connect(socket: &str) -> Result<Docker, CliError> {
    /// Beyond the longest call of ours, a restart with its grace period.
    const TIMEOUT: u64 = 180;
    let failed = |source| CliError::Docker {
        socket: socket.to_owned(),
        source,
    };
    let docker = Docker::connect_with_socket(socket, TIMEOUT, bollard::API_DEFAULT_VERSION)
        .map_err(failed)?;
    let agreed = tokio::time::timeout(
        std::time::Duration::from_secs(5),
        docker.negotiate_version(),
    )
    .await;
    match agreed {
        Ok(result) => result.map_err(failed),
        Err(_) => Err(failed(bollard::errors::Error::RequestTimeoutError)),
    }
}

/// Returns the host's name: the option, or the system's.
#[must_use]
pub fn host_name(option: Option<&str>) -> String {
    match option {
        Some(name) => name.to_owned(),
        None => rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
    }
}

/// Returns the directory of manifests: the option, the running agent's, or the one here.
#[must_use]
pub fn desired_state(args: &HostArgs, layout: &Layout) -> PathBuf {
    if let Some(named) = &args.desired_state {
        return named.clone();
    }
    let told = store::status::load(layout)
        .ok()
        .flatten()
        .and_then(|s| s.agent)
        .map(|a| a.desired_state.into());
    told.unwrap_or_else(|| PathBuf::from("desired-state"))
}

/// Returns the manifests that an argument means: a file's, one stack's by name, or all of this host.
///
/// # Errors
/// Invalid manifests, or nothing of that name.
pub fn manifests(args: &HostArgs, what: Option<&str>) -> Result<Vec<Desired>, CliError> {
    let layout = Layout::new(&args.state.state_dir);
    if let Some(what) = what
        && Path::new(what).is_file()
    {
        return of_file(Path::new(what));
    }
    let directory = desired_state(args, &layout);
    let snapshot = source::read(&directory)?;
    let host = host_name(args.host.as_deref());
    let mut stacks: Vec<Desired> = snapshot
        .stacks()
        .filter(|d| d.host.as_deref().is_none_or(|h| h == host))
        .cloned()
        .collect();
    let Some(name) = what else { return Ok(stacks) };
    let Ok(name) = StackName::parse(name) else {
        return Err(CliError::NeitherNameNorFile(name.to_owned()));
    };
    if let Some(at) = stacks.iter().position(|d| d.name == name) {
        return Ok(vec![stacks.swap_remove(at)]);
    }
    // An invalid manifest leaves the last valid one in force; that is what `run` would act on.
    if let Some(last) = store::stacks::manifest(&layout, &name)? {
        return Ok(vec![last]);
    }
    let known = stacks.iter().map(|d| d.name.to_string()).collect();
    Err(CliError::NoStack {
        name: name.to_string(),
        known,
    })
}

fn of_file(path: &Path) -> Result<Vec<Desired>, CliError> {
    let bytes = std::fs::read(path).map_err(CliError::Io)?;
    let report = validate(&bytes, &path.display().to_string());
    let wrong: Vec<String> = report.violations().map(ToString::to_string).collect();
    if wrong.is_empty() {
        Ok(report.stacks().cloned().collect())
    } else {
        Err(CliError::Invalid(wrong.join("\n")))
    }
}

/// Looks at a stack and thinks, exactly as a pass does.
pub async fn look(args: &HostArgs, docker: &Docker, desired: Desired) -> Result<Looked, CliError> {
    let layout = Layout::new(&args.state.state_dir);
    let eyes = Eyes {
        docker: docker.clone(),
        layout: layout.clone(),
        host_name: host_name(args.host.as_deref()),
        root: PathBuf::from("/"),
        kept: Default::default(),
        looks: Default::default(),
    };
    let record = store::stacks::record(&layout, &desired.name)?.unwrap_or_default();
    let seen = eyes
        .look(&desired, &reconcile::settings_to_read(&desired, &record))
        .await;
    let approved = store::requests::is_approved(&layout, &desired.name);
    let thought = reconcile::think(&desired, &seen, &record, approved);
    Ok(Looked {
        desired,
        seen,
        thought,
    })
}

/// Runs a future to its end on this thread.
///
/// # Errors
/// The runtime cannot start.
pub fn block_on<T>(future: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Io)?;
    runtime.block_on(future)
}

/// Refuses a verb to everyone but root: peer, chown and the run directory need it.
///
/// # Errors
/// We are somebody else.
pub fn need_root(verb: &'static str) -> Result<(), CliError> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err(CliError::NeedsRoot(verb))
    }
}
