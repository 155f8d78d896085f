//! The loop.
pub mod live;
