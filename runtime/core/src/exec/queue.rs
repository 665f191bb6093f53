//! The queue of one edge: bounded by packets, bytes and media time, by credit rather than by blocking.

use std::collections::VecDeque;

use crate::value::Packet;

/// A packet on its way, with what the scheduler has to know of it.
#[derive(Debug)]
pub(super) struct Routed {
    pub(super) packet: Packet,
    /// The input that it comes from.
    pub(super) item: u64,
    /// The way that it took; see [`crate::graph::StageEdge::path_offset`].
    pub(super) path: u64,
}

/// What travels along an edge.
#[derive(Debug)]
pub(super) enum Travel {
    /// A packet, for this port of the node that takes it or from this port of the node that gave it.
    Packet(Routed, usize),
    /// No more packets of this item will come.
    End(u64),
    /// Nothing will come any more.
    Finish,
}

/// The most that may wait on one edge. A producer may exceed it by what one step emits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) packets: usize,
    pub(super) bytes: usize,
    pub(super) media_nanoseconds: i64,
}

/// What waits on one edge, and what its consumer has seen of it.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: VecDeque<(Travel, usize)>,
    packets: usize,
    bytes: usize,
    media_nanoseconds: i64,
    bounds: Option<Bounds>,
    /// The item whose END the consumer has taken from this edge, while it waits for the other edges.
    pub(super) ended: Option<u64>,
    /// The consumer has taken this edge's FINISH.
    pub(super) has_finished: bool,
}

impl Routed {
    /// The same packet for another way.
    pub(super) fn share(&self) -> Self {
        Self { packet: self.packet.clone(), item: self.item, path: self.path }
    }
}

impl Bounds {
    /// Holds a burst of small packets, a few pictures, or some seconds of sound.
    pub(super) const DEFAULT: Bounds = Bounds { packets: 64, bytes: 8 << 20, media_nanoseconds: 5_000_000_000 };

    /// What a packet counts for: at most the whole bound, since a host may say any duration and sums must not overflow.
    fn media_time(&self, packet: &Packet) -> i64 {
        packet.duration.unwrap_or(0).clamp(0, self.media_nanoseconds)
    }
}

impl Queue {
    /// An empty queue; without bounds for inputs that are in memory already.
    pub(super) fn new(bounds: Option<Bounds>) -> Self {
        Self::with_capacity(bounds, 0)
    }

    /// An empty queue with room for this many entries.
    pub(super) fn with_capacity(bounds: Option<Bounds>, capacity: usize) -> Self {
        Self {
            waiting: VecDeque::with_capacity(capacity),
            packets: 0,
            bytes: 0,
            media_nanoseconds: 0,
            bounds,
            ended: None,
            has_finished: false,
        }
    }

    pub(super) fn push(&mut self, travel: Travel) {
        let mut weight = 0;
        if let (Travel::Packet(routed, _), Some(bounds)) = (&travel, self.bounds) {
            weight = routed.packet.value.weight();
            self.packets += 1;
            self.bytes += weight;
            self.media_nanoseconds += bounds.media_time(&routed.packet);
        }
        self.waiting.push_back((travel, weight));
    }

    pub(super) fn pop(&mut self) -> Option<(Travel, usize)> {
        let (travel, weight) = self.waiting.pop_front()?;
        if let (Travel::Packet(routed, _), Some(bounds)) = (&travel, self.bounds) {
            self.packets -= 1;
            self.bytes -= weight;
            self.media_nanoseconds -= bounds.media_time(&routed.packet);
        }
        Some((travel, weight))
    }

    /// How many packets wait.
    pub(super) fn packets(&self) -> usize {
        self.packets
    }

    /// Drops everything but FINISH, which no edge may lose.
    pub(super) fn interrupt(&mut self) {
        let was_finishing = self.waiting.iter().any(|(travel, _)| matches!(travel, Travel::Finish));
        self.waiting.clear();
        (self.packets, self.bytes, self.media_nanoseconds) = (0, 0, 0);
        self.ended = None;
        if was_finishing {
            self.push(Travel::Finish);
        }
    }

    /// What the next one weighs that the consumer would take.
    pub(super) fn next_weight(&self) -> Option<usize> {
        self.waiting.front().map(|&(_, weight)| weight)
    }

    /// Whether the producer may take another step.
    pub(super) fn has_credit(&self) -> bool {
        self.bounds.is_none_or(|bounds| {
            self.packets < bounds.packets
                && self.bytes < bounds.bytes
                && self.media_nanoseconds < bounds.media_nanoseconds
        })
    }

    /// Whether the consumer may take something now.
    pub(super) fn is_ready(&self) -> bool {
        self.ended.is_none() && !self.has_finished && !self.waiting.is_empty()
    }
}
