//! The file system that the data lies on.

use serde::{Deserialize, Serialize};

use crate::api::Bytes;

/// How large a file system is and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// All of it.
    pub size: Bytes,
    /// What a process that is not root may still use.
    pub free: Bytes,
    /// All inodes; 0 where the file system makes them as it needs them.
    pub inodes: u64,
    /// What a process that is not root may still use of them.
    pub inodes_free: u64,
}
