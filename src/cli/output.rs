//! How things are printed: columns, colour, JSON, times.

use std::io::{self, IsTerminal, Write};

use jiff::Timestamp;

use crate::api::chain::in_words;
use crate::api::condition::{ConditionType, Truth};

use crate::telemetry::leads_to_journal;

use super::CliError;

/// Whether standard output is a person's terminal that wants colour (`NO_COLOR` says no).
#[must_use]
pub fn is_coloured() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// What systemd says of the stream that leads to the journal.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the front door reads the environment"
)]
pub fn journal_stream() -> Option<String> {
    std::env::var("JOURNAL_STREAM").ok()
}

/// Prints text. A reader that has enough (`| head`) is no error.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(CliError::Io(e)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints a remark for people to standard error.
pub fn remark(text: &str) {
    // Nobody can be told that standard error is closed.
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Prints a value as JSON.
///
/// # Errors
/// Standard output cannot be written.
pub fn json(value: &impl serde::Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(|e| CliError::Io(e.into()))?;
    print(&format!("{text}\n"))
}

/// Lays rows out in columns, the last one as it is. Widths count letters, not bytes.
#[must_use]
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| {
        rows.iter()
            .filter_map(|r| r.get(i))
            .map(|c| visible(c))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if i + 1 < row.len() {
                line.push_str(&" ".repeat(widths[i] - visible(cell) + 2));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Counts the letters that a terminal shows, without colour.
fn visible(cell: &str) -> usize {
    anstream::adapter::strip_str(cell)
        .to_string()
        .chars()
        .count()
}

/// Colours a condition's status: green as it should be, red where not, yellow where unknown.
#[must_use]
pub fn truth(kind: ConditionType, status: Truth) -> String {
    let colour = match status {
        Truth::Unknown => 33,
        _ if status == kind.good() => 32,
        Truth::True | Truth::False
            if kind == ConditionType::RestartRequired || kind == ConditionType::MemorySafe =>
        {
            33
        }
        Truth::True | Truth::False => 31,
    };
    format!("\x1b[{colour}m{status}\x1b[0m")
}

/// Makes a heading stand out.
#[must_use]
pub fn bold(text: &str) -> String {
    format!("\x1b[1m{text}\x1b[0m")
}

/// Says how long ago something was: `12s`, `5m`, `3h`, `9d`.
#[must_use]
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Prints an error the way every verb does: what, why, and what to type next.
pub fn complain(error: &CliError) {
    let red = |t: &str| {
        if io::stderr().is_terminal() {
            format!("\x1b[31m{t}\x1b[0m")
        } else {
            t.to_owned()
        }
    };
    let text = format!(
        "{} {}\n  next: {}",
        red("error:"),
        in_words(error),
        error.next()
    );
    if leads_to_journal(&io::stderr(), journal_stream().as_deref()) {
        // The journal takes a line's priority from its head: these are errors.
        let marked: Vec<String> = text.lines().map(|line| format!("<3>{line}")).collect();
        remark(&marked.join("\n"));
    } else {
        remark(&text);
    }
}
