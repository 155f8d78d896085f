//! The desired state: a directory of manifests, and what changes in it.
//!
//! Reads only. [`directory`] says what stands there now, [`watch`] only that it may have changed, and [`settle`]
//! what of it counts: the truth is always read again, and a caller that hears nothing reads on a timer.

mod desired_state;
pub mod directory;
pub mod settle;
mod trail;
pub mod watch;
mod writers;

pub use desired_state::DesiredState;
pub use directory::{Snapshot, SourceError, read};
pub use settle::Moment;
