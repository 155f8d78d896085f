//! What a real engine answered (20.10, API 1.41), checked in under `data/` and read as the agent reads it.
//! `running.json` is a whole answer; of the others the parts are kept that tell states apart.
//!
//! ```text
//! cargo nextest run --test recordings
//! ```
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod engine;
mod inspect;
mod replay;
