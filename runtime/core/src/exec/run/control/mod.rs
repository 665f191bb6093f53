//! What callers ask of a run: that it is opened, starts, takes replies, packets and changes, is interrupted or stopped.

pub(super) mod entry_queues;
pub(super) mod interruption;
pub(super) mod opening;
pub(super) mod replies;
pub(super) mod session_io;
pub(super) mod starting;
