//! The nouns that users write and read: manifests in, status out.
//!
//! Everything here is a value. Nothing reads a file, a clock or the environment.

pub mod condition;
pub mod declared;
pub mod desired;
pub mod disruption;
pub mod event;
pub mod name;
pub mod quantity;
pub mod setting;
pub mod status;
pub mod window;
pub mod workload;

pub use disruption::Disruption;
pub use name::{DatabaseName, ExtensionName, SettingName, StackName};
pub use quantity::{Bytes, MilliCpu};
pub use workload::{Storage, Workload};
