//! A piece of work as a port lists it. The port knows nothing else of a run.

use std::sync::Arc;

use crate::exec::host::host_call::{Backpressure, HostCall, Reply, ReplyError};
use crate::exec::measures::progress::Progress;

/// A piece of work that is listed at a port.
pub(in crate::exec) trait Job: Send + Sync {
    /// Ends the work. Returns whether it had not ended before.
    fn cancel(self: Arc<Self>) -> bool;

    /// The progress so far; `None` once the work has ended.
    fn progress(&self) -> Option<Progress>;

    /// Takes a checked reply of the host to the call that a stage has out. Returns whether there is room for the next part
    /// of the reply. With `wants_next` it also returns the next call to the same nodes, if that is there already; no event
    /// announces that call then.
    ///
    /// # Errors
    /// If the call is over.
    fn take_reply(
        self: Arc<Self>,
        stage: usize,
        call: u64,
        reply: Reply,
        wants_next: bool,
    ) -> Result<(Backpressure, Option<HostCall>), ReplyError>;
}
