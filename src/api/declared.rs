//! The one file in the read-only mounted directory through which declared values reach a container.
//!
//! Not the environment: a changed value then recreates nothing, and an old value does not survive a
//! live change. The format carries a version, because agent and image releases differ.

use super::quantity::Bytes;
use super::workload::{Storage, Workload};

/// Where the directory is mounted in the container.
pub const DIRECTORY: &str = "/etc/aza";
/// The file in it.
pub const FILE: &str = "declared.conf";
/// The version of the format that this release writes; a newer one is refused by the reader.
pub const VERSION: u32 = 1;

/// What the agent tells the container at its next start. Absent values are the container's to find.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Declared {
    /// The memory to tune for: the smaller of what the agent saw and what the manifest wants.
    pub memory: Option<Bytes>,
    /// The CPUs to tune for, likewise.
    pub cpus: Option<u32>,
    /// The tuner's profile.
    pub workload: Option<Workload>,
    /// What the data lies on.
    pub storage: Option<Storage>,
    /// The preload list, in order.
    pub preload: Option<Vec<String>>,
}

/// Why the file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct DeclaredError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl Declared {
    /// Writes the file's text: `key = value` lines in a fixed order.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!("version = {VERSION}\n");
        let mut line = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                text.push_str(&format!("{key} = {value}\n"));
            }
        };
        line("memory", self.memory.map(|m| m.to_string()));
        line("cpus", self.cpus.map(|c| c.to_string()));
        line("workload", self.workload.map(|w| w.to_string()));
        line("storage", self.storage.map(|s| s.to_string()));
        line("preload", self.preload.as_ref().map(|p| p.join(",")));
        text
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// An unknown key or value, or a format newer than this release.
    pub fn parse(text: &str) -> Result<Self, DeclaredError> {
        let mut declared = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line_number = number + 1;
            let wrong = |what: String| DeclaredError {
                line: line_number,
                what,
            };
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line
                .split_once('=')
                .ok_or_else(|| wrong(format!("`{line}` has no `=`")))?;
            let (key, value) = (key.trim(), value.trim());
            match key {
                "version" if value.parse().is_ok_and(|v: u32| v <= VERSION) => {}
                "version" => {
                    return Err(wrong(format!(
                        "format version {value} is newer than this image's {VERSION}: use an image of \
                         the agent's release"
                    )));
                }
                "memory" => {
                    declared.memory = Some(Bytes::parse(value).map_err(|e| wrong(e.to_string()))?);
                }
                "cpus" => {
                    let cpus = value
                        .parse()
                        .map_err(|_| wrong(format!("`{value}` is no number")))?;
                    declared.cpus = Some(cpus);
                }
                "workload" => {
                    let workload = Workload::parse(value);
                    declared.workload =
                        Some(workload.ok_or_else(|| wrong(format!("unknown workload `{value}`")))?);
                }
                "storage" => {
                    let storage = Storage::parse(value);
                    declared.storage =
                        Some(storage.ok_or_else(|| wrong(format!("unknown storage `{value}`")))?);
                }
                "preload" => {
                    let names = value.split(',').map(str::trim).filter(|n| !n.is_empty());
                    declared.preload = Some(names.map(str::to_owned).collect());
                }
                _ => return Err(wrong(format!("unknown key `{key}`"))),
            }
        }
        Ok(declared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let full = Declared {
            memory: Some(Bytes::mib(1536)),
            cpus: Some(2),
            workload: Some(Workload::Oltp),
            storage: Some(Storage::Hdd),
            preload: Some(vec!["pg_stat_statements".into(), "pg_cron".into()]),
        };
        for declared in [
            full,
            Declared::default(),
            Declared {
                preload: Some(vec![]),
                ..Declared::default()
            },
        ] {
            assert_eq!(Declared::parse(&declared.render()), Ok(declared));
        }
    }

    #[test]
    fn a_newer_format_is_refused() {
        let wrong = Declared::parse("version = 2\n").unwrap_err();
        assert!(wrong.to_string().contains("newer"), "{wrong}");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let wrong = Declared::parse("version = 1\ncolour = red\n").unwrap_err();
        assert_eq!(wrong.to_string(), "line 2: unknown key `colour`");
    }
}
