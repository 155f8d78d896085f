//! Who is let in, and what shows at a glance.

use aza_agent::api::Bytes;

use crate::both::{Both, assert_told, deeds};
use crate::hand::Hand;

#[test]
fn where_a_library_keeps_every_client_out_the_agent_tells_it_and_does_its_work() {
    let mut both = Both::new("preloadlock");
    both.settle(&both.manifest());
    both.by_hand(&Hand::AlterSystem("session_preload_libraries", "nosuch"));
    let tale = both.settle_again();
    assert_told(&tale, "is Available=False LoginRefused");
    // A manifest may not set it, so its line is a person's, and stays.
    assert!(deeds(&tale).is_empty(), "{tale:#?}");
    let tale = both.settle(&both.manifest().with_setting("work_mem", "7MB"));
    assert_told(&tale, "did alter system: work_mem");
    // The agent starts again, with no session from before.
    both.lose_sessions();
    let tale = both.settle(&both.manifest().with_setting("work_mem", "6MB"));
    assert_told(&tale, "did alter system: work_mem");
    assert_told(&tale, "is Available=False LoginRefused");
    both.by_hand(&Hand::ResetPastLibraries("session_preload_libraries"));
    assert_told(&both.settle_again(), "is Ready=True");
}

#[test]
fn a_timeout_that_ends_every_login_is_put_right_through_the_kept_session() {
    let mut both = Both::new("timeoutlock");
    both.settle(&both.manifest().with_setting("transaction_timeout", "1min"));
    both.by_hand(&Hand::AlterSystem("transaction_timeout", "1"));
    let tale = both.settle_again();
    assert_told(&tale, "did alter system: transaction_timeout");
    assert_told(&tale, "is Ready=True");
}

#[test]
fn a_glance_sees_what_sql_and_files_and_the_kernel_show() {
    let mut both = Both::new("glance");
    both.settle(&both.manifest());
    assert!(both.glance(), "nothing changed");
    let hands = [
        Hand::AlterSystem("random_page_cost", "9"),
        Hand::AlterSystem("deadlock_timeout", "3s"),
        Hand::AlterRole("work_mem", "11MB"),
        Hand::DockerUpdateMemory(Bytes::gib(2)),
        Hand::BreakConf,
        Hand::RepairConf,
        Hand::DockerRestart,
        Hand::DockerStop,
    ];
    for hand in hands {
        both.by_hand(&hand);
        assert!(!both.glance(), "a glance saw nothing");
        both.settle_again();
        assert!(both.glance(), "settled again");
    }
}
