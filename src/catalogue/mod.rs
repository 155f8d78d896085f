//! What the agent must know of extensions before it asks a server: which library has to be preloaded,
//! and what the image loads by default.
//!
//! Names of libraries differ from names of extensions (`pg_partman` needs `pg_partman_bgw`), and some
//! libraries are no extension at all (`auto_explain`). Versions and dependencies are the server's to
//! tell (`pg_available_extension_versions`).

/// An extension, or a module that is only preloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The name that CREATE EXTENSION takes.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// The library that must be in `shared_preload_libraries`.
    pub preload: Option<&'static str>,
}

/// What can be done with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `CREATE EXTENSION` works in any database.
    Extension,
    /// `CREATE EXTENSION` works only in the database that `cron.database_name` names.
    OneDatabase,
    /// A library without SQL objects: `CREATE EXTENSION` fails.
    Module,
}

const fn entry(name: &'static str, kind: Kind, preload: Option<&'static str>) -> Entry {
    Entry {
        name,
        kind,
        preload,
    }
}

/// Those that need more than their files. What is not listed is a plain extension.
pub const ENTRIES: [Entry; 12] = [
    entry("auto_explain", Kind::Module, Some("auto_explain")),
    entry("pg_cron", Kind::OneDatabase, Some("pg_cron")),
    entry("pg_partman", Kind::Extension, None),
    entry("pg_prewarm", Kind::Extension, None),
    entry("pg_stat_kcache", Kind::Extension, Some("pg_stat_kcache")),
    entry(
        "pg_stat_statements",
        Kind::Extension,
        Some("pg_stat_statements"),
    ),
    entry(
        "pg_wait_sampling",
        Kind::Extension,
        Some("pg_wait_sampling"),
    ),
    entry("pgaudit", Kind::Extension, Some("pgaudit")),
    entry("plan_filter", Kind::Module, Some("plan_filter")),
    entry("safeupdate", Kind::Module, Some("safeupdate")),
    entry("timescaledb", Kind::Extension, Some("timescaledb")),
    entry("pg_squeeze", Kind::Extension, Some("pg_squeeze")),
];

/// What the image preloads when nobody says otherwise.
pub const DEFAULT_PRELOAD: [&str; 4] = ["pg_stat_statements", "auto_explain", "pg_cron", "pgaudit"];

/// The database that pg_cron lives in under the agent: the image's default for `POSTGRES_DB`.
pub const CRON_DATABASE: &str = "postgres";

/// Returns what is known of an extension; absent means a plain one.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|e| e.name == name)
}

/// Returns the preload list: the base, then what the extensions need, each once, in order.
///
/// timescaledb goes first where it is wanted: it refuses to be loaded behind a library that hooks
/// the planner.
#[must_use]
pub fn preload_list<'a>(
    base: impl IntoIterator<Item = &'a str>,
    extensions: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    let needed = extensions
        .into_iter()
        .filter_map(|name| find(name)?.preload);
    let mut list: Vec<String> = Vec::new();
    for library in base.into_iter().chain(needed) {
        if !list.iter().any(|l| l == library) {
            list.push(library.to_owned());
        }
    }
    if let Some(at) = list.iter().position(|l| l == "timescaledb") {
        let first = list.remove(at);
        list.insert(0, first);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preload_list_keeps_order_and_names_each_once() {
        let list = preload_list(DEFAULT_PRELOAD, ["vector", "pg_cron", "pg_wait_sampling"]);
        assert_eq!(
            list,
            [
                "pg_stat_statements",
                "auto_explain",
                "pg_cron",
                "pgaudit",
                "pg_wait_sampling"
            ]
        );
    }

    #[test]
    fn timescaledb_is_loaded_first() {
        assert_eq!(
            preload_list(["pgaudit"], ["timescaledb"]),
            ["timescaledb", "pgaudit"]
        );
    }
}
