//! The service itself: its sandbox, its reload, killed, hung, and killed with a compose call in hand.

use crate::guest::Guest;

pub fn the_unit_is_tight(guest: &mut Guest) {
    let said = guest.ok("systemd-analyze security aza-agent.service --no-pager | tail -n 1");
    let level = said.split_whitespace().find_map(|w| w.parse::<f64>().ok());
    assert!(level.is_some_and(|l| l <= 2.5), "{said}");
    let said = guest.run("systemd-analyze verify aza-agent.service").text;
    assert!(!said.contains("aza-agent"), "{said}");
    // What the kernel holds, not what the file says: CHOWN, DAC_OVERRIDE, NET_BIND_SERVICE.
    let pid = guest.agent_pid();
    let bounds = guest.ok(&format!("grep CapBnd /proc/{pid}/status"));
    assert!(bounds.ends_with("0000000000000403"), "{bounds}");
    guest.ok(&format!("grep -q 'Seccomp:.*2' /proc/{pid}/status"));
}

pub fn a_reload_is_a_rescan(guest: &mut Guest) {
    let (since, pid) = (guest.now(), guest.agent_pid());
    guest.ok("systemctl reload aza-agent");
    guest.wait("the rescan", |g| {
        let said = g.ok(&format!("journalctl -u aza-agent --since @{since} -o cat"));
        said.contains("asked to read the directory again")
    });
    guest.wait("active again", |g| g.unit("ActiveState") == "active");
    assert_eq!(guest.agent_pid(), pid);
    assert_eq!(guest.unit("StatusText"), "Ready: main");
}

pub fn killed_and_started_again(guest: &mut Guest) {
    let (before, pid) = (guest.identity(), guest.agent_pid());
    guest.ok("systemctl kill --signal=KILL --kill-whom=main aza-agent");
    another_agent_comes(guest, &pid);
    guest.wait_ready();
    assert_eq!(guest.identity(), before, "the database took no notice");
}

/// The agent is killed while Compose replaces the container: Compose ends its work, the next agent waits for
/// it, and nobody finds two halves.
pub fn compose_outlives_its_agent(guest: &mut Guest) {
    let pid = guest.agent_pid();
    let before = guest.identity();
    let manifest = "workload: web\nresources: {memory: 1GB, cpus: 1}\npublish: {port: 5555}";
    guest.save(manifest);
    guest.wait("a compose call", |g| {
        g.run("pgrep -f 'compose .*up --detach'").code == 0
    });
    guest.ok("kill -9 $(systemctl show --value -p MainPID aza-agent)");
    let compose = guest.run("pgrep -f 'compose .*up --detach'");
    assert_eq!(compose.code, 0, "compose died with its agent");
    another_agent_comes(guest, &pid);
    // Its first status is of before: only one that knows the manifest counts.
    guest.declare(manifest);
    guest.wait_settled();
    let after = guest.identity();
    assert_ne!(after.id, before.id);
    assert_eq!(
        guest.ok("docker ps --all --format '{{.Names}}'"),
        "main-postgres"
    );
    assert!(guest.ok("docker port main-postgres").ends_with(":5555"));
}

/// A stopped process stands for a hung loop: it does not feed the watchdog.
pub fn a_hung_agent_is_restarted(guest: &mut Guest) {
    let (before, pid) = (guest.identity(), guest.agent_pid());
    guest.ok(&format!("kill -STOP {pid}"));
    another_agent_comes(guest, &pid);
    let said = guest.ok("journalctl -u aza-agent --no-pager -o cat -n 200");
    assert!(said.contains("Watchdog timeout"), "{said}");
    guest.wait_ready();
    assert_eq!(guest.identity(), before);
}

fn another_agent_comes(guest: &mut Guest, old: &str) {
    guest.wait("another agent", |g| {
        let pid = g.agent_pid();
        pid != old && pid != "0" && g.unit("ActiveState") == "active"
    });
}
