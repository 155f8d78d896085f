//! Manifests.

use std::fs;
use std::path::Path;

use aza_agent::api::desired::Desired;
use aza_agent::api::validate::validate;

use crate::run::{Target, run};

fn corpus() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("desired-state");
    let mut files: Vec<_> = [root.clone(), root.join("examples")]
        .iter()
        .flat_map(|directory| fs::read_dir(directory).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    let mut corpus: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(corpus.len() >= 5);
    corpus.push(b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n".to_vec());
    corpus
}

fn check(input: &[u8]) {
    let report = validate(input, "f.yaml");
    let lines = input
        .iter()
        .filter(|b| **b == b'\n' || **b == b'\r')
        .count()
        + 8;
    for told in report.violations().chain(report.warnings()) {
        assert_eq!(told.file, "f.yaml");
        assert!(told.line >= 1 && told.column >= 1, "{told:?}");
        assert!(told.line <= lines, "{told:?}");
        assert!(
            !told.message.is_empty() && told.message.len() < 4000,
            "{told:?}"
        );
    }
    for verdict in &report.documents {
        if let Err(violations) = &verdict.result {
            assert!(!violations.is_empty(), "refused without a reason");
        }
    }
    for desired in report.stacks() {
        let text = serde_json::to_string(desired).unwrap();
        let again: Desired = serde_json::from_str(&text).unwrap();
        assert_eq!(again, *desired, "kept and recalled");
        assert_eq!(desired.computed_digest(), desired.digest);
    }
    assert_eq!(
        validate(input, "f.yaml"),
        report,
        "the same input, the same verdict"
    );
}

#[test]
fn manifest() {
    let words = vec![
        "spec:\n",
        "  settings:\n",
        "  resources: {memory: 1GB}\n",
        "    work_mem: 4MB\n",
        "auto",
        "drift: report",
        "  extensions:\n    - name: vector\n",
        "ensure: absent",
        "windows: [\"Sun 03:00-05:00\"]",
        "port: 1",
        "kind: PostgresStack\n",
        "suspend: true",
        "shared_buffers: 1kB",
    ];
    run(&Target {
        name: "manifest",
        few: 250,
        corpus: corpus(),
        words,
        check: &check,
    });
}
