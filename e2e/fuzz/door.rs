//! The container door's own rooms, compiled into this test: a binary has no library.
#![allow(dead_code, reason = "only what reads an input is used here")]

#[path = "../../src/bin/aza-entrypoint/environment.rs"]
pub mod environment;
#[path = "../../src/bin/aza-entrypoint/kind.rs"]
pub mod kind;
#[path = "../../src/bin/aza-entrypoint/refusal.rs"]
pub mod refusal;
#[path = "../../src/bin/aza-entrypoint/words.rs"]
pub mod words;
