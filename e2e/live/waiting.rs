//! `status --wait` beside a real agent, and what it says where something is missing.

use std::net::TcpListener;

use crate::stack::{Stack, text};

const WAIT: [&str; 5] = ["status", "--wait", "Ready", "--timeout", "60s"];

#[test]
fn a_saved_manifest_is_waited_for_and_not_the_one_before() {
    let stack = Stack::up("wait", "512MB", "");
    for (value, shown) in [("250ms", "250ms"), ("1s", "1s"), ("2s", "2s")] {
        let settings = format!("settings: {{log_min_duration_statement: {value}}}");
        stack.save(&stack.manifest("512MB", &settings));
        let waited = stack.verb(&WAIT);
        assert_eq!(waited.status.code(), Some(0), "{}", text(&waited.stderr));
        assert_eq!(stack.sql("SHOW log_min_duration_statement"), shown);
    }
}

#[test]
fn no_image_and_a_taken_port_end_in_what_mends_them() {
    let mut stack = Stack::new("wait-for-what");
    let image = "image: aza-test-no-such-image:18";
    stack.save(&stack.manifest("512MB", image));
    stack.start_agent();
    let short = ["status", "--wait", "Accepted", "--timeout", "60s"];
    let accepted = stack.verb(&short);
    assert_eq!(
        accepted.status.code(),
        Some(0),
        "{}",
        text(&accepted.stderr)
    );
    let wait = ["status", "--wait", "Ready", "--timeout", "1s"];
    let waited = stack.verb(&wait);
    assert_eq!(waited.status.code(), Some(5), "{}", text(&waited.stderr));
    let said = text(&waited.stderr);
    let build = "sudo aza-agent image build --tag aza-test-no-such-image:18";
    assert!(said.contains(build), "{said}");
    let _taken = TcpListener::bind(("127.0.0.1", stack.port)).unwrap();
    stack.save(&stack.manifest("512MB", ""));
    let refused = ["status", "--wait", "Accepted=False", "--timeout", "60s"];
    let waited = stack.verb(&refused);
    assert_eq!(waited.status.code(), Some(0), "{}", text(&waited.stderr));
    let shown = text(&stack.state_verb(&["status"]).stdout);
    let look = format!("sudo ss -ltnp 'sport = :{}'", stack.port);
    assert!(shown.contains(&look), "{shown}");
}
