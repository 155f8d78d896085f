//! A state directory, a directory of manifests, and an agent that is there or not.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use aza_agent::api::condition::{Condition, ConditionType, Truth};
use aza_agent::api::event::{Event, EventType};
use aza_agent::api::status::{AgentStatus, Metadata, StackStatus, Status, StatusFile};
use aza_agent::api::validate::validate;
use aza_agent::host::layout::Layout;
use aza_agent::host::lock::Lock;
use aza_agent::store;

pub const AGENT: &str = env!("CARGO_BIN_EXE_aza-agent");
/// Long enough on a busy machine; nothing waits for it where all is well.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Scene {
    pub dir: tempfile::TempDir,
    lock: Option<Lock>,
}

impl Scene {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("ds")).unwrap();
        fs::create_dir(dir.path().join("state")).unwrap();
        Self { dir, lock: None }
    }

    pub fn desired_state(&self) -> PathBuf {
        self.dir.path().join("ds")
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn lock_file(&self) -> PathBuf {
        self.dir.path().join("agent.lock")
    }

    /// Pretends that an agent runs: this process is it.
    pub fn start_agent(&mut self) {
        self.lock = Lock::try_take(&self.lock_file()).unwrap();
        assert!(self.lock.is_some());
    }

    /// Saves a manifest and returns its digest.
    pub fn declare(&self, name: &str, memory: &str) -> String {
        let text = format!(
            "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata: {{name: {name}}}\nspec:\n  workload: web\n  \
             resources: {{memory: {memory}}}\n"
        );
        fs::write(self.desired_state().join(format!("{name}.yaml")), &text).unwrap();
        let report = validate(text.as_bytes(), "test.yaml");
        let digest = report.stacks().next().map(|d| d.digest.clone());
        digest.unwrap_or_default()
    }

    /// Writes a status as the agent does.
    pub fn tell(&self, items: Vec<StackStatus>) {
        let agent = AgentStatus {
            pid: std::process::id(),
            version: "0.0.0".into(),
            host: "host".into(),
            desired_state: self.desired_state().display().to_string(),
            lock: self.lock_file().display().to_string(),
            started_at: jiff::Timestamp::UNIX_EPOCH,
            stopped_at: None,
            unwatched: None,
            docker_silent: None,
        };
        let file = StatusFile {
            agent: Some(agent),
            items,
            rejected: vec![],
        };
        store::status::save(&Layout::new(self.state()), &file).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(AGENT);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("AZA_STATE_DIR", self.state())
            .env("AZA_DESIRED_STATE", self.desired_state())
            .env("DOCKER_HOST", self.no_docker())
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A socket that is not there.
    pub fn no_docker(&self) -> String {
        format!("unix://{}/no-docker.sock", self.dir.path().display())
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::from(self.command(arguments).output().unwrap())
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::new(self.command(arguments).spawn().unwrap())
    }
}

/// What a finished command said.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// Checks how it ended and that each of the parts was said to standard error.
    pub fn complains(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        for part in parts {
            assert!(self.err.contains(part), "no `{part}` in:\n{}", self.err);
        }
    }
}

/// A command that still runs; it is ended with this value.
pub struct Running {
    child: Child,
    pub out: Receiver<String>,
    pub err: Receiver<String>,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    pub fn next_out(&self) -> String {
        self.out.recv_timeout(PATIENCE).expect("a line of output")
    }

    pub fn next_err(&self) -> String {
        self.err.recv_timeout(PATIENCE).expect("a remark")
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(status.success());
    }

    pub fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Takes its output away, as `| head -1` does.
    pub fn first_line_only(mut command: Command) -> (String, Child) {
        let mut child = command.spawn().unwrap();
        let mut reader: BufReader<ChildStdout> = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        (line, child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

/// A stack whose every condition is as it should be, or none of those that Ready needs.
pub fn stack(name: &str, digest: &str, is_ready: bool) -> StackStatus {
    let now = jiff::Timestamp::UNIX_EPOCH;
    let conditions = ConditionType::ALL.map(|kind| Condition {
        kind,
        status: match kind.good() {
            Truth::True if !is_ready => Truth::False,
            good => good,
        },
        reason: if is_ready { "AsDeclared" } else { "Blocked" }.into(),
        message: "so it is".into(),
        last_transition_time: now,
        observed_digest: digest.into(),
    });
    StackStatus {
        metadata: Metadata { name: name.into() },
        status: Status {
            conditions: conditions.to_vec(),
            observed_digest: digest.into(),
            manifest: format!("{name}.yaml:1"),
            container: None,
            endpoint: "127.0.0.1:5432".into(),
            waiting: vec![],
            first_look_at: Some(now),
            changed_at: now,
            events: vec![],
        },
    }
}

/// An event some seconds ago.
pub fn event(ago: i64, kind: EventType, message: &str) -> Event {
    let time = jiff::Timestamp::from_second(now() - ago).unwrap();
    Event {
        time,
        kind,
        reason: "Because".into(),
        message: message.into(),
    }
}

fn now() -> i64 {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(now.as_secs()).unwrap()
}
