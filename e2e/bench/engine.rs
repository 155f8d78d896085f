//! The engine, by the tools that people have: containers of ours, SQL, and an end that leaves nothing.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use aza_agent::client::{Session, WayIn, connect};

/// Everything that is made here is called so.
pub const PREFIX: &str = "aza-test-bench-";
/// The image under test.
pub const IMAGE: &str = "aza-pg:18";
/// Longer than a first boot on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

pub fn output(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

/// Runs docker and returns what it printed.
pub fn docker(arguments: &[&str]) -> String {
    let done = output("docker", arguments);
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "docker {arguments:?}: {error}");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// Removes what a run made: also one that was interrupted.
pub fn clean_up() {
    let ours = |kind: &[&str]| -> Vec<String> {
        let done = output("docker", kind);
        let names = String::from_utf8_lossy(&done.stdout).into_owned();
        let names = names.lines().filter(|n| n.starts_with(PREFIX));
        names.map(str::to_owned).collect()
    };
    for name in ours(&["ps", "-a", "--format", "{{.Names}}"]) {
        output("docker", &["rm", "-f", "-v", &name]);
    }
    for name in ours(&["volume", "ls", "--format", "{{.Name}}"]) {
        output("docker", &["volume", "rm", "-f", &name]);
    }
    for name in ours(&["network", "ls", "--format", "{{.Name}}"]) {
        output("docker", &["network", "rm", &name]);
    }
    let locks = std::fs::read_dir("/run/aza-agent").into_iter().flatten();
    for lock in locks.filter_map(Result::ok) {
        if lock.file_name().to_string_lossy().contains(PREFIX) {
            let _ = std::fs::remove_file(lock.path());
        }
    }
}

/// Waits for something, asking every `poll`; returns how long it took.
pub fn wait(what: &str, poll: Duration, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "no {what}");
        std::thread::sleep(poll);
    }
    begun.elapsed()
}

/// A session of the harness.
pub struct Sql {
    runtime: tokio::runtime::Runtime,
    session: Option<Session>,
}

impl Sql {
    /// Logs in at a socket, or says that it cannot.
    pub fn at(way: &WayIn, database: &str) -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        let login = async {
            let login = connect(way, database, "");
            tokio::time::timeout(Duration::from_secs(2), login).await
        };
        let session = runtime.block_on(login).ok()?.ok()?;
        Some(Self {
            runtime,
            session: Some(session),
        })
    }

    pub fn run(&self, statement: &str) {
        let client = &self.session.as_ref().unwrap().client;
        let done = self.runtime.block_on(client.batch_execute(statement));
        done.unwrap_or_else(|e| panic!("{statement}: {e:?}"));
    }

    /// Returns the first column of the one row.
    pub fn ask(&self, query: &str) -> String {
        let client = &self.session.as_ref().unwrap().client;
        let rows = self.runtime.block_on(client.simple_query(query)).unwrap();
        let row = rows.iter().find_map(|m| match m {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        row.and_then(|r| r.get(0)).unwrap_or_default().to_owned()
    }

    pub fn number(&self, query: &str) -> f64 {
        self.ask(query).parse().unwrap_or(0.0)
    }
}

impl Drop for Sql {
    fn drop(&mut self) {
        // Its task has to end inside the runtime.
        let _guard = self.runtime.enter();
        self.session.take();
    }
}

/// Whether a published port answers SQL to a client with that password.
pub fn port_answers(port: u16, password: &str) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(port).user("postgres");
        config.password(password).dbname("postgres");
        config.connect_timeout(Duration::from_secs(1));
        let Ok((client, connection)) = config.connect(tokio_postgres::NoTls).await else {
            return false;
        };
        tokio::spawn(connection);
        client.simple_query("SELECT 1").await.is_ok()
    })
}

pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
