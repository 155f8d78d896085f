//! What is small: the entrypoint's time, sizes, and the command that people type most.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::agent::{Binaries, Host};
use crate::engine::{IMAGE, PREFIX, docker, output};
use crate::table::{Row, median, ratio};

/// The binaries' sizes; bare: the Compose plugin's.
pub fn sizes(binaries: &Binaries) -> Vec<Row> {
    let mb = |path: &Path| fs::metadata(path).map_or(0.0, |m| m.len() as f64 / 1e6);
    let places = [
        "/usr/local/lib/docker/cli-plugins/docker-compose",
        "/usr/libexec/docker/cli-plugins/docker-compose",
        "/usr/lib/docker/cli-plugins/docker-compose",
    ];
    let compose = places.iter().map(|p| mb(Path::new(p))).fold(0.0, f64::max);
    let row = |what: &str, path: &Path, reach, limit: f64| Row {
        what: format!("{what}, stripped"),
        ours: format!("{:.2} MB", mb(path)),
        bare: format!("docker-compose: {compose:.0} MB"),
        ratio: ratio(mb(path), compose),
        reach,
        reached: mb(path) <= limit,
    };
    vec![
        row("aza-agent", &binaries.agent, "≤ 10 MB", 10.0),
        row("aza-entrypoint", &binaries.entrypoint, "≤ 2 MB", 2.0),
    ]
}

/// `aza-agent status`; bare: `docker ps`.
pub fn status(binaries: &Binaries, host: &Host, runs: usize) -> Row {
    let (agent, state) = (
        binaries.agent.display().to_string(),
        host.state().display().to_string(),
    );
    let timed = |program: &str, arguments: &[&str]| {
        let begun = Instant::now();
        assert!(output(program, arguments).status.success());
        begun.elapsed().as_secs_f64() * 1e3
    };
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        ours.push(timed(&agent, &["status", "--state-dir", &state]));
        bare.push(timed("docker", &["ps"]));
    }
    let (a, b) = (median(&ours), median(&bare));
    Row {
        what: format!("aza-agent status, {runs} runs"),
        ours: format!("{a:.1} ms"),
        bare: format!("docker ps: {b:.1} ms"),
        ratio: ratio(a, b),
        reach: "≤ 20 ms",
        reached: a <= 20.0,
    }
}

/// The entrypoint's time until it has become postgres, on the volume of a stopped server; bare: postgres
/// without it.
pub fn entrypoint(runs: usize, stack: &str) -> Row {
    // The shell's own `read` sees the name change within a few microseconds.
    const TIMED: &str = "timed() { a=$(date +%s%N); \"$@\" >/dev/null 2>&1 & p=$!; \
         while read c </proc/$p/comm && [ \"$c\" != postgres ]; do :; done; b=$(date +%s%N); \
         while [ ! -S /run/postgresql/.s.PGSQL.5432 ]; do :; done; kill -INT $p; wait $p; echo $((b-a)); }; ";
    let name = format!("{PREFIX}entry");
    let volume = format!("{stack}_pgdata:/var/lib/postgresql");
    let script = format!(
        "{TIMED} timed aza-entrypoint postgres >/dev/null; for i in $(seq {runs}); do timed aza-entrypoint postgres; \
         timed postgres -D /var/lib/postgresql/18/docker; done"
    );
    let run = ["run", "--rm", "--name", &name, "-m", "512m", "-v", &volume];
    let shell = ["--entrypoint", "sh", IMAGE, "-c", &script];
    let text = docker(&[&run[..], &shell[..]].concat());
    let times: Vec<f64> = text
        .lines()
        .filter_map(|l| l.parse().ok())
        .map(|ns: f64| ns / 1e6)
        .collect();
    let by_turns = |from: usize| {
        times
            .iter()
            .skip(from)
            .step_by(2)
            .copied()
            .collect::<Vec<_>>()
    };
    let (a, b) = (median(&by_turns(0)), median(&by_turns(1)));
    Row {
        what: format!("entrypoint's time before postgres, warm volume, {runs} runs"),
        ours: format!("{a:.1} ms"),
        bare: format!("postgres alone, to its exec: {b:.1} ms"),
        ratio: ratio(a, b),
        reach: "≤ 20 ms",
        reached: a <= 20.0,
    }
}
