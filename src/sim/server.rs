//! A running PostgreSQL: what a session may change, and what a reload makes effective.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::api::setting::{Context, recorded};
use crate::api::{Bytes, SettingName};
use crate::diff::settings::list_items;

use super::image::ImageFiles;
use super::values::{
    boot, is_refused_by_its_check, is_unknown, library_of, stored, wal_buffers, written,
};
use super::volume::Cluster;

/// Extensions whose library refuses to be loaded later than at the start.
const REFUSE_LATE: [&str; 3] = ["pg_cron", "pgaudit", "timescaledb"];

/// The postmaster and the values in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Postmaster {
    /// When it started.
    pub started_at: Timestamp,
    /// When a process of it last died and all were started again.
    pub reinitialised_at: Option<Timestamp>,
    /// When it lets the first client in.
    pub answers_at: Timestamp,
    /// Effective values that some source gave; the others are built in.
    pub running: BTreeMap<SettingName, Running>,
    /// Libraries that were preloaded.
    pub libraries: Vec<String>,
    /// What each new process may allocate.
    pub process_limit: Bytes,
}

/// An effective value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// As `pg_settings.setting` shows it.
    pub value: String,
    /// `pg_settings.source`
    pub source: &'static str,
}

impl Postmaster {
    /// Reads files and command line as a start does. Values that are no values are for the caller to find.
    #[must_use]
    pub(super) fn reads(cluster: &Cluster, command_line: &BTreeMap<SettingName, String>) -> Self {
        let mut postmaster = Self {
            started_at: Timestamp::UNIX_EPOCH,
            reinitialised_at: None,
            answers_at: Timestamp::UNIX_EPOCH,
            running: BTreeMap::new(),
            libraries: Vec::new(),
            process_limit: Bytes(0),
        };
        for name in cluster.named() {
            if let Some(value) = cluster.file_value(name) {
                postmaster.runs(name, value, "configuration file");
            }
        }
        for (name, value) in command_line {
            postmaster.runs(name, value, "command line");
        }
        if postmaster.shows("wal_buffers") == "-1"
            && let Ok(name) = SettingName::parse("wal_buffers")
        {
            let value = wal_buffers(&postmaster.shows("shared_buffers"));
            // The server's own choice is a default; only a -1 from a file has to be overridden.
            let is_given = postmaster.running.contains_key(&name);
            let source = if is_given { "override" } else { "default" };
            postmaster.running.insert(name, Running { value, source });
        }
        postmaster.libraries = list_items(&postmaster.shows("shared_preload_libraries"));
        postmaster
    }

    fn runs(&mut self, name: &SettingName, value: &str, source: &'static str) {
        let value = match recorded(name.as_str()) {
            Some(def) => stored(def, value),
            None => Some(value.to_owned()),
        };
        if let Some(value) = value {
            self.running.insert(name.clone(), Running { value, source });
        }
    }

    /// Returns what `SHOW` would, as a bare number; empty for what no server has.
    #[must_use]
    pub fn shows(&self, name: &str) -> String {
        let name = SettingName::parse(name).ok();
        let given = name.as_ref().and_then(|n| self.running.get(n));
        let built_in = || {
            let name = name.as_ref()?;
            stored(recorded(name.as_str())?, boot(name.as_str())?)
        };
        given
            .map(|r| r.value.clone())
            .or_else(built_in)
            .unwrap_or_default()
    }

    /// Whether `pg_settings` has a row for it: those of a library come with the library.
    #[must_use]
    pub fn has(&self, name: &SettingName) -> bool {
        let loaded = |library: &str| self.libraries.iter().any(|l| l == library);
        recorded(name.as_str()).is_some() && library_of(name).is_none_or(loaded)
    }

    /// Returns `shared_buffers` in its own unit.
    #[must_use]
    pub fn shared_pages(&self) -> u64 {
        self.shows("shared_buffers").parse().unwrap_or(0)
    }

    /// Makes effective what a reload can: never the command line's, nothing that takes a start.
    fn rereads(&mut self, cluster: &Cluster) {
        let gone: Vec<SettingName> = self.running.keys().cloned().collect();
        let named = cluster.named().into_iter().cloned();
        let names: std::collections::BTreeSet<SettingName> = named.chain(gone).collect();
        for name in names {
            let is_fixed = self
                .running
                .get(&name)
                .is_some_and(|r| r.source == "command line");
            let context = recorded(name.as_str()).map(|def| def.context);
            let waits = matches!(context, Some(Context::Postmaster | Context::Internal));
            if is_fixed || waits {
                continue;
            }
            match cluster.file_value(&name) {
                Some(value) => self.runs(&name, value, "configuration file"),
                None => {
                    self.running.remove(&name);
                }
            }
        }
    }
}

/// What keeps new sessions out, and whether a superuser's option gets past it.
pub(super) struct LockOut {
    pub words: String,
    pub can_be_passed: bool,
}

impl Postmaster {
    /// Returns what every new login runs into, where there is something.
    pub(super) fn lock_out(&self, image: &ImageFiles) -> Option<LockOut> {
        let preloaded = ["session_preload_libraries", "local_preload_libraries"];
        let mut libraries = preloaded
            .into_iter()
            .flat_map(|name| list_items(&self.shows(name)));
        if let Some(missing) = libraries.find(|l| !image.libraries.contains(l)) {
            return Some(LockOut {
                words: format!("could not access file \"{missing}\": No such file or directory"),
                can_be_passed: true,
            });
        }
        // A login takes 1 to 2 ms.
        (self.shows("transaction_timeout") == "1").then(|| LockOut {
            words: "terminating connection due to transaction timeout".to_owned(),
            can_be_passed: false,
        })
    }
}

/// A superuser's session.
pub struct Sql<'a> {
    /// The server.
    pub postmaster: &'a mut Postmaster,
    /// Its files and databases.
    pub cluster: &'a mut Cluster,
    /// The image it runs from.
    pub image: &'a ImageFiles,
    /// Its command line.
    pub command_line: &'a BTreeMap<SettingName, String>,
    /// Whether its container is on no network.
    pub is_off_network: bool,
}

impl Sql<'_> {
    /// `ALTER SYSTEM SET` for a value, `RESET` for none. It writes the file, and nothing runs otherwise.
    ///
    /// # Errors
    /// The server's own words.
    pub fn alter_system(&mut self, name: &SettingName, value: Option<&str>) -> Result<(), String> {
        let refused = |why: String| Err(format!("PostgreSQL refused to change {name}: {why}"));
        if self.postmaster.shows("allow_alter_system") == "off" {
            return refused("ALTER SYSTEM is not allowed in this environment".into());
        }
        if self.cluster.auto_unreadable {
            return refused(
                "could not open file \"postgresql.auto.conf\": Permission denied".into(),
            );
        }
        if self.cluster.auto_broken {
            return refused("could not parse contents of file \"postgresql.auto.conf\"".into());
        }
        let typo = library_of(name)
            .is_some_and(|l| self.postmaster.libraries.iter().any(|x| x == l))
            && recorded(name.as_str()).is_none();
        let Some(value) = value else {
            self.cluster.auto.remove(name);
            return self.files_can_be_parsed(name);
        };
        if is_unknown(name) || typo {
            return refused(format!("unrecognized configuration parameter \"{name}\""));
        }
        if let Some(def) = recorded(name.as_str()) {
            if def.context == Context::Internal {
                return refused("it cannot be changed".into());
            }
            if let Err(wrong) = def.canonical(value) {
                return refused(format!("invalid value: {wrong}"));
            }
        }
        if is_refused_by_its_check(name, value) {
            return refused(format!(
                "invalid value for parameter \"{name}\": \"{value}\""
            ));
        }
        self.cluster.auto.insert(name.clone(), written(name, value));
        self.files_can_be_parsed(name)
    }

    /// `ALTER SYSTEM` writes its own file, whatever is wrong with another one; the look afterwards fails.
    fn files_can_be_parsed(&self, name: &SettingName) -> Result<(), String> {
        if self.cluster.broken_line.is_some() {
            return Err(format!(
                "after the change of {name} the files cannot be parsed"
            ));
        }
        Ok(())
    }

    /// Lets the server read its files again, and looks at their errors.
    ///
    /// # Errors
    /// A file that cannot be read keeps everything as it was; a bad line keeps only itself.
    pub fn reload(&mut self, must_show: bool) -> Result<(), String> {
        if self.cluster.blocks_reload() {
            return Err("the reload changed nothing within 5 s: the files contain errors".into());
        }
        self.postmaster.rereads(self.cluster);
        match self.cluster.file_errors().first() {
            Some(error) if must_show => Err(format!(
                "the reload did not take everything; {} line {}: {}",
                error.file, error.line, error.error
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// `CREATE EXTENSION IF NOT EXISTS`, never CASCADE.
    ///
    /// # Errors
    /// No files, no such version, a missing dependency, library or database.
    pub fn create_extension(
        &mut self,
        name: &str,
        database: &str,
        version: Option<&str>,
    ) -> Result<(), String> {
        let files = self.image.extensions.get(name);
        let files = files.ok_or_else(|| format!("extension \"{name}\" is not available"))?;
        let version = version.unwrap_or(&files.default_version);
        if !files.versions.iter().any(|v| v == version) {
            return Err(format!("extension \"{name}\" has no version \"{version}\""));
        }
        let late =
            REFUSE_LATE.contains(&name) && !self.postmaster.libraries.iter().any(|l| l == name);
        if late {
            return Err(format!(
                "{name} must be loaded via \"shared_preload_libraries\""
            ));
        }
        if name == "pg_cron" && database != self.postmaster.shows("cron.database_name") {
            return Err("can only create extension in database postgres".into());
        }
        let installed = self.database(database)?;
        if let Some(needed) = files.requires.iter().find(|r| !installed.contains_key(*r)) {
            return Err(format!("required extension \"{needed}\" is not installed"));
        }
        installed
            .entry(name.to_owned())
            .or_insert_with(|| version.to_owned());
        Ok(())
    }

    /// `ALTER EXTENSION … UPDATE TO`.
    ///
    /// # Errors
    /// No such version, or it is not there.
    pub fn update_extension(&mut self, name: &str, database: &str, to: &str) -> Result<(), String> {
        let has = |version: &str| {
            let files = self.image.extensions.get(name);
            files.is_some_and(|f| f.versions.iter().any(|v| v == version))
        };
        if !has(to) {
            return Err(format!(
                "extension \"{name}\" has no update path to \"{to}\""
            ));
        }
        let installed = self.database(database)?;
        let version = installed.get_mut(name);
        *version.ok_or_else(|| format!("extension \"{name}\" does not exist"))? = to.to_owned();
        Ok(())
    }

    /// `DROP EXTENSION IF EXISTS … RESTRICT`.
    ///
    /// # Errors
    /// Another extension needs it.
    pub fn drop_extension(&mut self, name: &str, database: &str) -> Result<(), String> {
        let extensions = &self.image.extensions;
        let installed = self.cluster.databases.get_mut(database);
        let installed =
            installed.ok_or_else(|| format!("database \"{database}\" does not exist"))?;
        let needs = |other: &String| {
            extensions
                .get(other)
                .is_some_and(|f| f.requires.iter().any(|r| r == name))
        };
        if let Some(other) = installed.keys().find(|other| needs(other)) {
            return Err(format!("extension {other} depends on extension {name}"));
        }
        installed.remove(name);
        Ok(())
    }

    fn database(&mut self, name: &str) -> Result<&mut BTreeMap<String, String>, String> {
        let database = self.cluster.databases.get_mut(name);
        database.ok_or_else(|| format!("database \"{name}\" does not exist"))
    }
}
