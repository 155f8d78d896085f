//! Bytes of a manifest file in; stacks, or everything that is wrong with them, out.
//!
//! ```text
//! bytes ─ document ─▶ trees with places, values ─ shape ─▶ manifest ─ spec ─▶ Desired
//! ```
//! Each document has a verdict of its own: one with a mistake does not hide the others. What needs more
//! than one manifest (names and ports that clash) is [`super::clash`].

use serde_json::Value;

use super::desired::Desired;
use super::document::{self, Document};
use super::findings::Findings;
use super::manifest::PostgresStack;
use super::name::StackName;
use super::schema::schema;
use super::violation::{Place, Violation};
use super::{shape, spec};

pub use super::document::MAX_FILE;

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The file, as the caller names it.
    pub file: String,
    /// Its documents in order, up to the first that no parser can read.
    pub documents: Vec<Verdict>,
    /// Why the rest of the file cannot be read, where it cannot.
    pub broken: Option<Violation>,
}

/// What came out for one document.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Where the document begins.
    pub at: Place,
    /// The stack's name, where it can be read: also of a document with violations.
    pub name: Option<StackName>,
    /// The stack, or all violations in the order of the file. Never an empty list.
    pub result: Result<Box<Desired>, Vec<Violation>>,
    /// What is allowed but dangerous.
    pub warnings: Vec<Violation>,
}

impl Report {
    /// Whether every stack that the file could hold is known by name: only then can a stack that is
    /// not in it count as gone.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.broken.is_none() && self.documents.iter().all(|verdict| verdict.name.is_some())
    }

    /// Returns the valid stacks.
    pub fn stacks(&self) -> impl Iterator<Item = &Desired> {
        self.documents
            .iter()
            .filter_map(|verdict| verdict.result.as_deref().ok())
    }

    /// Returns everything that is wrong, in the order of the file.
    pub fn violations(&self) -> impl Iterator<Item = &Violation> {
        let of_documents = self
            .documents
            .iter()
            .filter_map(|verdict| verdict.result.as_ref().err());
        of_documents.flatten().chain(&self.broken)
    }

    /// Returns what is allowed but dangerous.
    pub fn warnings(&self) -> impl Iterator<Item = &Violation> {
        self.documents.iter().flat_map(|verdict| &verdict.warnings)
    }
}

/// Reads and checks the manifests of a file. `file` is what messages call it.
#[must_use]
pub fn validate(bytes: &[u8], file: &str) -> Report {
    let documents = document::read(bytes, file);
    let schema = schema();
    Report {
        file: file.to_owned(),
        documents: documents
            .read
            .into_iter()
            .map(|d| judge(d, &schema, file))
            .collect(),
        broken: documents.broken,
    }
}

fn judge(mut document: Document, schema: &Value, file: &str) -> Verdict {
    let mut findings = Findings::new(file);
    document
        .duplicates
        .drain(..)
        .for_each(|violation| findings.add(violation));
    shape::check(schema, &mut document, &mut findings);
    let Document {
        tree,
        value,
        duplicates: _,
    } = document;
    let at = tree.at;
    let name = tree
        .text(&["metadata", "name"])
        .and_then(|name| StackName::parse(name).ok());
    let origin = format!("{file}:{}", at.line);
    let desired = match serde_json::from_value::<PostgresStack>(value) {
        Ok(manifest) => spec::desired(manifest, origin, &tree, &mut findings),
        // Schema and types come from one source, so this is a mistake of ours; tell it all the same.
        Err(wrong) => {
            findings.wrong_at(at, "", format!("cannot be decoded: {wrong}"), None);
            None
        }
    };
    let (violations, warnings) = findings.into_sorted();
    let result = match desired {
        Some(desired) if violations.is_empty() => Ok(Box::new(desired)),
        Some(_) | None => Err(violations),
    };
    Verdict {
        at,
        name,
        result,
        warnings,
    }
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
