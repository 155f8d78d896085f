//! Docker as it behaves on a bad day: hung, restarted, away, not there at all. The agent lives on, says what it
//! sees, and does nothing on what it does not see.

use std::time::Duration;

use aza_agent::api::condition::{ConditionType, Truth};

use crate::guest::Guest;

/// Longer than the watchdog's limit of 30 s.
const LONGER_THAN_THE_WATCHDOG: Duration = Duration::from_secs(40);

/// A socket that accepts and never answers.
pub fn a_hung_docker_is_waited_for(guest: &mut Guest) {
    let (before, pid, since) = (guest.identity(), guest.agent_pid(), guest.now());
    // Should this part fail, the next ones find a Docker that answers again.
    guest.ok("systemd-run --quiet --on-active=280 sh -c 'kill -CONT $(pidof dockerd)'");
    guest.ok("kill -STOP $(pidof dockerd)");
    guest.wait_status("Unknown", |s| is_unknown(s, ConditionType::Ready));
    // The time itself is the story: a watchdog that is not fed would strike within it.
    std::thread::sleep(LONGER_THAN_THE_WATCHDOG);
    assert_eq!(guest.agent_pid(), pid, "the watchdog struck");
    guest.ok("kill -CONT $(pidof dockerd)");
    guest.wait_ready();
    assert_eq!(guest.identity(), before);
    assert_eq!(guest.steps_since(&since), Vec::<String>::new());
}

pub fn restarted(guest: &mut Guest) {
    let pid = guest.agent_pid();
    let before = guest.identity();
    guest.ok("systemctl restart docker");
    guest.wait("the container up again", |g| {
        g.run("docker exec main-postgres pg_isready -q").code == 0
    });
    guest.wait_ready();
    assert_eq!(guest.agent_pid(), pid);
    assert_eq!(guest.identity().id, before.id);
}

/// With `live-restore` the database runs on; the agent sees nothing of it, and leaves it alone.
pub fn away_for_a_minute(guest: &mut Guest) {
    guest.ok("mkdir -p /etc/docker && echo '{\"live-restore\": true}' >/etc/docker/daemon.json && systemctl reload docker");
    guest.wait("live-restore", |g| {
        g.ok("docker info --format '{{.LiveRestoreEnabled}}'") == "true"
    });
    let (before, pid, since) = (guest.identity(), guest.agent_pid(), guest.now());
    guest.ok("systemctl stop docker.socket docker.service");
    let unknown = guest.wait_status("Unknown", |s| is_unknown(s, ConditionType::Ready));
    let first = unknown.condition(ConditionType::Ready).unwrap().clone();
    std::thread::sleep(Duration::from_secs(60));
    let still = guest.status().unwrap();
    let ready = still.condition(ConditionType::Ready).unwrap();
    assert_eq!(ready.status, Truth::Unknown);
    assert_eq!(
        ready.last_transition_time, first.last_transition_time,
        "since when"
    );
    let silent = guest.status_file().unwrap().agent.unwrap().docker_silent;
    assert!(silent.is_some());
    let line = guest.unit("StatusText");
    assert!(line.starts_with("Docker does not answer since "), "{line}");
    let remark = guest.ok("aza-agent status 2>&1");
    assert!(remark.contains("systemctl start docker"), "{remark}");
    assert_eq!(guest.agent_pid(), pid);
    guest.ok("systemctl start docker.socket docker.service");
    guest.wait_ready();
    assert_eq!(guest.identity(), before, "the database ran through");
    assert_eq!(guest.steps_since(&since), Vec::<String>::new());
    assert!(
        guest
            .status_file()
            .unwrap()
            .agent
            .unwrap()
            .docker_silent
            .is_none()
    );
}

/// An agent that starts where Docker is masked and its socket is missing: it waits, and systemd has nothing to
/// restart.
pub fn absent_at_the_start(guest: &mut Guest) {
    let before = guest.identity();
    guest.ok(
        "systemctl stop aza-agent docker.socket docker.service && rm -f /run/docker.sock && \
         systemctl mask docker.service docker.socket",
    );
    guest.ok("systemctl reset-failed aza-agent; systemctl start aza-agent");
    guest.wait("what is missing", |g| {
        g.unit("StatusText")
            .starts_with("Docker does not answer since ")
    });
    guest.wait_status("Unknown", |s| is_unknown(s, ConditionType::Ready));
    assert_eq!(guest.unit("ActiveState"), "active");
    assert_eq!(guest.unit("NRestarts"), "0");
    guest.ok("systemctl unmask docker.service docker.socket && systemctl start docker.socket docker.service");
    guest.wait_ready();
    assert_eq!(guest.unit("NRestarts"), "0");
    assert_eq!(guest.identity(), before);
}

fn is_unknown(status: &aza_agent::api::status::Status, kind: ConditionType) -> bool {
    let found = status.condition(kind);
    found.is_some_and(|c| c.status == Truth::Unknown)
}
