//! The nouns that users write and read: manifests in, status out.
//!
//! Everything here is a value. Nothing reads a file, a clock or the environment.

pub mod canonical;
pub mod chain;
pub mod clash;
pub mod condition;
pub mod declared;
pub mod desired;
pub mod didyoumean;
pub mod disruption;
mod document;
pub mod event;
mod findings;
mod image;
pub mod manifest;
pub mod name;
mod number;
mod outline;
mod overrides;
pub mod quantity;
pub mod reserved;
pub mod schema;
pub mod secret;
pub mod setting;
mod shape;
mod spec;
pub mod status;
pub mod validate;
pub mod violation;
pub mod window;
pub mod workload;

pub use disruption::Disruption;
pub use name::{DatabaseName, ExtensionName, SettingName, StackName};
pub use quantity::{Bytes, MilliCpu};
pub use violation::Violation;
pub use workload::{Storage, Workload};
