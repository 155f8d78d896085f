//! Containers and volumes that clean up after themselves, through the `docker` command.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The image under test, unless the environment names another.
const IMAGE: &str = "aza-pg:18";
/// Long enough for a first boot on a busy two-core machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Returns the image under test.
#[expect(clippy::disallowed_methods, reason = "a test has no front door")]
pub fn image() -> String {
    std::env::var("AZA_TEST_IMAGE").unwrap_or_else(|_| IMAGE.to_owned())
}

/// A volume that is removed with this value.
pub struct Volume(pub String);

impl Volume {
    pub fn new(test: &str) -> Self {
        let name = format!("aza-test-{test}-{}", std::process::id());
        docker(&["volume", "create", &name]);
        Self(name)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = raw(&["volume", "rm", "-f", &self.0]);
    }
}

/// A container to be.
pub struct Run {
    name: String,
    options: Vec<String>,
    locked_down: bool,
}

/// Begins a container with a password; its volume is anonymous until [`Run::on`] names one.
pub fn run(test: &str) -> Run {
    bare(test).env("POSTGRES_PASSWORD", "s3cret-word")
}

/// Begins a container without any variable.
pub fn bare(test: &str) -> Run {
    let name = format!("aza-test-{test}-{}", std::process::id());
    Run {
        name,
        options: Vec::new(),
        locked_down: true,
    }
    .option("--shm-size=1g")
    .memory("1g")
}

impl Run {
    pub fn env(self, name: &str, value: &str) -> Self {
        self.option("--env").option(&format!("{name}={value}"))
    }

    pub fn on(self, volume: &Volume) -> Self {
        self.mount(&volume.0, "/var/lib/postgresql")
    }

    pub fn mount(self, from: &str, to: &str) -> Self {
        self.option("--volume").option(&format!("{from}:{to}"))
    }

    /// The last one counts.
    pub fn memory(mut self, limit: &str) -> Self {
        self.options
            .retain(|option| !option.starts_with("--memory"));
        self.option(&format!("--memory={limit}"))
            .option(&format!("--memory-swap={limit}"))
    }

    pub fn option(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    /// With a writable root file system and Docker's own capabilities.
    pub fn not_locked_down(mut self) -> Self {
        self.locked_down = false;
        self
    }

    /// Starts it with these arguments for the entrypoint.
    pub fn start_with(self, arguments: &[&str]) -> Container {
        let image = image();
        assert!(
            raw(&["image", "inspect", &image]).status.success(),
            "no image {image}: run `aza-agent image build`"
        );
        let container = Container(self.name);
        let mut words = vec!["run", "--detach", "--name", &container.0];
        words.extend(self.options.iter().map(String::as_str));
        if self.locked_down {
            words.extend([
                "--read-only",
                "--cap-drop=ALL",
                "--security-opt=no-new-privileges:true",
            ]);
            words.extend([
                "--tmpfs=/tmp:mode=1777,size=64m",
                "--tmpfs=/run/postgresql:mode=1777,size=1m",
            ]);
        }
        words.push(&image);
        words.extend(arguments);
        docker(&words);
        container
    }

    pub fn start(self) -> Container {
        self.start_with(&[])
    }

    /// Starts it and waits until it serves.
    pub fn serve(self) -> Container {
        let container = self.start();
        container.wait_until_healthy();
        container
    }

    /// Starts it, waits for its end, and returns exit code and log.
    pub fn refuse(self) -> (i32, String) {
        let container = self.start();
        let code = docker(&["wait", &container.0]).trim().parse().unwrap();
        (code, container.logs())
    }
}

/// A container that is removed with this value, with its anonymous volumes.
pub struct Container(pub String);

impl Container {
    pub fn wait_until_healthy(&self) {
        self.wait_until("is healthy", || {
            self.exec(&["aza-entrypoint", "healthcheck"])
                .status
                .success()
        });
    }

    /// Polls; a container that ended, or that takes too long, fails the test with its log.
    pub fn wait_until(&self, what: &str, done: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done() {
            assert!(
                self.inspect("{{.State.Running}}") == "true",
                "{} ended before it {what}:\n{}",
                self.0,
                self.logs()
            );
            assert!(
                Instant::now() < deadline,
                "{} never {what}:\n{}",
                self.0,
                self.logs()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn exec(&self, words: &[&str]) -> Output {
        raw(&[&["exec", &self.0], words].concat())
    }

    /// Runs a shell line in it and returns what it prints.
    pub fn sh(&self, line: &str) -> String {
        let output = self.exec(&["sh", "-c", line]);
        assert!(
            output.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs SQL as postgres and returns the bare answer.
    pub fn sql(&self, sql: &str) -> String {
        self.sql_as("postgres", "postgres", sql)
    }

    pub fn sql_as(&self, user: &str, database: &str, sql: &str) -> String {
        // Not as an argument: psql takes a database name with `=` in it for a connection string.
        let database = format!("PGDATABASE={database}");
        let psql = [
            "psql",
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            user,
            "-c",
            sql,
        ];
        let output = self.exec(&[&["env", &database], &psql[..]].concat());
        assert!(
            output.status.success(),
            "{sql}: {}\n{}",
            String::from_utf8_lossy(&output.stderr),
            self.logs()
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn logs(&self) -> String {
        let output = raw(&["logs", &self.0]);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    pub fn inspect(&self, format: &str) -> String {
        docker(&["inspect", "--format", format, &self.0])
            .trim()
            .to_owned()
    }

    pub fn docker(&self, verb: &[&str]) -> String {
        docker(&[verb, &[self.0.as_str()]].concat())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = raw(&["rm", "--force", "--volumes", &self.0]);
    }
}

/// Runs docker; failure fails the test.
pub fn docker(words: &[&str]) -> String {
    let output = raw(words);
    assert!(
        output.status.success(),
        "docker {words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs docker for what it does; how it ends is another's to judge.
pub fn docker_quietly(words: &[&str]) {
    let _ = raw(words);
}

fn raw(words: &[&str]) -> Output {
    Command::new("docker")
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("docker is installed")
}
