//! One setting at a time: what runs, what the other files say, what the line says, who wrote it.

use std::collections::BTreeMap;

use super::*;
use crate::api::setting::recorded;
use crate::diff::size::{Target, TargetFrom};
use crate::facts::extensions::Extensions;
use jiff::Timestamp;

/// One setting of one server.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    running: &'static str,
    base: Option<&'static str>,
    line: Option<&'static str>,
    target: &'static str,
    from: TargetFrom,
    source: &'static str,
}

const WORK_MEM: Case = Case {
    name: "work_mem",
    running: "4096",
    base: Some("4MB"),
    line: None,
    target: "4MB",
    from: TargetFrom::Tuner,
    source: "configuration file",
};

fn name(text: &str) -> SettingName {
    SettingName::parse(text).unwrap()
}

fn server(case: Case) -> Server {
    let row = recorded(case.name).map(|def| SettingRow {
        def: def.clone(),
        running: case.running.into(),
        source: case.source.into(),
        base: case.base.map(str::to_owned),
        boot: None,
    });
    Server {
        version_num: 180_006,
        system_identifier: "7".into(),
        reinitialised_at: None,
        auto_conf_unreadable: false,
        password_holds: crate::facts::Observation::Known(true),
        started_at: Timestamp::UNIX_EPOCH,
        in_recovery: false,
        tuning_revision: None,
        inputs: None,
        settings: row.into_iter().map(|row| (name(case.name), row)).collect(),
        auto_lines: case
            .line
            .map(|line| (name(case.name), line.into()))
            .into_iter()
            .collect(),
        file_errors: vec![],
        collations: crate::facts::Observation::Known(vec![]),
        libraries: vec!["pg_cron".into()],
        extensions: Extensions::default(),
        address_failure: None,
        login_failure: None,
    }
}

fn targets(case: Case) -> Targets {
    let target = Target {
        value: case.target.into(),
        from: case.from,
    };
    Targets {
        settings: BTreeMap::from([(name(case.name), target)]),
    }
}

/// An agent that has known the cluster from its first start.
fn known() -> Record {
    Record {
        known_from_start: true,
        ..Record::default()
    }
}

fn judged(case: Case, record: &Record) -> Option<SettingDrift> {
    diff(&targets(case), &server(case), record).pop()
}

#[test]
fn a_line_is_there_only_where_it_must_differ_from_the_other_files() {
    let set = |value: &str| Correction::Set(value.to_owned());
    // running, base, line, target: the correction, and whether the running value is right.
    for (running, base, line, target, correction, runs) in [
        ("4096", Some("4MB"), None, "4MB", None, true),
        ("4096", Some("4MB"), Some("4MB"), "4MB", None, true),
        (
            "8192",
            Some("4MB"),
            Some("8MB"),
            "4MB",
            Some(Correction::Reset),
            false,
        ),
        (
            "4096",
            Some("4MB"),
            Some("8MB"),
            "4MB",
            Some(Correction::Reset),
            true,
        ),
        ("4096", Some("4MB"), None, "8MB", Some(set("8MB")), false),
        ("8192", Some("4MB"), Some("8MB"), "8MB", None, true),
        (
            "4096",
            Some("4MB"),
            Some("8MB"),
            "8MB",
            Some(Correction::Keep),
            false,
        ),
        ("8192", Some("4MB"), None, "8MB", Some(set("8MB")), true),
        (
            "8192",
            Some("4MB"),
            Some("16MB"),
            "8MB",
            Some(set("8MB")),
            true,
        ),
        ("4096", Some("4096kB"), None, "4MB", None, true),
        ("8192", None, None, "8MB", Some(set("8MB")), true),
    ] {
        let case = Case {
            running,
            base,
            line,
            target,
            ..WORK_MEM
        };
        let drift = judged(case, &known());
        let told = format!("{running} {base:?} {line:?} {target}: {drift:?}");
        assert_eq!(
            drift.as_ref().map(|d| d.correction.clone()),
            correction,
            "{told}"
        );
        let takes = drift.and_then(|d| d.takes);
        assert_eq!(takes.is_none(), runs, "{told}");
    }
}

#[test]
fn a_line_of_ours_that_the_other_files_made_redundant_is_reset() {
    let case = Case {
        line: Some("4MB"),
        ..WORK_MEM
    };
    let mut record = known();
    record.lines.insert(name("work_mem"), "4MB".into());
    let drift = judged(case, &record).unwrap();
    assert_eq!((drift.correction, drift.takes), (Correction::Reset, None));
}

#[test]
fn a_line_from_before_is_foreign_unless_the_manifest_names_the_setting() {
    let case = Case {
        running: "65536",
        line: Some("64MB"),
        ..WORK_MEM
    };
    let hold = |from, record: &Record| judged(Case { from, ..case }, record).unwrap().hold;
    let stranger = Record::default();
    assert_eq!(hold(TargetFrom::Tuner, &stranger), Some(Hold::ForeignLine));
    assert_eq!(
        hold(TargetFrom::Include, &stranger),
        Some(Hold::ForeignLine)
    );
    assert_eq!(hold(TargetFrom::Auto, &stranger), None);
    assert_eq!(hold(TargetFrom::Manifest, &stranger), None);
    assert_eq!(hold(TargetFrom::Tuner, &known()), None);
    let mut inherited = known();
    inherited.inherited.insert(name("work_mem"));
    assert_eq!(hold(TargetFrom::Tuner, &inherited), Some(Hold::ForeignLine));
}

#[test]
fn what_beats_every_file_is_held() {
    for (source, pin) in [
        ("command line", Pin::CommandLine),
        ("environment variable", Pin::Environment),
        ("user", Pin::RoleOrDatabase),
        ("database", Pin::RoleOrDatabase),
    ] {
        let case = Case {
            running: "1024",
            source,
            ..WORK_MEM
        };
        let hold = judged(case, &known()).unwrap().hold;
        assert_eq!(hold, Some(Hold::Pinned(pin)), "{source}");
    }
}

#[test]
fn what_is_pinned_to_the_wanted_value_is_no_drift() {
    let case = Case {
        source: "command line",
        ..WORK_MEM
    };
    assert_eq!(judged(case, &known()), None);
}

#[test]
fn what_the_server_computes_is_no_drift() {
    let case = Case {
        name: "wal_buffers",
        running: "2048",
        base: Some("-1"),
        target: "-1",
        source: "override",
        ..WORK_MEM
    };
    assert_eq!(judged(case, &known()), None);
}

#[test]
fn a_list_is_its_items() {
    let case = Case {
        name: "shared_preload_libraries",
        running: "pg_cron,  \"pgaudit\"",
        base: Some("pg_cron,pgaudit"),
        target: "pg_cron, pgaudit",
        ..WORK_MEM
    };
    assert_eq!(judged(case, &known()), None);
}

#[test]
fn a_list_with_a_library_that_the_image_lacks_is_never_written() {
    let case = Case {
        name: "shared_preload_libraries",
        running: "pg_cron",
        base: Some("pg_cron"),
        target: "pg_cron,nosuch",
        ..WORK_MEM
    };
    assert_eq!(
        judged(case, &known()).unwrap().hold,
        Some(Hold::LibraryMissing)
    );
}

#[test]
fn no_row_is_no_drift_for_the_tuner_and_a_mistake_in_a_manifest() {
    let missing = Case {
        name: "no_such_setting",
        target: "1",
        ..WORK_MEM
    };
    assert_eq!(judged(missing, &known()), None);
    let named = Case {
        from: TargetFrom::Manifest,
        ..missing
    };
    assert_eq!(
        judged(named, &known()).unwrap().hold,
        Some(Hold::UnknownSetting)
    );
}

#[test]
fn a_setting_of_a_library_to_come_is_written_once() {
    let coming = Case {
        name: "later.speed",
        target: "fast",
        from: TargetFrom::Manifest,
        ..WORK_MEM
    };
    let drift = judged(coming, &known()).unwrap();
    assert_eq!(
        (drift.correction, drift.takes),
        (Correction::Set("fast".into()), None)
    );
    assert_eq!(
        judged(
            Case {
                line: Some("fast"),
                ..coming
            },
            &known()
        ),
        None
    );
}

#[test]
fn a_line_of_ours_that_nobody_wants_any_more_goes() {
    let case = Case {
        running: "8192",
        line: Some("8MB"),
        ..WORK_MEM
    };
    let mut record = known();
    record.lines.insert(name("work_mem"), "8MB".into());
    let drift = diff(&Targets::default(), &server(case), &record)
        .pop()
        .unwrap();
    assert_eq!(drift.correction, Correction::Reset);
    assert_eq!(
        (drift.running.as_str(), drift.wanted.as_str()),
        ("8MB", "4MB")
    );
    assert_eq!(drift.takes, Some(Context::User));
}

#[test]
fn a_line_on_what_nobody_owns_is_told_and_no_drift() {
    let case = Case {
        running: "8192",
        line: Some("8MB"),
        ..WORK_MEM
    };
    let (targets, server, record) = (Targets::default(), server(case), known());
    assert_eq!(diff(&targets, &server, &record), []);
    assert_eq!(
        foreign_lines(&targets, &server, &record),
        [&name("work_mem")]
    );
}

#[test]
fn a_line_that_equals_its_target_is_taken_over() {
    let equal = Case {
        line: Some("4096kB"),
        ..WORK_MEM
    };
    let taken = |case| lines_to_take(&targets(case), &server(case), &Record::default());
    assert_eq!(taken(equal), [(name("work_mem"), "4096kB".to_owned())]);
    assert_eq!(
        taken(Case {
            line: Some("8MB"),
            ..WORK_MEM
        }),
        []
    );
}
