//! Nodes of the host: what a call to one holds, and what is on its way there and back.

pub(super) mod exchange;
pub(super) mod host_call;
pub(super) mod stage;
