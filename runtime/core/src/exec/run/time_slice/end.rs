//! How a time slice of a stage ends.

use crate::exec::host::host_call::HostCall;

/// Where a stage has come to when its time slice ends without an error.
pub(super) enum SliceEnd {
    /// The stage has nothing to do now, or its time is up.
    Parked,
    /// The stage waits for the reply to this call, which is to be sent to the host.
    Called(HostCall),
    Finished,
    Stopped,
}
