//! What is in an image: libraries, extensions, and the release of its entrypoint.

use std::collections::BTreeMap;

use crate::facts::extensions::Available;
use crate::tune;

/// The files of an image, as far as a server depends on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFiles {
    /// Preloadable libraries.
    pub libraries: Vec<String>,
    /// Extensions by name.
    pub extensions: BTreeMap<String, Available>,
    /// PostgreSQL's major version.
    pub major: u32,
    /// The revision of the formulas in its entrypoint.
    pub tuning_revision: u32,
    /// Values that an entrypoint of another revision would choose otherwise.
    pub other_values: BTreeMap<String, String>,
}

impl ImageFiles {
    /// Returns the image that this release builds.
    #[must_use]
    pub fn ours() -> Self {
        let libraries = [
            "auto_explain",
            "pg_cron",
            "pg_stat_statements",
            "pgaudit",
            "vector",
        ];
        let mut files = Self {
            libraries: libraries.map(str::to_owned).into(),
            extensions: BTreeMap::new(),
            major: 18,
            tuning_revision: tune::REVISION,
            other_values: BTreeMap::new(),
        };
        for (name, versions, requires) in [
            ("vector", &["0.7.4", "0.8.1"][..], &[][..]),
            ("pg_cron", &["1.6"], &[]),
            ("pgaudit", &["18.0"], &[]),
            ("pg_stat_statements", &["1.11", "1.12"], &[]),
            ("pg_trgm", &["1.6"], &[]),
            ("cube", &["1.5"], &[]),
            ("earthdistance", &["1.2"], &["cube"]),
            ("hstore", &["1.8"], &[]),
        ] {
            files = files.with_extension(name, versions, requires);
        }
        files
    }

    /// Returns an image with one more extension; the last version is the one that is created.
    #[must_use]
    pub fn with_extension(mut self, name: &str, versions: &[&str], requires: &[&str]) -> Self {
        let owned = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
        let available = Available {
            default_version: versions.last().copied().unwrap_or_default().to_owned(),
            versions: owned(versions),
            requires: owned(requires),
        };
        self.extensions.insert(name.to_owned(), available);
        self
    }

    /// Returns an image with one more library.
    #[must_use]
    pub fn with_library(mut self, name: &str) -> Self {
        self.libraries.push(name.to_owned());
        self
    }

    /// Returns an image without a library.
    #[must_use]
    pub fn without_library(mut self, name: &str) -> Self {
        self.libraries.retain(|library| library != name);
        self
    }

    /// Returns an image whose entrypoint has another tuning revision and chooses that value.
    #[must_use]
    pub fn with_other_tuning(mut self, revision: u32, name: &str, value: &str) -> Self {
        self.tuning_revision = revision;
        self.other_values.insert(name.to_owned(), value.to_owned());
        self
    }
}
