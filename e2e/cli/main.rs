//! The command line without an engine: what it says and how it ends, at a terminal's width and in a pipe.
//!
//! The agent is pretended by what it leaves for the command line: a lock that is held, and a status file.
//!
//! ```text
//! cargo nextest run --features sim --test cli
//! ```

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test is a front door: it hands PATH on"
)]

mod engine;
mod first_use;
mod following;
mod mistakes;
mod scene;
mod shells;
mod waiting;
