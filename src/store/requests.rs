//! What people ask of a running agent: `aza-agent approve NAME` leaves a file, the agent takes it.

use std::fs;
use std::io;

use crate::api::StackName;
use crate::host::layout::Layout;

use super::{StoreError, replace};

/// Leaves an approval.
///
/// # Errors
/// The state directory cannot be written.
pub fn approve(layout: &Layout, name: &StackName) -> Result<(), StoreError> {
    replace(&layout.approval(name), "approved\n", 0o600)
}

/// Whether an approval is there.
#[must_use]
pub fn is_approved(layout: &Layout, name: &StackName) -> bool {
    layout.approval(name).exists()
}

/// Takes the approval away: it counts once.
///
/// # Errors
/// It is there and cannot be removed; then it must not be acted on.
pub fn take(layout: &Layout, name: &StackName) -> Result<(), StoreError> {
    let path = layout.approval(name);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::new("remove", &path, e)),
        Ok(()) | Err(_) => Ok(()),
    }
}
