//! Logs of the agent: constant text, data in fields, one line for each change of state.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}

/// Starts logging to standard error; `level` is a filter in tracing's grammar (`info`,
/// `aza_agent=debug`).
pub fn start(format: LogFormat, level: &str, colour: bool) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    match format {
        LogFormat::Json => lines.json().init(),
        LogFormat::Text => lines
            .with_ansi(colour && std::io::stderr().is_terminal())
            .init(),
    }
}
