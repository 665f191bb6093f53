//! The queue of one edge: bounded by packets, bytes and media time.
//!
//! A full queue blocks no thread: its producer has no credit and is not scheduled. Where the manifest says so, a queue drops
//! packets instead of making its producer wait; the ends of items are never dropped.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::stream_item::{StreamItem, mark_next};
use crate::manifest::{EdgeBuffer, Policy};
use crate::value::Packet;

/// The bounds of a queue. A producer may exceed them by what one step emits.
#[derive(Clone, Copy, Debug)]
pub(in crate::exec) struct Bounds {
    pub(in crate::exec) packets: usize,
    pub(in crate::exec) bytes: usize,
    pub(in crate::exec) media_nanoseconds: i64,
}

/// The items that wait on one edge, and which ends its consumer has seen.
#[derive(Debug)]
pub(in crate::exec) struct Queue {
    waiting: VecDeque<Entry>,
    packets: usize,
    bytes: usize,
    media_nanoseconds: i64,
    bounds: Option<Bounds>,
    policy: Policy,
    dropped: u64,
    /// A packet behind a jump was dropped, and none has come that could be marked in its place.
    has_jump: bool,
    /// The item whose end the consumer has taken from this edge, while it waits for the other edges.
    pub(in crate::exec) ended: Option<u64>,
    /// The consumer has taken the end of the stream from this edge.
    pub(in crate::exec) has_finished: bool,
    /// Where the last packet of the item ended that the consumer has taken, if it takes packets by their times.
    pub(in crate::exec) taken_until: i64,
}

#[derive(Debug)]
struct Entry {
    item: StreamItem,
    weight: usize,
    /// When it was queued, where that is measured.
    since: Option<Instant>,
}

impl Bounds {
    /// Room for a burst of small packets, a few pictures, or some seconds of audio.
    pub(in crate::exec) const DEFAULT: Bounds =
        Bounds { packets: 64, bytes: 8 << 20, media_nanoseconds: 5_000_000_000 };

    /// The bounds of a manifest's buffer, with defaults for what it leaves out.
    pub(in crate::exec) fn of(buffer: EdgeBuffer) -> Self {
        let default = Self::DEFAULT;
        Self {
            packets: buffer.packets.map_or(default.packets, |packets| packets.get() as usize),
            bytes: buffer.bytes.map_or(default.bytes, |bytes| usize::try_from(bytes.get()).unwrap_or(usize::MAX)),
            media_nanoseconds: buffer.ms.map_or(default.media_nanoseconds, |ms| i64::from(ms.get()) * 1_000_000),
        }
    }

    /// The media time of a packet: at most the whole bound, since a host may set any duration and sums must not overflow.
    fn media_time(&self, packet: &Packet) -> i64 {
        packet.duration.unwrap_or(0).clamp(0, self.media_nanoseconds)
    }
}

impl Queue {
    /// An empty queue; without bounds where all inputs are in memory already.
    pub(in crate::exec) fn new(bounds: Option<Bounds>) -> Self {
        Self::with_capacity(bounds, 0)
    }

    /// An empty queue with room for this many entries.
    pub(in crate::exec) fn with_capacity(bounds: Option<Bounds>, capacity: usize) -> Self {
        Self {
            waiting: VecDeque::with_capacity(capacity),
            packets: 0,
            bytes: 0,
            media_nanoseconds: 0,
            bounds,
            policy: Policy::Block,
            dropped: 0,
            has_jump: false,
            ended: None,
            has_finished: false,
            taken_until: 0,
        }
    }

    /// The queue between two stages, with the buffer and policy of the manifest.
    pub(in crate::exec) fn of_edge(buffer: Option<EdgeBuffer>, policy: Policy) -> Self {
        Self { policy, ..Self::new(Some(buffer.map_or(Bounds::DEFAULT, Bounds::of))) }
    }

    /// The queue of an edge that goes backwards: it drops its oldest packets, and has room for those that are under way for as
    /// long as the delay.
    pub(in crate::exec) fn of_feedback(buffer: Option<EdgeBuffer>, delay: Duration) -> Self {
        let EdgeBuffer { packets, ms, .. } = buffer.unwrap_or_default();
        let mut bounds = Bounds::of(buffer.unwrap_or_default());
        if packets.is_none() {
            // A packet for each millisecond is more than audio has.
            bounds.packets += delay.as_millis() as usize;
        }
        if ms.is_none() {
            bounds.media_nanoseconds += delay.as_nanos() as i64;
        }
        Self { policy: Policy::DropOldest, ..Self::new(Some(bounds)) }
    }

    pub(in crate::exec) fn push(&mut self, item: StreamItem) {
        self.push_at(item, None);
    }

    /// Adds an item that was queued at `since`. Returns how many packets this has dropped.
    pub(in crate::exec) fn push_at(&mut self, mut item: StreamItem, since: Option<Instant>) -> u64 {
        let before = self.dropped;
        if self.has_jump {
            let port = if let StreamItem::Packet(_, port) = item { port } else { 0 };
            self.has_jump = !mark_next([&mut item], port);
        }
        let mut weight = 0;
        if let (StreamItem::Packet(queued, _), Some(bounds)) = (&item, self.bounds) {
            weight = queued.packet.value.weight();
            self.packets += 1;
            self.bytes += weight;
            self.media_nanoseconds += bounds.media_time(&queued.packet);
        }
        self.waiting.push_back(Entry { item, weight, since });
        match self.policy {
            Policy::Block => {}
            Policy::DropOldest => self.drop_while_over_full(|waiting, is_packet| waiting.iter().position(is_packet)),
            Policy::DropNewest => self.drop_while_over_full(|waiting, is_packet| waiting.iter().rposition(is_packet)),
        }
        self.dropped - before
    }

    /// Drops packets until the rest is within the bounds. One packet always stays: one that is larger than the bounds would
    /// never pass otherwise.
    fn drop_while_over_full(&mut self, next: impl Fn(&VecDeque<Entry>, fn(&Entry) -> bool) -> Option<usize>) {
        let Some(bounds) = self.bounds else { return };
        while self.packets > 1
            && (self.packets > bounds.packets
                || self.bytes > bounds.bytes
                || self.media_nanoseconds > bounds.media_nanoseconds)
        {
            let is_packet = |entry: &Entry| matches!(entry.item, StreamItem::Packet(..));
            let Some(place) = next(&self.waiting, is_packet) else { return };
            let Some(removed) = self.waiting.remove(place) else { return };
            self.discount(&removed);
            self.dropped += 1;
            if let StreamItem::Packet(queued, port) = removed.item
                && queued.packet.discontinuity
            {
                self.mark_from(place, port);
            }
        }
    }

    /// Marks the next packet from a place on as one behind a jump, since one before it that was marked is left out.
    pub(in crate::exec) fn mark_from(&mut self, place: usize, port: usize) {
        self.has_jump |= !mark_next(self.waiting.range_mut(place..).map(|entry| &mut entry.item), port);
    }

    fn discount(&mut self, Entry { item, weight, .. }: &Entry) {
        if let (StreamItem::Packet(queued, _), Some(bounds)) = (item, self.bounds) {
            self.packets -= 1;
            self.bytes -= weight;
            self.media_nanoseconds -= bounds.media_time(&queued.packet);
        }
    }

    /// Takes the oldest item, with its weight.
    pub(in crate::exec) fn pop(&mut self) -> Option<(StreamItem, usize)> {
        let next = self.waiting.pop_front()?;
        self.discount(&next);
        Some((next.item, next.weight))
    }

    /// When the next packet begins, in the time of its stream: one without a time follows on the one before. An end comes
    /// before everything else.
    pub(in crate::exec) fn next_time(&self) -> i64 {
        match self.waiting.front() {
            Some(Entry { item: StreamItem::Packet(queued, _), .. }) => queued.packet.pts.unwrap_or(self.taken_until),
            _ => i64::MIN,
        }
    }

    /// How many packets wait.
    pub(in crate::exec) fn packets(&self) -> usize {
        self.packets
    }

    /// How many packets were dropped because there was no room.
    pub(in crate::exec) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Empties the queue for good and takes its bounds away: its run stops.
    pub(in crate::exec) fn close(&mut self) {
        *self = Self { dropped: self.dropped, ..Self::new(None) };
    }

    /// Whether nothing waits.
    pub(in crate::exec) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the oldest item was queued, where that is measured; on an edge that goes backwards, when it arrives.
    pub(in crate::exec) fn oldest(&self) -> Option<Instant> {
        self.waiting.front()?.since
    }

    /// The fill level from 0 to 1: by packets, bytes or media time, whichever is highest.
    pub(in crate::exec) fn fill(&self) -> f64 {
        let Some(bounds) = self.bounds else { return 0.0 };
        let fills = [
            self.packets as f64 / bounds.packets as f64,
            self.bytes as f64 / bounds.bytes as f64,
            self.media_nanoseconds as f64 / bounds.media_nanoseconds as f64,
        ];
        fills.into_iter().fold(0.0, f64::max)
    }

    /// Drops the packets and keeps the ends between them.
    pub(in crate::exec) fn drop_packets(&mut self) {
        self.waiting.retain(|entry| !matches!(entry.item, StreamItem::Packet(..)));
        (self.packets, self.bytes, self.media_nanoseconds) = (0, 0, 0);
        (self.has_jump, self.taken_until) = (false, 0);
    }

    /// Drops everything but the end of the stream, which no edge may lose.
    pub(in crate::exec) fn interrupt(&mut self) {
        let was_finishing = self.waiting.iter().any(|entry| matches!(entry.item, StreamItem::EndOfStream));
        self.waiting.clear();
        (self.packets, self.bytes, self.media_nanoseconds) = (0, 0, 0);
        (self.has_jump, self.ended, self.taken_until) = (false, None, 0);
        if was_finishing {
            self.push(StreamItem::EndOfStream);
        }
    }

    /// The weight of the item that [`Self::pop`] would return.
    pub(in crate::exec) fn next_weight(&self) -> Option<usize> {
        self.waiting.front().map(|entry| entry.weight)
    }

    /// Whether the producer may take another step; always where packets are dropped instead.
    pub(in crate::exec) fn has_credit(&self) -> bool {
        self.policy != Policy::Block
            || self.bounds.is_none_or(|bounds| {
                self.packets < bounds.packets
                    && self.bytes < bounds.bytes
                    && self.media_nanoseconds < bounds.media_nanoseconds
            })
    }

    /// Whether the producer may take another step once these packets, which are on their way here, have arrived. Where
    /// packets are dropped, no more than the bounds may be on their way.
    pub(in crate::exec) fn has_credit_behind<'a>(&self, coming: impl Iterator<Item = &'a Packet>) -> bool {
        let Some(bounds) = self.bounds else { return true };
        let (mut packets, mut bytes, mut media) = match self.policy {
            Policy::Block => (self.packets, self.bytes, self.media_nanoseconds),
            Policy::DropOldest | Policy::DropNewest => (0, 0, 0),
        };
        let mut is_behind = false;
        for packet in coming {
            is_behind = true;
            packets += 1;
            bytes = bytes.saturating_add(packet.value.weight());
            media = media.saturating_add(bounds.media_time(packet));
        }
        if !is_behind {
            return self.has_credit();
        }
        packets < bounds.packets && bytes < bounds.bytes && media < bounds.media_nanoseconds
    }

    /// Whether the consumer may take an item now.
    pub(in crate::exec) fn is_ready(&self) -> bool {
        self.ended.is_none() && !self.has_finished && !self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};

    use super::*;
    use crate::exec::queues::stream_item::QueuedPacket;
    use crate::value::{Audio, Value};

    /// The packets left in a queue with this buffer after packets of these (bytes, ms) were pushed, by the number of the push;
    /// and how many were dropped.
    fn kept(buffer: EdgeBuffer, packets: &[(usize, i64)]) -> (Vec<u64>, u64) {
        let mut queue = Queue::of_edge(Some(buffer), buffer.policy());
        for (item, &(bytes, ms)) in (0..).zip(packets) {
            let packet = Packet::new(Value::bytes(vec![0; bytes])).at(None, Some(ms * 1_000_000));
            queue.push(StreamItem::Packet(QueuedPacket { packet, item, path: 0, deadline: None }, 0));
        }
        assert_eq!(queue.has_credit(), buffer.policy() != Policy::Block);
        let mut items = Vec::new();
        while let Some((StreamItem::Packet(queued, _), _)) = queue.pop() {
            items.push(queued.item);
        }
        assert_eq!((queue.packets, queue.bytes, queue.media_nanoseconds), (0, 0, 0));
        (items, queue.dropped())
    }

    fn buffer(bytes: u64, ms: u32, policy: Policy) -> EdgeBuffer {
        EdgeBuffer { bytes: NonZeroU64::new(bytes), ms: NonZeroU32::new(ms), policy: Some(policy), packets: None }
    }

    fn packet(value: Value, item: u64, discontinuity: bool) -> StreamItem {
        let packet = Packet { discontinuity, ..Packet::new(value) };
        StreamItem::Packet(QueuedPacket { packet, item, path: 0, deadline: None }, 0)
    }

    #[test]
    fn each_bound_drops_by_itself_and_one_packet_stays() {
        let small = [(100, 20); 6];
        // By bytes; what a packet weighs beside its bytes is within the bound.
        let weight = Value::bytes(vec![0; 100]).weight() as u64;
        assert_eq!(kept(buffer(weight * 2, 0, Policy::DropOldest), &small), (vec![4, 5], 4));
        assert_eq!(kept(buffer(weight * 2, 0, Policy::DropNewest), &small), (vec![0, 1], 4));
        // By media time.
        assert_eq!(kept(buffer(0, 60, Policy::DropOldest), &small), (vec![3, 4, 5], 3));
        assert_eq!(kept(buffer(0, 60, Policy::DropNewest), &small), (vec![0, 1, 2], 3));
        assert_eq!(kept(buffer(0, 60, Policy::Block), &small), (vec![0, 1, 2, 3, 4, 5], 0));
        // Larger than the bound on its own.
        assert_eq!(kept(buffer(1, 0, Policy::DropOldest), &small), (vec![5], 5));
        assert_eq!(kept(buffer(1, 0, Policy::DropNewest), &small), (vec![0], 5));
        assert_eq!(kept(buffer(0, 10, Policy::DropOldest), &[(1, 5000), (1, 1)]), (vec![1], 1));
    }

    #[test]
    fn the_mark_of_a_dropped_packet_goes_to_the_next_one_of_its_item() {
        let int = |item, discontinuity| packet(Value::Int(0), item, discontinuity);
        let silent =
            || packet(Value::Audio(Box::new(Audio::from_channels(&[vec![]], 8000).expect("no sound"))), 0, false);
        let marks = |policy, items: Vec<StreamItem>| {
            let mut queue =
                Queue::of_edge(Some(EdgeBuffer { packets: NonZeroU32::new(2), ..buffer(0, 0, policy) }), policy);
            items.into_iter().for_each(|item| queue.push(item));
            std::iter::from_fn(|| queue.pop())
                .filter_map(|(item, _)| match item {
                    StreamItem::Packet(queued, _) => Some(queued.packet.discontinuity),
                    _ => None,
                })
                .collect::<Vec<_>>()
        };
        let three = || vec![int(0, true), int(0, false), int(0, false)];
        assert_eq!(marks(Policy::DropOldest, three()), [true, false]);
        // The place of the mark is empty until there is room again, which the newest never leaves here.
        assert_eq!(marks(Policy::DropNewest, vec![int(0, false), int(0, false), int(0, true)]), [false, false]);
        // Sound without frames is behind no jump.
        assert_eq!(marks(Policy::DropOldest, vec![int(0, true), silent(), int(0, false)]), [false, true]);
        // The next item has a beginning of its own.
        let ended = vec![int(0, true), StreamItem::EndOfItem(0), int(1, false), int(1, false)];
        assert_eq!(marks(Policy::DropOldest, ended), [false, false]);
    }

    #[test]
    fn a_mark_waits_for_the_next_packet() {
        let int = |discontinuity| packet(Value::Int(0), 0, discontinuity);
        let policy = Policy::DropNewest;
        let mut queue =
            Queue::of_edge(Some(EdgeBuffer { packets: NonZeroU32::new(1), ..buffer(0, 0, policy) }), policy);
        let is_marked = |queue: &mut Queue| match queue.pop() {
            Some((StreamItem::Packet(queued, _), _)) => queued.packet.discontinuity,
            other => panic!("{other:?}"),
        };
        [false, true, false].map(int).into_iter().for_each(|item| queue.push(item));
        assert!(!is_marked(&mut queue));
        queue.push(int(false));
        assert!(is_marked(&mut queue));
    }

    #[test]
    fn a_queue_that_is_closed_keeps_its_count_alone() {
        let mut queue = Queue::of_edge(Some(buffer(1, 0, Policy::DropOldest)), Policy::DropOldest);
        for item in 0..3 {
            queue.push(packet(Value::Int(1), item, false));
            queue.push(StreamItem::EndOfItem(item));
        }
        queue.close();
        assert_eq!((queue.dropped(), queue.pop().is_none()), (2, true));
    }
}
