//! What waits and what it is: packets on the edges of a graph, the items that they belong to, the inputs of a run.

pub(super) mod inputs;
pub(super) mod items;
pub(super) mod queue;
pub(super) mod session_packet;
pub(super) mod stream_item;
