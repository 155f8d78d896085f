//! Why a verb could not be done, and the next command to type.

use std::path::PathBuf;

use crate::store::StoreError;

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
    #[error("no agent has written a status in `{}`", .0.display())]
    NoStatus(PathBuf),
    /// No such stack.
    #[error("there is no stack `{name}`{}", if .known.is_empty() { String::new() } else { format!("; there are: {}", .known.join(", ")) })]
    NoStack {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The argument is neither a stack's name nor a file.
    #[error("`{0}` is neither the name of a stack nor a file")]
    NeitherNameNorFile(String),
    /// Manifests are invalid; each stands in the message.
    #[error("{0}")]
    Invalid(String),
    /// The directory of manifests cannot be read.
    #[error(transparent)]
    Source(#[from] crate::source::SourceError),
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
    #[error("{0}")]
    Argument(String),
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

impl CliError {
    /// Returns what to type next.
    #[must_use]
    pub fn next(&self) -> String {
        match self {
            Self::Docker { source, .. }
                if crate::api::chain::in_words(source).contains("ermission denied") =>
            {
                "run it as root (sudo), or join the group docker".to_owned()
            }
            Self::Docker { .. } => {
                "start Docker: systemctl start docker (or install it: make setup)".to_owned()
            }
            Self::NeedsRoot(verb) => format!("sudo aza-agent {verb} …"),
            Self::NoStatus(_) => {
                "start the agent: make up, or sudo aza-agent run; --state-dir names another place"
                    .to_owned()
            }
            Self::NoStack { .. } => "aza-agent status".to_owned(),
            Self::NeitherNameNorFile(_) => "aza-agent status shows the names".to_owned(),
            Self::Invalid(_) => "correct it and try aza-agent validate again".to_owned(),
            Self::Source(_) => "aza-agent run --desired-state DIR".to_owned(),
            Self::Store(_) => "check the owner and the space of the state directory".to_owned(),
            Self::Controller(_) => "see who it is: aza-agent status".to_owned(),
            Self::Image(_) => "aza-agent image build --help".to_owned(),
            Self::Argument(_) => "aza-agent --help".to_owned(),
            Self::NoSetting { stack, .. } => format!("aza-agent explain {stack}"),
            Self::HostUnknown(_) => "check that /proc and /sys are mounted".to_owned(),
            Self::Io(_) => "try again".to_owned(),
        }
    }
}
