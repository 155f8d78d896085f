//! The same stories on the pretended host and on real Docker with PostgreSQL 18. What is told at each
//! settled point has to be the same, line by line: a lie in the simulator is a failing test.
//!
//! ```text
//! cargo nextest run --features sim --test conformance    (root, Docker, the image aza-pg:18)
//! ```
//!
//! Not compared: ids, times, addresses, the kernel's counters, and the words of an error.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod both;
mod drift_stories;
mod extension_stories;
mod hand;
mod hand_stories;
mod life_stories;
mod login_stories;
mod machine;
mod server_facts;
mod setting_stories;
mod side;
mod told;
mod trouble_stories;
