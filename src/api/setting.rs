//! What PostgreSQL 18 knows of each setting, and values in its grammar.
//!
//! The table `settings-18.tsv` beside this file is a recording of `pg_settings`; a live test compares
//! it with the image. It serves offline checks only: at run time the server is asked.

use serde::{Deserialize, Serialize};

/// The kind of value a setting takes (`pg_settings.vartype`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VarType {
    /// `bool`
    Bool,
    /// `integer`
    Integer,
    /// `real`
    Real,
    /// `enum`
    Enum,
    /// `string`
    String,
}

/// What a change of a setting takes to become effective (`pg_settings.context`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Context {
    /// Nothing can change it.
    Internal,
    /// A restart.
    Postmaster,
    /// A reload.
    Sighup,
    /// A new session of a superuser, or a reload for those to come.
    SuperuserBackend,
    /// A new session, or a reload for those to come.
    Backend,
    /// A reload; superusers may change it in their session.
    Superuser,
    /// A reload; everyone may change it in their session.
    User,
}

/// One setting, as the server describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingDef {
    /// Its name.
    pub name: String,
    /// The kind of value.
    pub vartype: VarType,
    /// The unit of a bare number: `8kB`, `kB`, `MB`, `B`, `ms`, `s`, `min`.
    pub unit: Option<String>,
    /// What a change takes.
    pub context: Context,
    /// The smallest number it takes, in its unit.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// The words of an enum.
    pub enumvals: Vec<String>,
}

/// A value that can be compared: numbers in the setting's unit, words in one spelling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Canonical {
    /// Of a `bool`.
    Bool(bool),
    /// Of an `integer`, in the setting's unit.
    Integer(i64),
    /// Of a `real`, in the setting's unit.
    Real(f64),
    /// Of an `enum`, or a `string`.
    Text(String),
}
