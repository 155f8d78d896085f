//! An agent with a directory of its own, and what it costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use aza_agent::api::condition::ConditionType;
use aza_agent::api::status::StatusFile;
use aza_agent::client::WayIn;

use crate::engine::{PREFIX, Sql, wait};

/// Agents that run, for whoever ends this program with a signal.
pub static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// What is measured: the release binaries, or those of a smoke test.
#[derive(Clone)]
pub struct Binaries {
    pub agent: PathBuf,
    pub entrypoint: PathBuf,
}

/// A host: an agent, its manifests, its state.
pub struct Host {
    pub name: String,
    pub dir: tempfile::TempDir,
    binary: PathBuf,
    agent: Option<Child>,
}

impl Host {
    pub fn new(binaries: &Binaries, what: &str) -> Self {
        let host = Self {
            name: format!("{PREFIX}{what}"),
            dir: tempfile::tempdir().unwrap(),
            binary: binaries.agent.clone(),
            agent: None,
        };
        fs::create_dir(host.dir.path().join("ds")).unwrap();
        host
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Saves a stack's manifest the way careful editors do.
    pub fn save(&self, stack: &str, port: u16, more: &str) {
        let text = format!(
            "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata:\n  name: {stack}\nspec:\n  workload: web\n  \
             publish: {{port: {port}}}\n  resources: {{memory: 2GB, cpus: 1}}\n{more}"
        );
        let (beside, file) = (".new.swp".to_owned(), format!("{stack}.yaml"));
        let directory = self.dir.path().join("ds");
        fs::write(directory.join(&beside), text).unwrap();
        fs::rename(directory.join(beside), directory.join(file)).unwrap();
    }

    pub fn start(&mut self, arguments: &[&str]) {
        let log = self.dir.path().join("agent.log");
        let log = fs::File::options().create(true).append(true).open(log);
        let mut command = Command::new(&self.binary);
        command.arg("run").args(arguments);
        command.args(["--host", &self.name]);
        command.arg("--state-dir").arg(self.state());
        command
            .arg("--desired-state")
            .arg(self.dir.path().join("ds"));
        command.stderr(log.unwrap()).stdin(Stdio::null());
        let child = command.spawn().unwrap();
        RUNNING.lock().unwrap().push(child.id());
        self.agent = Some(child);
        let status = self.state().join("status.json");
        wait("agent", Duration::from_millis(5), || status.exists());
    }

    pub fn stop(&mut self) {
        let Some(mut child) = self.agent.take() else {
            return;
        };
        let pid = child.id();
        crate::engine::output("kill", &["-TERM", &pid.to_string()]);
        let _ = child.wait();
        RUNNING.lock().unwrap().retain(|p| *p != pid);
        let _ = fs::remove_file(self.state().join("status.json"));
    }

    pub fn pid(&self) -> u32 {
        self.agent.as_ref().map_or(0, Child::id)
    }

    fn status(&self) -> StatusFile {
        let text = fs::read_to_string(self.state().join("status.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Whether that many stacks are Ready.
    pub fn ready(&self, count: usize) -> bool {
        let items = self.status().items;
        let ready = items.iter().filter(|i| i.status.is(ConditionType::Ready));
        ready.count() == count
    }

    pub fn wait_ready(&self, count: usize) -> Duration {
        let begun = std::time::Instant::now();
        while !self.ready(count) {
            let log = fs::read_to_string(self.dir.path().join("agent.log")).unwrap_or_default();
            let late = begun.elapsed() > crate::engine::PATIENCE;
            let end: Vec<&str> = log.lines().rev().take(15).collect();
            assert!(
                !late,
                "not Ready; the newest of its log first:\n{}",
                end.join("\n")
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        begun.elapsed()
    }

    pub fn way(&self, stack: &str) -> WayIn {
        WayIn::Socket(self.state().join("run").join(stack))
    }

    pub fn sql(&self, stack: &str, database: &str) -> Sql {
        let mut sql = None;
        wait("SQL", Duration::from_millis(5), || {
            sql = Sql::at(&self.way(stack), database);
            sql.is_some()
        });
        sql.unwrap()
    }

    /// Returns the CPU time that the agent has used, in milliseconds.
    pub fn cpu(&self) -> f64 {
        cpu_of(self.pid())
    }

    /// Returns its resident memory in MB.
    pub fn rss(&self) -> f64 {
        rss_of(self.pid())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns a process's CPU time in milliseconds, to the nanosecond, unlike `/proc/PID/stat`.
pub fn cpu_of(pid: u32) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let time = |task: &Path| -> f64 {
        let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
        let first = text.split(' ').next().and_then(|n| n.parse().ok());
        first.unwrap_or(0.0)
    };
    let times = tasks.filter_map(|t| Some(time(&t.ok()?.path())));
    times.sum::<f64>() / 1e6
}

pub fn rss_of(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kb: f64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kb / 1024.0
}
