//! Logs of the agent: constant text, data in fields, one line for each change of state.

mod journal;

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use journal::Journal;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// To the journal where standard error leads there, else as text.
    Auto,
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}

/// Starts logging to standard error or to the journal; `level` is a filter in tracing's grammar (`info`,
/// `aza_agent=debug`), `journal_stream` what systemd says of the journal's stream (`JOURNAL_STREAM`).
pub fn start(format: LogFormat, level: &str, colour: bool, journal_stream: Option<&str>) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    if format == LogFormat::Auto
        && leads_to_journal(&io::stderr(), journal_stream)
        && let Ok(journal) = Journal::connect()
    {
        tracing_subscriber::registry()
            .with(filter)
            .with(journal)
            .init();
        return;
    }
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false);
    match format {
        LogFormat::Json => lines.json().init(),
        LogFormat::Auto | LogFormat::Text => {
            lines.with_ansi(colour && io::stderr().is_terminal()).init();
        }
    }
}

/// Whether a stream is the one that systemd connected to the journal. The variable alone proves nothing: a
/// shell in the service, or a redirection, inherits it.
pub fn leads_to_journal(stream: &impl AsFd, journal_stream: Option<&str>) -> bool {
    let Some((device, inode)) = journal_stream.and_then(|said| said.split_once(':')) else {
        return false;
    };
    let is = |said: &str, seen: u64| said.parse() == Ok(seen);
    rustix::fs::fstat(stream).is_ok_and(|seen| is(device, seen.st_dev) && is(inode, seen.st_ino))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn only_the_very_stream_is_the_journals() {
        let file = tempfile::tempfile().unwrap();
        let seen = file.metadata().unwrap();
        let named = format!("{}:{}", seen.dev(), seen.ino());
        assert!(leads_to_journal(&file, Some(&named)));
        assert!(!leads_to_journal(&file, Some("1:2")));
        assert!(!leads_to_journal(&file, Some("soon")));
        assert!(!leads_to_journal(&file, None));
        let other = File::open("/dev/null").unwrap();
        assert!(!leads_to_journal(&other, Some(&named)));
    }
}
