//! What changes: a setting, drift, a container that is gone, a stack that is new. Ours and bare by turns.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::agent::Host;
use crate::engine::{PREFIX, Sql, docker, free_port, output, port_answers, wait};
use crate::table::{Row, median, percentile, ratio};

const POLL: Duration = Duration::from_millis(1);

fn effective(sql: &Sql, value: &str) {
    wait("effective setting", POLL, || {
        sql.ask("SHOW log_min_duration_statement") == value
    });
}

/// Manifest saved → reload-only setting effective; bare: psql by `docker exec`, and through a socket.
pub fn reload(host: &Host, (stack, port): (&str, u16), runs: usize) -> Row {
    let sql = host.sql(stack, "postgres");
    let bare_server = Bare::up("reload");
    let bare_sql = bare_server.sql();
    let (mut ours, mut bare, mut socket) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..runs {
        let value = format!("{}ms", 1001 + run);
        let begun = Instant::now();
        host.save(
            stack,
            port,
            &format!("  settings: {{log_min_duration_statement: {value}}}\n"),
        );
        effective(&sql, &value);
        ours.push(begun.elapsed().as_secs_f64() * 1e3);
        let begun = Instant::now();
        let set = format!("ALTER SYSTEM SET log_min_duration_statement = '{value}'");
        let container = &bare_server.container;
        docker(&[
            "exec",
            container,
            "psql",
            "-XqU",
            "postgres",
            "-c",
            &set,
            "-c",
            "SELECT pg_reload_conf()",
        ]);
        effective(&bare_sql, &value);
        bare.push(begun.elapsed().as_secs_f64() * 1e3);
        let value = format!("{}ms", 2001 + run);
        let begun = Instant::now();
        bare_sql.run(&format!(
            "ALTER SYSTEM SET log_min_duration_statement = '{value}'"
        ));
        bare_sql.run("SELECT pg_reload_conf()");
        effective(&bare_sql, &value);
        socket.push(begun.elapsed().as_secs_f64() * 1e3);
        // Not in step with the agent's own timers.
        std::thread::sleep(Duration::from_millis(30 + 7 * (run as u64 % 10)));
    }
    let (m, p) = (median(&ours), percentile(&ours, 99.0));
    Row {
        what: format!("manifest saved → reload-only setting effective, {runs} runs"),
        ours: format!("median {m:.0} ms, p99 {p:.0} ms"),
        bare: format!(
            "docker exec psql: {:.0}, {:.0} ms; one open session: {:.1} ms",
            median(&bare),
            percentile(&bare, 99.0),
            median(&socket)
        ),
        ratio: ratio(m, median(&bare)),
        reach: "median ≤ 100 ms, p99 ≤ 400 ms",
        reached: m <= 100.0 && p <= 400.0,
    }
}

/// Drift made by SQL → corrected.
pub fn drift(host: &Host, stack: &str, runs: usize) -> Row {
    let sql = host.sql(stack, "postgres");
    let owned = sql.ask("SHOW random_page_cost");
    let mut times = Vec::new();
    for run in 0..runs {
        std::thread::sleep(Duration::from_millis(2500 + 700 * run as u64));
        let begun = Instant::now();
        sql.run("ALTER SYSTEM SET random_page_cost = 9");
        sql.run("SELECT pg_reload_conf()");
        wait("drift", POLL, || sql.ask("SHOW random_page_cost") == "9");
        wait("correction", POLL, || {
            sql.ask("SHOW random_page_cost") == owned
        });
        times.push(begun.elapsed().as_secs_f64());
    }
    let worst = percentile(&times, 100.0);
    Row {
        what: format!("settings drift made by SQL → corrected, {runs} runs"),
        ours: format!("median {:.1} s, worst {worst:.1} s", median(&times)),
        bare: "never".into(),
        ratio: "-".into(),
        reach: "≤ 5 s",
        reached: worst <= 5.0,
    }
}

/// A stack by hand: the same compose file, without the agent.
pub struct Bare {
    pub container: String,
    project: String,
    port: u16,
    dir: tempfile::TempDir,
}

impl Bare {
    fn new(what: &str) -> Self {
        let project = format!("{PREFIX}bare-{what}");
        let dir = tempfile::tempdir().unwrap();
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("stacks/single/compose.yml");
        fs::copy(source, dir.path().join("compose.yml")).unwrap();
        let port = free_port();
        let env = format!(
            "STACK_NAME={project}\nPOSTGRES_PASSWORD=bench\nPOSTGRES_PORT={port}\nMEMORY=512m\nCPUS=1\nPOSTGRES_WORKLOAD=web\n"
        );
        fs::write(dir.path().join(".env"), env).unwrap();
        Self {
            container: format!("{project}-postgres"),
            project,
            port,
            dir,
        }
    }

    fn compose_up(&self) {
        let file = self.dir.path().join("compose.yml").display().to_string();
        let done = output(
            "docker",
            &["compose", "-p", &self.project, "-f", &file, "up", "-d"],
        );
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        wait("bare SQL", POLL, || port_answers(self.port, "bench"));
    }

    pub fn up(what: &str) -> Self {
        let bare = Self::new(what);
        bare.compose_up();
        bare
    }

    pub fn sql(&self) -> Sql {
        let address = docker(&[
            "inspect",
            "--format",
            "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
            &self.container,
        ]);
        let password = aza_agent::api::secret::Secret::parse(b"bench").unwrap();
        let way = aza_agent::client::WayIn::Address(address.parse().unwrap(), password);
        Sql::at(&way, "postgres").unwrap()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        remove(&self.project);
    }
}

fn remove(stack: &str) {
    output("docker", &["rm", "-f", "-v", &format!("{stack}-postgres")]);
    output(
        "docker",
        &["volume", "rm", "-f", &format!("{stack}_pgdata")],
    );
    output("docker", &["network", "rm", &format!("{stack}_default")]);
}

/// `docker rm -f` → SQL answers again; bare: the same and `docker compose up -d`.
pub fn removed(host: &Host, stack: &str, runs: usize) -> Row {
    let bare = Bare::up("rm");
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        host.wait_ready(1);
        let before = host
            .sql(stack, "postgres")
            .ask("SELECT pg_postmaster_start_time()");
        let begun = Instant::now();
        docker(&["rm", "-f", &format!("{stack}-postgres")]);
        wait("SQL", POLL, || {
            Sql::at(&host.way(stack), "postgres")
                .is_some_and(|sql| sql.ask("SELECT pg_postmaster_start_time()") != before)
        });
        ours.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        docker(&["rm", "-f", &bare.container]);
        bare.compose_up();
        by_hand.push(begun.elapsed().as_secs_f64());
    }
    host.wait_ready(1);
    let (a, b) = (median(&ours), median(&by_hand));
    Row {
        what: format!("docker rm -f → SQL answers again, {runs} runs"),
        ours: format!("{a:.2} s"),
        bare: format!("rm -f, compose up -d: {b:.2} s"),
        ratio: ratio(a, b),
        reach: "≤ 1.1 ×",
        reached: a <= 1.1 * b,
    }
}

/// New stack, image present → Ready; bare: `docker compose up -d` until SQL answers.
pub fn new_stack(binaries: &crate::agent::Binaries, runs: usize) -> Row {
    let (mut ours, mut by_hand, mut restarts) = (Vec::new(), Vec::new(), 0);
    for run in 0..runs {
        let mut host = Host::new(binaries, &format!("new{run}"));
        let stack = host.name.clone();
        host.start(&[]);
        let begun = Instant::now();
        host.save(&stack, free_port(), "");
        host.wait_ready(1);
        ours.push(begun.elapsed().as_secs_f64());
        let log = fs::read_to_string(host.dir.path().join("agent.log")).unwrap();
        restarts +=
            log.matches("step=\"restart\"").count() + log.matches("step=\"recreate\"").count();
        host.stop();
        remove(&stack);
        let bare = Bare::new("new");
        let begun = Instant::now();
        bare.compose_up();
        by_hand.push(begun.elapsed().as_secs_f64());
    }
    let (a, b) = (median(&ours), median(&by_hand));
    Row {
        what: format!("new stack, image present → Ready, {runs} runs"),
        ours: format!("{a:.2} s, {restarts} restarts"),
        bare: format!("compose up -d → SQL: {b:.2} s"),
        ratio: ratio(a, b),
        reach: "≤ 1.15 ×, 0 restarts",
        reached: a <= 1.15 * b && restarts == 0,
    }
}
