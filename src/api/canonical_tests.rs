//! Values as PostgreSQL 18 reads them. The expected numbers were asked from a server.

use proptest::prelude::*;

use super::super::setting::{Canonical, SettingDef, VarType, recorded, recorded_names};
use super::ValueError;

fn def(name: &str) -> &'static SettingDef {
    recorded(name).unwrap()
}

fn integer(name: &str, text: &str) -> i64 {
    match def(name).canonical(text) {
        Ok(Canonical::Integer(number)) => number,
        other => panic!("{name} = {text}: {other:?}"),
    }
}

fn word(name: &str, text: &str) -> String {
    match def(name).canonical(text) {
        Ok(Canonical::Text(word)) => word,
        other => panic!("{name} = {text}: {other:?}"),
    }
}

#[test]
fn memory_is_converted_to_the_settings_unit() {
    for (name, text, expected) in [
        ("shared_buffers", "512MB", 65536),
        ("shared_buffers", "65536", 65536),
        ("shared_buffers", " 0.5GB ", 65536),
        ("shared_buffers", "1 GB", 131072),
        ("shared_buffers", "0x4000", 16384),
        ("work_mem", "4MB", 4096),
        ("work_mem", "64.4kB", 64),
        ("work_mem", "100000B", 98),
        ("work_mem", "1e3", 1000),
        ("max_wal_size", "30.1GB", 30822),
        ("max_wal_size", "1.5TB", 1_572_864),
        ("wal_buffers", "-1", -1),
        ("track_activity_query_size", "1kB", 1024),
    ] {
        assert_eq!(integer(name, text), expected, "{name} = {text}");
    }
}

#[test]
fn time_is_converted_to_the_settings_unit() {
    for (name, text, expected) in [
        ("checkpoint_timeout", "10min", 600),
        ("checkpoint_timeout", "0.5h", 1800),
        ("statement_timeout", "1.5s", 1500),
        ("statement_timeout", "2d", 172_800_000),
        ("log_rotation_age", "1d", 1440),
        ("log_rotation_age", "90s", 2),
        ("wal_writer_delay", "1500us", 2),
        ("wal_writer_delay", "2500us", 2),
    ] {
        assert_eq!(integer(name, text), expected, "{name} = {text}");
    }
    let delay = def("autovacuum_vacuum_cost_delay")
        .canonical("500us")
        .unwrap();
    assert_eq!(delay, Canonical::Real(0.5));
}

#[test]
fn octal_is_read_as_the_server_shows_it() {
    assert_eq!(integer("unix_socket_permissions", "0777"), 511);
    assert!(def("unix_socket_permissions").canonical("0888").is_err());
    assert_eq!(
        def("random_page_cost").canonical("010"),
        Ok(Canonical::Real(10.0)),
        "not a real"
    );
}

#[test]
fn any_unambiguous_beginning_of_a_bool_counts() {
    for (texts, expected) in [
        (["on", "TRUE", "t", "yes", "y", "1", "tru"], true),
        (["off", "of", "False", "f", "no", "n", "0"], false),
    ] {
        for text in texts {
            assert_eq!(
                def("fsync").canonical(text),
                Ok(Canonical::Bool(expected)),
                "{text}"
            );
        }
    }
    for text in ["o", "", "2", "maybe", "truely", "on "] {
        assert!(def("fsync").canonical(text).is_err(), "{text}");
    }
}

#[test]
fn enums_know_the_servers_hidden_words() {
    for (name, text, expected) in [
        ("wal_compression", "on", "pglz"),
        ("wal_compression", "yes", "pglz"),
        ("wal_compression", "LZ4", "lz4"),
        ("wal_compression", "false", "off"),
        ("synchronous_commit", "true", "on"),
        ("synchronous_commit", "1", "on"),
        ("synchronous_commit", "Remote_Apply", "remote_apply"),
        ("huge_pages", "no", "off"),
        ("archive_mode", "yes", "on"),
        ("wal_level", "hot_standby", "replica"),
        ("log_min_messages", "debug", "debug2"),
        ("client_min_messages", "info", "info"),
        (
            "default_transaction_isolation",
            "Read Committed",
            "read committed",
        ),
    ] {
        assert_eq!(word(name, text), expected, "{name} = {text}");
    }
    assert!(def("hnsw.iterative_scan").canonical("no").is_err());
}

#[test]
fn an_error_says_what_would_be_right() {
    for (name, text, expected) in [
        (
            "work_mem",
            "4mb",
            "`4mb`: unknown unit `mb`; use B, kB, MB, GB or TB (case matters)",
        ),
        (
            "work_mem",
            "1kB",
            "`1kB` is out of range: from 64kB to 2147483647kB",
        ),
        (
            "checkpoint_timeout",
            "2d",
            "`2d` is out of range: from 30s to 1d",
        ),
        (
            "max_connections",
            "100MB",
            "`100MB`: this setting takes a number without a unit",
        ),
        ("max_connections", "many", "`many` is not a number"),
        (
            "wal_level",
            "full",
            "`full` is not one of: minimal, replica, logical",
        ),
        ("fsync", "perhaps", "`perhaps` is neither on nor off"),
        ("random_page_cost", "inf", "`inf` is not a number"),
    ] {
        assert_eq!(
            def(name).canonical(text).unwrap_err().to_string(),
            expected,
            "{name}"
        );
    }
    assert_eq!(def("search_path").canonical("a\0b"), Err(ValueError::Nul));
}

#[test]
fn only_a_number_that_means_an_amount_lacks_a_unit() {
    for (name, text, lacks) in [
        ("work_mem", "4096", true),
        ("work_mem", "4096 ", true),
        ("work_mem", "4MB", false),
        ("wal_buffers", "-1", false),
        ("statement_timeout", "0", false),
        ("statement_timeout", "1.5", true),
        ("max_connections", "100", false),
        ("log_destination", "100", false),
    ] {
        assert_eq!(def(name).lacks_unit(text), lacks, "{name} = {text}");
    }
}

#[test]
fn values_are_shown_with_the_largest_whole_unit() {
    for (name, text, shown) in [
        ("shared_buffers", "65536", "512MB"),
        ("shared_buffers", "16", "128kB"),
        ("shared_buffers", "131073", "1048584kB"),
        ("checkpoint_timeout", "600", "10min"),
        ("max_wal_size", "1024", "1GB"),
        ("wal_buffers", "-1", "-1"),
        ("statement_timeout", "0", "0"),
        ("autovacuum_vacuum_cost_delay", "2", "2ms"),
        ("autovacuum_vacuum_cost_delay", "0.5", "500us"),
        ("random_page_cost", "1.10", "1.1"),
        ("max_connections", "100", "100"),
        ("fsync", "t", "on"),
    ] {
        let def = def(name);
        assert_eq!(
            def.show(&def.canonical(text).unwrap()),
            shown,
            "{name} = {text}"
        );
    }
}

#[test]
fn reals_are_the_same_within_what_the_server_shows() {
    let cost = |text: &str| def("random_page_cost").canonical(text).unwrap();
    assert!(cost("1.1").same(&cost("1.10")));
    assert!(cost("0.1234567").same(&cost("0.123457")));
    assert!(!cost("1.1").same(&cost("1.2")));
}

#[test]
fn blanks_in_a_list_and_case_in_a_zone_do_not_count() {
    let same = |name: &str, a: &str, b: &str| {
        let def = def(name);
        def.canonical(a).unwrap().same(&def.canonical(b).unwrap())
    };
    assert!(same("shared_preload_libraries", "a,b", "a, b"));
    assert!(!same("shared_preload_libraries", "a,b", "b,a"));
    assert!(same("TimeZone", "europe/berlin", "Europe/Berlin"));
    assert!(!same("log_line_prefix", "%m", "%M"));
}

proptest! {
    #[test]
    fn what_is_shown_reads_back_as_the_same(number in -1i64..3_000_000_000) {
        for name in recorded_names() {
            let def = def(name);
            if def.vartype == VarType::Integer
                && let Ok(value) = def.canonical(&number.to_string())
            {
                prop_assert_eq!(def.canonical(&def.show(&value)), Ok(value), "{}", name);
            }
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,12}", name in 0usize..440) {
        let name = recorded_names().nth(name).unwrap();
        let _ = def(name).canonical(&text);
        let _ = def(name).lacks_unit(&text);
    }
}
