//! What the image promises, each promise on a real container.
//!
//! Every container runs as the stacks run it: read-only, without capabilities, with two small tmpfs. The image must
//! be there: `aza-agent image build`. Everything made here is called `aza-test-…` and removed at the end of its test.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod capacity;
mod container;
mod contract;
mod first_boot;
mod health;
mod image;
#[expect(
    dead_code,
    reason = "the table of make bench-memory uses the rest of it"
)]
mod load;
mod memory;
mod preload;
mod scripts;
mod volume;
