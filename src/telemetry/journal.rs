//! Log lines for the journal: a line that people can read, a priority, and every field by itself.
//!
//! Not tracing-journald: its `MESSAGE` is the constant text alone (`begins`), so that plain `journalctl` does
//! not say which stack. Here the line carries the fields too, and each is a field of the journal besides,
//! with `AZA_` before its name: `journalctl -u aza-agent AZA_STACK=main`. The prefix keeps them apart from
//! the journal's own fields, such as `MESSAGE`.
//!
//! The protocol is systemd's native one, one datagram for each entry. An entry that is too long for a datagram
//! loses its fields first; the line comes through.

use std::fmt::{Debug, Write};
use std::io;
use std::os::unix::net::UnixDatagram;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Where journald takes entries.
const SOCKET: &str = "/run/systemd/journal/socket";
/// No text of ours is longer; a stack of errors that is gets cut.
const LONGEST: usize = 16 * 1024;

/// Sends every event to journald.
pub struct Journal {
    socket: UnixDatagram,
}

impl Journal {
    /// Connects to the host's journal.
    ///
    /// # Errors
    /// There is none.
    pub fn connect() -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(SOCKET)?;
        // A journal that does not read must not hang the agent; a line may be lost instead.
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let priority = priority(*event.metadata().level());
        let target = event.metadata().target();
        if self
            .socket
            .send(&entry(&said, priority, target, true))
            .is_err()
        {
            let _ = self.socket.send(&entry(&said, priority, target, false));
        }
    }
}

/// What an event says: its text, and its fields in their order.
#[derive(Debug, Default)]
struct Said {
    text: String,
    fields: Vec<(&'static str, String)>,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.text);
        } else {
            self.fields.push((field.name(), value.to_owned()));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// syslog's number for a level.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// `main: begins (step=restart, what=restart the container)`
fn line(said: &Said) -> String {
    let stack = said.fields.iter().find(|(name, _)| *name == "stack");
    let mut line = stack.map_or_else(String::new, |(_, stack)| format!("{stack}: "));
    line.push_str(&said.text);
    let others = said.fields.iter().filter(|(name, _)| *name != "stack");
    let others: Vec<String> = others.map(|(n, value)| format!("{n}={value}")).collect();
    if !others.is_empty() {
        let _ = write!(line, " ({})", others.join(", "));
    }
    // One entry is one line, whatever a server answered.
    line.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

fn entry(said: &Said, priority: u8, target: &str, with_fields: bool) -> Vec<u8> {
    let mut entry = Vec::new();
    put(&mut entry, "PRIORITY", &priority.to_string());
    put(&mut entry, "SYSLOG_IDENTIFIER", "aza-agent");
    put(&mut entry, "MESSAGE", &line(said));
    put(&mut entry, "AZA_TARGET", target);
    for (name, value) in said.fields.iter().filter(|_| with_fields) {
        let name = format!("AZA_{}", name.to_ascii_uppercase().replace('.', "_"));
        put(&mut entry, &name, value);
    }
    entry
}

/// One field: its name, its length, its bytes. In this form a value may hold line ends.
fn put(entry: &mut Vec<u8>, name: &str, value: &str) {
    let mut ends = (0..=value.len().min(LONGEST)).rev();
    let end = ends.find(|at| value.is_char_boundary(*at));
    let value = &value[..end.unwrap_or(0)];
    entry.extend(name.bytes());
    entry.push(b'\n');
    entry.extend((value.len() as u64).to_le_bytes());
    entry.extend(value.bytes());
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use tracing::{info, warn};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// What journald would receive.
    fn received(say: impl FnOnce()) -> Vec<(String, String)> {
        let (ours, journald) = UnixDatagram::pair().unwrap();
        let subscriber = tracing_subscriber::registry().with(Journal { socket: ours });
        tracing::subscriber::with_default(subscriber, say);
        let mut bytes = vec![0; 200_000];
        let length = journald.recv(&mut bytes).unwrap();
        let mut rest = &bytes[..length];
        let mut fields = Vec::new();
        while !rest.is_empty() {
            let end = rest.iter().position(|b| *b == b'\n').unwrap();
            let name = String::from_utf8(rest[..end].to_vec()).unwrap();
            let (size, after) = rest[end + 1..].split_first_chunk::<8>().unwrap();
            let size = usize::try_from(u64::from_le_bytes(*size)).unwrap();
            fields.push((name, String::from_utf8(after[..size].to_vec()).unwrap()));
            assert_eq!(after[size], b'\n');
            rest = &after[size + 1..];
        }
        fields
    }

    fn field(fields: &[(String, String)], name: &str) -> String {
        let found = fields.iter().find(|(n, _)| n == name);
        found.map_or_else(|| panic!("no {name} in {fields:?}"), |(_, v)| v.clone())
    }

    #[test]
    fn the_line_says_which_stack_and_every_field_stands_alone_too() {
        let step = "restart";
        let fields = received(|| info!(stack = "main", step, what = %"x → y", "begins"));
        assert_eq!(
            field(&fields, "MESSAGE"),
            "main: begins (step=restart, what=x → y)"
        );
        assert_eq!(field(&fields, "AZA_STACK"), "main");
        assert_eq!(field(&fields, "AZA_STEP"), "restart");
        assert_eq!(field(&fields, "PRIORITY"), "6");
        assert_eq!(field(&fields, "SYSLOG_IDENTIFIER"), "aza-agent");
    }

    #[test]
    fn an_answer_of_many_lines_is_one_line_of_the_journal_and_whole_in_its_field() {
        let fields = received(|| warn!(error = "one\n  two", "failed"));
        assert_eq!(field(&fields, "MESSAGE"), "failed (error=one; two)");
        assert_eq!(field(&fields, "AZA_ERROR"), "one\n  two");
        assert_eq!(field(&fields, "PRIORITY"), "4");
    }

    #[test]
    fn a_very_long_field_is_cut() {
        let long = "ä".repeat(100_000);
        let fields = received(|| info!(long, "much"));
        assert_eq!(field(&fields, "AZA_LONG").len(), LONGEST);
    }
}
