//! The real world of a story: an engine, a state directory, an image reference of its own.

use std::cell::RefCell;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use aza_agent::act::Hands;
use aza_agent::api::Bytes;
use aza_agent::client::Kept;
use aza_agent::controller::live::Live;
use aza_agent::facts::observed;
use aza_agent::host::layout::Layout;
use aza_agent::host::{container_limits, host_capacity};
use aza_agent::observe::Eyes;
use aza_agent::observe::glance::Looks;
use aza_agent::observe::password::Passwords;
use aza_agent::sim::Host;
use bollard::{API_DEFAULT_VERSION, Docker};

const SOCKET: &str = "/var/run/docker.sock";
/// The image under test; stories name it otherwise, so that a build meanwhile changes nothing for them.
pub const IMAGE: &str = "aza-pg:18";

/// What one story has on this machine; removed with this value.
pub struct Machine {
    pub name: String,
    pub port: u16,
    /// Another program on the stack's port, while there is one.
    pub listener: RefCell<Option<TcpListener>>,
    dir: tempfile::TempDir,
}

impl Machine {
    pub fn new(story: &str) -> Self {
        let machine = Self {
            name: format!("aza-test-conf-{story}"),
            port: free_port(),
            listener: RefCell::default(),
            dir: tempfile::tempdir().unwrap(),
        };
        machine.clean_up();
        docker(&["tag", IMAGE, &machine.image()]);
        machine
    }

    pub fn image(&self) -> String {
        format!("{}:18", self.name)
    }

    pub fn container(&self) -> String {
        format!("{}-postgres", self.name)
    }

    /// The name of a container that is not the stack's.
    pub fn other(&self) -> String {
        format!("{}-other", self.name)
    }

    /// Where a person does `docker compose` by hand.
    pub fn stack_dir(&self) -> PathBuf {
        self.dir.path().join("stacks").join(&self.name)
    }

    /// Runs `docker compose` there, for this project.
    pub fn compose(&self, arguments: &[&str]) {
        let mut compose = Command::new("docker");
        compose
            .args(["compose", "--project-name", &self.name])
            .args(arguments)
            .current_dir(self.stack_dir());
        let output = compose.output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// The state directory loses what the next start is told.
    pub fn lose_declared(&self) {
        fs::remove_dir_all(self.stack_dir().join("declared")).unwrap();
    }

    /// Returns the real world, as `run` makes it.
    pub async fn live(&self) -> Live {
        let docker = Docker::connect_with_socket(SOCKET, 180, API_DEFAULT_VERSION).unwrap();
        let docker = docker.negotiate_version().await.unwrap();
        let layout = Layout::new(self.dir.path());
        fs::create_dir_all(layout.stacks()).unwrap();
        let kept = Kept::default();
        let hands = Hands {
            docker: docker.clone(),
            docker_socket: format!("unix://{SOCKET}"),
            layout: layout.clone(),
            host_name: self.name.clone(),
            kept: kept.clone(),
        };
        let eyes = Eyes {
            docker,
            layout: layout.clone(),
            host_name: self.name.clone(),
            root: PathBuf::from("/"),
            passwords: Passwords::default(),
            kept,
            looks: Looks::default(),
        };
        Live {
            eyes,
            hands,
            layout,
            stopping: Arc::default(),
            forgetful: Arc::default(),
        }
    }

    /// Returns a pretended host of this machine's size.
    pub fn pretended(&self) -> Host {
        let root = Path::new("/");
        let (memory, cpus) = host_capacity(root).unwrap();
        let mut host = Host::new();
        let image = host.tags[aza_agent::sim::IMAGE].clone();
        host.tags.insert(self.image(), image);
        let data = docker(&["info", "--format", "{{.DockerRootDir}}"]);
        let data = rustix::fs::statvfs(Path::new(&data)).unwrap();
        host.name.clone_from(&self.name);
        host.size = observed::Host { memory, cpus };
        host.cgroup = container_limits(root, None).unwrap().version.unwrap();
        host.disk = Bytes(data.f_blocks * data.f_frsize);
        host.disk_free = Bytes(data.f_bavail * data.f_frsize);
        host
    }

    /// Runs SQL as a person would; several statements one after another.
    pub fn sql(&self, statements: &[&str]) -> String {
        let container = self.container();
        let mut arguments = vec![
            "exec",
            &container,
            "psql",
            "-XAtqU",
            "postgres",
            "-v",
            "ON_ERROR_STOP=1",
        ];
        arguments.extend(statements.iter().flat_map(|s| ["-c", s]));
        docker(&arguments)
    }

    fn clean_up(&self) {
        docker_output(&["rm", "-f", "-v", &self.container(), &self.other()]);
        docker_output(&["volume", "rm", "-f", &format!("{}_pgdata", self.name)]);
        docker_output(&["network", "rm", &format!("{}_default", self.name)]);
        docker_output(&["rmi", "--force", "--no-prune", &self.image()]);
        let _ = fs::remove_file(format!("/run/aza-agent/project-{}.lock", self.name));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.clean_up();
    }
}

/// Returns a port that nobody holds at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

pub fn docker_output(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).output().unwrap()
}

/// Runs docker and returns what it printed.
pub fn docker(arguments: &[&str]) -> String {
    let output = docker_output(arguments);
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
