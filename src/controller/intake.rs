//! What the directory says, sorted by stack. Pure.

use std::collections::BTreeMap;

use crate::api::clash::clashes;
use crate::api::desired::Desired;
use crate::api::{StackName, Violation};
use crate::source::Snapshot;

/// One reading of the directory.
#[derive(Debug, Clone, Default)]
pub struct Intake {
    /// What each named stack's manifest came to: the stack, or why it is not in force.
    pub stacks: BTreeMap<StackName, Result<Desired, String>>,
    /// What belongs to no named stack, in words with its place.
    pub rejected: Vec<String>,
    /// What is allowed but dangerous, in words with its place.
    pub warnings: Vec<String>,
    /// Of files that cannot be read or parsed, why not. A stack that stood there may still do.
    pub broken: BTreeMap<String, String>,
    /// Whether a stack that is not here is one whose manifest is missing.
    pub complete: bool,
    /// Whether a file is being saved this moment: the next reading knows more.
    pub settling: bool,
    /// Whether there is no manifest at all for this host.
    pub is_empty: bool,
}

/// Sorts a snapshot for the agent of one host.
#[must_use]
pub fn sort(snapshot: &Snapshot, host_name: &str) -> Intake {
    let mut intake = Intake {
        complete: snapshot.is_complete(),
        ..Intake::default()
    };
    let here: Vec<&Desired> = snapshot
        .stacks()
        .filter(|d| d.host.as_deref().is_none_or(|host| host == host_name))
        .collect();
    let clashes = clashes(here.iter().copied());
    for desired in here {
        let against: Vec<String> = clashes
            .iter()
            .filter(|c| c.concerns(&desired.name))
            .map(ToString::to_string)
            .collect();
        let verdict = if against.is_empty() {
            Ok(desired.clone())
        } else {
            Err(against.join("; "))
        };
        intake.stacks.insert(desired.name.clone(), verdict);
    }
    for file in &snapshot.files {
        let report = match &file.content {
            Ok(report) => report,
            Err(unreadable) => {
                let file = file.path.display().to_string();
                intake.broken.insert(file, unreadable.to_string());
                intake.rejected.push(unreadable.to_string());
                continue;
            }
        };
        if let Some(broken) = &report.broken {
            let words = in_one_line(broken);
            intake.broken.insert(report.file.clone(), words.clone());
            intake.rejected.push(words);
        }
        intake.warnings.extend(report.warnings().map(in_one_line));
        for verdict in &report.documents {
            let Err(violations) = &verdict.result else {
                continue;
            };
            let words: Vec<String> = violations.iter().map(in_one_line).collect();
            match &verdict.name {
                // A valid document of the same name elsewhere does not heal this one: both are refused.
                Some(name) => {
                    intake.stacks.insert(name.clone(), Err(words.join("; ")));
                }
                None => {
                    let file = report.file.clone();
                    intake
                        .broken
                        .entry(file)
                        .or_insert_with(|| words.join("; "));
                    intake.rejected.extend(words);
                }
            }
        }
    }
    let held = snapshot.pending.iter().filter(|pending| pending.is_long);
    intake.rejected.extend(held.map(|pending| {
        format!(
            "`{}` is still being written: what it says now counts when it is closed",
            pending.path.display()
        )
    }));
    intake.settling = snapshot.pending.iter().any(|pending| !pending.is_long);
    intake.is_empty = intake.stacks.is_empty();
    intake
}

/// A violation for a table's cell and a log line: its hint in the same line.
fn in_one_line(violation: &Violation) -> String {
    let text = violation.to_string();
    text.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}
