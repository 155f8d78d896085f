//! Settings against their targets, in canonical units.
//!
//! Three values decide: what runs, what the files other than `postgresql.auto.conf` say (the *base*),
//! and the line in `postgresql.auto.conf`, which beats them all. `ALTER SYSTEM` holds only what must
//! differ from the base. `pending_restart` decides nothing: for a value on the command line it goes
//! true after a reload, false after a restart and true again, for ever.

use crate::api::SettingName;
use crate::api::setting::{Canonical, Context, VarType};
use crate::facts::record::Refusal;
use crate::facts::settings::Pin;
use crate::facts::{Record, Server, SettingRow};

use super::size::{Target, TargetFrom, Targets};

/// A setting that is not as wanted, or whose line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingDrift {
    /// Its name.
    pub name: SettingName,
    /// The effective value, for people.
    pub running: String,
    /// The wanted value, for people.
    pub wanted: String,
    /// What has to happen to its line in `postgresql.auto.conf`.
    pub correction: Correction,
    /// What a change of the effective value takes; `None` where it is already the wanted one.
    pub takes: Option<Context>,
    /// Why nothing can be done about it, where nothing can.
    pub hold: Option<Hold>,
    /// What the server said of the value, where it refused it.
    pub said: Option<String>,
}

impl SettingDrift {
    /// Returns what a person can do about a difference that is held.
    #[must_use]
    pub fn help(&self, hold: Hold) -> String {
        self.said.clone().unwrap_or_else(|| hold.help(&self.name))
    }
}

/// What has to happen to a line in `postgresql.auto.conf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correction {
    /// Nothing: the files are right.
    Keep,
    /// It has to say this, in PostgreSQL's grammar.
    Set(String),
    /// It has to go.
    Reset,
}

/// Why a difference is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Pinned by something that beats every file.
    Pinned(Pin),
    /// A line that somebody wrote before the agent came.
    ForeignLine,
    /// The server knows no such setting.
    UnknownSetting,
    /// The server does not take the value.
    Rejected,
    /// It names a library that the image lacks: with that line no start would come up.
    LibraryMissing,
    /// It cannot be changed at all.
    Fixed,
    /// A configuration file cannot be read, so nobody knows what its line is.
    FileUnread,
}

impl Hold {
    /// Returns the word that conditions carry.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Pinned(Pin::CommandLine) => "PinnedByCommandLine",
            Self::Pinned(Pin::Environment) => "PinnedByEnvironment",
            Self::Pinned(Pin::RoleOrDatabase) => "PinnedByRoleOrDatabase",
            Self::Pinned(Pin::Internal) | Self::Fixed => "NotChangeable",
            Self::ForeignLine => "ForeignLine",
            Self::UnknownSetting => "UnknownSetting",
            Self::Rejected => "ValueRejected",
            Self::LibraryMissing => "LibraryMissing",
            Self::FileUnread => "ConfigFileError",
        }
    }

    /// Returns what a person can do about it.
    #[must_use]
    pub fn help(self, name: &SettingName) -> String {
        match self {
            Self::Pinned(Pin::CommandLine) => {
                "it is given with -c on the server's command line: take it out there".to_owned()
            }
            Self::Pinned(Pin::Environment) => {
                "it comes from the server's environment: take it out there".to_owned()
            }
            Self::Pinned(Pin::RoleOrDatabase) => {
                format!("ALTER ROLE or ALTER DATABASE sets it: reset it there (… RESET {name})")
            }
            Self::Pinned(Pin::Internal) | Self::Fixed => {
                "the server does not let it be changed".to_owned()
            }
            Self::ForeignLine => format!(
                "a line in postgresql.auto.conf from before sets it: run ALTER SYSTEM RESET {name}, or \
                 name the setting in the manifest"
            ),
            Self::UnknownSetting => "this server has no such setting".to_owned(),
            Self::Rejected => "the server does not take this value".to_owned(),
            Self::LibraryMissing => {
                "the image lacks a library of the list, and a server that preloads it does not \
                 start: use an image that carries it"
                    .to_owned()
            }
            Self::FileUnread => {
                "the server cannot read its configuration files: repair the line that pg_file_settings names"
                    .to_owned()
            }
        }
    }
}

/// Compares every owned setting, and every line that the agent wrote and no longer needs.
#[must_use]
pub fn diff(targets: &Targets, server: &Server, record: &Record) -> Vec<SettingDrift> {
    if !server.read_its_files() {
        return unread(targets, server);
    }
    let owned = targets
        .settings
        .iter()
        .filter_map(|(name, target)| owned(name, target, server, record));
    let ours_no_more = record
        .lines
        .keys()
        .filter(|name| {
            !targets.settings.contains_key(*name) && server.auto_lines.contains_key(*name)
        })
        .map(|name| given_back(name, server));
    let mut drifts: Vec<SettingDrift> = owned.chain(ours_no_more).collect();
    drifts.sort_by(|a, b| a.name.cmp(&b.name));
    drifts
}

/// Returns lines of `postgresql.auto.conf` on settings that nobody here owns: told, never touched.
#[must_use]
pub fn foreign_lines<'a>(
    targets: &Targets,
    server: &'a Server,
    record: &Record,
) -> Vec<&'a SettingName> {
    let known =
        |name: &SettingName| targets.settings.contains_key(name) || record.lines.contains_key(name);
    server
        .auto_lines
        .keys()
        .filter(|name| !known(name))
        .collect()
}

/// Returns owned lines that equal their target and that the agent does not remember: taken into the
/// record, so that they are given back when they are no longer needed.
#[must_use]
pub fn lines_to_take(
    targets: &Targets,
    server: &Server,
    record: &Record,
) -> Vec<(SettingName, String)> {
    let equal = |name: &SettingName, line: &str| {
        let row = server.settings.get(name)?;
        let target = targets.settings.get(name)?;
        Some(same(row, line, &target.value))
    };
    server
        .auto_lines
        .iter()
        .filter(|(name, _)| !record.lines.contains_key(*name))
        .filter(|(name, line)| equal(name, line) == Some(true))
        .map(|(name, line)| (name.clone(), line.clone()))
        .collect()
}

fn owned(
    name: &SettingName,
    target: &Target,
    server: &Server,
    record: &Record,
) -> Option<SettingDrift> {
    let Some(row) = server.settings.get(name) else {
        return unseen(name, target, server, record);
    };
    let line = server.auto_lines.get(name);
    let refusal = refusal(name, target, server, record);
    let drift = |correction, takes, hold| {
        let (running, wanted) = (show(row, &row.running), show(row, &target.value));
        Some(SettingDrift {
            name: name.clone(),
            running,
            wanted,
            correction,
            takes,
            hold,
            said: refusal.map(|r| r.said.clone()),
        })
    };
    if row.def.canonical(&target.value).is_err() && row.def.vartype != VarType::String {
        return drift(Correction::Keep, None, Some(Hold::Rejected));
    }
    let runs = same(row, &row.running, &target.value);
    let base = row.base.as_deref().or(row.boot.as_deref());
    let base_is_wanted = base.is_some_and(|b| same(row, b, &target.value));
    let line_is_wanted = line.is_some_and(|l| same(row, l, &target.value));
    let is_ours = |name| record.lines.contains_key(name);
    let correction = match line {
        // What the include file says anyway needs no line; a person's own equal line stays theirs.
        Some(_) if base_is_wanted && (is_ours(name) || !line_is_wanted) => Correction::Reset,
        Some(_) if line_is_wanted => Correction::Keep,
        None if base_is_wanted => Correction::Keep,
        Some(_) | None => Correction::Set(target.value.clone()),
    };
    if runs && correction == Correction::Keep {
        return None;
    }
    let hold = row
        .pinned()
        .filter(|_| !runs)
        .map(Hold::Pinned)
        .or_else(|| {
            let fixed = !runs && row.context() == Context::Internal;
            fixed.then_some(Hold::Fixed)
        });
    let foreign = line.is_some()
        && !line_is_wanted
        && !is_ours(name)
        && !target.from.is_named()
        && (!record.known_from_start || record.inherited.contains(name));
    let missing = matches!(correction, Correction::Set(_))
        && lacks_library(name.as_str(), &target.value, server);
    let refused = matches!(correction, Correction::Set(_)) && refusal.is_some();
    let hold = hold
        .or(refused.then_some(Hold::Rejected))
        .or(foreign.then_some(Hold::ForeignLine))
        .or(missing.then_some(Hold::LibraryMissing));
    drift(correction, (!runs).then(|| row.context()), hold)
}

/// Without the files only the effective values can be compared; a line that was not told is not a line
/// that is not there, so none is written and none is taken back.
fn unread(targets: &Targets, server: &Server) -> Vec<SettingDrift> {
    let differing = |(name, target): (&SettingName, &Target)| {
        let row = server.settings.get(name)?;
        (!same(row, &row.running, &target.value)).then(|| SettingDrift {
            name: name.clone(),
            running: show(row, &row.running),
            wanted: show(row, &target.value),
            correction: Correction::Keep,
            takes: Some(row.context()),
            hold: Some(Hold::FileUnread),
            said: None,
        })
    };
    targets.settings.iter().filter_map(differing).collect()
}

/// Returns what this very server said of this very value, where it refused it.
fn refusal<'a>(
    name: &SettingName,
    target: &Target,
    server: &Server,
    record: &'a Record,
) -> Option<&'a Refusal> {
    let refusal = record.refused.get(name)?;
    (refusal.value == target.value && refusal.server_start == server.started_at).then_some(refusal)
}

/// Whether a preload list names a library that the image does not have.
fn lacks_library(name: &str, list: &str, server: &Server) -> bool {
    name == "shared_preload_libraries"
        && list_items(list)
            .iter()
            .any(|library| !server.libraries.contains(library))
}

/// A setting that the server does not list. Those of a library that is not loaded yet come with it;
/// `pg_settings` has no row for them, and that is no drift. A name without a prefix is a mistake.
fn unseen(
    name: &SettingName,
    target: &Target,
    server: &Server,
    record: &Record,
) -> Option<SettingDrift> {
    if target.from != TargetFrom::Manifest {
        return None;
    }
    let line = server.auto_lines.get(name);
    let has_prefix = name.as_str().contains('.');
    let refusal = refusal(name, target, server, record);
    let (correction, hold) = match (has_prefix, line) {
        (false, _) => (Correction::Keep, Some(Hold::UnknownSetting)),
        (true, Some(line)) if line.trim() == target.value => return None,
        (true, Some(_) | None) => {
            let hold = refusal.map(|_| Hold::Rejected);
            (Correction::Set(target.value.clone()), hold)
        }
    };
    Some(SettingDrift {
        name: name.clone(),
        running: line.cloned().unwrap_or_else(|| "unset".into()),
        wanted: target.value.clone(),
        correction,
        takes: None,
        hold,
        said: refusal.map(|r| r.said.clone()),
    })
}

/// A setting that the manifest named once and nobody wants any more: it goes back to its base.
fn given_back(name: &SettingName, server: &Server) -> SettingDrift {
    let row = server.settings.get(name);
    let base = row.and_then(|row| row.base.as_deref().or(row.boot.as_deref()));
    let takes = row
        .zip(base)
        .filter(|(row, base)| !same(row, &row.running, base))
        .map(|(r, _)| r.context());
    SettingDrift {
        name: name.clone(),
        running: row.map_or_else(|| "unset".into(), |row| show(row, &row.running)),
        wanted: row
            .zip(base)
            .map_or_else(|| "its default".into(), |(row, base)| show(row, base)),
        correction: Correction::Reset,
        takes,
        hold: None,
        said: None,
    }
}

/// Whether two values in PostgreSQL's grammar mean the same to that setting.
fn same(row: &SettingRow, one: &str, other: &str) -> bool {
    if is_list(row) {
        return list_items(one) == list_items(other);
    }
    match (row.def.canonical(one), row.def.canonical(other)) {
        (Ok(one), Ok(other)) => one.same(&other) || computed(row, &one, &other),
        (Ok(_) | Err(_), _) => one == other,
    }
}

/// `wal_buffers = -1` reads 16MB: the server computes the value from shared_buffers.
fn computed(row: &SettingRow, one: &Canonical, other: &Canonical) -> bool {
    const COMPUTED: [&str; 2] = ["wal_buffers", "autovacuum_worker_slots"];
    let minus_one = Canonical::Integer(-1);
    COMPUTED.contains(&row.def.name.as_str()) && (*one == minus_one || *other == minus_one)
}

fn is_list(row: &SettingRow) -> bool {
    row.def.vartype == VarType::String
        && (row.def.name.ends_with("_preload_libraries") || row.def.name == "search_path")
}

/// Returns the items of a list setting, without quotes and blanks.
#[must_use]
pub fn list_items(text: &str) -> Vec<String> {
    text.split(',')
        .map(|item| item.trim().trim_matches('"').to_owned())
        .filter(|item| !item.is_empty())
        .collect()
}

fn show(row: &SettingRow, value: &str) -> String {
    if is_list(row) {
        return list_items(value).join(", ");
    }
    // Words are shown as they were written: only comparing them folds case.
    if row.def.vartype == VarType::String {
        return value.to_owned();
    }
    match row.def.canonical(value) {
        Ok(canonical) => row.def.show(&canonical),
        Err(_) => value.to_owned(),
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
