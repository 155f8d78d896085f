//! What PostgreSQL 18 knows of each setting, and values in its grammar.
//!
//! The table `settings-18.tsv` beside this file is a recording of `pg_settings`; a live test compares
//! it with the image. It serves offline checks only: at run time the server is asked.
//! Reading and showing values is [`super::canonical`].

use std::collections::BTreeMap;
use std::sync::OnceLock;

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

impl VarType {
    /// Reads the server's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "bool" => Self::Bool,
            "integer" => Self::Integer,
            "real" => Self::Real,
            "enum" => Self::Enum,
            "string" => Self::String,
            _ => return None,
        })
    }
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

impl Context {
    /// Reads the server's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "internal" => Self::Internal,
            "postmaster" => Self::Postmaster,
            "sighup" => Self::Sighup,
            "superuser-backend" => Self::SuperuserBackend,
            "backend" => Self::Backend,
            "superuser" => Self::Superuser,
            "user" => Self::User,
            _ => return None,
        })
    }
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

/// The category of settings that are only for people who develop PostgreSQL itself.
const DEVELOPER: &str = "Developer Options";

/// One row of the recording.
struct Recorded {
    def: SettingDef,
    developer: bool,
}

/// Returns the recorded description of a setting, whatever the case its name is written in.
#[must_use]
pub fn recorded(name: &str) -> Option<&'static SettingDef> {
    table().get(&name.to_ascii_lowercase()).map(|row| &row.def)
}

/// Returns the names of all recorded settings, as the server writes them.
pub fn recorded_names() -> impl Iterator<Item = &'static str> {
    table().values().map(|row| row.def.name.as_str())
}

/// Whether PostgreSQL's manual files the setting under "Developer Options".
#[must_use]
pub fn is_for_developers(name: &str) -> bool {
    table()
        .get(&name.to_ascii_lowercase())
        .is_some_and(|row| row.developer)
}

fn table() -> &'static BTreeMap<String, Recorded> {
    static TABLE: OnceLock<BTreeMap<String, Recorded>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let rows = include_str!("settings-18.tsv")
            .lines()
            .filter(|line| !line.starts_with('#'));
        rows.filter_map(row)
            .map(|row| (row.def.name.to_ascii_lowercase(), row))
            .collect()
    })
}

/// Reads `name vartype unit context min max enumvals default category`, separated by tabs. A row that
/// cannot be read is left out here, and found by the test below.
fn row(line: &str) -> Option<Recorded> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [
        name,
        vartype,
        unit,
        context,
        min,
        max,
        enumvals,
        _default,
        category,
    ] = columns[..]
    else {
        return None;
    };
    let def = SettingDef {
        name: name.to_owned(),
        vartype: word(vartype)?,
        unit: (!unit.is_empty()).then(|| unit.to_owned()),
        context: word(context)?,
        min: min.parse().ok(),
        max: max.parse().ok(),
        enumvals: match vartype {
            "enum" => enumvals.split(',').map(str::to_owned).collect(),
            _ => Vec::new(),
        },
    };
    Some(Recorded {
        def,
        developer: category == DEVELOPER,
    })
}

/// Reads a word of one of the enums above, in the spelling that serde gives it.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::from(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_recording_is_read() {
        let rows = include_str!("settings-18.tsv")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .count();
        assert_eq!(recorded_names().count(), rows);
        assert!(rows > 400, "{rows}");
        for name in recorded_names() {
            let def = recorded(name).unwrap();
            let has_range = def.min.is_some() && def.max.is_some();
            let is_number = matches!(def.vartype, VarType::Integer | VarType::Real);
            assert_eq!(has_range, is_number, "{name}");
            assert_eq!(
                !def.enumvals.is_empty(),
                def.vartype == VarType::Enum,
                "{name}"
            );
        }
    }

    #[test]
    fn a_setting_is_found_in_any_case() {
        assert_eq!(recorded("timezone").unwrap().name, "TimeZone");
        let buffers = recorded("Shared_Buffers").unwrap();
        assert_eq!(buffers.unit.as_deref(), Some("8kB"));
        assert_eq!(buffers.context, Context::Postmaster);
        assert!(recorded("shared_bufers").is_none());
    }

    #[test]
    fn developer_options_are_known_as_such() {
        assert!(is_for_developers("zero_damaged_pages"));
        assert!(!is_for_developers("work_mem"));
    }
}
