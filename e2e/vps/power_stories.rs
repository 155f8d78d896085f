//! The plug is pulled while a client writes. What was acknowledged is there afterwards, and nobody has to help.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Duration;

use crate::guest::Guest;

/// How many commits are acknowledged before the plug is pulled.
const ENOUGH: usize = 300;

/// Returns the ids that the server acknowledged, as they were reported over a line of their own.
pub fn cut_under_load(guest: &mut Guest) -> Vec<u64> {
    guest.sql("CREATE TABLE acks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT now())");
    guest.ok("docker exec main-postgres pgbench -qiU postgres -s 2 postgres 2>&1");
    guest.ok("systemd-run --unit=test-load docker exec main-postgres pgbench -U postgres -c 4 -T 600 postgres");
    let line = UnixStream::connect(guest.machine.port("acks")).unwrap();
    let (tell, acknowledged) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for id in BufReader::new(line).lines().map_while(Result::ok) {
            // The last line may be cut off in its middle: only a whole one counts.
            let Some(id) = id.strip_prefix('#').and_then(|id| id.strip_suffix(';')) else {
                continue;
            };
            let _ = tell.send(id.parse().unwrap());
        }
    });
    guest.ok("cat >/usr/local/sbin/test-writer <<'END'
#!/bin/bash
yes \"INSERT INTO acks DEFAULT VALUES RETURNING '#' || id || ';';\" |
    docker exec -i main-postgres psql -XAtqU postgres >/dev/virtio-ports/test.acks
END
chmod 0755 /usr/local/sbin/test-writer && systemd-run --unit=test-writer /usr/local/sbin/test-writer");
    let mut ids: Vec<u64> = Vec::new();
    while ids.len() < ENOUGH {
        let id = acknowledged.recv_timeout(Duration::from_secs(120));
        ids.push(id.unwrap_or_else(|e| {
            panic!("{e} after {} commits\n{}", ids.len(), guest.what_happened())
        }));
    }
    guest.machine.cut_power();
    reader.join().unwrap();
    ids.extend(acknowledged.try_iter());
    println!("          {} commits acknowledged", ids.len());
    ids
}

pub fn everything_is_there(guest: &mut Guest, acknowledged: &[u64]) {
    guest.wait("the agent", |g| {
        g.run("systemctl is-active --quiet aza-agent").code == 0
    });
    guest.wait_ready();
    guest.wait_settled();
    let ids: Vec<String> = acknowledged.iter().map(|id| format!("({id})")).collect();
    let missing = guest.sql(&format!(
        "SELECT count(*) FROM (VALUES {}) AS said(id) WHERE id NOT IN (SELECT id FROM acks)",
        ids.join(", ")
    ));
    assert_eq!(missing, "0", "acknowledged commits are gone");
    assert_eq!(guest.unit("NRestarts"), "0");
    // It really was a crash: the server recovered.
    let log = guest.ok("docker logs main-postgres 2>&1");
    assert!(
        log.contains("database system was not properly shut down"),
        "{log}"
    );
}
