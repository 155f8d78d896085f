//! What an idle agent costs: memory, CPU, server time, and what it must never do.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::agent::{Binaries, Host, cpu_of, rss_of};
use crate::engine::{Sql, output};
use crate::replay::{Recording, Replay};
use crate::table::{Row, ratio};

/// The agent's question at a glance, one for each pass over a quiet stack.
const GLANCES: &str = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE '%hashtextextended%pg_file_settings%'";
/// Everything that the server did for the agent; the harness asks in a database of its own.
const SERVER_TIME: &str = "SELECT coalesce(sum(total_exec_time + total_plan_time), 0) FROM pg_stat_statements s \
     JOIN pg_database d ON d.oid = s.dbid WHERE datname = 'postgres'";
const ALTERS: &str =
    "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query ILIKE 'alter system%'";

/// Every name of a recorded host keeps a session at the one real server. In 512 MB the container door would set so many
/// connections aside, so the stack has 2 GB.
pub const ROOM: &str = "  settings: {max_connections: 300}\n";

/// What one stretch of idling showed.
pub struct Idle {
    pub rss: f64,
    pub cpu: f64,
    pub passes: f64,
    pub server: f64,
    pub alters: f64,
    pub writes: usize,
    pub seconds: f64,
    pub stacks: usize,
}

/// A session that reads the server's statistics from a database of its own.
pub fn statistics(host: &Host, stack: &str) -> Sql {
    let sql = host.sql(stack, "postgres");
    if sql.ask("SELECT 1 FROM pg_database WHERE datname = 'bench'") != "1" {
        sql.run("CREATE DATABASE bench");
    }
    let sql = host.sql(stack, "bench");
    sql.run("SET client_min_messages = error");
    sql.run(
        "CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SET pg_stat_statements.track = none",
    );
    sql
}

/// Lets an agent idle over `count` names of one real stack.
pub fn recorded(
    binaries: &Binaries,
    real: &Host,
    (stack, port): (&str, u16),
    count: usize,
    resync: &str,
    seconds: u64,
) -> Idle {
    let mut host = Host::new(binaries, "recorded");
    // The recorded labels carry the host's name.
    host.name.clone_from(&real.name);
    fs::create_dir_all(host.state()).unwrap();
    let socket = host.dir.path().join("docker.sock");
    let replay = Replay::start(&socket, Recording::of(stack, port));
    let real_state = real.state();
    for n in 1..=count {
        let name = format!("{stack}-{n}");
        host.save(&name, port + n as u16, ROOM);
        // Where the recorded mounts lead, and what the agent remembers of the real one.
        let _ = symlink(
            real_state.join("run").join(stack),
            real_state.join("run").join(&name),
        );
        copy(
            &real_state.join("stacks").join(stack),
            &host.state().join("stacks").join(&name),
        );
    }
    host.start(&[
        "--docker",
        &format!("unix://{}", socket.display()),
        "--resync",
        resync,
    ]);
    host.wait_ready(count);
    // Until the first looks are told and the second ones found nothing to do.
    std::thread::sleep(Duration::from_secs(6));
    let sql = statistics(real, stack);
    let numbers = || {
        [
            host.cpu(),
            sql.number(GLANCES),
            sql.number(SERVER_TIME),
            sql.number(ALTERS),
        ]
    };
    let writes = replay.writes.load(Ordering::Relaxed);
    let (before, begun) = (numbers(), std::time::Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let after = numbers();
    let [cpu, passes, server, alters] = std::array::from_fn(|i| after[i] - before[i]);
    Idle {
        rss: host.rss(),
        cpu,
        passes,
        server,
        alters,
        writes: replay.writes.load(Ordering::Relaxed) - writes,
        seconds: begun.elapsed().as_secs_f64(),
        stacks: count,
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().filter_map(Result::ok) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else if entry.file_name() != "manifest.json" {
            fs::copy(source, target).unwrap();
        }
    }
}

/// Memory with 1 and 50 stacks; bare: a `docker events` that listens.
pub fn memory(one: &Host, fifty: &Idle) -> Vec<Row> {
    let mut bare = Command::new("docker")
        .arg("events")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let listener = rss_of(bare.id());
    let _ = bare.kill();
    let _ = bare.wait();
    let row = |stacks: &str, rss: f64, reach, limit: f64| Row {
        what: format!("idle agent, resident memory with {stacks}"),
        ours: format!("{rss:.1} MB"),
        bare: format!("docker events: {listener:.1} MB"),
        ratio: ratio(rss, listener),
        reach,
        reached: rss <= limit,
    };
    vec![
        row("1 stack", one.rss(), "≤ 8 MB", 8.0),
        row(
            &format!("{} recorded stacks", fifty.stacks),
            fifty.rss,
            "≤ 20 MB",
            20.0,
        ),
    ]
}

/// CPU with 10 stacks at the resync that ships; bare: a script that asks docker and psql as often.
pub fn processor(ten: &Idle, stack: &str) -> Row {
    let share = ten.cpu / (ten.seconds * 1e3) * 100.0;
    let script = script(stack) * 10.0 / 4.0 / 1e3 * 100.0;
    Row {
        what: format!("idle agent, CPU with 10 stacks over {:.0} s", ten.seconds),
        ours: format!("{share:.3} % of a core"),
        bare: format!("a script as often: {script:.1} %"),
        ratio: format!("{:.4}", share / script),
        reach: "≤ 0.1 %",
        reached: share <= 0.1,
    }
}

/// Returns the CPU time of one check by hand in milliseconds, the clients' only.
fn script(stack: &str) -> f64 {
    let container = format!("{stack}-postgres");
    let check = format!(
        "for i in 1 2 3 4 5; do docker inspect {container} >/dev/null; \
         docker exec {container} psql -XqU postgres -c 'SELECT * FROM pg_settings' >/dev/null; done; cat /proc/$$/stat"
    );
    let done = output("sh", &["-c", &check]);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    // cutime and cstime, in ticks of 10 ms.
    let fields: Vec<f64> = text
        .split(' ')
        .map(|f| f.trim().parse().unwrap_or(0.0))
        .collect();
    (fields[15] + fields[16]) * 10.0 / 5.0
}

/// One pass over a quiet stack, at 1, 10 and 100 stacks.
pub fn pass(runs: &[(usize, Idle)], stack: &str) -> Row {
    let each = |idle: &Idle| idle.cpu / idle.passes.max(1.0);
    let figures: Vec<f64> = runs.iter().map(|(_, idle)| each(idle)).collect();
    let worst = figures.iter().copied().fold(0.0, f64::max);
    let told: Vec<String> = runs
        .iter()
        .map(|(n, idle)| format!("{n}: {:.3}", each(idle)))
        .collect();
    let script = script(stack);
    Row {
        what: "one pass over a quiet stack, CPU of the agent (looks included)".into(),
        ours: format!("ms by stacks {}", told.join(", ")),
        bare: format!("docker inspect, psql: {script:.0} ms"),
        ratio: format!("{:.4}", worst / script),
        reach: "≤ 0.4 ms, linear to 100",
        reached: worst <= 0.4,
    }
}

/// The server's time for a pass; bare: `SELECT * FROM pg_settings` once.
pub fn server_time(idle: &Idle, sql: &Sql) -> Row {
    sql.run("SET pg_stat_statements.track = top");
    for _ in 0..10 {
        sql.ask("SELECT count(*) /* bench */ FROM pg_settings WHERE name <> setting");
    }
    sql.run("SET pg_stat_statements.track = none");
    let bare = sql.number("SELECT mean_exec_time FROM pg_stat_statements WHERE query LIKE '%name <> setting%' LIMIT 1");
    let ours = idle.server / idle.passes.max(1.0);
    Row {
        what: "server time of a pass over a quiet stack (looks included)".into(),
        ours: format!("{ours:.2} ms"),
        bare: format!("reading pg_settings once: {bare:.2} ms"),
        ratio: ratio(ours, bare),
        reach: "< 5 ms",
        reached: ours < 5.0,
    }
}

/// What an idle agent must never do.
pub fn nothing(idle: &Idle, one: &Host, seconds: u64) -> Row {
    let fsyncs = fsyncs(one.pid(), seconds);
    Row {
        what: format!(
            "idle agent for {:.0} s: Docker writes, ALTER SYSTEM, fsync",
            idle.seconds
        ),
        ours: format!(
            "{}, {}, {}",
            idle.writes,
            idle.alters,
            fsyncs.map_or("not traced".into(), |n| n.to_string())
        ),
        bare: "-".into(),
        ratio: "-".into(),
        reach: "0, 0, 0",
        reached: idle.writes == 0 && idle.alters == 0.0 && fsyncs == Some(0),
    }
}

/// Counts with strace, where there is one.
fn fsyncs(pid: u32, seconds: u64) -> Option<usize> {
    let (pid, seconds) = (pid.to_string(), seconds.to_string());
    let arguments = [
        "-s",
        "INT",
        &seconds,
        "strace",
        "-f",
        "-e",
        "trace=fsync,fdatasync,sync,syncfs",
        "-p",
        &pid,
    ];
    let done = Command::new("timeout").args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    text.contains("attached")
        .then(|| text.matches("sync(").count())
}

/// Checks the measure itself: this process's own CPU time grows when it works.
pub fn measures_cpu() -> bool {
    let before = cpu_of(std::process::id());
    let mut sum = 0_u64;
    for n in 0..20_000_000_u64 {
        sum = std::hint::black_box(sum.wrapping_add(n));
    }
    cpu_of(std::process::id()) > before
}
