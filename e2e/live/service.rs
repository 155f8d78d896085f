//! The agent as a service: what it tells systemd, without a Docker, with a hung one, and with one that comes late.

use std::fs;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::stack::AGENT;

/// Short enough that a Docker's deadline of five seconds is longer.
const WATCHDOG: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(30);

struct Service {
    dir: tempfile::TempDir,
    systemd: UnixDatagram,
    agent: Child,
}

impl Service {
    /// Starts the agent as systemd would, with this directory's `docker.sock` as the engine.
    fn start(dir: tempfile::TempDir, name: &str) -> Self {
        let socket = dir.path().join("notify");
        let systemd = UnixDatagram::bind(&socket).unwrap();
        systemd
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        fs::create_dir_all(dir.path().join("ds")).unwrap();
        let agent = Command::new(AGENT)
            .arg("run")
            .arg("--desired-state")
            .arg(dir.path().join("ds"))
            .arg("--state-dir")
            .arg(dir.path().join("state"))
            .args(["--host", &format!("aza-test-service-{name}")])
            .env(
                "DOCKER_HOST",
                format!("unix://{}", dir.path().join("docker.sock").display()),
            )
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string())
            .stdin(Stdio::null())
            .stderr(fs::File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self {
            dir,
            systemd,
            agent,
        }
    }

    /// Returns the next message, where one comes in time.
    fn next(&self) -> Option<String> {
        let mut bytes = [0; 4096];
        let length = self.systemd.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    /// Waits for a message, and returns everything that came up to it.
    fn wait(&self, wanted: &str) -> Vec<String> {
        let until = Instant::now() + PATIENCE;
        let mut all = Vec::new();
        while Instant::now() < until {
            all.extend(self.next());
            if all.last().is_some_and(|m| m.contains(wanted)) {
                return all;
            }
        }
        let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        panic!("no `{wanted}` in {all:?}\n{log}")
    }

    fn signal(&self, signal: &str) {
        let pid = self.agent.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

#[test]
fn an_agent_without_docker_is_ready_says_so_and_sees_it_come() {
    let mut service = Service::start(tempfile::tempdir().unwrap(), "late");
    service.wait("READY=1");
    service.wait("STATUS=Docker does not answer since ");
    service.wait("WATCHDOG=1");
    std::os::unix::fs::symlink(
        "/var/run/docker.sock",
        service.dir.path().join("docker.sock"),
    )
    .unwrap();
    service.wait("STATUS=no stacks");
    service.signal("-HUP");
    let said = service.wait("RELOADING=1");
    assert!(!said.iter().any(|m| m.contains("READY=1")), "{said:?}");
    service.wait("READY=1");
    service.signal("-TERM");
    service.wait("STOPPING=1");
    assert_eq!(service.agent.wait().unwrap().code(), Some(0));
}

#[test]
fn a_hung_docker_does_not_starve_the_watchdog() {
    let dir = tempfile::tempdir().unwrap();
    // Accepts, by its backlog, and never answers.
    let _engine = UnixListener::bind(dir.path().join("docker.sock")).unwrap();
    manifest(dir.path());
    let service = Service::start(dir, "hung");
    service.wait("READY=1");
    let until = Instant::now() + 4 * WATCHDOG;
    let mut last = Instant::now();
    let mut told = false;
    while Instant::now() < until {
        let Some(said) = service.next() else { continue };
        told |= said.contains("no answer within 5 s") && said.contains("not Ready: quiet");
        if said.contains("WATCHDOG=1") {
            assert!(last.elapsed() < WATCHDOG, "{:?}", last.elapsed());
            last = Instant::now();
        }
    }
    assert!(last.elapsed() < WATCHDOG, "{:?}", last.elapsed());
    assert!(told, "nothing was told of the hung Docker");
}

fn manifest(dir: &Path) {
    fs::create_dir_all(dir.join("ds")).unwrap();
    let text = "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata: {name: quiet}\nspec:\n  \
                resources: {memory: 1GB, cpus: 1}\n";
    fs::write(dir.join("ds/quiet.yaml"), text).unwrap();
}
