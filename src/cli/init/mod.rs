//! `aza-agent init`: writes a manifest for this host's size. Needs no Docker and no agent.
//!
//! The file appears whole or not at all, and never in place of another one: a running agent acts on it at once.

mod size;
mod text;

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::api::clash::clashes;
use crate::api::desired::Desired;
use crate::api::validate::validate;
use crate::api::{Bytes, MilliCpu, StackName, Storage, Workload};
use crate::facts::observed::Host;
use crate::host::layout::Layout;
use crate::{host, source, store};

use super::output::{print, remark};
use super::stack::{desired_state, host_name};
use super::{CliError, Exit, HostArgs, remedy, status};
use size::{LEAST, NoRoom, Share};

/// Where Docker keeps volumes unless somebody moved it.
const DATA: &str = "/var/lib/docker";
/// The first port that is tried, PostgreSQL's own, and how many follow.
const PORTS: std::ops::Range<u16> = 5432..5532;

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// What to call it: container, volume and file are named after it.
    name: String,
    /// Where to write it; `-` prints it [default: NAME.yaml in the directory of manifests].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Memory, with a unit: 2GB [default: three quarters of what the system and other stacks leave].
    #[arg(long, value_parser = |t: &str| Bytes::parse(t).map_err(|e| e.to_string()))]
    memory: Option<Bytes>,
    /// CPUs: 2, 1.5 or 500m [default: what the system and other stacks leave].
    #[arg(long, value_parser = |t: &str| MilliCpu::parse(t).map_err(|e| e.to_string()))]
    cpus: Option<MilliCpu>,
    /// What it is for: web, oltp, dw or mixed.
    #[arg(long, default_value = "mixed", value_parser = |t: &str| Workload::parse(t).ok_or("use web, oltp, dw or mixed"))]
    workload: Workload,
    /// What the data lies on: ssd, hdd or san [default: what this host's disk says].
    #[arg(long, value_parser = |t: &str| Storage::parse(t).ok_or("use ssd, hdd or san"))]
    storage: Option<Storage>,
    /// The port on 127.0.0.1 [default: the first free one from 5432 on].
    #[arg(long)]
    port: Option<u16>,
    #[command(flatten)]
    host: HostArgs,
}

/// Why no manifest is written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Too small a server was asked for.
    #[error("{asked} is too little: PostgreSQL is sized from {LEAST} on")]
    TooLittle {
        /// What was asked for.
        asked: Bytes,
        /// As it was written.
        words: String,
    },
    /// More was asked for than the host has.
    #[error("{asked} is more than this host has ({} MB)", host.as_mib())]
    TooMuch {
        /// What was asked for, with its unit.
        asked: String,
        /// What there is.
        host: Bytes,
    },
    /// More CPUs were asked for than the host has.
    #[error("{asked} CPUs are more than this host has ({host})")]
    TooManyCpus {
        /// What was asked for.
        asked: MilliCpu,
        /// What there is.
        host: u32,
    },
    /// The host has no room.
    #[error("{}", no_room(.0))]
    NoRoom(NoRoom),
    /// The stack or the file is there.
    #[error("{what}; it is left as it is")]
    Exists {
        /// What is there.
        what: String,
        /// Where.
        file: String,
    },
    /// The name is none.
    #[error("{0}")]
    Name(String),
    /// Every port that is tried is taken.
    #[error("no port from {} to {} is free on 127.0.0.1", PORTS.start, PORTS.end - 1)]
    NoPort,
    /// The named port is taken.
    #[error("port {port} is taken: {by}")]
    PortTaken {
        /// The port.
        port: u16,
        /// By whom.
        by: String,
    },
    /// The manifest would not be valid: a mistake of ours.
    #[error("the manifest would not be valid: {0}")]
    NotValid(String),
    /// The file cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl InitError {
    /// Returns what to type next.
    #[must_use]
    pub fn next(&self) -> String {
        match self {
            Self::TooLittle { words, .. } => remedy::again_with(words, &LEAST.to_string()),
            Self::TooMuch { .. } | Self::TooManyCpus { .. } => {
                "leave it out, and aza-agent init takes what this host can give".to_owned()
            }
            Self::NoRoom(no_room) => room(no_room),
            Self::Exists { file, .. } => format!("aza-agent plan {}", remedy::quoted(file)),
            Self::Name(_) => "aza-agent init main".to_owned(),
            Self::NoPort | Self::PortTaken { .. } => {
                let port = match self {
                    Self::PortTaken { port, .. } => *port,
                    _ => PORTS.start,
                };
                format!("{}; or leave --port out", who_listens(port))
            }
            Self::NotValid(_) => "write the manifest by hand: aza-agent schema".to_owned(),
            Self::Write { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                remedy::again_as_root()
            }
            Self::Write { .. } => "choose another place with --output FILE".to_owned(),
        }
    }
}

fn who_listens(port: u16) -> String {
    remedy::as_root(&format!("ss -ltnp 'sport = :{port}'"))
}

fn no_room(no_room: &NoRoom) -> String {
    let NoRoom {
        host,
        system,
        others,
    } = no_room;
    let others: Vec<String> = others
        .iter()
        .map(|(name, memory)| match memory {
            Some(memory) => format!(", `{name}` has {memory}"),
            None => format!(", `{name}` has no memory limit and may take all of it"),
        })
        .collect();
    format!(
        "this host has {} MB: {} MB are kept for the system{}, and what is left is no room for the smallest \
         server, {LEAST}",
        host.as_mib(),
        system.as_mib(),
        others.concat()
    )
}

fn room(no_room: &NoRoom) -> String {
    if !no_room.others.is_empty() {
        return "lower spec.resources.memory of the others, or say how much all the same with --memory".to_owned();
    }
    if no_room.host.0 >= LEAST.0 + 64 * Bytes::MIB {
        return format!(
            "a host of 1 GB is what it takes; for a trial: {} --memory {LEAST}",
            remedy::again()
        );
    }
    "take a host of 1 GB or more".to_owned()
}

/// Writes a manifest, and says what comes next.
///
/// # Errors
/// There is no room for it, or something of that name is there.
pub fn run(args: &InitArgs) -> Result<Exit, CliError> {
    let name = StackName::parse(&args.name).map_err(|e| InitError::Name(e.to_string()))?;
    let is_printed = args.output.as_deref() == Some(Path::new("-"));
    let layout = Layout::new(&args.host.state.state_dir);
    let directory = desired_state(&args.host, &layout);
    let others = others(&directory, args)?;
    let path = match &args.output {
        Some(path) => path.clone(),
        None => directory.join(format!("{name}.yaml")),
    };
    if !is_printed {
        refuse_twins(&name, &others, &path)?;
    }
    let host = host_size()?;
    check(args, host)?;
    let others: Vec<Desired> = others.into_iter().filter(|d| d.name != name).collect();
    let asked = (args.memory, args.cpus);
    let share = size::share(host, &others, asked).map_err(InitError::NoRoom)?;
    let text = text::manifest(&text::Draft {
        name: name.as_str(),
        host: (host.memory, host.cpus),
        share: &share,
        workload: args.workload,
        storage: storage(args.storage),
        port: port(args.port, &others)?,
        has_schema: path
            .parent()
            .is_some_and(|p| p.join("manifest.schema.json").is_file()),
    });
    let desired = valid(&text, &path, &others)?;
    if is_printed {
        print(&text)?;
        return Ok(Exit::Done);
    }
    write(&path, &text)?;
    told(args, &layout, &path, &desired, &share, host);
    Ok(Exit::Done)
}

/// Returns the stacks that are declared for this host already.
fn others(directory: &Path, args: &InitArgs) -> Result<Vec<Desired>, CliError> {
    let snapshot = match source::read(directory) {
        Ok(snapshot) => snapshot,
        // Whoever names the file needs no directory.
        Err(_) if args.output.is_some() => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let host = host_name(args.host.host.as_deref());
    for report in snapshot.reports() {
        if let Some(wrong) = report.violations().next() {
            remark(&format!(
                "note: not counted, because it is invalid: {wrong}"
            ));
        }
    }
    let here = snapshot
        .stacks()
        .filter(|d| d.host.as_deref().is_none_or(|h| h == host));
    Ok(here.cloned().collect())
}

fn refuse_twins(name: &StackName, others: &[Desired], path: &Path) -> Result<(), InitError> {
    if let Some(twin) = others.iter().find(|d| d.name == *name) {
        let file = twin.origin.split(':').next().unwrap_or_default().to_owned();
        return Err(InitError::Exists {
            what: format!("`{name}` is declared in {}", twin.origin),
            file,
        });
    }
    if path.symlink_metadata().is_ok() {
        let file = path.display().to_string();
        return Err(InitError::Exists {
            what: format!("`{file}` is there already"),
            file,
        });
    }
    Ok(())
}

fn host_size() -> Result<Host, CliError> {
    // Below a limit of its own (a container, a slice) this is as large as the host gets.
    let capacity = host::capacity(Path::new("/"), None, host::Ceilings::default());
    let capacity = capacity.map_err(|e| CliError::HostUnknown(e.to_string()))?;
    Ok(Host {
        memory: capacity.memory,
        cpus: capacity.cpus,
    })
}

fn check(args: &InitArgs, host: Host) -> Result<(), InitError> {
    if let Some(asked) = args.memory {
        if asked < LEAST {
            let words = std::env::args().find(|word| Bytes::parse(word) == Ok(asked));
            let words = words.unwrap_or_else(|| format!("--memory={asked}"));
            return Err(InitError::TooLittle { asked, words });
        }
        if asked > host.memory {
            let asked = asked.to_string();
            return Err(InitError::TooMuch {
                asked,
                host: host.memory,
            });
        }
    }
    match args.cpus {
        Some(asked) if asked.whole() > host.cpus => Err(InitError::TooManyCpus {
            asked,
            host: host.cpus,
        }),
        Some(_) | None => Ok(()),
    }
}

fn storage(asked: Option<Storage>) -> (Storage, &'static str) {
    if let Some(storage) = asked {
        return (storage, "As asked for:");
    }
    let data = Path::new(DATA);
    let place = if data.exists() { data } else { Path::new("/") };
    match host::disk::rotates(Path::new("/"), place) {
        Ok(Some(true)) => (Storage::Hdd, "The kernel says that this disk rotates:"),
        Ok(Some(false)) => (
            Storage::Ssd,
            "The kernel says that this disk does not rotate:",
        ),
        Ok(None) | Err(_) => (
            Storage::Ssd,
            "This host does not say what its disk is; most are flash:",
        ),
    }
}

/// Finds a port that neither another manifest nor a running program has.
fn port(asked: Option<u16>, others: &[Desired]) -> Result<u16, InitError> {
    let declared = |port: u16| others.iter().find(|d| d.publish.port == port);
    let is_free = |port: u16| {
        TcpListener::bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)).is_ok()
    };
    let Some(port) = asked else {
        let free = PORTS
            .into_iter()
            .find(|p| declared(*p).is_none() && is_free(*p));
        return free.ok_or(InitError::NoPort);
    };
    if let Some(other) = declared(port) {
        let by = format!("`{}` publishes it ({})", other.name, other.origin);
        return Err(InitError::PortTaken { port, by });
    }
    if is_free(port) {
        Ok(port)
    } else {
        let by = "a program on this host listens there".to_owned();
        Err(InitError::PortTaken { port, by })
    }
}

/// Reads what is about to be written as the agent will.
fn valid(text: &str, path: &Path, others: &[Desired]) -> Result<Desired, InitError> {
    let report = validate(text.as_bytes(), &path.display().to_string());
    let wrong: Vec<String> = report.violations().map(ToString::to_string).collect();
    let [desired] = report.stacks().collect::<Vec<_>>()[..] else {
        return Err(InitError::NotValid(wrong.join("; ")));
    };
    let clashing = clashes(others.iter().chain([desired]));
    match clashing.iter().find(|c| c.concerns(&desired.name)) {
        Some(clash) => Err(InitError::NotValid(clash.to_string())),
        None => Ok(desired.clone()),
    }
}

/// Writes beside, then links: a reader sees the whole file, and one that is there stays.
fn write(path: &Path, text: &str) -> Result<(), InitError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = directory.join(format!(".{file}.{}.new", std::process::id()));
    let written = fs::write(&beside, text).and_then(|()| fs::hard_link(&beside, path));
    let _ = fs::remove_file(&beside);
    written.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => InitError::Exists {
            what: format!("`{}` is there already", path.display()),
            file: path.display().to_string(),
        },
        _ => InitError::Write {
            path: path.to_owned(),
            source,
        },
    })
}

fn told(
    args: &InitArgs,
    layout: &Layout,
    path: &Path,
    desired: &Desired,
    share: &Share,
    host: Host,
) {
    let (name, file) = (&desired.name, path.display());
    remark(&format!(
        "wrote {file}: `{name}`, {} memory, {} CPU, workload {}, 127.0.0.1:{}",
        share.memory, share.cpus, args.workload, desired.publish.port
    ));
    if share.memory.0 + share.others.0 + share.system.0 > host.memory.0 {
        remark(&format!(
            "note: together with the system ({} MB) and the other stacks ({} MB) that is more than this host has \
             ({} MB)",
            share.system.as_mib(),
            share.others.as_mib(),
            host.memory.as_mib()
        ));
    }
    let agent = store::status::load(layout)
        .ok()
        .flatten()
        .and_then(|s| s.agent);
    let watched = agent.filter(status::is_running).is_some_and(|agent| {
        let directory = path.parent().unwrap_or(Path::new("."));
        let same = |a: &Path, b: &Path| fs::canonicalize(a).ok() == fs::canonicalize(b).ok();
        same(Path::new(&agent.desired_state), directory)
    });
    let next = if watched {
        format!("aza-agent status {name} --wait Ready")
    } else {
        remedy::first_obstacle(&args.host, Some(&desired.image))
    };
    remark(&format!("  next: {next}"));
}
