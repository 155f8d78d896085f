//! The agent on real Docker and PostgreSQL 18: every test has a stack, a state directory and an agent
//! of its own, named `aza-test-…`, and removes them.
//!
//! Needs root, Docker with the compose plugin, and the image: `aza-agent image build`.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod faults;
mod fields;
mod hands;
mod kills;
mod life;
mod logins;
mod proxy;
mod secrets;
mod service;
mod stack;
mod waiting;
