//! Settings as a server holds them: the built-in default, and the bare number in the setting's unit.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::api::SettingName;
use crate::api::setting::{Canonical, SettingDef, recorded};
use crate::diff::settings::list_items;

/// Returns the built-in default (`pg_settings.boot_val`).
#[must_use]
pub fn boot(name: &str) -> Option<&'static str> {
    static TABLE: OnceLock<BTreeMap<String, &'static str>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let rows = include_str!("../api/settings-18.tsv").lines();
        rows.filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let columns: Vec<&str> = line.split('\t').collect();
                Some((columns.first()?.to_ascii_lowercase(), *columns.get(7)?))
            })
            .collect()
    });
    table.get(&name.to_ascii_lowercase()).copied()
}

/// Whether a server refuses the name: it has no such setting, and no prefix that could be a library's.
#[must_use]
pub fn is_unknown(name: &SettingName) -> bool {
    !name.as_str().contains('.') && recorded(name.as_str()).is_none()
}

/// Returns the library whose settings begin like that one.
#[must_use]
pub fn library_of(name: &SettingName) -> Option<&str> {
    let (prefix, _) = name.as_str().split_once('.')?;
    Some(match prefix {
        "cron" => "pg_cron",
        other => other,
    })
}

/// Returns a value as `pg_settings.setting` shows it; `None` for a value that the server refuses.
#[must_use]
pub fn stored(def: &SettingDef, text: &str) -> Option<String> {
    Some(match def.canonical(text).ok()? {
        Canonical::Bool(true) => "on".into(),
        Canonical::Bool(false) => "off".into(),
        Canonical::Integer(number) => number.to_string(),
        Canonical::Real(number) => number.to_string(),
        // Lists keep the spelling that they were given.
        Canonical::Text(_) if def.enumvals.is_empty() => text.to_owned(),
        Canonical::Text(word) => word,
    })
}

/// Returns the line that `ALTER SYSTEM` writes: the items of a quoted list come back with a blank after
/// each comma.
#[must_use]
pub fn written(name: &SettingName, value: &str) -> String {
    const QUOTED_LISTS: [&str; 6] = [
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    ];
    if QUOTED_LISTS.contains(&name.as_str()) {
        list_items(value).join(", ")
    } else {
        value.to_owned()
    }
}

/// Whether the server's own check refuses a text that its type allows. Of those checks only the one of
/// time zones is pretended.
#[must_use]
pub fn is_refused_by_its_check(name: &SettingName, value: &str) -> bool {
    let is_zone =
        ["timezone", "log_timezone"].contains(&name.as_str().to_ascii_lowercase().as_str());
    is_zone && jiff::tz::TimeZone::get(value).is_err()
}

/// Returns what `wal_buffers = -1` becomes: a 32nd of the shared buffers, from 64 kB to a WAL segment.
#[must_use]
pub fn wal_buffers(shared_buffers: &str) -> String {
    let pages: i64 = shared_buffers.parse().unwrap_or(16_384);
    (pages / 32).clamp(8, 2048).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_of_its_setting() {
        for name in crate::api::setting::recorded_names() {
            let def = recorded(name).unwrap();
            let boot = boot(name).unwrap();
            assert!(stored(def, boot).is_some(), "{name} = {boot}");
        }
    }

    #[test]
    fn a_value_is_stored_in_the_settings_unit() {
        let stored = |name, text| stored(recorded(name).unwrap(), text).unwrap();
        assert_eq!(stored("shared_buffers", "1GB"), "131072");
        assert_eq!(stored("wal_compression", "on"), "pglz");
        assert_eq!(stored("checkpoint_completion_target", "0.9"), "0.9");
    }
}
