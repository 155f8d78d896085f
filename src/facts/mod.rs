//! What was seen, and how sure we are.
//!
//! Only values. The rooms that look ([`crate::host`], `observe`, `sim`) fill them in.

pub mod capacity;
pub mod observation;

pub use capacity::{Capacity, CpuSource, MemorySource};
pub use observation::Observation;
