//! The violations of one document, as the checks collect them.

use super::document::Node;
use super::violation::{Place, Violation};

/// More than this helps nobody, and a hostile file must not make us write a book.
const MOST: usize = 100;

/// What is wrong with one document, and what is dangerous in it.
#[derive(Debug)]
pub struct Findings<'f> {
    file: &'f str,
    violations: Vec<Violation>,
    warnings: Vec<Violation>,
    left_out: usize,
}

impl<'f> Findings<'f> {
    /// Returns none so far, for a document of this file.
    #[must_use]
    pub fn new(file: &'f str) -> Self {
        Self {
            file,
            violations: Vec::new(),
            warnings: Vec::new(),
            left_out: 0,
        }
    }

    /// Whether more violations would be left out: time to stop looking for suggestions.
    #[must_use]
    pub fn are_many(&self) -> bool {
        self.violations.len() >= MOST
    }

    /// Whether more warnings would be left out.
    #[must_use]
    pub fn warnings_are_many(&self) -> bool {
        self.warnings.len() >= MOST
    }

    /// Adds a violation that is there already.
    pub fn add(&mut self, violation: Violation) {
        if self.are_many() {
            self.left_out += 1;
        } else {
            self.violations.push(violation);
        }
    }

    /// Adds a violation at a place.
    pub fn wrong_at(&mut self, at: Place, path: &str, message: String, hint: Option<String>) {
        self.add(self.violation(at, path, message, hint));
    }

    /// Adds a violation at the field that the path leads to.
    pub fn wrong(&mut self, tree: &Node, path: &[&str], message: String, hint: Option<String>) {
        if self.are_many() {
            self.left_out += 1;
            return;
        }
        let (at, path) = tree.place_of(path);
        self.wrong_at(at, &path, message, hint);
    }

    /// Adds a warning at the field that the path leads to.
    pub fn warn(&mut self, tree: &Node, path: &[&str], message: String, hint: Option<String>) {
        if !self.warnings_are_many() {
            let (at, path) = tree.place_of(path);
            self.warnings.push(self.violation(at, &path, message, hint));
        }
    }

    /// Returns violations and warnings in the order of the file.
    #[must_use]
    pub fn into_sorted(mut self) -> (Vec<Violation>, Vec<Violation>) {
        self.violations.sort_by_key(|v| (v.line, v.column));
        self.warnings.sort_by_key(|v| (v.line, v.column));
        if let (Some(last), true) = (self.violations.last(), self.left_out > 0) {
            let at = Place {
                line: last.line,
                column: last.column,
            };
            let message = format!("{} more violations are left out", self.left_out);
            let more = self.violation(at, "", message, None);
            self.violations.push(more);
        }
        (self.violations, self.warnings)
    }

    fn violation(&self, at: Place, path: &str, message: String, hint: Option<String>) -> Violation {
        let Place { line, column } = at;
        Violation {
            file: self.file.to_owned(),
            line,
            column,
            path: path.to_owned(),
            message,
            hint,
        }
    }
}
