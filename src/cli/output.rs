//! How things are printed: pages and screens, colour, JSON, times. Columns are [`super::table`].

use std::fmt::Write as _;
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
    send(text).map(|_| ())
}

/// Whether somebody still reads what we print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// So it seems.
    There,
    /// It has closed the pipe.
    Gone,
}

/// Prints text, and says whether anybody is left to read more of it.
///
/// # Errors
/// Standard output cannot be written.
pub fn send(text: &str) -> Result<Reader, CliError> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(e) => Err(CliError::Io(e)),
        Ok(()) => Ok(Reader::There),
    }
}

/// Replaces the whole screen by a text, without flicker. What is too long is cut, and says so.
///
/// # Errors
/// Standard output cannot be written.
pub fn redraw(text: &str, lines: usize) -> Result<Reader, CliError> {
    let all: Vec<&str> = text.lines().collect();
    let room = lines.saturating_sub(1).max(1);
    let mut screen = String::from("\x1b[H");
    let shown = if all.len() > room {
        room - 1
    } else {
        all.len()
    };
    for line in &all[..shown] {
        screen.push_str(line);
        screen.push_str("\x1b[K\n");
    }
    if shown < all.len() {
        let _ = writeln!(
            screen,
            "… {} more lines, not shown\x1b[K",
            all.len() - shown
        );
    }
    screen.push_str("\x1b[J");
    // Not through `anstream`: where it takes colour away it takes the cursor's way home too.
    let mut out = io::stdout().lock();
    match out.write_all(screen.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(e) => Err(CliError::Io(e)),
        Ok(()) => Ok(Reader::There),
    }
}

/// Takes colour out of a text where standard output wants none.
#[must_use]
pub fn as_wanted(text: &str) -> String {
    if is_coloured() {
        text.to_owned()
    } else {
        anstream::adapter::strip_str(text).to_string()
    }
}

/// Prints a remark for people to standard error.
pub fn remark(text: &str) {
    // Nobody can be told that standard error is closed.
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Prints a value as JSON in one line, for a stream of them.
///
/// # Errors
/// Standard output cannot be written.
pub fn json_line(value: &impl serde::Serialize) -> Result<Reader, CliError> {
    let text = serde_json::to_string(value).map_err(|e| CliError::Io(e.into()))?;
    send(&format!("{text}\n"))
}

/// Prints a value as JSON.
///
/// # Errors
/// Standard output cannot be written.
pub fn json(value: &impl serde::Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(|e| CliError::Io(e.into()))?;
    print(&format!("{text}\n"))
}

/// Returns how wide the page is: the terminal's width, or what `watch` and its like say in `COLUMNS`. A pipe
/// has no width, and a line there is never broken.
#[must_use]
pub fn width() -> Option<usize> {
    if let Some((columns, _)) = screen() {
        return Some(columns);
    }
    let told = std::env::var("COLUMNS").ok()?.parse().ok()?;
    (told >= 20).then_some(told)
}

/// Returns the columns and lines of the terminal; `None` where standard output is none that can be redrawn.
#[must_use]
pub fn screen() -> Option<(usize, usize)> {
    let out = io::stdout();
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if !out.is_terminal() || is_dumb {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&out).ok()?;
    let (columns, lines) = (usize::from(size.ws_col), usize::from(size.ws_row));
    // A serial console may not know its size.
    Some(if columns == 0 {
        (80, 24)
    } else {
        (columns, lines)
    })
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

/// Makes a warning stand out.
#[must_use]
pub fn yellow(text: &str) -> String {
    format!("\x1b[33m{text}\x1b[0m")
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
