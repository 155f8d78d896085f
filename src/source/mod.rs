//! The desired state: a directory of manifests, what changes in it, and the files that it names.
//!
//! Reads only. [`directory`] says what stands there now, [`watch`] only that it may have changed:
//! the truth is always read again, and a caller that hears nothing reads on a timer.

pub mod directory;
pub mod secrets;
pub mod watch;

pub use directory::{Snapshot, SourceError, read};
pub use watch::Watch;
