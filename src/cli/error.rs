//! Why a verb could not be done, and the next command to type.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::api::didyoumean::did_you_mean;
use crate::source::SourceError;
use crate::store::StoreError;

use super::remedy::{self, Trouble};

/// Why a verb could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Docker is not there, or not for us.
    #[error("cannot reach Docker at {socket}")]
    Docker {
        /// The socket.
        socket: String,
        /// Why not.
        #[source]
        source: bollard::errors::Error,
    },
    /// Only root may look into containers' sockets and write state.
    #[error("`aza-agent {0}` needs root")]
    NeedsRoot(&'static str),
    /// No agent has written a status.
    #[error("no agent has written a status in `{}`", .state_dir.display())]
    NoStatus {
        /// Where one was looked for.
        state_dir: PathBuf,
        /// The first thing that keeps an agent from doing so, as a command.
        next: String,
    },
    /// No such stack.
    #[error("there is no stack `{name}`{}", instead(.name, .known))]
    NoStack {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The argument is neither a stack's name nor a file.
    #[error("`{name}` is neither the name of a stack nor a file{}", instead(.name, .known))]
    NeitherNameNorFile {
        /// The argument.
        name: String,
        /// The stacks that there are.
        known: Vec<String>,
    },
    /// There is nothing that could be waited for.
    #[error("the directory of manifests declares no stack for this host")]
    NothingDeclared,
    /// A new manifest cannot be written.
    #[error(transparent)]
    Init(#[from] super::init::InitError),
    /// Manifests are invalid; each stands in the message.
    #[error("{wrong}")]
    Invalid {
        /// What is wrong, with its places.
        wrong: String,
        /// The first place: the file and its line.
        place: Option<(String, usize)>,
    },
    /// The directory of manifests cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// State cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The agent cannot run.
    #[error(transparent)]
    Controller(#[from] crate::controller::ControllerError),
    /// The image cannot be built.
    #[error(transparent)]
    Image(#[from] super::image::ImageError),
    /// An amount on the command line is wrong.
    #[error("{message}")]
    Argument {
        /// What is wrong with it.
        message: String,
        /// What to type instead.
        next: String,
    },
    /// The setting is not one that is owned.
    #[error("`{name}` is no setting that the tuner or the manifest of `{stack}` decides{}", near.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    NoSetting {
        /// The setting.
        name: String,
        /// The stack.
        stack: String,
        /// One that is close.
        near: Option<String>,
    },
    /// The host could not be looked at.
    #[error("cannot size this host: {0}")]
    HostUnknown(String),
    /// Standard output is closed, or the runtime cannot start.
    #[error("{0}")]
    Io(#[source] std::io::Error),
}

/// Names the stack that was meant, or those that there are.
fn instead(name: &str, known: &[String]) -> String {
    match near(name, known) {
        Some(near) => format!(" (did you mean `{near}`?)"),
        None if known.is_empty() => String::new(),
        None => format!("; there are: {}", known.join(", ")),
    }
}

fn near<'k>(name: &str, known: &'k [String]) -> Option<&'k str> {
    did_you_mean(name, known.iter().map(String::as_str))
}

impl CliError {
    /// Returns what to type next.
    #[must_use]
    pub fn next(&self) -> String {
        match self {
            Self::Docker { socket, .. } => {
                let trouble = remedy::trouble(socket).unwrap_or(Trouble::Silent);
                remedy::docker(socket, trouble)
            }
            Self::NeedsRoot(_) => remedy::again_as_root(),
            Self::NoStatus { next, .. } => next.clone(),
            Self::NoStack { name, known } | Self::NeitherNameNorFile { name, known } => {
                match near(name, known) {
                    Some(near) => remedy::again_with(name, near),
                    None if known.is_empty() => "aza-agent init NAME writes a manifest".to_owned(),
                    None => "aza-agent status shows the stacks".to_owned(),
                }
            }
            Self::NothingDeclared => "aza-agent init NAME writes a manifest".to_owned(),
            Self::Init(error) => error.next(),
            Self::Invalid { place, .. } => match place {
                Some((file, line)) => remedy::edit(file, *line),
                None => "correct it and try aza-agent validate again".to_owned(),
            },
            Self::Source(SourceError::Missing { path }) => remedy::make_directory(path),
            Self::Source(SourceError::List { .. }) => remedy::again_as_root(),
            Self::Store(error) if error.source.kind() == ErrorKind::PermissionDenied => {
                remedy::again_as_root()
            }
            Self::Store(_) => "check the owner and the space of the state directory".to_owned(),
            Self::Controller(_) => "see who it is: aza-agent status".to_owned(),
            Self::Image(error) => image_next(error),
            Self::Argument { next, .. } => next.clone(),
            Self::NoSetting { name, stack, near } => match near {
                Some(near) => remedy::again_with(name, near),
                None => format!("aza-agent explain {stack}"),
            },
            Self::HostUnknown(_) => "check that /proc and /sys are mounted".to_owned(),
            Self::Io(_) => "try again".to_owned(),
        }
    }
}

/// The build runs Docker's own program; what keeps that from its engine keeps us too.
fn image_next(error: &super::image::ImageError) -> String {
    let socket = std::env::var("DOCKER_HOST").unwrap_or(super::DOCKER_SOCKET.to_owned());
    match remedy::trouble(&socket) {
        Some(trouble) => remedy::docker(&socket, trouble),
        None => match error {
            super::image::ImageError::NoEntrypoint(_) => {
                "make build, or name it: aza-agent image build --entrypoint FILE".to_owned()
            }
            super::image::ImageError::Run { .. }
            | super::image::ImageError::Failed { .. }
            | super::image::ImageError::Write { .. } => "aza-agent image build --help".to_owned(),
        },
    }
}
