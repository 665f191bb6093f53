//! The timer events of a run.

use std::time::Duration;

/// What happens to a run at a time that was set before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exec) enum TimerEvent {
    /// The whole run times out, after this long.
    Timeout(Duration),
    /// This stage gets a time slice, in which it looks at the clock itself.
    Wake(usize),
}
