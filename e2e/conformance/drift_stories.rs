//! What people do behind the agent's back, and what becomes of it.

use aza_agent::api::Bytes;

use crate::both::{Both, assert_told, deeds};
use crate::hand::Hand;

#[test]
fn a_line_written_by_hand_on_an_owned_setting_is_put_right() {
    let mut both = Both::new("alter");
    both.settle(&both.manifest());
    both.by_hand(&Hand::AlterSystem("random_page_cost", "9"));
    both.by_hand(&Hand::AlterSystem("deadlock_timeout", "3s"));
    let tale = both.settle_again();
    assert_told(&tale, "did reset setting: random_page_cost");
    assert_told(&tale, "is Ready=True");
}

#[test]
fn a_restart_setting_written_by_hand_never_becomes_effective() {
    let mut both = Both::new("alterpm");
    both.settle(&both.manifest());
    both.by_hand(&Hand::AlterSystem("max_connections", "55"));
    let tale = both.settle_again();
    assert_told(&tale, "did reset setting: max_connections");
    both.by_hand(&Hand::AlterSystem("max_connections", "55"));
    both.by_hand(&Hand::DockerRestart);
    let tale = both.settle_again();
    assert_told(&tale, "did restart the container");
}

#[test]
fn what_a_role_pins_is_told() {
    let mut both = Both::new("role");
    both.settle(&both.manifest());
    both.by_hand(&Hand::AlterRole("work_mem", "11MB"));
    both.settle_again();
    both.settle(&both.manifest().with_setting("work_mem", "7MB"));
}

#[test]
fn a_limit_changed_by_hand_is_set_back() {
    let mut both = Both::new("limit");
    both.settle(&both.manifest());
    both.by_hand(&Hand::DockerUpdateMemory(Bytes::gib(2)));
    let tale = both.settle_again();
    assert_told(&tale, "did set limits");
}

#[test]
fn a_stopped_container_is_started_again() {
    let mut both = Both::new("stop");
    both.settle(&both.manifest());
    both.by_hand(&Hand::DockerStop);
    let tale = both.settle_again();
    assert_told(&tale, "did start the container");
    both.settle(&both.manifest().reports_drift());
    both.by_hand(&Hand::DockerStop);
    both.settle_again();
}

#[test]
fn a_removed_container_comes_back_on_its_volume() {
    let mut both = Both::new("rm");
    both.settle(&both.manifest().with_setting("work_mem", "7MB"));
    both.by_hand(&Hand::DockerRm);
    let tale = both.settle_again();
    assert_told(&tale, "did create the container");
}

#[test]
fn a_tag_that_moved_is_another_container() {
    let mut both = Both::new("tag");
    both.settle(&both.manifest().restarts_manually());
    both.by_hand(&Hand::MoveTag);
    let waits = both.settle_again();
    assert_told(&waits, "waits");
    let tale = both.settle(&both.manifest());
    assert_told(&tale, "did recreate the container");
}

#[test]
fn a_broken_file_is_told_and_holds_changes_back() {
    let mut both = Both::new("broken");
    both.settle(&both.manifest());
    both.settle(&both.manifest().with_setting("wal_compression", "zstd"));
    both.by_hand(&Hand::BreakConf);
    let tale = both.settle_again();
    assert!(deeds(&tale).is_empty(), "{tale:#?}");
    let held = both.settle(&both.manifest().with_setting("work_mem", "7MB"));
    assert_told(&held, "waits [ConfigFileError] work_mem");
    assert!(deeds(&held).is_empty(), "{held:#?}");
    both.by_hand(&Hand::RepairConf);
    let tale = both.settle_again();
    assert_told(&tale, "did reset setting: wal_compression zstd");
    assert_told(&tale, "is Ready=True");
}
