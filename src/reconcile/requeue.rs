//! When the next pass of a stack is due. There is always a next time: a missed event must heal itself.

use std::time::Duration;

use jiff::Timestamp;

/// Between two looks at a stack where nothing happens. Settings drift made by SQL gives no event, so this
/// is how long it can last; a quiet look costs under 5 ms of the server's time.
pub const RESYNC: Duration = Duration::from_secs(4);
/// How long a look counts, as long as glances see no difference. Everything that a person or a program does shows
/// at once, in an event or at a glance; this is for what shows in neither.
pub const LOOK_COUNTS: Duration = Duration::from_secs(30);
/// The first wait after a failure. The next ones double.
pub const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// The longest wait after a failure: a repaired host is noticed within it.
pub const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// How a pass ended, as far as the next one is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Something was done: look at once whether it worked.
    Now,
    /// Nothing to do; until the next look, or until that moment where one is known.
    Quiet(Option<Timestamp>),
    /// A step failed or the world could not be seen: again after a growing wait.
    Backoff,
}
