//! What stands against a start, and what is lost.

use crate::both::{Both, assert_told, deeds};
use crate::hand::Hand;

#[test]
fn a_paused_container_is_left_alone() {
    let mut both = Both::new("pause");
    both.settle(&both.manifest());
    both.by_hand(&Hand::DockerPause);
    let tale = both.pass();
    assert!(deeds(&tale).is_empty(), "{tale:#?}");
    both.by_hand(&Hand::DockerUnpause);
    assert_told(&both.settle_again(), "is Ready=True");
}

#[test]
fn a_volume_that_another_container_mounts_blocks_the_start() {
    let mut both = Both::new("mounted");
    both.settle(&both.manifest());
    both.by_hand(&Hand::DockerStop);
    both.by_hand(&Hand::MountElsewhere);
    let tale = both.pass();
    assert!(deeds(&tale).is_empty(), "{tale:#?}");
    both.by_hand(&Hand::MountNoMore);
    assert_told(&both.settle_again(), "did start the container");
}

#[test]
fn a_taken_port_blocks_the_start() {
    let mut both = Both::new("port");
    both.settle(&both.manifest());
    both.by_hand(&Hand::DockerRm);
    both.by_hand(&Hand::TakePort);
    let tale = both.pass();
    assert!(deeds(&tale).is_empty(), "{tale:#?}");
    both.by_hand(&Hand::LeavePort);
    assert_told(&both.settle_again(), "did create the container");
}

#[test]
fn an_image_that_is_gone_is_told_and_what_runs_goes_on() {
    let mut both = Both::new("untag");
    both.settle(&both.manifest());
    both.by_hand(&Hand::Untag);
    both.settle_again();
    both.by_hand(&Hand::DockerRm);
    let tale = both.pass();
    assert!(deeds(&tale).is_empty(), "{tale:#?}");
}

#[test]
fn a_container_made_again_by_hand_loses_its_live_limits_and_gets_them_back() {
    let mut both = Both::new("force");
    both.settle(&both.manifest());
    both.settle(&both.manifest().with_cpus("1"));
    both.by_hand(&Hand::ForceRecreate);
    assert_told(&both.settle_again(), "did set limits");
}

#[test]
fn a_value_on_the_command_line_is_told_and_restarts_nothing() {
    let mut both = Both::new("pinned");
    both.settle(&both.manifest());
    both.by_hand(&Hand::PinOnCommandLine("work_mem", "9MB"));
    both.settle_again();
    let tale = both.settle(&both.manifest().with_setting("work_mem", "7MB"));
    assert_told(&tale, "waits [PinnedByCommandLine] work_mem");
}

#[test]
fn without_its_memory_the_agent_takes_over_what_it_finds() {
    let mut both = Both::new("lost");
    both.settle(&both.manifest().with_setting("work_mem", "7MB"));
    both.by_hand(&Hand::AlterSystem("random_page_cost", "9"));
    both.lose_state();
    let tale = both.settle_again();
    assert_told(&tale, "is SettingsInSync=False ForeignLine");
}
