//! What was seen, and how sure we are.
//!
//! Only values. The rooms that look ([`crate::host`], `observe`, `sim`) fill them in.

pub mod capacity;
pub mod collation;
pub mod disk;
pub mod extensions;
pub mod observation;
pub mod observed;
pub mod record;
pub mod service;
pub mod settings;

pub use capacity::{Capacity, CgroupVersion, CpuSource, Limits, MemorySource};
pub use collation::Collation;
pub use disk::Disk;
pub use observation::Observation;
pub use observed::Observed;
pub use record::Record;
pub use service::{Container, ContainerState};
pub use settings::{Server, SettingRow};
