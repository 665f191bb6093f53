//! What a port reports to the host.

use super::completion::{Completion, RunError};
use super::host_call::HostCall;

/// Something that happened to work of a port.
#[derive(Debug)]
pub enum Event {
    /// A piece of work ended.
    Completed {
        /// The host's number for it.
        token: u64,
        /// How it ended.
        completion: Completion,
    },
    /// Packets for nodes of the host.
    Call(HostCall),
    /// There is room for the next part of a reply whose last part returned
    /// [`Backpressure::Full`](super::Backpressure::Full).
    Resume {
        /// The number of the call.
        call: u64,
    },
    /// A call that the host has received was cancelled before its reply, because its session was interrupted.
    CallCancelled {
        /// The number of the call.
        call: u64,
    },
    /// A node has dropped the packet at which it failed. Reported for the errors that the completion will have.
    Skipped {
        /// The host's number for the piece of work.
        token: u64,
        /// The error.
        error: RunError,
        /// Whether it is the first of its node in this piece of work.
        is_first: bool,
    },
    /// A session that refused packets has room again.
    Room {
        /// The host's number for it.
        token: u64,
    },
    /// A session that had no outputs has some, or has ended.
    Outputs {
        /// The host's number for it.
        token: u64,
    },
}

/// The events of one drain of a port.
#[derive(Debug)]
pub struct Batch {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// The port is closed and will never hand out anything again.
    pub is_closed: bool,
}
