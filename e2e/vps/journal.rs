//! What the journal holds: little, readable, with fields, and no secret.

use crate::guest::Guest;
use crate::install::PASSWORD;

/// Passes come every four seconds; none of them says anything where nothing happens.
pub fn a_quiet_agent_says_little(guest: &mut Guest) {
    guest.wait_settled();
    let since = guest.now();
    let written = guest.ok("stat --format %Y.%i /var/lib/aza-agent/status.json");
    // Several passes: the time is the story.
    std::thread::sleep(std::time::Duration::from_secs(15));
    let said = guest.ok(&format!("journalctl -u aza-agent --since @{since} -o cat"));
    assert!(said.is_empty() || said == "-- No entries --", "{said}");
    let after = guest.ok("stat --format %Y.%i /var/lib/aza-agent/status.json");
    assert_eq!(written, after, "a quiet agent writes nothing");
}

pub fn is_readable(guest: &mut Guest) {
    let all = guest.ok("journalctl -u aza-agent --no-pager -o cat");
    assert!(all.contains("main: begins (step=create, what="), "{all}");
    assert!(
        all.contains("main: readiness changed (ready=true, why="),
        "{all}"
    );
    assert!(!all.contains('\u{1b}'), "escape sequences in the journal");
    // Fields find the lines again.
    let of_main = guest.ok("journalctl -u aza-agent AZA_STACK=main -o cat --no-pager");
    assert!(
        of_main.lines().all(|l| l.starts_with("main: ")),
        "{of_main}"
    );
    let created = guest.ok("journalctl AZA_STEP=create -o json --no-pager -n 1");
    let created: serde_json::Value = serde_json::from_str(&created).unwrap();
    assert_eq!(created["AZA_STACK"], "main");
    assert_eq!(created["PRIORITY"], "6");
    assert_eq!(created["SYSLOG_IDENTIFIER"], "aza-agent");
    // Docker was away: that is a warning, and warnings can be asked for.
    let warnings = guest.ok("journalctl -u aza-agent -p warning -o cat --no-pager");
    assert!(warnings.contains("docker does not answer"), "{warnings}");
    assert!(!warnings.contains("readiness changed"), "{warnings}");
    // Nothing secret anywhere, generated or chosen.
    let whole = guest.ok("journalctl -o verbose --no-pager");
    assert!(!whole.contains(PASSWORD), "the password is in the journal");
    println!(
        "          {} lines of the agent so far",
        all.lines().count()
    );
}
