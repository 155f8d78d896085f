//! A volume with a cluster in it. It survives everything; no step of the agent has a word for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::SettingName;
use crate::api::setting::recorded;
use crate::facts::Collation;
use crate::facts::settings::FileError;

use super::values;

/// A named volume.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Volume {
    /// The cluster in it; absent before the first boot.
    pub cluster: Option<Cluster>,
    /// Another running container that mounts it and holds its lock.
    pub mounted_by: Option<String>,
}

/// What initdb made, and what was written since.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cluster {
    /// Its identity.
    pub system_identifier: String,
    /// `PG_VERSION`.
    pub major: u32,
    /// What users stored; nobody but users changes it.
    pub rows: u64,
    /// Lines of `postgresql.conf`.
    pub conf: BTreeMap<SettingName, String>,
    /// Lines of `aza.conf`, which `postgresql.conf` includes last; written at every start.
    pub include: BTreeMap<SettingName, String>,
    /// The include file's line of tuner inputs.
    pub inputs: String,
    /// The include file's tuning revision.
    pub tuning_revision: u32,
    /// Lines of `postgresql.auto.conf`, which beats the others.
    pub auto: BTreeMap<SettingName, String>,
    /// A syntax error that somebody left in `postgresql.conf`: the line.
    pub broken_line: Option<u32>,
    /// A line of `postgresql.auto.conf` that no server can parse; `SET "a.b.c"` writes one.
    pub auto_broken: bool,
    /// Whether the server's user may not open `postgresql.auto.conf`.
    pub auto_unreadable: bool,
    /// Whether somebody gave the superuser another password.
    pub other_password: bool,
    /// Databases that another C library than the image's put in order.
    pub collations: Vec<Collation>,
    /// `ALTER ROLE postgres SET` or `ALTER DATABASE postgres SET`: the value, and the source's word.
    pub pins: BTreeMap<SettingName, (String, &'static str)>,
    /// What is created in each database.
    pub databases: BTreeMap<String, BTreeMap<String, String>>,
    /// Lines that the entrypoint set aside because they did not fit the memory.
    pub set_aside: BTreeSet<SettingName>,
}

impl Cluster {
    /// Returns what the files other than `postgresql.auto.conf` say.
    #[must_use]
    pub fn base(&self, name: &SettingName) -> Option<&String> {
        self.include.get(name).or_else(|| self.conf.get(name))
    }

    /// Returns what all files together say.
    #[must_use]
    pub fn file_value(&self, name: &SettingName) -> Option<&String> {
        let auto = if self.auto_unreadable {
            None
        } else {
            self.auto.get(name)
        };
        auto.or_else(|| self.base(name))
    }

    /// Returns the lines of `postgresql.auto.conf` as `pg_file_settings` tells them. Behind a syntax error
    /// in `postgresql.conf` the server does not get to them, and tells none.
    #[must_use]
    pub fn told_lines(&self) -> &BTreeMap<SettingName, String> {
        static NONE: BTreeMap<SettingName, String> = BTreeMap::new();
        if self.broken_line.is_some() || self.auto_unreadable {
            &NONE
        } else {
            &self.auto
        }
    }

    /// Returns what `pg_file_settings` tells of the other files. The pretended mistake stands above every
    /// line that sets something.
    #[must_use]
    pub fn told_base(&self, name: &SettingName) -> Option<&String> {
        if self.broken_line.is_some() {
            None
        } else {
            self.base(name)
        }
    }

    /// Returns every name that a file gives a value.
    pub fn named(&self) -> BTreeSet<&SettingName> {
        let auto = (!self.auto_unreadable).then_some(&self.auto);
        let maps = [Some(&self.conf), Some(&self.include), auto];
        maps.into_iter()
            .flatten()
            .flat_map(BTreeMap::keys)
            .collect()
    }

    /// Returns what `pg_file_settings` tells as errors.
    #[must_use]
    pub fn file_errors(&self) -> Vec<FileError> {
        let mut errors = Vec::new();
        if let Some(line) = self.broken_line {
            errors.push(FileError {
                file: "postgresql.conf".into(),
                line,
                name: None,
                error: "syntax error".into(),
            });
        }
        if self.auto_broken && self.broken_line.is_none() {
            errors.push(FileError {
                file: "postgresql.auto.conf".into(),
                line: 3 + u32::try_from(self.auto.len()).unwrap_or(0),
                name: None,
                error: "syntax error".into(),
            });
        }
        for (file, lines) in [
            ("postgresql.conf", &self.conf),
            ("postgresql.auto.conf", &self.auto),
        ] {
            // The two comment lines at the head of postgresql.auto.conf.
            for ((name, value), line) in lines.iter().zip(3..) {
                if let Some(error) = error_of(name, value) {
                    errors.push(FileError {
                        file: file.into(),
                        line,
                        name: Some(name.to_string()),
                        error: error.into(),
                    });
                }
            }
        }
        errors
    }

    /// Does what the entrypoint does about `postgresql.auto.conf`: what cannot be read is set aside.
    pub(super) fn mend_auto_conf(&mut self) {
        if std::mem::take(&mut self.auto_unreadable) {
            self.auto.clear();
        }
        self.auto_broken = false;
    }

    /// Whether a reload applies nothing at all: a syntax error or an unknown name, not a bad value.
    #[must_use]
    pub fn blocks_reload(&self) -> bool {
        let unknown = |name: &SettingName| values::is_unknown(name);
        self.broken_line.is_some() || self.auto_broken || self.named().into_iter().any(unknown)
    }
}

fn error_of(name: &SettingName, value: &str) -> Option<&'static str> {
    if values::is_unknown(name) {
        return Some("unrecognized configuration parameter");
    }
    let bad = recorded(name.as_str()).is_some_and(|def| def.canonical(value).is_err());
    bad.then_some("setting could not be applied")
}
