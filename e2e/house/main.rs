//! The house keeps its own rules: who may import whom, what a ground floor may touch, what nobody may do at
//! all, no forgotten file; and what is written for people (the README, the help) is what the program does.
//!
//! ```text
//! cargo nextest run --features sim --test house
//! ```

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod code;
mod imports;
mod reach;
mod readme;
mod reference;
mod words;
