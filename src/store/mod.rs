//! Memory between passes: status, records, last valid manifests and approvals.
//!
//! Files are replaced atomically, and only when their text differs: a quiet agent writes nothing.

pub mod requests;
pub mod stacks;
pub mod status;

mod file;

pub use file::{StoreError, read, replace};
