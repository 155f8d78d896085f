//! What the host runs out of: memory within the container's limit, and disk, to the last block.

use aza_agent::api::condition::{ConditionType, Truth};

use crate::guest::{CONTAINER, Guest};

/// The kernel's own count in cgroup v2 is the only witness of such a kill: the container stays up, and Docker's
/// `OOMKilled` stays false.
pub fn a_kill_by_the_kernel_is_told(guest: &mut Guest) {
    let before = guest.identity();
    // Grows until the limit; a shell that is killed so says 137.
    let eater = guest.run(&format!("docker exec {CONTAINER} tail /dev/zero"));
    assert_eq!(eater.code, 137, "{}", eater.text);
    let status = guest.wait_status("the kill", |s| is(s, ConditionType::OomKilled, Truth::True));
    let told = &status.condition(ConditionType::OomKilled).unwrap().message;
    assert!(told.contains("it was not the server's"), "{told}");
    assert!(status.events.iter().any(|e| e.reason == "OomKilled"));
    assert!(
        status.is(ConditionType::Ready),
        "the database took no notice"
    );
    assert_eq!(guest.identity(), before);
}

/// First a warning, long before; then nothing is left, the server cannot write its log and ends, and the agent
/// cannot write its state. When there is room again nobody has to help.
pub fn a_full_disk_is_told_before_and_outlived(guest: &mut Guest) {
    let (before, pid) = (guest.identity(), guest.agent_pid());
    guest.sql("CREATE TABLE before_full AS SELECT 42 AS x");
    let left = "$(( $(stat --file-system --format '%a*%S' /) - 700*1024*1024 ))";
    guest.ok(&format!("fallocate --length {left} /filler"));
    let status = guest.wait_status("the warning", |s| {
        is(s, ConditionType::DiskSpace, Truth::False)
    });
    assert!(
        status.is(ConditionType::Ready),
        "a warning does not lower Ready"
    );
    // Of the last blocks the file system keeps some for root, the agent among them: those too.
    let full = guest.run("dd if=/dev/zero of=/filler2 bs=1M; dd if=/dev/zero of=/filler3 bs=4k");
    assert!(full.text.contains("No space left on device"));
    // Each takes a new segment of the log: there is none to be had, and the server panics.
    let segments =
        "for i in $(seq 200); do psql -XAtqU postgres -c 'SELECT pg_switch_wal()' || exit 1; done";
    let written = guest.run(&format!("docker exec {CONTAINER} sh -c \"{segments}\""));
    assert_ne!(
        written.code, 0,
        "the disk is not full: {}\n{}",
        written.text, full.text
    );
    guest.wait("the end of the server", |g| {
        g.run(&format!("docker logs --since 5m {CONTAINER} 2>&1"))
            .text
            .contains("No space left on device")
    });
    // The agent's last word may be older: it has no room for another. It lives, and says so.
    assert_eq!(guest.unit("ActiveState"), "active");
    guest.ok("rm /filler /filler2 /filler3");
    guest.wait("the database", |g| {
        let asked =
            format!("docker exec {CONTAINER} psql -XAtqU postgres -c 'SELECT x FROM before_full'");
        g.run(&asked).text == "42"
    });
    guest.wait_settled();
    guest.wait_status("the end of the warning", |s| {
        is(s, ConditionType::DiskSpace, Truth::True)
    });
    assert_eq!(guest.identity().id, before.id);
    assert_eq!(guest.agent_pid(), pid);
    guest.sql("DROP TABLE before_full");
}

fn is(status: &aza_agent::api::status::Status, kind: ConditionType, truth: Truth) -> bool {
    status.condition(kind).is_some_and(|c| c.status == truth)
}
