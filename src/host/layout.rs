//! Where the agent keeps its things on the host. Paths only; nothing is touched.
//!
//! ```text
//! STATE/                     0755   /var/lib/aza-agent unless --state-dir says otherwise
//!   status.json              0644   what `aza-agent status` reads
//!   stacks/NAME/             0755   compose.yml: `cd` here for `docker compose ps|logs`
//!     declared/              0755   mounted read-only at /etc/aza
//!     record.json, manifest.json    what the agent remembers
//!   secrets/                 0700   mounted one by one, never listed by others
//!   run/                     0700   socket directories: inside, peer would be any process of uid 999
//!   requests/                0700   `aza-agent approve`
//! ```

use std::path::{Path, PathBuf};

use crate::api::StackName;
use crate::api::declared;

/// The state directory unless the command line says otherwise.
pub const STATE_DIR: &str = "/var/lib/aza-agent";
/// The directory for locks: gone after a boot, as the processes are that hold them.
pub const RUN_DIR: &str = "/run/aza-agent";

/// The paths below one state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Names the state directory.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the state directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the status file.
    #[must_use]
    pub fn status(&self) -> PathBuf {
        self.root.join("status.json")
    }

    /// Returns the directory with one directory for each stack.
    #[must_use]
    pub fn stacks(&self) -> PathBuf {
        self.root.join("stacks")
    }

    /// Returns the directory of a stack, where `docker compose` works by hand.
    #[must_use]
    pub fn stack(&self, name: &StackName) -> PathBuf {
        self.stacks().join(name.as_str())
    }

    /// Returns the compose file of a stack.
    #[must_use]
    pub fn compose(&self, name: &StackName) -> PathBuf {
        self.stack(name).join("compose.yml")
    }

    /// Returns the directory that the container sees at [`declared::DIRECTORY`].
    #[must_use]
    pub fn declared_dir(&self, name: &StackName) -> PathBuf {
        self.stack(name).join("declared")
    }

    /// Returns the file in it.
    #[must_use]
    pub fn declared(&self, name: &StackName) -> PathBuf {
        self.declared_dir(name).join(declared::FILE)
    }

    /// Returns what the agent remembers of a stack.
    #[must_use]
    pub fn record(&self, name: &StackName) -> PathBuf {
        self.stack(name).join("record.json")
    }

    /// Returns the last valid manifest of a stack.
    #[must_use]
    pub fn manifest(&self, name: &StackName) -> PathBuf {
        self.stack(name).join("manifest.json")
    }

    /// Returns the directory with the secrets of all stacks.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// Returns the directory with the secrets of a stack.
    #[must_use]
    pub fn stack_secrets(&self, name: &StackName) -> PathBuf {
        self.secrets().join(name.as_str())
    }

    /// Returns the file with the superuser's password.
    #[must_use]
    pub fn superuser_secret(&self, name: &StackName) -> PathBuf {
        self.stack_secrets(name).join("superuser")
    }

    /// Returns the directory with all socket directories.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Returns the directory that the container sees at `/run/postgresql`.
    #[must_use]
    pub fn socket_dir(&self, name: &StackName) -> PathBuf {
        self.run().join(name.as_str())
    }

    /// Returns the lock of an agent: one for one engine and host name, whatever the state directory.
    #[must_use]
    pub fn agent_lock(docker_socket: &str, host_name: &str) -> PathBuf {
        let flat = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_");
        Path::new(RUN_DIR).join(format!(
            "agent{}-{}.lock",
            flat(docker_socket),
            flat(host_name)
        ))
    }

    /// Returns the lock that a compose call on a stack's project holds.
    #[must_use]
    pub fn project_lock(name: &StackName) -> PathBuf {
        Path::new(RUN_DIR).join(format!("project-{name}.lock"))
    }

    /// Returns the directory with requests of people.
    #[must_use]
    pub fn requests(&self) -> PathBuf {
        self.root.join("requests")
    }

    /// Returns the request that lets a stack's disruptive step happen once.
    #[must_use]
    pub fn approval(&self, name: &StackName) -> PathBuf {
        self.requests().join(format!("{name}.approve"))
    }
}
