//! The status file: everything that is told, for everyone to read.

use crate::api::status::StatusFile;
use crate::host::layout::Layout;

use super::{StoreError, read, replace};

/// Reads the status; `None` where no agent has written one.
///
/// # Errors
/// It is there and cannot be read.
pub fn load(layout: &Layout) -> Result<Option<StatusFile>, StoreError> {
    let path = layout.status();
    let Some(text) = read(&path)? else {
        return Ok(None);
    };
    let wrong = |e: serde_json::Error| StoreError::new("understand", &path, e.into());
    serde_json::from_str(&text).map(Some).map_err(wrong)
}

/// Replaces the status.
///
/// # Errors
/// The state directory cannot be written.
pub fn save(layout: &Layout, status: &StatusFile) -> Result<(), StoreError> {
    let text = serde_json::to_string_pretty(status).expect("our own values have string keys only");
    replace(&layout.status(), &(text + "\n"), 0o644)
}
