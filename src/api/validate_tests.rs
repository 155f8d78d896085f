//! What a person sees who made a mistake in a manifest.

use super::*;
use crate::api::desired::{DeletionPolicy, DriftPolicy, Ensure, Override, RestartMode};
use crate::api::{Bytes, Storage, Workload};

const HEAD: &str =
    "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata:\n  name: shop\nspec:\n";

/// A manifest with this spec, whose first line is line 6.
fn manifest(spec: &str) -> String {
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!("{HEAD}{spec}")
}

fn report(text: &str) -> Report {
    validate(text.as_bytes(), "shop.yaml")
}

fn told(text: &str) -> Vec<String> {
    report(text).violations().map(ToString::to_string).collect()
}

/// What is wrong with a spec.
fn wrong(spec: &str) -> Vec<String> {
    told(&manifest(spec))
}

fn valid(text: &str) -> Desired {
    assert_eq!(told(text), Vec::<String>::new());
    report(text).stacks().next().unwrap().clone()
}

#[test]
fn a_minimal_manifest_gets_every_default() {
    let stack = valid(&format!("{HEAD}  workload: web\n"));
    assert_eq!(
        (stack.name.as_str(), stack.origin.as_str()),
        ("shop", "shop.yaml:1")
    );
    assert_eq!(
        (stack.image.as_str(), stack.storage),
        ("aza-pg:18", Storage::Ssd)
    );
    assert_eq!(stack.workload, Some(Workload::Web));
    assert_eq!(
        (stack.publish.address.to_string(), stack.publish.port),
        ("127.0.0.1".into(), 5432)
    );
    assert_eq!(
        (stack.resources.memory, stack.resources.shm_size),
        (None, Bytes::gib(1))
    );
    assert_eq!(stack.restart.mode, RestartMode::Auto);
    assert_eq!(
        (stack.drift, stack.deletion_policy),
        (DriftPolicy::Correct, DeletionPolicy::Orphan)
    );
    assert!(!stack.adopt && !stack.suspend && stack.host.is_none());
}

#[test]
fn every_field_reaches_the_stack() {
    let stack = valid(&manifest(
        "host: db-1.example
stack: single
image: localhost:5000/aza-pg:18
resources: {memory: 4GiB, memorySwap: 6GiB, cpus: 1.5, shmSize: 512MB}
workload: oltp
storage: hdd
publish: {address: '::1', port: 5433}
settings:
  work_mem: 64MB
  random_page_cost: 1.10
  jit: off
  fsync: true
  max_connections: auto
  wal_buffers: -1
  statement_timeout: 0
extensions:
- name: vector
- {name: pg_cron, database: my app, version: '1.6', ensure: absent}
restart: {mode: window, windows: ['Sun 03:00-05:00 Europe/Berlin']}
drift: report
deletionPolicy: remove
adopt: true
suspend: true
secrets: {superuser: {file: /etc/aza/superuser}}",
    ));
    assert_eq!(stack.host.as_deref(), Some("db-1.example"));
    assert_eq!(stack.resources.memory, Some(Bytes::gib(4)));
    assert_eq!(stack.resources.memory_swap, Some(Bytes::gib(6)));
    assert_eq!(stack.resources.cpus.unwrap().0, 1500);
    let of = |name: &str| {
        stack
            .settings
            .iter()
            .find(|(n, _)| n.as_str() == name)
            .unwrap()
            .1
    };
    assert_eq!(of("work_mem"), &Override::Value("64MB".into()));
    assert_eq!(
        of("random_page_cost"),
        &Override::Value("1.10".into()),
        "as it is written"
    );
    assert_eq!(of("fsync"), &Override::Value("true".into()));
    assert_eq!(of("max_connections"), &Override::Auto);
    assert_eq!(stack.extensions[0].database.as_str(), "postgres");
    assert_eq!(stack.extensions[1].ensure, Ensure::Absent);
    assert_eq!(stack.restart.windows.len(), 1);
    assert_eq!(
        stack.secrets.superuser.as_deref().unwrap().to_str(),
        Some("/etc/aza/superuser")
    );
    assert!(stack.adopt && stack.suspend);
}

#[test]
fn swap_defaults_to_memory() {
    let resources = valid(&manifest("resources: {memory: 2GB}")).resources;
    assert_eq!(resources.memory_swap, Some(Bytes::gib(2)));
}

#[test]
fn all_violations_are_told_at_once_with_place_path_and_hint() {
    let told = wrong(
        "resources:
  memroy: 1GB
  shmSize: 64
workload: wab
publish:
  port: 70000
settings:
  shared_bufers: 1GB
  work_mem: 4096
  wal_level: minimal
restart:
  mode: window
adopt: yes",
    );
    assert_eq!(
        told.join("\n"),
        "shop.yaml:7:5: spec.resources.memroy: unknown field
  hint: did you mean `memory`?
shop.yaml:8:14: spec.resources.shmSize: `64` has no unit: write for example `64MB` or `64GB`
shop.yaml:9:13: spec.workload: `wab` is not one of: web, oltp, dw, mixed
  hint: did you mean `web`?
shop.yaml:11:11: spec.publish.port: must be a whole number from 1 to 65535, and is `70000`
shop.yaml:13:20: spec.settings.shared_bufers: PostgreSQL 18 has no such setting
  hint: did you mean `shared_buffers`?
shop.yaml:14:15: spec.settings.work_mem: `4096` has no unit: write it with B, kB, MB, GB or TB
  hint: PostgreSQL would read it as `4MB`
shop.yaml:15:16: spec.settings.wal_level: `minimal`: the server would not start again: backups and \
         standbys (`max_wal_senders`) need `replica`
shop.yaml:16:3: spec.restart.windows: the mode `window` needs at least one, such as `Sun 03:00-05:00 UTC`
shop.yaml:18:10: spec.adopt: must be true or false, and is `yes`
  hint: write `true`"
    );
}

#[test]
fn each_mistake_is_refused_with_its_reason() {
    for (spec, part) in [
        (
            "resources: {memory: 256MB}",
            "256MB is too little: at least 512MB",
        ),
        (
            "resources: {memory: 2GB, memorySwap: 1GB}",
            "1GB is less than the memory of 2GB",
        ),
        ("resources: {memorySwap: 1GB}", "needs `memory` beside it"),
        ("resources: {memory: 9999999TB}", "more than any machine"),
        (
            "resources: {memory: }",
            "spec.resources.memory: has no value",
        ),
        (
            "resources: {memory: [1GB]}",
            "must be a text, and is a list",
        ),
        ("resources: {cpus: 0}", "`0` is not a number of CPUs"),
        ("resources: {cpus: 5m}", "must be from 0.01 to 4096"),
        (
            "resources: []",
            "spec.resources: must be a group of fields, and is a list",
        ),
        ("image: 'Aza PG'", "is no image reference"),
        ("image: 18", "put it in quotes: \"18\""),
        ("host: 'a b'", "is no host name"),
        (
            "stack: primary",
            "spec.stack: `primary` is not in this release",
        ),
        ("stack: cluster", "`cluster` is not one of: single"),
        (
            "replication: {primary: x}",
            "belongs to stacks with a replica",
        ),
        (
            "publish: {address: localhost}",
            "`localhost` is no IP address",
        ),
        ("publish: {address: 224.0.0.1}", "no address of a host"),
        (
            "publish: {pooler: 6432}",
            "belongs to stacks with a replica",
        ),
        ("publish: {port: 0}", "from 1 to 65535, and is `0`"),
        ("publish: {port: '5432'}", "must be a whole number"),
        ("settings: {a.b.c: 1}", "is no setting name"),
        (
            "settings: {data_directory: /x}",
            "the image decides where its files lie",
        ),
        ("settings: {port: 5433}", "`spec.publish` has the host's"),
        (
            "settings: {allow_alter_system: off}",
            "through ALTER SYSTEM",
        ),
        ("settings: {server_version: '17'}", "nothing can change it"),
        (
            "settings: {zero_damaged_pages: on}",
            "for its own developers",
        ),
        ("settings: {recovery_target_time: x}", "for restores"),
        ("settings: {aza.tuning_revision: 1}", "the agent's own"),
        (
            "settings: {session_preload_libraries: x}",
            "lock out every new connection",
        ),
        (
            "settings: {synchronous_standby_names: '*'}",
            "every commit would wait",
        ),
        (
            "settings: {pgaudit.logg: ddl}",
            "did you mean `pgaudit.log`?",
        ),
        ("settings: {work_mem: 4mb}", "unknown unit `mb`"),
        (
            "settings: {max_connections: 0}",
            "out of range: from 1 to 262143",
        ),
        ("settings: {log_statement: dll}", "did you mean `ddl`?"),
        (
            "settings: {work_mem: }",
            "spec.settings.work_mem: has no value",
        ),
        ("settings: {work_mem: [1]}", "must be a text"),
        ("settings: {io_method: io_uring}", "seccomp"),
        ("settings: {huge_pages: 'yes'}", "without enough huge pages"),
        ("settings: {ssl: on}", "no certificates yet"),
        ("settings: {max_wal_size: 2MB}", "at least 32MB"),
        (
            "settings: {transaction_timeout: 1ms}",
            "no connection could log in",
        ),
        (
            "settings: {max_connections: 10, reserved_connections: 8}",
            "(11) must be fewer than",
        ),
        (
            "settings: {superuser_reserved_connections: 30}",
            "set max_connections too",
        ),
        (
            "settings: {shared_preload_libraries: 'a b'}",
            "is no library name",
        ),
        (
            "settings: {shared_preload_libraries: 'vector, vector'}",
            "stands here twice",
        ),
        (
            "settings: {Work_mem: 4MB, work_mem: 8MB}",
            "is set twice, in different spellings",
        ),
        (
            "{resources: {memory: 1GB}, settings: {shared_buffers: 1GB}}",
            "does not fit the memory",
        ),
        (
            "extensions: [{database: x}]",
            "spec.extensions[0].name: is missing",
        ),
        (
            "extensions: [{name: auto_explain}]",
            "is a module and no extension",
        ),
        (
            "extensions: [{name: vector}, {name: vector}]",
            "stands here twice for the database",
        ),
        (
            "extensions: [{name: vector, version: 0.8}]",
            "put it in quotes: \"0.8\"",
        ),
        (
            "extensions: [{name: vector, database: template0}]",
            "takes no connections",
        ),
        (
            "extensions: [{name: pg_cron}, {name: pg_cron, database: b}]",
            "in one database only",
        ),
        ("extensions: {name: vector}", "write `- ` before each item"),
        (
            "extensions: [5, {name: 'b c'}]",
            "spec.extensions[1].name: `b c` is no extension name",
        ),
        (
            "restart: {mode: auto, windows: [daily 01:00-02:00]}",
            "only with `mode: window`",
        ),
        (
            "restart: {mode: window, windows: [daily 1-2]}",
            "spec.restart.windows[0]: `1` is no time",
        ),
        ("drift: ignore", "is not one of: correct, report"),
        (
            "deletionPolicy: delete",
            "is not one of: orphan, stop, remove",
        ),
        ("secrets: {superuser: {file: pw}}", "no absolute path"),
        (
            "secrets: {superuser: {}}",
            "spec.secrets.superuser.file: is missing",
        ),
        (
            "secrets: {poolerAuth: {file: /x}}",
            "belongs to stacks with a replica",
        ),
    ] {
        let told = wrong(spec);
        assert!(
            told.iter().any(|line| line.contains(part)),
            "{spec}: {told:#?}"
        );
    }
}

#[test]
fn what_identifies_a_manifest_is_required() {
    assert_eq!(
        told("apiVersion: aza.dev/v1\nmetadata: {name: Shop}\n").join("\n"),
        "shop.yaml:1:1: kind: is missing: it is required
shop.yaml:1:1: spec: is missing: it is required
shop.yaml:1:13: apiVersion: `aza.dev/v1` is not one of: aza.dev/v1alpha1
shop.yaml:2:18: metadata.name: `Shop` is no stack name: use 2 to 40 of a-z, 0-9 and `-`, starting with \
         a letter and not ending with `-`"
    );
    for text in ["just a text", "- a\n- b\n", "5"] {
        assert!(
            told(text)[0].contains("must be a group of fields"),
            "{text}"
        );
    }
}

#[test]
fn a_key_that_stands_twice_is_named_with_both_places() {
    let told = wrong("resources:\n  memory: 1GB\n  cpus: 1\n  memory: 2GB");
    assert_eq!(
        told,
        [
            "shop.yaml:9:5: spec.resources.memory: `memory` stands here twice: first at line 7, column 5\n  \
          hint: keep one of the two"
        ]
    );
}

#[test]
fn one_bad_document_does_not_hide_the_others() {
    let second = manifest("workload: nope").replace("shop", "bad");
    let third = manifest("workload: dw").replace("shop", "third");
    let text = format!(
        "{}---\n{second}---\n# nothing\n---\n{third}",
        manifest("workload: web")
    );
    let report = report(&text);
    let names: Vec<_> = report.stacks().map(|stack| stack.name.as_str()).collect();
    assert_eq!(names, ["shop", "third"]);
    let bad = report.documents[1].name.as_ref().unwrap();
    assert_eq!(
        bad.as_str(),
        "bad",
        "a stack with a mistake is still known by name"
    );
    assert_eq!(report.violations().next().unwrap().line, 13);
    assert!(report.is_complete());
}

#[test]
fn what_stands_before_a_syntax_error_is_read_and_the_file_is_incomplete() {
    let report = report(&format!(
        "{}---\nspec: [1, 2\nx: }}\n",
        manifest("workload: web")
    ));
    assert_eq!(report.stacks().count(), 1);
    assert!(!report.is_complete());
    let broken = report.broken.unwrap();
    assert!(
        broken.line >= 8 && broken.message.starts_with("not readable as YAML"),
        "{broken}"
    );
}

#[test]
fn a_document_without_a_readable_name_makes_the_file_incomplete() {
    assert!(!report("kind: PostgresStack\n").is_complete());
    assert!(report("# nothing\n").is_complete());
    assert!(report("").documents.is_empty());
}

#[test]
fn publishing_beyond_loopback_warns_of_the_firewall() {
    let loopback = report(&manifest("publish: {address: 127.0.0.2}"));
    assert_eq!(loopback.warnings().count(), 0);
    let everywhere = report(&manifest("publish:\n  address: 0.0.0.0"));
    let warning = everywhere.warnings().next().unwrap().to_string();
    assert!(
        warning.starts_with("shop.yaml:7:14: spec.publish.address:"),
        "{warning}"
    );
    assert!(warning.contains("firewall"), "{warning}");
    assert_eq!(everywhere.stacks().count(), 1);
}

#[test]
fn dangerous_and_unknowable_settings_warn() {
    for (spec, part) in [
        ("settings: {fsync: off}", "destroy the whole database"),
        ("settings: {pgaudits.log: ddl}", "did you mean `pgaudit.…`?"),
        (
            "settings: {timescaledb.license: apache}",
            "before its extension is loaded",
        ),
    ] {
        let report = report(&manifest(spec));
        let warnings: Vec<String> = report.warnings().map(ToString::to_string).collect();
        assert!(
            warnings.iter().any(|warning| warning.contains(part)),
            "{spec}: {warnings:?}"
        );
        assert_eq!(report.stacks().count(), 1, "{spec}");
    }
}

#[test]
fn only_the_meaning_counts_for_the_digest() {
    let digest = |text: &str| valid(text).digest;
    let first = digest(&manifest("workload: web\nresources: {memory: 1GB}"));
    let same = digest(&format!(
        "# moved\n\n{}",
        manifest("resources:\n  memory: 1024Mi\nworkload: web # same")
    ));
    let other = digest(&manifest("workload: web\nresources: {memory: 2GB}"));
    assert_eq!(first, same);
    assert_ne!(first, other);
    assert_eq!(first.len(), 12);
    assert!(first.chars().all(|c| c.is_ascii_hexdigit()));
}

/// A manifest with something of everything, to be damaged.
const WHOLE: &str = "apiVersion: aza.dev/v1alpha1
kind: PostgresStack
metadata:
  name: shop
spec:
  resources: {memory: 4GiB, cpus: 1.5}
  settings:
    work_mem: 64MB
    fsync: on
  extensions:
  - name: vector
  restart: {mode: window, windows: ['Sun 03:00-05:00 Europe/Berlin']}
---
kind: PostgresStack
";

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = validate(&bytes, "any.yaml");
    }

    #[test]
    fn no_damage_to_a_manifest_panics(
        at in 0..WHOLE.len(), until in 0..30usize,
        instead in "[-a-z0-9:{}\\[\\],'\"#&*!|>%@ ~\\n\\té]{0,12}",
    ) {
        let end = (at + until).min(WHOLE.len());
        let damaged = format!("{}{instead}{}", &WHOLE[..at], &WHOLE[end..]);
        let report = validate(damaged.as_bytes(), "any.yaml");
        for violation in report.violations() {
            let lines = damaged.lines().count() + 1;
            proptest::prop_assert!((1..=lines).contains(&violation.line), "{}", violation);
            proptest::prop_assert!(violation.column >= 1);
        }
        for verdict in &report.documents {
            proptest::prop_assert!(verdict.result.is_ok() || verdict.result.as_ref().unwrap_err() != &[]);
        }
    }
}

#[test]
fn a_line_is_what_an_editor_calls_one() {
    for sign in ["\u{85}", "\u{2028}", "\u{2029}"] {
        let text = format!("{}.\nt:\n", sign.repeat(12));
        let report = validate(text.as_bytes(), "f.yaml");
        let lines: Vec<usize> = report.violations().map(|v| v.line).collect();
        assert!(
            !lines.is_empty() && lines.iter().all(|line| *line <= 3),
            "{lines:?}"
        );
    }
}
