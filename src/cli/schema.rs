//! `aza-agent schema`: the JSON Schema of a manifest.

use super::output::json;
use super::{CliError, Exit};

/// Prints the schema.
///
/// # Errors
/// Standard output cannot be written.
pub fn run() -> Result<Exit, CliError> {
    json(&crate::api::schema::schema())?;
    Ok(Exit::Done)
}
