//! Parsers against inputs that nobody would write: mutated real ones, from a seed.
//!
//! A short run belongs to the tests; `make fuzz` does a million cases for each parser. Per case: no panic, an
//! answer in time, and the properties that the target states. Per target: a bound on memory. A case that fails is
//! made smaller, printed with its seed and number, and saved below the temporary directory.
//!
//! Not coverage-guided: that needs a nightly compiler. The corpus is real files and the mutations know the
//! grammars (numbers, indentation, quotes, aliases), which is how inputs get past the first check.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    reason = "the environment says how many cases"
)]
#![expect(
    clippy::print_stdout,
    reason = "one line for each target is the result of `make fuzz`"
)]

mod mutate;
mod run;

mod auto_conf;
mod cgroup;
mod container;
mod door;
mod inspect;
mod manifest;
mod quantity;

/// Where the door's rooms look for it.
use door::refusal;
