//! Reading the kernel's small files. A missing file is `None`: the kernel leaves out what does not
//! apply. A file with something unexpected in it is an error, and never zero.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Larger than nearly every such file: one read brings all of it, and the next one its end.
const WHOLE: usize = 4096;

/// Returns the file's text, `None` where there is no such file.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    match whole(path) {
        Ok(text) => Ok(Some(text)),
        Err(wrong)
            if matches!(
                wrong.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(wrong) => Err(io::Error::new(
            wrong.kind(),
            format!("cannot read {}: {wrong}", path.display()),
        )),
    }
}

/// Reads a file to its end. The kernel tells no useful size of such a file, and the standard library then
/// begins with 32 bytes at a time.
fn whole(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    let mut filled = 0;
    loop {
        bytes.resize(filled + WHOLE, 0);
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    String::from_utf8(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

/// Returns the file's one value through `parse`; the outer `None` means no file.
pub(super) fn value<T>(path: &Path, parse: impl Fn(&str) -> Option<T>) -> io::Result<Option<T>> {
    let Some(text) = read(path)? else {
        return Ok(None);
    };
    parse(text.trim())
        .map(Some)
        .ok_or_else(|| garbage(path, text.trim()))
}

/// Returns the number behind a key, in a file of `key value` lines; `None` for no file or no such key.
pub(super) fn keyed(path: &Path, key: &str) -> io::Result<Option<u64>> {
    let Some(text) = read(path)? else {
        return Ok(None);
    };
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next().map(|word| word.trim_end_matches(':')) == Some(key) {
            let number = words.next().and_then(|word| word.parse().ok());
            return number.map(Some).ok_or_else(|| garbage(path, line));
        }
    }
    Ok(None)
}

/// Returns how many CPUs a list like `0-3,6` names; zero for an empty one.
pub(super) fn cpu_list(text: &str) -> Option<u32> {
    if text.is_empty() {
        return Some(0);
    }
    let mut count: u32 = 0;
    for range in text.split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (from, to): (u32, u32) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        count = to.checked_sub(from)?.checked_add(1)?.checked_add(count)?;
    }
    Some(count)
}

/// Returns the error for a file that does not hold what the kernel writes.
pub(super) fn garbage(path: &Path, text: &str) -> io::Error {
    let shown: String = text.chars().take(60).collect();
    let what = format!(
        "{} holds `{shown}`, which is not what the kernel writes there",
        path.display()
    );
    io::Error::new(io::ErrorKind::InvalidData, what)
}
