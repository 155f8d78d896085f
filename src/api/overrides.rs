//! `spec.settings`: each name is one that users may set, each value one that the server takes and
//! survives.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::Override;
use super::didyoumean::did_you_mean;
use super::document::Node;
use super::findings::Findings;
use super::manifest::SettingText;
use super::name::{ExtensionName, SettingName};
use super::quantity::Bytes;
use super::reserved::{bomb, bombs_together, not_for_users, risk};
use super::setting::{Canonical, SettingDef, VarType, recorded, recorded_names};
use super::violation::shortened;

/// The word that gives a setting back to the tuner. It wins over an enum's own `auto`
/// (`plan_cache_mode`, `compute_query_id`), where it comes to the same.
const AUTO: &str = "auto";

/// The one list whose items are checked before a start.
const PRELOAD: &str = "shared_preload_libraries";

/// Checks the settings of a manifest. `memory` is the container's limit, where the manifest has one.
pub fn check(
    settings: &BTreeMap<String, SettingText>,
    memory: Option<Bytes>,
    tree: &Node,
    findings: &mut Findings<'_>,
) -> BTreeMap<SettingName, Override> {
    let mut overrides = BTreeMap::new();
    let mut values = BTreeMap::new();
    let prefixes: BTreeSet<&str> = recorded_names().filter_map(prefix).collect();
    for (key, SettingText(text)) in settings {
        if findings.are_many() {
            break;
        }
        let path = ["spec", "settings", key];
        let wrong = |findings: &mut Findings<'_>, (message, hint)| {
            findings.wrong(tree, &path, message, hint);
        };
        let name = match setting_name(key, &prefixes) {
            Ok(name) => name,
            Err(why) => {
                wrong(findings, why);
                continue;
            }
        };
        if overrides.contains_key(&name) {
            let message = format!("`{name}` is set twice, in different spellings");
            wrong(findings, (message, Some("keep one of the two".into())));
        }
        let decided = if text.eq_ignore_ascii_case(AUTO) {
            Override::Auto
        } else {
            match value(&name, text) {
                Ok(Some(value)) => {
                    if let Some(risk) = risk(name.as_str(), &value) {
                        findings.warn(tree, &path, format!("dangerous: {risk}"), None);
                    }
                    values.insert(name.clone(), value);
                }
                Ok(None) if findings.warnings_are_many() => {}
                Ok(None) => {
                    let message = "cannot be checked before its extension is loaded".to_owned();
                    findings.warn(tree, &path, message, near_prefix(&name, &prefixes));
                }
                Err(why) => wrong(findings, why),
            }
            Override::Value(text.clone())
        };
        overrides.insert(name, decided);
    }
    for (name, message) in bombs_together(&values, memory) {
        let written = settings.keys().find(|key| key.eq_ignore_ascii_case(name));
        let key = written.map_or(name, String::as_str);
        findings.wrong(tree, &["spec", "settings", key], message, None);
    }
    overrides
}

/// A message and what would be right.
type Why = (String, Option<String>);

fn setting_name(key: &str, prefixes: &BTreeSet<&str>) -> Result<SettingName, Why> {
    let name = SettingName::parse(key).map_err(|wrong| (shortened(&wrong.0), None))?;
    if let Some(reason) = not_for_users(name.as_str()) {
        return Err((format!("a manifest may not set this: {reason}"), None));
    }
    let is_known = recorded(name.as_str()).is_some();
    // A prefix that no setting has belongs to an extension that we have not seen.
    let is_open = prefix(name.as_str()).is_some_and(|prefix| !prefixes.contains(prefix));
    if is_known || is_open {
        return Ok(name);
    }
    let near = did_you_mean(name.as_str(), recorded_names());
    let hint = near.map(|near| format!("did you mean `{near}`?"));
    Err(("PostgreSQL 18 has no such setting".into(), hint))
}

fn prefix(name: &str) -> Option<&str> {
    name.split_once('.').map(|(prefix, _)| prefix)
}

fn near_prefix(name: &SettingName, prefixes: &BTreeSet<&str>) -> Option<String> {
    let near = did_you_mean(prefix(name.as_str())?, prefixes.iter().copied())?;
    Some(format!("did you mean `{near}.…`?"))
}

/// Reads a value; `None` where nothing is known of the setting.
fn value(name: &SettingName, text: &str) -> Result<Option<Canonical>, Why> {
    let Some(def) = recorded(name.as_str()) else {
        return Ok(None);
    };
    if def.lacks_unit(text) {
        let unit = def.units().unwrap_or_default();
        return Err((
            format!("`{text}` has no unit: write it with {unit}"),
            in_its_unit(def, text),
        ));
    }
    let value = def.canonical(text).map_err(|wrong| {
        let words = def.enumvals.iter().map(String::as_str);
        let near = did_you_mean(text, words).map(|word| format!("did you mean `{word}`?"));
        (wrong.to_string(), near)
    })?;
    if let Some(reason) = bomb(name.as_str(), &value) {
        return Err((format!("`{}`: {reason}", shortened(text)), None));
    }
    if name.as_str() == PRELOAD {
        libraries(text)?;
    }
    Ok(Some(value))
}

/// Returns what the number would mean to the server, which is what was probably meant.
fn in_its_unit(def: &SettingDef, text: &str) -> Option<String> {
    let value = def.canonical(text).ok()?;
    match def.vartype {
        VarType::Integer | VarType::Real => Some(format!(
            "PostgreSQL would read it as `{}`",
            def.show(&value)
        )),
        VarType::Bool | VarType::Enum | VarType::String => None,
    }
}

/// Checks a preload list: plain library names, each once. Whether the files are there, the image knows.
fn libraries(text: &str) -> Result<(), Why> {
    let mut seen = Vec::new();
    for library in text
        .split(',')
        .map(str::trim)
        .filter(|_| !text.trim().is_empty())
    {
        if ExtensionName::parse(library).is_err() {
            let hint = "write for example `pg_stat_statements, pg_cron`".to_owned();
            return Err((
                format!("`{}` is no library name", shortened(library)),
                Some(hint),
            ));
        }
        if seen.contains(&library) {
            return Err((format!("`{library}` stands here twice"), None));
        }
        seen.push(library);
    }
    Ok(())
}
