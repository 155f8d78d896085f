//! Facts about PostgreSQL that decide the design, each seen again on the image under test. One container
//! without an agent serves them all.

use std::process::Command;
use std::time::{Duration, Instant};

use aza_agent::act::sql;
use aza_agent::api::SettingName;

use crate::machine::{IMAGE, docker, docker_output};

/// A server of its own, removed with this value.
struct Server(&'static str);

impl Server {
    fn start(name: &'static str) -> Self {
        docker_output(&["rm", "-f", "-v", name]);
        let server = Self(name);
        docker(&[
            "run",
            "-d",
            "--name",
            name,
            "--memory",
            "1g",
            "-e",
            "POSTGRES_HOST_AUTH_METHOD=trust",
            IMAGE,
        ]);
        let until = Instant::now() + Duration::from_secs(60);
        while !docker_output(&["exec", name, "pg_isready", "-h", "127.0.0.1"])
            .status
            .success()
        {
            assert!(Instant::now() < until, "no answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }

    /// Runs statements in one session and returns what they answer, errors too.
    fn sql(&self, statements: &[&str]) -> String {
        let mut psql = Command::new("docker");
        psql.args(["exec", self.0, "psql", "-XAtqU", "postgres"]);
        let output = psql
            .args(statements.iter().flat_map(|s| ["-c", *s]))
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8(text).unwrap().trim().to_owned()
    }

    fn auto_conf(&self) -> String {
        docker(&[
            "exec",
            self.0,
            "cat",
            "/var/lib/postgresql/18/docker/postgresql.auto.conf",
        ])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        docker_output(&["rm", "-f", "-v", self.0]);
    }
}

fn name(setting: &str) -> SettingName {
    SettingName::parse(setting).unwrap()
}

#[test]
fn a_value_that_waits_for_a_restart_is_told_in_the_words_of_a_refused_one() {
    let server = Server::start("aza-test-conf-fact-waits");
    server.sql(&[
        "ALTER SYSTEM SET max_connections = 77",
        "SELECT pg_reload_conf()",
    ]);
    let error = "SELECT error, applied FROM pg_file_settings WHERE name = 'max_connections' AND setting = '77'";
    assert_eq!(server.sql(&[error]), "setting could not be applied|f");
}

#[test]
fn a_reload_is_not_done_when_the_call_returns() {
    let server = Server::start("aza-test-conf-fact-reload");
    let stale = (1..=20).filter(|n| {
        let set = format!("ALTER SYSTEM SET work_mem = '{n}MB'");
        server.sql(&[&set, "SELECT pg_reload_conf()", "SHOW work_mem"]) != format!("t\n{n}MB")
    });
    // Asked in the same session at once; a wait for the load time is what helps.
    assert!(
        stale.count() > 0,
        "every read was fresh: the wait for pg_conf_load_time() is not needed"
    );
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(server.sql(&["SHOW work_mem"]), "20MB");
}

#[test]
fn a_list_is_written_as_separate_literals() {
    let server = Server::start("aza-test-conf-fact-list");
    let preload = name("shared_preload_libraries");
    assert_eq!(
        server.sql(&[&sql::alter_system(&preload, Some("pg_cron,pgaudit"))]),
        ""
    );
    assert!(
        server
            .auto_conf()
            .contains("shared_preload_libraries = 'pg_cron, pgaudit'"),
        "{}",
        server.auto_conf()
    );
    server.sql(&["ALTER SYSTEM SET shared_preload_libraries = 'pg_cron,pgaudit'"]);
    let one_name = "shared_preload_libraries = '\"pg_cron,pgaudit\"'";
    assert!(
        server.auto_conf().contains(one_name),
        "{}",
        server.auto_conf()
    );
}

#[test]
fn a_name_with_two_dots_poisons_the_file_and_is_no_name_of_ours() {
    assert!(SettingName::parse("a.b.c").is_err());
    let server = Server::start("aza-test-conf-fact-poison");
    assert_eq!(server.sql(&["ALTER SYSTEM SET \"a.b.c\" = 'x'"]), "");
    let next = server.sql(&["ALTER SYSTEM SET work_mem = '5MB'"]);
    assert!(next.contains("could not parse contents of file"), "{next}");
    let reset = server.sql(&["ALTER SYSTEM RESET ALL"]);
    assert_eq!(reset, "", "RESET ALL does not read the file");
}

#[test]
fn an_unknown_name_keeps_a_reload_from_applying_anything_and_a_bad_value_only_itself() {
    let server = Server::start("aza-test-conf-fact-unknown");
    let write = |lines: &str| {
        let conf = "/var/lib/postgresql/18/docker/postgresql.conf";
        docker(&[
            "exec",
            server.0,
            "sh",
            "-c",
            &format!("printf '{lines}' >> {conf}"),
        ]);
        server.sql(&["SELECT pg_reload_conf()"]);
        std::thread::sleep(Duration::from_millis(300));
        server.sql(&["SHOW deadlock_timeout"])
    };
    assert_eq!(
        write("deadlock_timeout = 2s\\nlock_timeout = soon\\n"),
        "2s"
    );
    assert_eq!(write("deadlock_timeout = 3s\\nnosuch_setting = 1\\n"), "2s");
}

#[test]
fn a_mistake_in_one_file_hides_the_lines_of_the_next() {
    let server = Server::start("aza-test-conf-fact-hides");
    server.sql(&["ALTER SYSTEM SET work_mem = '7MB'"]);
    let conf = "/var/lib/postgresql/18/docker/postgresql.conf";
    docker(&[
        "exec",
        server.0,
        "sed",
        "-i",
        "1i this is = no = line",
        conf,
    ]);
    assert_eq!(
        server.sql(&["SELECT name, error FROM pg_file_settings"]),
        "|syntax error"
    );
}
