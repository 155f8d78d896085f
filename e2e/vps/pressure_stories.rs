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
    assert!(told.contains("the kernel killed "), "{told}");
    assert!(status.events.iter().any(|e| e.reason == "OomKilled"));
    // A slow machine's kernel may have taken a backend as well: then the server recovers by itself, in its container.
    guest.wait_settled();
    assert_eq!(guest.identity(), before);
}

/// First a warning, long before; then nothing is left, the server cannot write its log and ends, and the agent
/// cannot write its state. When there is room again nobody has to help.
pub fn a_full_disk_is_told_before_and_outlived(guest: &mut Guest) {
    let (before, pid) = (guest.identity(), guest.agent_pid());
    let since: f64 = guest.now().parse().unwrap();
    guest.sql("CREATE TABLE before_full AS SELECT 42 AS x");
    // Should this part fail, the next ones find room again.
    guest.ok("systemd-run --quiet --on-active=280 rm -f /filler /filler2 /filler3");
    let left = "$(( $(stat --file-system --format '%a*%S' /) - 700*1024*1024 ))";
    guest.ok(&format!("fallocate --length {left} /filler"));
    let status = guest.wait_status("the warning", |s| {
        is(s, ConditionType::DiskSpace, Truth::False)
    });
    assert!(
        status.is(ConditionType::Ready),
        "a warning does not lower Ready"
    );
    // A client that writes nothing but log. It begins before the disk is full: a `docker exec` may find no room.
    let write = "SELECT pg_logical_emit_message(true, 'fill', repeat('x', 4000000))";
    guest.ok(&format!(
        "cat >/run/test-filler <<'END'\nwhile psql -XAtqU postgres -c \"{write}\" >/dev/null; do :; done\nEND\n\
         systemd-run --quiet --unit=test-filler --property=StandardInput=file:/run/test-filler docker exec -i {CONTAINER} sh"
    ));
    // Of the last blocks the file system keeps some for root, the agent among them: those too.
    let full = guest.run("dd if=/dev/zero of=/filler2 bs=1M; dd if=/dev/zero of=/filler3 bs=4k");
    assert!(full.text.contains("No space left on device"));
    guest.wait("the end of the writer's server", |g| {
        g.run("systemctl is-active --quiet test-filler").code != 0
    });
    // The agent's last word may be older: it has no room for another. It lives, and says so.
    assert_eq!(guest.unit("ActiveState"), "active");
    guest.ok("rm -f /filler /filler2 /filler3");
    guest.wait("the database", |g| {
        let asked =
            format!("docker exec {CONTAINER} psql -XAtqU postgres -c 'SELECT x FROM before_full'");
        g.run(&asked).text == "42"
    });
    guest.wait_settled();
    let status = guest.wait_status("the end of the warning", |s| {
        is(s, ConditionType::DiskSpace, Truth::True)
    });
    // It really was that bad: a server that cannot write its log ends all its sessions.
    let told = |e: &aza_agent::api::event::Event| {
        let is_an_end = ["Reinitialised", "ContainerRestarted"].contains(&e.reason.as_str());
        is_an_end && e.time.as_millisecond() as f64 > since * 1e3
    };
    assert!(status.events.iter().any(told), "{:#?}", status.events);
    assert_eq!(guest.identity().id, before.id);
    assert_eq!(guest.agent_pid(), pid);
    guest.sql("DROP TABLE before_full");
}

fn is(status: &aza_agent::api::status::Status, kind: ConditionType, truth: Truth) -> bool {
    status.condition(kind).is_some_and(|c| c.status == truth)
}
