//! The tuned values reach the server through `aza.conf`, which the last line of `postgresql.conf` includes.
//!
//! Not through `-c`: a value from the command line beats `ALTER SYSTEM`, silently and for ever. Both are
//! restored at every start, so a clone and a volume of the official image are tuned too.

use std::path::Path;

use aza_agent::tune::conf::render_include;

use crate::capacity::Sizing;
use crate::log;
use crate::paths::{INCLUDE, read, replace};
use crate::refusal::Refusal;

const LINE: &str = "include_if_exists = 'aza.conf'";

/// Writes the include file, and the line that includes it.
///
/// # Errors
/// A file that cannot be read or written.
pub fn write(data: &Path, sizing: &Sizing) -> Result<(), Refusal> {
    let include = data.join(INCLUDE);
    let text = render_include(&sizing.tuning);
    // Unchanged on most starts: two fsyncs saved.
    if std::fs::read_to_string(&include).ok().as_deref() != Some(text.as_str()) {
        replace(&include, &text)?;
    }
    let conf = data.join("postgresql.conf");
    if !conf.exists() {
        log::warn(&format!(
            "{} is missing, so the tuned values are not included",
            conf.display()
        ));
        return Ok(());
    }
    let before = read(&conf)?;
    match with_last_line(&before) {
        Some(after) => replace(&conf, &after),
        None => Ok(()),
    }
}

/// Returns the text with the include line last, `None` where it is already.
fn with_last_line(text: &str) -> Option<String> {
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    if last.is_some_and(|line| line.trim() == LINE) {
        return None;
    }
    let kept: Vec<&str> = text.lines().filter(|line| line.trim() != LINE).collect();
    Some(format!(
        "{}\n{LINE}\n",
        kept.join("\n").trim_end_matches('\n')
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_added_once_and_kept_last() {
        let added = with_last_line("a = 1\n").unwrap();
        assert_eq!(added, "a = 1\ninclude_if_exists = 'aza.conf'\n");
        assert_eq!(with_last_line(&added), None);
        let moved = with_last_line(&format!("{added}b = 2\n")).unwrap();
        assert_eq!(moved, "a = 1\nb = 2\ninclude_if_exists = 'aza.conf'\n");
    }
}
