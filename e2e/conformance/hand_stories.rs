//! What hands break that no setting is: names, networks, the password, the file of ALTER SYSTEM, what is in a database.

use crate::both::{Both, assert_told, deeds};
use crate::hand::Hand;

#[test]
fn a_renamed_container_gets_its_name_back() {
    let mut both = Both::new("rename");
    both.settle(&both.manifest());
    both.by_hand(&Hand::Rename);
    assert_told(&both.settle_again(), "did rename: ");
}

#[test]
fn a_container_off_its_network_is_connected_again() {
    let mut both = Both::new("offnet");
    both.settle(&both.manifest());
    both.by_hand(&Hand::Disconnect);
    let tale = both.settle_again();
    assert_told(&tale, "did connect: ");
    assert_eq!(deeds(&tale).len(), 1, "{tale:#?}");
}

#[test]
fn another_password_goes_back_to_the_one_in_the_file() {
    let mut both = Both::new("password");
    both.settle(&both.manifest());
    both.by_hand(&Hand::AlterPassword);
    assert_told(&both.settle_again(), "did set password");
}

#[test]
fn a_poisoned_file_is_mended_and_what_was_in_it_stays() {
    let mut both = Both::new("poison");
    both.settle(&both.manifest().with_setting("work_mem", "3MB"));
    both.by_hand(&Hand::PoisonAutoConf);
    let tale = both.settle_again();
    assert_told(&tale, "did repair auto.conf");
    assert_told(&tale, "is Ready=True");
}

#[test]
fn an_unreadable_file_is_set_aside_and_written_again() {
    let mut both = Both::new("unreadable");
    both.settle(&both.manifest().with_setting("work_mem", "3MB"));
    both.by_hand(&Hand::MakeAutoConfUnreadable);
    let tale = both.settle_again();
    assert_told(&tale, "did repair auto.conf");
    assert_told(&tale, "did alter system: work_mem");
}

#[test]
fn an_emptied_file_is_filled_again_and_an_edited_one_corrected() {
    let mut both = Both::new("edited");
    both.settle(&both.manifest().with_setting("work_mem", "3MB"));
    both.by_hand(&Hand::EmptyAutoConf);
    assert_told(&both.settle_again(), "did alter system: work_mem");
    both.by_hand(&Hand::EditAutoConf("work_mem", "5MB"));
    assert_told(&both.settle_again(), "did alter system: work_mem");
}

#[test]
fn what_a_database_pins_is_told_until_it_is_reset() {
    let mut both = Both::new("database");
    both.settle(&both.manifest());
    both.by_hand(&Hand::AlterDatabase("work_mem", "11MB"));
    assert_told(
        &both.settle_again(),
        "is SettingsInSync=False PinnedByRoleOrDatabase",
    );
    both.by_hand(&Hand::ResetDatabase("work_mem"));
    assert_told(&both.settle_again(), "is SettingsInSync=True");
}

#[test]
fn a_dropped_extension_is_created_again() {
    let mut both = Both::new("dropped");
    both.settle(&both.manifest().with_extension("hstore"));
    both.by_hand(&Hand::DropExtension("hstore"));
    assert_told(&both.settle_again(), "did create extension: hstore");
}

#[test]
fn a_database_of_another_c_library_is_told_and_left() {
    let mut both = Both::new("collation");
    both.settle(&both.manifest());
    both.by_hand(&Hand::OlderCollation("older"));
    let tale = both.settle_again();
    assert!(deeds(&tale).is_empty(), "{tale:#?}");
    assert_told(&tale, "is CollationsMatch=False VersionMismatch");
}
