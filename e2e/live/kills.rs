//! SIGKILL of the agent between its steps, and of agent and Compose in the middle of a recreate: the next
//! start ends what was begun, keeps the data and leaves no container behind.
//!
//! Compose makes the new container as `<old id>_<name>`, stops and removes the old one, renames and starts.
//! Docker's own events tell the moment.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::stack::{Stack, docker, docker_output};

/// Waits until the agent's log has that many more lines of steps, and kills it there.
fn kill_at(stack: &mut Stack, line: usize) -> String {
    let steps = |stack: &Stack| {
        let log = stack.log();
        let lines = log
            .lines()
            .filter(|l| l.contains("begins") || l.contains("done"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = steps(stack).len();
    stack.start_agent();
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let now = steps(stack);
        if now.len() >= before + line {
            stack.end_agent("-KILL");
            return now[before + line - 1].clone();
        }
        assert!(Instant::now() < until, "no step {line} in\n{}", stack.log());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Every container of the project, also half-made ones.
fn containers(stack: &Stack) -> Vec<String> {
    let project = format!("label=com.docker.compose.project={}", stack.name);
    let names = docker(&["ps", "-a", "--filter", &project, "--format", "{{.Names}}"]);
    names.lines().map(str::to_owned).collect()
}

/// The agent starts again, and everything is as the manifest says.
fn goes_on(stack: &mut Stack, manifest: &str, at: &str) {
    stack.start_agent();
    stack.wait_sql("SELECT x FROM kept", "42");
    // The status file may be the killed agent's: a plan is a look of its own.
    let until = Instant::now() + Duration::from_secs(60);
    while stack.verb(&["plan", "--exit-code"]).status.code() != Some(0) {
        assert!(Instant::now() < until, "{at}\n{}", stack.log());
    }
    stack.wait_settled(manifest);
    assert_eq!(containers(stack), [stack.container()], "{at}");
    stack.end_agent("-TERM");
}

#[test]
fn killed_between_any_two_steps_it_goes_on() {
    let mut stack = Stack::up("kills", "512MB", "");
    stack.sql("CREATE TABLE kept AS SELECT 42 AS x");
    stack.end_agent("-TERM");
    // A container to make: prepare, create.
    for line in 1..=4 {
        docker(&["rm", "-f", &stack.container()]);
        let (at, manifest) = (kill_at(&mut stack, line), stack.manifest("512MB", ""));
        goes_on(&mut stack, &manifest, &at);
    }
    // A setting that costs a restart: alter system, reload, restart.
    for line in 1..=6 {
        let manifest = stack.manifest("512MB", &format!("settings: {{max_connections: 4{line}}}"));
        stack.save(&manifest);
        let at = kill_at(&mut stack, line);
        goes_on(&mut stack, &manifest, &at);
        assert_eq!(
            stack.sql("SHOW max_connections"),
            format!("4{line}"),
            "{at}"
        );
    }
}

/// The compose call that the agent has begun: its process group.
fn compose_group(agent: u32) -> Option<String> {
    let children = format!("/proc/{agent}/task/{agent}/children");
    let children = std::fs::read_to_string(children).ok()?;
    let is_compose = |pid: &&str| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
        line.is_ok_and(|line| line.contains("compose"))
    };
    children
        .split_whitespace()
        .find(is_compose)
        .map(str::to_owned)
}

fn kill_group(group: &str) {
    let target = format!("-{group}");
    let _ = Command::new("kill").args(["-KILL", "--", &target]).status();
}

/// Lets the agent recreate the container, and kills it with its Compose, or alone, at Docker's event.
fn killed_in_a_recreate(test: &str, moments: &[(&str, bool)]) {
    let mut stack = Stack::up(test, "512MB", "");
    stack.sql("CREATE TABLE kept AS SELECT 42 AS x");
    for ((moment, compose_too), size) in moments.iter().zip(1..) {
        let at = format!("killed at `{moment}`, compose too: {compose_too}");
        let manifest = stack
            .manifest("512MB", "")
            .replace("cpus: 1}", &format!("cpus: 1, shmSize: {}MB}}", 128 + size));
        let project = format!("label=com.docker.compose.project={}", stack.name);
        let mut events = Command::new("docker")
            .args(["events", "--filter", &project, "--filter", "type=container"])
            .args(["--format", "{{.Action}}"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(events.stdout.take().unwrap()).lines();
        // The stream has begun when it tells of something: an exec that fails is an event.
        let (container, heard) = (stack.container(), AtomicBool::new(false));
        let mut lines = lines.map(Result::unwrap);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !heard.load(Ordering::Relaxed) {
                    docker_output(&["exec", &container, "true"]);
                }
            });
            lines.next().unwrap();
            heard.store(true, Ordering::Relaxed);
        });
        stack.save(&manifest);
        let mut group = None;
        let agent = stack.agent_pid();
        while group.is_none() {
            group = compose_group(agent);
            std::thread::sleep(Duration::from_millis(1));
        }
        let group = group.unwrap();
        lines.find(|line| line == moment).unwrap();
        if *compose_too {
            // Both at once: a surviving agent would begin to repair.
            kill_group(&group);
        }
        stack.end_agent("-KILL");
        events.kill().unwrap();
        events.wait().unwrap();
        stack.start_agent();
        stack.wait_settled(&manifest);
        assert_eq!(stack.sql("SELECT x FROM kept"), "42", "{at}");
        assert_eq!(containers(&stack), [stack.container()], "{at}");
    }
}

#[test]
fn killed_alone_in_a_compose_call_it_waits_for_it() {
    killed_in_a_recreate("orphan", &[("create", false), ("destroy", false)]);
}

#[test]
fn killed_with_its_compose_in_a_recreate_it_repairs_what_is_left() {
    let moments = [
        ("create", true),
        ("kill", true),
        ("die", true),
        ("destroy", true),
        ("rename", true),
    ];
    killed_in_a_recreate("halfway", &moments);
}
