//! How an init script is run: its name and its executable bit say it. Pure.

use std::path::Path;

/// How a file is run.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// As a program.
    Run,
    /// In a shell.
    Source,
    /// Through psql.
    Sql,
    /// Through this program, then psql.
    Compressed(&'static str),
    /// Not at all.
    Ignored,
}

/// Returns how a file of that name is run.
pub fn kind(script: &Path, executable: bool) -> Kind {
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    match &*name {
        name if name.starts_with('.') => Kind::Ignored,
        name if name.ends_with(".sh") && executable => Kind::Run,
        name if name.ends_with(".sh") => Kind::Source,
        name if name.ends_with(".sql") => Kind::Sql,
        name if name.ends_with(".sql.gz") => Kind::Compressed("gzip"),
        name if name.ends_with(".sql.xz") => Kind::Compressed("xz"),
        name if name.ends_with(".sql.zst") => Kind::Compressed("zstd"),
        _ => Kind::Ignored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_how_a_script_is_run() {
        for (name, executable, wanted) in [
            ("1.sh", true, Kind::Run),
            ("1.sh", false, Kind::Source),
            ("1.sql", false, Kind::Sql),
            ("1.sql.gz", false, Kind::Compressed("gzip")),
            ("1.sql.xz", false, Kind::Compressed("xz")),
            ("1.sql.zst", false, Kind::Compressed("zstd")),
            ("README", true, Kind::Ignored),
            (".hidden.sql", false, Kind::Ignored),
        ] {
            assert_eq!(kind(Path::new(name), executable), wanted, "{name}");
        }
    }
}
