//! Looking at one stack of this host, for the verbs that explain.

use std::path::{Path, PathBuf};

use bollard::Docker;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use hyperlocal::UnixConnector;

use crate::api::desired::Desired;
use crate::api::validate::validate;
use crate::api::{StackName, Violation};
use crate::controller::intake;
use crate::facts::Observed;
use crate::host::layout::Layout;
use crate::observe::Eyes;
use crate::observe::password::Passwords;
use crate::reconcile::{self, Thought};
use crate::{source, store};

use super::output::remark;
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

/// Beyond the longest call of ours, a restart with its grace period.
const TIMEOUT: u64 = 180;

/// Connects to the engine at `socket` and agrees on a version.
///
/// # Errors
/// It is not there, or not for us.
pub async fn connect(socket: &str) -> Result<Docker, CliError> {
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

/// Returns a client for the engine at `socket`, whether it is there by now or not.
///
/// bollard's own constructor refuses a socket that does not exist yet, as on a host whose Docker comes
/// up later than the agent; so this is its Unix transport, made by hand.
///
/// # Errors
/// None that is known.
pub fn client(socket: &str) -> Result<Docker, CliError> {
    let path = socket.trim_start_matches("unix://");
    let http: Client<UnixConnector, _> = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(UnixConnector);
    let transport = move |request| {
        let answer = http.request(request);
        async move { answer.await.map_err(bollard::errors::Error::from) }
    };
    // hyperlocal's form of an address: the path in hexadecimal where a host would stand.
    let host: String = path.bytes().map(|b| format!("{b:02x}")).collect();
    let address = Some(format!("unix://{host}"));
    Docker::connect_with_custom_transport(transport, address, TIMEOUT, bollard::API_DEFAULT_VERSION)
        .map_err(|source| CliError::Docker {
            socket: socket.to_owned(),
            source,
        })
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
    let mut read = intake::sort(&snapshot, &host_name(args.host.as_deref()));
    let Some(what) = what else {
        read.rejected
            .iter()
            .for_each(|wrong| remark(&format!("refused: {wrong}")));
        let all = std::mem::take(&mut read.stacks);
        let mut stacks = Vec::new();
        for (name, verdict) in all {
            match verdict {
                Ok(desired) => stacks.push(desired),
                Err(why) => stacks.extend(last_valid(&layout, &snapshot, &name, why)?),
            }
        }
        return Ok(stacks);
    };
    let known = read.stacks.keys().map(ToString::to_string).collect();
    let Ok(name) = StackName::parse(what) else {
        let name = what.to_owned();
        return Err(CliError::NeitherNameNorFile { name, known });
    };
    match read.stacks.remove(&name) {
        Some(Ok(desired)) => return Ok(vec![desired]),
        Some(Err(why)) => {
            if store::stacks::manifest(&layout, &name)?.is_none() {
                return Err(refused(&snapshot, &name, why));
            }
            return Ok(last_valid(&layout, &snapshot, &name, why)?
                .into_iter()
                .collect());
        }
        None => {}
    }
    // A manifest that is gone leaves the last valid one in force until it counts as gone.
    if let Some(last) = store::stacks::manifest(&layout, &name)? {
        return Ok(vec![last]);
    }
    let name = name.to_string();
    Err(CliError::NoStack { name, known })
}

/// Returns the manifest that stays in force beside a refused one, where there is one, and says so: it is what
/// `run` acts on.
fn last_valid(
    layout: &Layout,
    snapshot: &source::Snapshot,
    name: &StackName,
    why: String,
) -> Result<Option<Desired>, CliError> {
    let last = store::stacks::manifest(layout, name)?;
    let what = if last.is_some() {
        "the last valid manifest stays in force"
    } else {
        "nothing of it is in force"
    };
    let error = refused(snapshot, name, why);
    remark(&format!(
        "refused: {name}: {error}; {what}\n  next: {}",
        error.next()
    ));
    Ok(last)
}

fn refused(snapshot: &source::Snapshot, name: &StackName, why: String) -> CliError {
    let documents = snapshot.reports().flat_map(|report| &report.documents);
    let place = documents
        .filter(|document| document.name.as_ref() == Some(name))
        .find_map(|document| document.result.as_ref().err()?.first());
    CliError::Invalid {
        wrong: why,
        place: place.map(|v| (v.file.clone(), v.line)),
    }
}

fn of_file(path: &Path) -> Result<Vec<Desired>, CliError> {
    let bytes = std::fs::read(path).map_err(CliError::Io)?;
    let report = validate(&bytes, &path.display().to_string());
    if report.violations().next().is_none() {
        Ok(report.stacks().cloned().collect())
    } else {
        Err(invalid(report.violations()))
    }
}

fn invalid<'v>(violations: impl Iterator<Item = &'v Violation>) -> CliError {
    let all: Vec<&Violation> = violations.collect();
    let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
    CliError::Invalid {
        wrong: lines.join("\n"),
        place: all.first().map(|v| (v.file.clone(), v.line)),
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
        passwords: Passwords::default(),
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
