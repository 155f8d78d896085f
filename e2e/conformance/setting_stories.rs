//! Settings named in a manifest, and taken out again.

use crate::both::{Both, assert_told, deeds};

#[test]
fn a_reload_setting_comes_and_goes_without_a_restart() {
    let mut both = Both::new("reload");
    both.settle(&both.manifest());
    let tale = both.settle(&both.manifest().with_setting("work_mem", "7MB"));
    assert_eq!(deeds(&tale).len(), 2, "{tale:#?}");
    assert_told(&tale, "did alter system: work_mem");
    assert_told(&tale, "did reload");
    let back = both.settle(&both.manifest());
    assert_told(&back, "did reset setting: work_mem 7MB");
}

#[test]
fn a_restart_setting_restarts_once() {
    let mut both = Both::new("restart");
    both.settle(&both.manifest());
    let waits = both.settle(
        &both
            .manifest()
            .with_setting("max_connections", "77")
            .restarts_manually(),
    );
    assert_told(&waits, "is RestartRequired=True");
    let tale = both.settle(&both.manifest().with_setting("max_connections", "77"));
    assert_told(&tale, "did restart the container");
    assert_told(&tale, "setting max_connections = \"77\"");
}

#[test]
fn a_change_of_the_preload_list_is_a_list_and_a_restart() {
    let mut both = Both::new("preload");
    both.settle(&both.manifest());
    let list = "pg_stat_statements, auto_explain, pg_cron";
    let tale = both.settle(
        &both
            .manifest()
            .with_setting("shared_preload_libraries", list),
    );
    assert_told(&tale, "did restart the container");
    assert_told(&tale, "is Ready=True");
    both.settle(&both.manifest());
}

#[test]
fn the_same_value_in_other_words_is_no_drift() {
    let mut both = Both::new("spelling");
    both.settle(&both.manifest());
    // Units, aliases and blanks of the same value are no drift.
    let same = both
        .manifest()
        .with_setting("work_mem", "2048kB")
        .with_setting("jit", "no");
    assert!(deeds(&both.settle(&same)).is_empty());
    let other = both
        .manifest()
        .with_setting("wal_compression", "on")
        .with_setting("checkpoint_timeout", "600s");
    both.settle(&other);
    both.settle(&both.manifest().with_setting("wal_buffers", "32MB"));
}

#[test]
fn a_setting_of_no_library_is_told() {
    let mut both = Both::new("prefix");
    both.settle(&both.manifest());
    both.settle(
        &both
            .manifest()
            .with_setting("timescaledb.max_background_workers", "3"),
    );
    both.settle(&both.manifest());
}

#[test]
fn a_value_that_the_servers_own_check_refuses_is_told() {
    let mut both = Both::new("refused");
    both.settle(&both.manifest());
    let refused = both
        .manifest()
        .with_setting("log_timezone", "Nowhere/Land")
        .with_setting("work_mem", "7MB");
    let tale = both.settle(&refused);
    assert_told(&tale, "is SettingsInSync=False ValueRejected");
    let back = both.settle(&both.manifest());
    assert_told(&back, "is Ready=True");
}
