//! A preload library whose file is missing keeps the server from starting: say so first, and by name.

use std::path::{Path, PathBuf};

use crate::paths::LIBRARIES;
use crate::refusal::Refusal;

/// Refuses libraries that the image does not hold.
///
/// # Errors
/// The names of all that are missing.
pub fn check(libraries: &[String]) -> Result<(), Refusal> {
    let missing: Vec<&str> = libraries
        .iter()
        .filter(|library| !file(library).is_file())
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "shared_preload_libraries: no such library in this image: {}",
        missing.join(", ")
    ))
    .fix(
        "correct POSTGRES_SHARED_PRELOAD_LIBRARIES or the manifest, or use an image that holds it",
    ))
}

/// Returns the file of a library, as the server looks for it.
fn file(library: &str) -> PathBuf {
    let path = match library.strip_prefix("$libdir/") {
        Some(rest) => Path::new(LIBRARIES).join(rest),
        // Joining an absolute path gives that path.
        None => Path::new(LIBRARIES).join(library),
    };
    if path.extension().is_some_and(|extension| extension == "so") {
        return path;
    }
    let mut name = path.into_os_string();
    name.push(".so");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_library_is_named() {
        let wanted = ["no_such_thing".to_owned(), "/tmp/other.so".to_owned()];
        let refusal = check(&wanted).unwrap_err().to_string();
        assert!(
            refusal.contains("no_such_thing, /tmp/other.so"),
            "{refusal}"
        );
        assert!(check(&[]).is_ok());
    }

    #[test]
    fn a_library_is_looked_for_where_the_server_does() {
        for (library, path) in [
            ("vector", "/usr/lib/postgresql/18/lib/vector.so"),
            ("vector.so", "/usr/lib/postgresql/18/lib/vector.so"),
            (
                "$libdir/plugins/x",
                "/usr/lib/postgresql/18/lib/plugins/x.so",
            ),
            ("/opt/x", "/opt/x.so"),
        ] {
            assert_eq!(file(library), PathBuf::from(path));
        }
    }
}
