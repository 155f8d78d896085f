//! Sizes, and the command that people type most.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::agent::{Binaries, Host};
use crate::engine::output;
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
