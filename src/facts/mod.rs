//! What was seen, and how sure we are.
//!
//! Only values. The rooms that look ([`crate::host`], `observe`, `sim`) fill them in.

pub mod capacity;
pub mod observation;

pub use capacity::{Capacity, CgroupVersion, CpuSource, Limits, MemorySource};
pub use observation::Observation;
