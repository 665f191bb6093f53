//! What waits in a chain for the new instance of a node that was interrupted. It knows packets alone.

use crate::value::Packet;

/// A packet between two nodes of a chain, of which the later one was interrupted.
pub(super) struct HeldPacket {
    /// The position of the later one.
    pub(super) position: usize,
    /// The epoch of that node in which the packet was emitted.
    pub(super) epoch: u32,
    /// The input port of that node.
    pub(super) port: usize,
    pub(super) packet: Packet,
    pub(super) path: u64,
}
