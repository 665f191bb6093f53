//! What travels along the edges of a graph: packets, and the ends of items and streams between them.

use std::time::Instant;

use crate::value::Packet;

/// A packet in a queue, with what the scheduler knows of it.
#[derive(Debug)]
pub(in crate::exec) struct QueuedPacket {
    pub(in crate::exec) packet: Packet,
    /// The number of the input that it comes from.
    pub(in crate::exec) item: u64,
    /// The path that it took through the graph; see [`crate::graph::StageEdge::path_offset`].
    pub(in crate::exec) path: u64,
    /// The packet is dropped if it arrives later than this.
    pub(in crate::exec) deadline: Option<Instant>,
}

/// An element of the stream between two stages.
#[derive(Debug)]
pub(in crate::exec) enum StreamItem {
    /// A packet, with the input port of the node that takes it or the output port of the node that emitted it.
    Packet(QueuedPacket, usize),
    /// No more packets of the item in work come at this input port. Made where inputs join, and never queued.
    EndOfInput(usize),
    /// No more packets of this item come.
    EndOfItem(u64),
    /// Nothing comes any more.
    EndOfStream,
}

/// Marks the next packet of an input that can be behind a jump, after one that was marked was left out. Returns whether the
/// mark has found its place: where the item ends before there is such a packet, its jump is over.
pub(in crate::exec) fn mark_next<'a>(behind: impl IntoIterator<Item = &'a mut StreamItem>, input: usize) -> bool {
    for item in behind {
        match item {
            StreamItem::Packet(queued, port) if *port == input && queued.packet.can_jump() => {
                queued.packet.discontinuity = true;
                return true;
            }
            StreamItem::EndOfInput(port) if *port == input => return true,
            StreamItem::EndOfItem(_) | StreamItem::EndOfStream => return true,
            StreamItem::Packet(..) | StreamItem::EndOfInput(_) => {}
        }
    }
    false
}

impl QueuedPacket {
    /// The same packet for another edge.
    pub(in crate::exec) fn share(&self) -> Self {
        Self { packet: self.packet.clone(), item: self.item, path: self.path, deadline: self.deadline }
    }
}
