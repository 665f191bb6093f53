//! Ports: by which hosts learn of what has ended and what is wanted of them.

pub(super) mod event;
pub(super) mod job;
pub(super) mod pending_calls;
pub(super) mod port;
