//! The pages of `status`: their width, and what is short and what is in full.

use super::*;
use crate::api::status::{ContainerStatus, Metadata, Status, Waiting};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn stack(name: &str, ready: bool) -> StackStatus {
    let condition = |kind: ConditionType, message: &str| Condition {
        kind,
        status: match kind.good() {
            Truth::True if !ready => Truth::False,
            good => good,
        },
        reason: if ready { "AsDeclared" } else { "Blocked" }.into(),
        message: message.into(),
        last_transition_time: NOW,
        observed_digest: "0".into(),
    };
    let long = "there is no container, and none can be made: there is no image `aza-pg:18` on this host: build it \
                with `aza-agent image build`, or load it with `docker load`";
    StackStatus {
        metadata: Metadata { name: name.into() },
        status: Status {
            conditions: ConditionType::ALL
                .map(|kind| condition(kind, long))
                .to_vec(),
            observed_digest: "0123456789ab".into(),
            manifest: format!("/etc/aza-agent/desired-state/{name}.yaml:1"),
            container: Some(ContainerStatus {
                name: format!("{name}-postgres"),
                id: "0123456789ab".into(),
                state: "running".into(),
                image: "aza-pg:18".into(),
                started_at: Some(NOW),
                limits: "1536MB memory, 1.5 CPUs".into(),
            }),
            endpoint: "127.0.0.1:5432".into(),
            waiting: if ready {
                vec![]
            } else {
                vec![Waiting {
                    reason: "ImageMissing".into(),
                    message: long.into(),
                    until: None,
                }]
            },
            first_look_at: Some(NOW),
            changed_at: NOW,
            events: vec![],
        },
    }
}

fn shown(stacks: Vec<StackStatus>, width: Option<usize>) -> String {
    let file = StatusFile {
        agent: None,
        items: stacks,
        rejected: vec![],
    };
    let page = page(&file, false, NOW, width);
    anstream::adapter::strip_str(&page).to_string()
}

#[test]
fn nothing_is_wider_than_a_terminal_of_80_columns_or_60() {
    for width in [60, 80, 100] {
        for count in [1, 3] {
            let stacks = (0..count).map(|n| stack(&format!("analytics-{n}"), n == 1));
            let page = shown(stacks.collect(), Some(width));
            for line in page.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}\n{page}");
            }
        }
    }
}

#[test]
fn a_narrow_table_does_without_what_status_name_shows() {
    let wide = shown(vec![stack("main", true)], None);
    assert!(
        wide.contains("LIMITS") && wide.contains("ENDPOINT"),
        "{wide}"
    );
    let narrow = shown(vec![stack("main", true)], Some(60));
    assert!(!narrow.contains("LIMITS"), "{narrow}");
    assert!(narrow.contains("AsDeclared"), "{narrow}");
}

#[test]
fn one_stack_in_trouble_is_shown_in_full_and_many_in_short() {
    let one = shown(vec![stack("aa", false), stack("bb", true)], None);
    assert!(
        one.contains("CONDITION") && one.contains("digest 0123456789ab"),
        "{one}"
    );
    let many = shown(
        (0..40).map(|n| stack(&format!("s{n:02}"), false)).collect(),
        None,
    );
    assert!(!many.contains("CONDITION"), "{many}");
    assert!(
        many.contains("30 more need a look. In full: aza-agent status STACK"),
        "{many}"
    );
    assert!(many.contains("waits: there is no container"), "{many}");
}

#[test]
fn an_empty_status_says_what_to_type() {
    assert!(shown(vec![], None).contains("aza-agent init NAME"));
}
