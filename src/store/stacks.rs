//! Per stack: what the agent remembers, and the last valid manifest.

use std::fs;

use crate::api::StackName;
use crate::api::desired::Desired;
use crate::facts::Record;
use crate::host::layout::Layout;

use super::{StoreError, read, replace};

/// Recalls a stack's record; `None` where there is none (a new stack, or the state was lost). One that
/// cannot be understood counts as lost: nothing depends on it that a look does not find again.
///
/// # Errors
/// It is there and cannot be read.
pub fn record(layout: &Layout, name: &StackName) -> Result<Option<Record>, StoreError> {
    Ok(read(&layout.record(name))?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Remembers a stack's record.
///
/// # Errors
/// The state directory cannot be written.
pub fn keep_record(layout: &Layout, name: &StackName, record: &Record) -> Result<(), StoreError> {
    replace(&layout.record(name), &json(record), 0o600)
}

/// Recalls the last valid manifest of a stack.
///
/// # Errors
/// It is there and cannot be read.
pub fn manifest(layout: &Layout, name: &StackName) -> Result<Option<Desired>, StoreError> {
    Ok(read(&layout.manifest(name))?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Remembers the last valid manifest of a stack.
///
/// # Errors
/// The state directory cannot be written.
pub fn keep_manifest(layout: &Layout, desired: &Desired) -> Result<(), StoreError> {
    replace(&layout.manifest(&desired.name), &json(desired), 0o600)
}

/// Forgets the last valid manifest of a stack that is gone. Record, secrets and data stay: a manifest of
/// that name finds them again.
///
/// # Errors
/// The state directory cannot be written.
pub fn forget_manifest(layout: &Layout, name: &StackName) -> Result<(), StoreError> {
    let path = layout.manifest(name);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::new("remove", &path, e))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Returns the stacks that have a directory here.
#[must_use]
pub fn names(layout: &Layout) -> Vec<StackName> {
    let Ok(entries) = fs::read_dir(layout.stacks()) else {
        return Vec::new();
    };
    let names = entries.filter_map(|e| StackName::parse(e.ok()?.file_name().to_str()?).ok());
    let mut names: Vec<StackName> = names.collect();
    names.sort();
    names
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string_pretty(value).expect("our own values have string keys only") + "\n"
}
