//! Whole passes on a pretended host: stories that a person can read, and promises that hold for every
//! story that nobody wrote.
//!
//! ```text
//! cargo nextest run --features sim --test scenarios
//! ```

mod drift_stories;
mod extension_stories;
mod hand_stories;
mod host_stories;
mod judge;
mod kills;
mod life_stories;
mod promises;
mod random;
mod restart_stories;
mod scene;
mod soak;
mod trouble_stories;
