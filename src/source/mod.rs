//! The desired state: a directory of manifests, and what changes in it.
//!
//! Reads only. [`directory`] says what stands there now, [`watch`] only that it may have changed:
//! the truth is always read again, and a caller that hears nothing reads on a timer.

pub mod directory;
pub mod watch;

pub use directory::{Snapshot, SourceError, read};
pub use watch::Watch;
