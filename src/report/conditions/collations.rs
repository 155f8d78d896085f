//! `CollationsMatch`: whether an index on text is still in the order that the server's C library goes by.

use crate::api::condition::{ConditionType, Finding, Truth};
use crate::facts::{Collation, Observation};

use super::{Told, finding, server};

/// How many databases the sentence names; the remedy is the same for all.
const NAMED: usize = 3;

pub(super) fn collations(told: &Told<'_>) -> Finding {
    let kind = ConditionType::CollationsMatch;
    let server = match server(told, kind) {
        Ok(server) => server,
        Err(unknown) => return unknown,
    };
    match &server.collations {
        Observation::Known(others) if others.is_empty() => {
            let message = "every database sorts by the version that it was made with";
            finding(kind, Truth::True, "Current", message)
        }
        Observation::Known(others) => {
            let message = mismatch(told.desired.name.as_str(), others);
            finding(kind, Truth::False, "VersionMismatch", message)
        }
        Observation::Absent => finding(kind, Truth::Unknown, "NotAsked", "they were not asked for"),
        Observation::Unknown { why } => finding(kind, Truth::Unknown, "NotCompared", why.clone()),
    }
}

/// The manual's way out (ALTER DATABASE, "Notes"): indexes first, then the version.
fn mismatch(stack: &str, others: &[Collation]) -> String {
    let one = |c: &Collation| format!("{} (made with {}, now {})", c.database, c.made_with, c.now);
    let mut named: Vec<String> = others.iter().take(NAMED).map(one).collect();
    if others.len() > NAMED {
        named.push(format!("{} more", others.len() - NAMED));
    }
    let database = others
        .first()
        .map_or("", |c| &c.database)
        .replace('"', "\"\"");
    format!(
        "the C library sorts otherwise than when these were made, so indexes on text may miss rows: {}. In each (docker \
         exec -it {stack}-postgres psql -U postgres DATABASE): REINDEX DATABASE; ALTER DATABASE \"{database}\" REFRESH \
         COLLATION VERSION",
        named.join(", ")
    )
}
