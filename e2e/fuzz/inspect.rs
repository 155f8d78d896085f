//! Docker's answers about a container.

use std::fs;
use std::path::Path;

use aza_agent::observe::inspect::interpret;

use crate::run::{Target, run};

fn check(input: &[u8]) {
    let Ok(answer) = serde_json::from_slice(input) else {
        return;
    };
    match interpret(answer) {
        Ok(seen) => {
            assert!(seen.memory.is_none_or(|m| m.0 > 0));
            assert!(
                seen.cpus.is_none_or(|c| c.0 > 0),
                "no CPU at all is no limit"
            );
            let _ = (
                seen.short_id(),
                seen.was_stopped_by_hand(),
                seen.socket_dir(),
            );
        }
        Err(why) => assert!(!why.is_empty()),
    }
}

#[test]
fn inspect() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/recordings/data");
    let mut files: Vec<_> = fs::read_dir(data)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(corpus.len() >= 10);
    run(&Target {
        name: "inspect",
        few: 3000,
        corpus,
        words: vec![
            "null",
            "{}",
            "[]",
            "\"\"",
            "\"Status\":\"running\",",
            "\"CpuQuota\":9223372036854775807,",
            "\"NanoCpus\":1,",
            "\"Memory\":-1,",
            "\"StartedAt\":\"9999-12-31T23:59:59Z\",",
            "\"Id\":\"é\",",
        ],
        check: &check,
    });
}
