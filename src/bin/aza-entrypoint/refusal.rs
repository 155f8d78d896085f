//! Why the container does not start: what was tried, the cause, and what to do.

use std::fmt;

/// A start that was refused, or that failed.
#[derive(Debug)]
pub struct Refusal {
    what: String,
    fix: Option<String>,
}

impl Refusal {
    /// Begins with what is wrong.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            fix: None,
        }
    }

    /// Adds what a person can do about it.
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.fix {
            Some(fix) => write!(f, "\n  What to do: {fix}"),
            None => Ok(()),
        }
    }
}

/// Adds what was tried to an error.
pub trait Context<T> {
    /// Turns the error into a refusal that begins with `what`.
    fn tried(self, what: impl FnOnce() -> String) -> Result<T, Refusal>;
}

impl<T, E: fmt::Display> Context<T> for Result<T, E> {
    fn tried(self, what: impl FnOnce() -> String) -> Result<T, Refusal> {
        self.map_err(|cause| Refusal::new(format!("{}: {cause}", what())))
    }
}
