//! Extensions: which files the image has, and what is created in which database.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Observation;

/// Extensions of one server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Extensions {
    /// Those whose files are there.
    pub available: BTreeMap<String, Available>,
    /// The databases that were asked for, each with what is created in it. `Absent` means there is
    /// no such database.
    pub databases: BTreeMap<String, Observation<BTreeMap<String, String>>>,
}

/// An extension whose files are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Available {
    /// The version that CREATE EXTENSION makes.
    pub default_version: String,
    /// Every version that can be made.
    pub versions: Vec<String>,
    /// Extensions that must be there first.
    pub requires: Vec<String>,
}
