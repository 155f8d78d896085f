//! A recorded `pg_settings` of 18, for the properties: no limit of the server is written down
//! twice.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A row of the recording: kind, unit, smallest, largest, words.
pub(super) struct Def {
    pub vartype: &'static str,
    pub unit: &'static str,
    pub context: &'static str,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub words: Vec<&'static str>,
}

/// The recording, by name.
pub(super) static SERVER: LazyLock<HashMap<&str, Def>> = LazyLock::new(|| {
    include_str!("../api/settings-18.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let column: Vec<_> = line.split('\t').collect();
            let def = Def {
                vartype: column[1],
                unit: column[2],
                context: column[3],
                min: column[4].parse().ok(),
                max: column[5].parse().ok(),
                words: column[6].split(',').collect(),
            };
            (column[0], def)
        })
        .collect()
});

/// Reads a number with a unit in the setting's own unit; panics where the server would refuse it.
pub(super) fn number(value: &str, unit: &str) -> f64 {
    let split = value
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(value.len());
    let (number, suffix) = value.split_at(split);
    let scale = |unit: &str| match unit {
        "" | "B" | "ms" => 1.0,
        "kB" => 1024.0,
        "8kB" => 8192.0,
        "MB" => 1048576.0,
        "s" => 1000.0,
        "min" => 60_000.0,
        other => panic!("unit {other}"),
    };
    assert_eq!(
        suffix.is_empty(),
        unit.is_empty(),
        "{value} against unit {unit:?}"
    );
    number.parse::<f64>().unwrap() * scale(suffix) / scale(unit)
}
