//! Declared, changed, changed again: what becomes effective live, and what takes one restart.

use aza_agent::api::condition::{ConditionType, Truth};

use crate::guest::Guest;
use crate::install::{PASSWORD, quoted};

/// The manifest's part that stays through the stories.
const MANUAL: &str = "workload: web\nrestart: {mode: manual}\n";
const GIB: u64 = 1 << 30;

pub fn becomes_ready(guest: &mut Guest) {
    guest.declare(&format!("{MANUAL}resources: {{memory: 1GB, cpus: 1}}"));
    guest.wait_settled();
    guest.wait("the status line", |g| g.unit("StatusText") == "Ready: main");
    assert_eq!(guest.memory_max(), GIB);
    assert_eq!(guest.sql("SHOW shared_buffers"), "256MB");
    // The password came through the credential; a client that has it gets in, one that has not does not.
    let login = |password: &str| {
        let address = "$(hostname -i)";
        let client = format!("psql -XAtq -h {address} -U postgres -c \"SELECT 1\"");
        let password = quoted(password);
        format!(
            "docker exec -e PGPASSWORD={password} main-postgres sh -c {}",
            quoted(&client)
        )
    };
    assert_eq!(guest.ok(&login(PASSWORD)), "1");
    assert_ne!(guest.run(&login("wrong")).code, 0);
}

pub fn memory_grows_and_shrinks_live(guest: &mut Guest) {
    let before = guest.identity();
    guest.declare(&format!("{MANUAL}resources: {{memory: 1536MB, cpus: 1}}"));
    guest.wait_status("Ready, with a restart that waits", |s| {
        let restart = s.condition(ConditionType::RestartRequired);
        s.is(ConditionType::Ready) && restart.is_some_and(|c| c.status == Truth::True)
    });
    assert_eq!(guest.memory_max(), GIB + GIB / 2);
    assert_eq!(guest.sql("SHOW effective_cache_size"), "1152MB");
    // What PostgreSQL itself sees through its own mount.
    let inside = "docker exec main-postgres cat /sys/fs/cgroup/memory.max";
    assert_eq!(guest.ok(inside), (GIB + GIB / 2).to_string());
    guest.declare(&format!("{MANUAL}resources: {{memory: 1GB, cpus: 1}}"));
    guest.wait_settled();
    assert_eq!(guest.memory_max(), GIB);
    assert_eq!(guest.sql("SHOW effective_cache_size"), "768MB");
    assert_eq!(guest.identity(), before, "nothing was restarted");
}

pub fn a_restart_only_setting_restarts_once(guest: &mut Guest) {
    let (before, since) = (guest.identity(), guest.now());
    guest.declare(
        "workload: web\nresources: {memory: 1GB, cpus: 1}\nsettings: {max_worker_processes: 16}",
    );
    guest.wait_settled();
    assert_eq!(guest.sql("SHOW max_worker_processes"), "16");
    let after = guest.identity();
    assert_eq!(after.id, before.id, "restarted, not recreated");
    assert_ne!(after.started, before.started);
    assert_eq!(guest.starts_since(&since), 1);
}

/// A day forward, as after a clock was put right: nothing is due by it, nothing restarts.
pub fn the_clock_jumps_a_day(guest: &mut Guest) {
    let (before, pid) = (guest.identity(), guest.agent_pid());
    guest.ok("date --set '+1 day'");
    let since = guest.now();
    // A pass after the jump: drift made by hand is seen and put right within the usual time.
    guest.sql("ALTER SYSTEM SET max_worker_processes = 17");
    guest.wait("the drift put right", |g| {
        g.sql("SELECT count(*) FROM pg_file_settings WHERE name = 'max_worker_processes' AND setting = '17'")
            == "0"
    });
    guest.wait_settled();
    assert_eq!(guest.identity(), before, "nothing was restarted");
    assert_eq!(
        guest.agent_pid(),
        pid,
        "the watchdog takes no notice of the day"
    );
    assert!(
        !guest
            .steps_since(&since)
            .iter()
            .any(|s| s.contains("restart"))
    );
}
