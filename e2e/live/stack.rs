//! A stack with an agent of its own. Waits are for conditions, never for time alone.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use aza_agent::api::condition::{ConditionType, Truth};
use aza_agent::api::status::{Status, StatusFile};

/// The agent under test.
pub const AGENT: &str = env!("CARGO_BIN_EXE_aza-agent");
/// Long enough for a first boot on a busy two-core machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// One stack; everything of it is removed with this value.
pub struct Stack {
    pub name: String,
    pub port: u16,
    dir: tempfile::TempDir,
    agent: Option<Child>,
    arguments: Vec<String>,
}

impl Stack {
    /// Names a stack and finds it a free port; nothing runs yet.
    pub fn new(test: &str) -> Self {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = probe.local_addr().unwrap().port();
        let name = format!("aza-test-{test}");
        let stack = Self {
            name,
            port,
            dir: tempfile::tempdir().unwrap(),
            agent: None,
            arguments: vec![],
        };
        stack.clean_up();
        fs::create_dir(stack.desired_state()).unwrap();
        stack
    }

    pub fn desired_state(&self) -> PathBuf {
        self.dir.path().join("ds")
    }

    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub fn manifest_file(&self) -> PathBuf {
        self.desired_state().join("stack.yaml")
    }

    pub fn container(&self) -> String {
        format!("{}-postgres", self.name)
    }

    /// Gives the agent further arguments.
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
        self
    }

    /// Returns a manifest with 1 GB, 1 CPU, `web` and further lines under `spec`.
    pub fn manifest(&self, memory: &str, more: &str) -> String {
        let Self { name, port, .. } = self;
        let more: String = more.lines().map(|l| format!("  {l}\n")).collect();
        format!(
            "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata:\n  name: {name}\nspec:\n  \
             workload: web\n  publish: {{port: {port}}}\n  resources: {{memory: {memory}, cpus: 1}}\n{more}"
        )
    }

    /// Saves a manifest the way careful editors do: beside, then renamed.
    pub fn save(&self, manifest: &str) {
        let beside = self.desired_state().join(".stack.yaml.swp");
        fs::write(&beside, manifest).unwrap();
        fs::rename(beside, self.manifest_file()).unwrap();
    }

    pub fn start_agent(&mut self) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("agent.log"))
            .unwrap();
        let child = Command::new(AGENT)
            .arg("run")
            .args(self.common())
            .args(&self.arguments)
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.agent = Some(child);
    }

    /// Saves the manifest, starts the agent and waits until the stack is Ready.
    pub fn up(test: &str, memory: &str, more: &str) -> Self {
        let mut stack = Self::new(test);
        stack.save(&stack.manifest(memory, more));
        stack.start_agent();
        stack.wait_ready();
        stack
    }

    /// Ends the agent with a signal and returns its exit code.
    pub fn end_agent(&mut self, signal: &str) -> Option<i32> {
        let mut child = self.agent.take()?;
        let pid = child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        child.wait().unwrap().code()
    }

    /// Ends an agent that may have ended by itself.
    pub fn end_agent_if_it_lives(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            agent.wait().unwrap();
        }
    }

    /// The agent's process.
    pub fn agent_pid(&self) -> u32 {
        self.agent.as_ref().unwrap().id()
    }

    /// How many steps the agent has begun, by its log.
    pub fn begun(&self) -> usize {
        self.log().lines().filter(|l| l.contains("begins")).count()
    }

    /// Waits until the agent's log says that, beyond its first `from` bytes.
    pub fn wait_log(&self, from: usize, words: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.log()[from..].contains(words) {
            assert!(Instant::now() < until, "no `{words}` in\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs `docker compose` in the stack's directory, as a person there would.
    pub fn compose(&self, arguments: &[&str]) {
        let output = Command::new("docker")
            .arg("compose")
            .args(arguments)
            .current_dir(self.stack_directory())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    pub fn stack_directory(&self) -> PathBuf {
        self.state_dir().join("stacks").join(&self.name)
    }

    /// Changes the stack's compose file by hand.
    pub fn edit_compose(&self, edit: impl Fn(&str) -> String) {
        let file = self.stack_directory().join("compose.yml");
        let text = fs::read_to_string(&file).unwrap();
        let edited = edit(&text);
        assert_ne!(text, edited, "nothing to edit in\n{text}");
        fs::write(file, edited).unwrap();
    }

    /// Waits until `status` tells an event with that reason and those words.
    pub fn wait_event(&self, reason: &str, words: &str) -> Status {
        self.wait(&format!("event {reason} with `{words}`"), |s| {
            s.events
                .iter()
                .any(|e| e.reason == reason && e.message.contains(words))
        })
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("agent.log")).unwrap_or_default()
    }

    fn common(&self) -> Vec<String> {
        let path = |p: PathBuf| p.display().to_string();
        let (state, desired) = (path(self.state_dir()), path(self.desired_state()));
        let arguments = [
            "--state-dir",
            &state,
            "--desired-state",
            &desired,
            "--host",
            &self.name,
        ];
        arguments.map(str::to_owned).to_vec()
    }

    /// Runs a verb that looks at this host.
    pub fn verb(&self, verb: &[&str]) -> Output {
        Command::new(AGENT)
            .args(verb)
            .args(self.common())
            .output()
            .unwrap()
    }

    /// Runs a verb that needs the state directory only.
    pub fn state_verb(&self, verb: &[&str]) -> Output {
        Command::new(AGENT)
            .args(verb)
            .arg("--state-dir")
            .arg(self.state_dir())
            .output()
            .unwrap()
    }

    /// Returns the steps that `plan` announces for a manifest that is not in force yet.
    pub fn planned(&self, manifest: &str) -> Vec<String> {
        let file = self.dir.path().join("next.yaml");
        fs::write(&file, manifest).unwrap();
        let output = self.verb(&["plan", &file.display().to_string(), "-o", "json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let steps = plan["items"][0]["steps"].as_array().unwrap();
        steps
            .iter()
            .map(|s| s["step"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Returns the stack's status, where the agent has written one.
    pub fn status(&self) -> Option<Status> {
        let text = fs::read_to_string(self.state_dir().join("status.json")).ok()?;
        let file: StatusFile = serde_json::from_str(&text).unwrap();
        file.items
            .into_iter()
            .find(|i| i.metadata.name == self.name)
            .map(|i| i.status)
    }

    /// Waits for a status.
    pub fn wait(&self, what: &str, holds: impl Fn(&Status) -> bool) -> Status {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.status().filter(|s| holds(s)) {
                return status;
            }
            let late = Instant::now() > until;
            assert!(
                !late,
                "no {what}; status: {:#?}\nlog:\n{}",
                self.status(),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the agent tells nothing of the stack any more.
    pub fn wait_forgotten(&self) {
        let until = Instant::now() + PATIENCE;
        while self.status().is_some() {
            assert!(
                Instant::now() < until,
                "still told: {:#?}\n{}",
                self.status(),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn wait_ready(&self) -> Status {
        self.wait("Ready", |s| s.is(ConditionType::Ready))
    }

    /// Waits until the newest manifest is in force and Ready without a restart pending.
    pub fn wait_settled(&self, manifest: &str) -> Status {
        let report = aza_agent::api::validate::validate(manifest.as_bytes(), "test.yaml");
        let digest = report.stacks().next().unwrap().digest.clone();
        self.wait("settled manifest", |s| {
            let pending = s
                .condition(ConditionType::RestartRequired)
                .map(|c| c.status);
            let current = s.conditions.iter().all(|c| c.observed_digest == digest);
            current
                && s.is(ConditionType::Ready)
                && pending == Some(Truth::False)
                && s.waiting.is_empty()
        })
    }

    pub fn wait_condition(&self, kind: ConditionType, status: Truth, reason: &str) -> Status {
        self.wait(&format!("{kind}={status} {reason}"), |s| {
            s.condition(kind)
                .is_some_and(|c| c.status == status && c.reason == reason)
        })
    }

    /// Waits until SQL answers with that text.
    pub fn wait_sql(&self, sql: &str, answer: &str) {
        let until = Instant::now() + PATIENCE;
        while self.try_sql(sql).as_deref() != Some(answer) {
            assert!(
                Instant::now() < until,
                "{sql} is {:?}, not {answer}\n{}",
                self.try_sql(sql),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn try_sql(&self, sql: &str) -> Option<String> {
        let container = self.container();
        let arguments = [
            "exec",
            &container,
            "psql",
            "-XAtqU",
            "postgres",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql,
        ];
        let output = docker_output(&arguments);
        output
            .status
            .success()
            .then(|| text(&output.stdout).trim().to_owned())
    }

    pub fn sql(&self, sql: &str) -> String {
        self.try_sql(sql).unwrap_or_else(|| panic!("{sql} failed"))
    }

    pub fn inspect(&self, format: &str) -> String {
        docker(&["inspect", "--format", format, &self.container()])
    }

    /// Returns which container it is and which start of it.
    pub fn identity(&self) -> (String, String) {
        (
            self.inspect("{{.Id}}"),
            self.inspect("{{.State.StartedAt}}"),
        )
    }

    fn clean_up(&self) {
        let container = self.container();
        docker_output(&["rm", "-f", "-v", &container]);
        docker_output(&["volume", "rm", "-f", &format!("{}_pgdata", self.name)]);
        docker_output(&["network", "rm", &format!("{}_default", self.name)]);
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
        self.clean_up();
        let _ = fs::remove_file(format!("/run/aza-agent/project-{}.lock", self.name));
        let _ = fs::remove_file(format!(
            "/run/aza-agent/agentunix____var_run_docker_sock-{}.lock",
            self.name
        ));
    }
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
        text(&output.stderr)
    );
    text(&output.stdout).trim().to_owned()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
