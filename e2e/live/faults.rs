//! What breaks, on the real thing: what `status` and its events say of it, and how it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aza_agent::api::condition::{ConditionType, Truth};

use crate::proxy::Proxy;
use crate::stack::{Stack, docker, docker_output, text};

fn signal(signal: &str, pid: &str) {
    let done = Command::new("kill").args([signal, pid]).status().unwrap();
    assert!(done.success(), "kill {signal} {pid}");
}

#[test]
fn a_killed_postmaster_and_a_killed_backend_are_told() {
    let stack = Stack::up("killed", "512MB", "");
    let (id, started) = stack.identity();
    signal("-KILL", &stack.inspect("{{.State.Pid}}"));
    stack.wait_event(
        "ContainerRestarted",
        "Docker's restart policy started it again",
    );
    stack.wait_ready();
    assert_eq!(stack.identity().0, id);
    assert_ne!(stack.identity().1, started);

    let (container, after) = (stack.container(), stack.identity());
    docker(&[
        "exec",
        "-d",
        &container,
        "psql",
        "-U",
        "postgres",
        "-c",
        "SELECT pg_sleep(600)",
    ]);
    stack.wait_sql(
        "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'",
        "1",
    );
    let processes = docker(&["top", &container, "-eo", "pid,args"]);
    let backend = processes
        .lines()
        .find(|l| l.contains("[local] SELECT"))
        .unwrap();
    // Within two seconds of the start it could not be told from the start itself.
    stack.wait_sql("SELECT now() - pg_postmaster_start_time() > '3s'", "t");
    signal("-KILL", backend.split_whitespace().next().unwrap());
    stack.wait_event("Reinitialised", "every session was ended");
    stack.wait_ready();
    assert_eq!(stack.identity(), after);
}

#[test]
fn what_is_changed_by_sql_and_in_the_file_is_put_right() {
    let wanted = "extensions: [{name: hstore}]\nsettings: {work_mem: 3MB}";
    let stack = Stack::up("undone", "512MB", wanted);
    let before = stack.identity();
    stack.sql("DROP EXTENSION hstore");
    stack.wait_sql(
        "SELECT count(*) FROM pg_extension WHERE extname = 'hstore'",
        "1",
    );
    let altered = |s: &aza_agent::api::status::Status| {
        s.events
            .iter()
            .filter(|e| e.reason == "AlterSystem")
            .count()
    };
    // The reload is asynchronous: that it is put right shows in the event, and then in the value.
    let edit = |line: &str| {
        let count = stack.status().map_or(0, |s| altered(&s));
        docker(&["exec", &stack.container(), "sh", "-c", line]);
        stack.sql("SELECT pg_reload_conf()");
        stack.wait("corrected file", |s| altered(s) > count);
        stack.wait_sql("SHOW work_mem", "3MB");
    };
    edit("sed -i \"s/work_mem = .*/work_mem = '5MB'/\" $PGDATA/postgresql.auto.conf");
    edit(": >$PGDATA/postgresql.auto.conf");
    let status = stack.wait_settled(&stack.manifest("512MB", wanted));
    let created = status.events.iter();
    let created = created.filter(|e| e.reason == "CreateExtension").count();
    assert_eq!(created, 2, "{:#?}", status.events);
    assert_eq!(stack.identity(), before);
}

#[test]
fn a_container_made_again_by_hand_becomes_what_the_manifest_says() {
    let stack = Stack::up("byhand-up", "512MB", "");
    stack.sql("CREATE TABLE kept AS SELECT 42 AS x");
    let manifest = stack.manifest("512MB", "");
    let megabytes = |n: u64| (n << 20).to_string();
    // Another limit: it is set back live, in the container that the person made.
    stack.edit_compose(|text| text.replace(&megabytes(512), &megabytes(700)));
    stack.compose(&["up", "-d"]);
    let (id, _) = stack.identity();
    stack.wait_event("SetLimits", "700MB");
    stack.wait_settled(&manifest);
    assert_eq!(stack.inspect("{{.HostConfig.Memory}}"), megabytes(512));
    assert_eq!(stack.identity().0, id);
    // Another image: the container is made again from the manifest's.
    let other = format!("{}:other", stack.name);
    docker(&["tag", "aza-pg:18", &other]);
    stack.edit_compose(|text| text.replace("image: aza-pg:18", &format!("image: {other}")));
    stack.compose(&["up", "-d"]);
    stack.wait_event("Recreate", "spec.image");
    docker(&["rmi", &other]);
    stack.wait_settled(&manifest);
    assert_eq!(stack.inspect("{{.Config.Image}}"), "aza-pg:18");
    // Gone, network and all, and back.
    stack.compose(&["down"]);
    stack.wait_sql("SELECT x FROM kept", "42");
    stack.wait_settled(&manifest);
    assert_eq!(stack.sql("SELECT x FROM kept"), "42");
}

#[test]
fn what_is_only_reported_is_told_and_left() {
    let stack = Stack::up(
        "told",
        "512MB",
        "drift: report\nextensions: [{name: hstore}]",
    );
    stack.sql("DROP EXTENSION hstore");
    stack.wait("missing extension", |s| {
        let told = |w: &aza_agent::api::status::Waiting| {
            w.reason == "DriftReported" && w.message.contains("hstore")
        };
        s.waiting.iter().any(told) && !s.is(ConditionType::Ready)
    });
    // Gone, and somebody else's in its place.
    stack.compose(&["down"]);
    let missing = |s: &aza_agent::api::status::Status| {
        let told = |w: &aza_agent::api::status::Waiting| {
            w.reason == "DriftReported" && w.message.contains("create the container")
        };
        s.waiting.iter().any(told)
    };
    stack.wait("missing container", missing);
    let name = stack.container();
    docker(&[
        "run",
        "-d",
        "--name",
        &name,
        "--entrypoint",
        "sleep",
        "aza-pg:18",
        "600",
    ]);
    let before = stack.identity();
    stack.wait_condition(ConditionType::Accepted, Truth::False, "NameConflict");
    assert_eq!(stack.identity(), before);
    docker(&["rm", "-f", "-v", &name]);
    // What waits has to be told before it can be approved.
    stack.wait("missing container again", missing);
    assert!(stack.state_verb(&["approve", &stack.name]).status.success());
    stack.wait("approved container", |s| {
        let created = |e: &&aza_agent::api::event::Event| e.reason == "Create";
        s.events.iter().filter(created).count() == 2
    });
    stack.wait_sql("SELECT 1", "1");
}

#[test]
fn a_postmaster_that_lets_nobody_in_is_not_restarted() {
    let stack = Stack::up("stopped", "512MB", "");
    let (before, postmaster) = (stack.identity(), stack.inspect("{{.State.Pid}}"));
    signal("-STOP", &postmaster);
    let next = stack.manifest("512MB", "settings: {max_connections: 44}");
    stack.save(&next);
    let status = stack.wait_condition(ConditionType::Available, Truth::False, "LoginRefused");
    let told = &status.condition(ConditionType::Available).unwrap().message;
    assert!(told.contains("a login gave no answer"), "{told}");
    stack.wait("restart held back", |s| {
        s.waiting.iter().any(|w| w.reason == "LoginRefused")
    });
    assert_eq!(stack.identity(), before);
    signal("-CONT", &postmaster);
    stack.wait_settled(&next);
    assert_eq!(stack.sql("SHOW max_connections"), "44");
    assert_eq!(stack.identity().0, before.0);
}

#[test]
fn a_silent_docker_is_unknown_and_nothing_happens_until_it_speaks_again() {
    let directory = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(directory.path(), true);
    let address = format!("unix://{}", proxy.socket.display());
    let mut stack = Stack::new("hung").with(&["--docker", &address]);
    stack.save(&stack.manifest("512MB", ""));
    // Silent from the start: it says so instead of hanging.
    stack.start_agent();
    stack.wait_log(0, "docker does not answer");
    stack.end_agent_if_it_lives();
    proxy.speaks_again();
    stack.start_agent();
    stack.wait_ready();
    let (before, begun) = (stack.identity(), stack.begun());

    proxy.falls_silent();
    let next = stack.manifest("512MB", "settings: {max_connections: 44}");
    stack.save(&next);
    let status = stack.wait_condition(
        ConditionType::ContainersReady,
        Truth::Unknown,
        "DockerUnknown",
    );
    let unknown = status.condition(ConditionType::ContainersReady).unwrap();
    assert!(
        unknown.message.contains("no answer within 5 s"),
        "{}",
        unknown.message
    );
    assert!(!status.is(ConditionType::Ready));
    let shown = text(&stack.state_verb(&["status"]).stdout);
    assert!(
        shown.contains("Unknown") && shown.contains("no answer within 5 s"),
        "{shown}"
    );
    // A later look does not move the time since when.
    std::thread::sleep(Duration::from_secs(6));
    let later = stack.status().unwrap();
    let still = later.condition(ConditionType::ContainersReady).unwrap();
    assert_eq!(still.last_transition_time, unknown.last_transition_time);
    assert_eq!((stack.identity(), stack.begun()), (before.clone(), begun));
    assert_eq!(stack.sql("SELECT 1"), "1");

    proxy.speaks_again();
    stack.wait_settled(&next);
    assert_eq!(stack.sql("SHOW max_connections"), "44");
    assert_eq!(stack.identity().0, before.0);
    stack.end_agent("-TERM");
    let flat = address.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_");
    let _ = fs::remove_file(format!("/run/aza-agent/agent{flat}-{}.lock", stack.name));
}

#[test]
fn a_volume_of_the_official_image_is_taken_over_as_it_is() {
    const DATA: &str = "/var/lib/postgresql/18/docker";
    let mut stack = Stack::new("official");
    let mount = format!("{}_pgdata:/var/lib/postgresql", stack.name);
    let line = format!(
        "mkdir -p {DATA} && initdb -D {DATA} -U postgres --locale=en_US.utf8 --auth=trust >/dev/null && \
         echo 'host all all all scram-sha-256' >>{DATA}/pg_hba.conf && \
         pg_controldata {DATA} | sed -n 's/^Database system identifier: *//p'"
    );
    let cluster = docker(&["run", "--rm", "-v", &mount, "aza-pg:18", "sh", "-c", &line]);
    stack.save(&stack.manifest("512MB", ""));
    stack.start_agent();
    stack.wait_settled(&stack.manifest("512MB", ""));
    assert_eq!(
        stack.sql("SELECT system_identifier FROM pg_control_system()"),
        cluster
    );
    let locale = "SELECT datlocprovider::text || ' ' || datcollate FROM pg_database WHERE datname = 'postgres'";
    assert_eq!(stack.sql(locale), "c en_US.utf8");
    // Tuned all the same: by the include file, which it did not have.
    let tuned =
        "SELECT count(*) > 20 FROM pg_file_settings WHERE sourcefile LIKE '%/aza.conf' AND applied";
    assert_eq!(stack.sql(tuned), "t");
}

#[test]
fn what_stands_against_a_start_is_told_and_waited_for() {
    let mut stack = Stack::up("against", "512MB", "");
    let manifest = stack.manifest("512MB", "");
    let (volume, other) = (
        format!("{}_pgdata:/data", stack.name),
        format!("{}-copy", stack.name),
    );
    let mounts = |other: &str| {
        docker(&[
            "run",
            "-d",
            "--name",
            other,
            "-v",
            &volume,
            "--entrypoint",
            "sleep",
            "aza-pg:18",
            "600",
        ]);
    };
    // Mounted beside a running server: its lock is what protects it, and nothing is disturbed.
    let before = stack.identity();
    mounts(&other);
    stack.end_agent("-TERM");
    stack.start_agent();
    stack.wait_settled(&manifest);
    assert_eq!(stack.identity(), before);
    // At a start it stands in the way.
    stack.end_agent("-TERM");
    docker(&["stop", &stack.container()]);
    stack.start_agent();
    let status = stack.wait_condition(ConditionType::ContainersReady, Truth::False, "Stopped");
    let told = &status
        .condition(ConditionType::ContainersReady)
        .unwrap()
        .message;
    docker(&["rm", "-f", "-v", &other]);
    assert!(told.contains(&other), "{told}");
    stack.wait_settled(&manifest);
    // So does another program on the port that became free with the container.
    stack.end_agent("-TERM");
    docker(&["stop", &stack.container()]);
    let listener = std::net::TcpListener::bind(("127.0.0.1", stack.port)).unwrap();
    stack.start_agent();
    stack.wait_condition(ConditionType::Accepted, Truth::False, "PortConflict");
    assert_eq!(stack.inspect("{{.State.Running}}"), "false");
    drop(listener);
    stack.wait_settled(&manifest);
    assert_eq!(stack.identity().0, before.0);
}

/// A small file system on the state directory; gone with this value.
struct Small(PathBuf);

impl Small {
    /// Root may mount on any host that runs Docker; where it may not, the test says so instead of passing.
    fn mount(on: &Path) -> Self {
        fs::create_dir_all(on).unwrap();
        let arguments = ["-t", "tmpfs", "-o", "size=2m,mode=0755", "tmpfs"];
        let mount = Command::new("mount")
            .args(arguments)
            .arg(on)
            .output()
            .unwrap();
        let said = text(&mount.stderr);
        assert!(mount.status.success(), "no tmpfs can be mounted: {said}");
        Self(on.to_owned())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn with_the_state_directory_full_nothing_disruptive_begins_and_it_is_told_once() {
    let mut stack = Stack::new("nospace");
    let _small = Small::mount(&stack.state_dir());
    stack.save(&stack.manifest("512MB", ""));
    stack.start_agent();
    stack.wait_ready();
    let before = stack.identity();
    let filler = stack.state_dir().join("filler");
    let chunk = vec![7_u8; 4096];
    let mut file = fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &chunk).is_ok() {}
    drop(file);

    let from = stack.log().len();
    let next = stack.manifest("512MB", "settings: {max_connections: 44}");
    stack.save(&next);
    stack.wait_log(from, "cannot remember");
    // Several passes: the agent lives, looks, and does not repeat itself.
    stack.wait_sql("SELECT setting FROM pg_file_settings WHERE name = 'max_connections' AND sourcefile LIKE '%auto.conf'", "44");
    std::thread::sleep(Duration::from_secs(6));
    let log = stack.log()[from..].to_owned();
    for once in ["cannot remember", "cannot write the status"] {
        assert_eq!(log.matches(once).count(), 1, "{once}:\n{log}");
    }
    assert!(!log.contains("restart the container"), "{log}");
    assert_eq!(stack.identity(), before);

    fs::remove_file(filler).unwrap();
    stack.wait_settled(&next);
    assert_eq!(stack.sql("SHOW max_connections"), "44");
    assert_eq!(stack.identity().0, before.0);
    assert!(
        stack.log()[from..].contains("can remember again"),
        "{}",
        stack.log()
    );
    docker_output(&["rm", "-f", "-v", &stack.container()]);
}
