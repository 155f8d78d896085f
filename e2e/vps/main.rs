//! The whole trip on a fresh VPS: a Debian machine under QEMU with systemd, Docker 28 and cgroup v2, the agent
//! installed as people install it. Run by `make test-vps`; ordinary runs leave it out.
//!
//! One boot for most of the story, then the power is cut and a second one. Everything is driven through a root
//! shell on a virtio port. Waits are for conditions; the few plain times are the story itself (a Docker that is
//! away for a minute).

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]
#![expect(
    clippy::print_stdout,
    reason = "it takes minutes: who waits wants to see how far it is"
)]

mod docker_stories;
mod guest;
mod install;
mod journal;
mod life_stories;
mod machine;
mod power_stories;
mod pressure_stories;
mod shell;
mod unit_stories;

use guest::Guest;
use machine::Machine;

type Chapter = (&'static str, fn(&mut Guest));

/// What happens between the installation and the power cut, each part on what the one before left.
const LIFE: &[Chapter] = &[
    ("a manifest becomes Ready", life_stories::becomes_ready),
    ("sandbox", unit_stories::the_unit_is_tight),
    ("reload", unit_stories::a_reload_is_a_rescan),
    ("memory, live", life_stories::memory_grows_and_shrinks_live),
    (
        "a restart-only setting",
        life_stories::a_restart_only_setting_restarts_once,
    ),
    ("a quiet agent", journal::a_quiet_agent_says_little),
    ("clock", life_stories::the_clock_jumps_a_day),
    ("killed", unit_stories::killed_and_started_again),
    (
        "killed during compose",
        unit_stories::compose_outlives_its_agent,
    ),
    ("hung", unit_stories::a_hung_agent_is_restarted),
    ("dockerd hung", docker_stories::a_hung_docker_is_waited_for),
    ("dockerd restarted", docker_stories::restarted),
    ("dockerd away", docker_stories::away_for_a_minute),
    ("no Docker at all", docker_stories::absent_at_the_start),
    (
        "a kill by the kernel",
        pressure_stories::a_kill_by_the_kernel_is_told,
    ),
    (
        "a full disk",
        pressure_stories::a_full_disk_is_told_before_and_outlived,
    ),
    ("the journal", journal::is_readable),
];

#[test]
#[ignore = "boots a virtual machine: make test-vps"]
fn a_fresh_vps() {
    let machine = Machine::new(&install::payload());
    let mut failed = Vec::new();
    let mut guest = Guest::boot(&machine);
    guest.chapter(&mut failed, "install", install::as_people_do);
    for (name, tell) in LIFE {
        guest.chapter(&mut failed, name, tell);
    }
    let acknowledged = guest.chapter(&mut failed, "power cut", power_stories::cut_under_load);
    drop(guest);
    if let Some(acknowledged) = acknowledged {
        let mut guest = Guest::boot(&machine);
        guest.chapter(&mut failed, "after the power cut", |g| {
            power_stories::everything_is_there(g, &acknowledged);
        });
    }
    assert!(failed.is_empty(), "failed: {failed:?}");
}
