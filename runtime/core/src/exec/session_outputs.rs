//! What reaches the sinks of a session: kept in bounded queues until the host takes it, so that a reader who is slow
//! slows down the graph instead of filling memory.

use std::collections::VecDeque;

use super::progress::MediaLength;
use super::queue::{Bounds, Queue};
use super::stream_item::{QueuedPacket, StreamItem};
use crate::value::Packet;

/// One output of a session.
#[derive(Debug)]
pub struct SessionOutput {
    /// The sink, counted as the session's options choose them.
    pub sink: usize,
    /// The packet; its `seq` is the number among the packets that the sink's node emitted.
    pub packet: Packet,
    /// The number of the packet sent that it came with, counted from 0.
    pub item: u64,
}

/// The most outputs that one call takes.
#[derive(Clone, Copy, Debug)]
pub struct TakeLimit {
    /// Packets.
    pub packets: usize,
    /// Bytes; a packet that is larger on its own is taken alone.
    pub bytes: usize,
}

/// The outlets of all sinks of a session.
#[derive(Debug, Default)]
pub(super) struct SessionOutputs {
    session_outputs: Vec<Outlet>,
    /// Which outlet a sink of the graph has; none if the host did not choose it.
    of_sink: Vec<Option<usize>>,
    /// How much media has come to each sink of the graph.
    media: Vec<MediaLength>,
    next_arrival: u64,
}

#[derive(Debug)]
struct Outlet {
    queue: Queue,
    /// The place of each waiting packet among those of all outlets.
    arrivals: VecDeque<u64>,
    /// A reader found nothing and is to be told.
    is_awaited: bool,
}

impl SessionOutputs {
    /// SessionOutputs for the `chosen` ones of a graph's `sinks`, in the order of the choice.
    pub(super) fn new(sinks: usize, chosen: &[usize], bounds: Bounds) -> Self {
        let mut of_sink = vec![None; sinks];
        for (outlet, &sink) in chosen.iter().enumerate() {
            of_sink[sink] = Some(outlet);
        }
        let outlet =
            |_: &usize| Outlet { queue: Queue::new(Some(bounds)), arrivals: VecDeque::new(), is_awaited: false };
        Self {
            session_outputs: chosen.iter().map(outlet).collect(),
            of_sink,
            media: vec![MediaLength::default(); sinks],
            next_arrival: 0,
        }
    }

    /// Whether the stage before this sink of the graph may take another step. One that nobody reads never waits, nor does
    /// any once a run that has ended has left its outlets behind: a stage may be about to begin at that moment.
    pub(super) fn has_credit(&self, sink: usize) -> bool {
        let outlet = self.of_sink.get(sink).copied().flatten();
        outlet.is_none_or(|outlet| self.session_outputs[outlet].queue.has_credit())
    }

    /// Whether it may take another step once these packets, which are on their way here, have come.
    pub(super) fn has_credit_behind<'a>(&self, sink: usize, coming: impl Iterator<Item = &'a Packet>) -> bool {
        let outlet = self.of_sink.get(sink).copied().flatten();
        outlet.is_none_or(|outlet| self.session_outputs[outlet].queue.has_credit_behind(coming))
    }

    /// Puts a packet in line. Answers whether a reader waits for it; it is told once.
    pub(super) fn push(&mut self, sink: usize, queued: QueuedPacket) -> bool {
        // All that a session is fed with is one stream.
        self.media[sink].note(0, &queued.packet);
        let Some(outlet) = self.of_sink[sink] else { return false };
        let outlet = &mut self.session_outputs[outlet];
        outlet.queue.push(StreamItem::Packet(queued, 0));
        outlet.arrivals.push_back(self.next_arrival);
        self.next_arrival += 1;
        let is_awaited = outlet.is_awaited;
        if is_awaited {
            self.stop_waiting();
        }
        is_awaited
    }

    /// Adds what waits in one outlet or, in the order of arrival, in all, until `taken` holds the most.
    pub(super) fn take(&mut self, only: Option<usize>, most: TakeLimit, taken: &mut Vec<SessionOutput>) {
        let mut bytes: usize = taken.iter().map(|output| output.packet.value.weight()).sum();
        let waiting: usize = match only {
            Some(outlet) => self.session_outputs[outlet].arrivals.len(),
            None => self.session_outputs.iter().map(|outlet| outlet.arrivals.len()).sum(),
        };
        taken.reserve(waiting.min(most.packets.saturating_sub(taken.len())));
        while taken.len() < most.packets {
            let first = match only {
                Some(outlet) => outlet,
                None => {
                    let arrival =
                        |outlet: &usize| self.session_outputs[*outlet].arrivals.front().copied().unwrap_or(u64::MAX);
                    match (0..self.session_outputs.len()).min_by_key(arrival) {
                        Some(first) => first,
                        None => return,
                    }
                }
            };
            let Some(weight) = self.session_outputs[first].queue.next_weight() else { return };
            if bytes > 0 && bytes + weight > most.bytes {
                return;
            }
            bytes += weight.max(1);
            let outlet = &mut self.session_outputs[first];
            outlet.arrivals.pop_front();
            if let Some((StreamItem::Packet(QueuedPacket { packet, item, .. }, _), _)) = outlet.queue.pop() {
                taken.push(SessionOutput { sink: first, packet, item });
            }
        }
    }

    /// Has the next arrival told: in one outlet, or in any.
    pub(super) fn wait(&mut self, only: Option<usize>) {
        for (index, outlet) in self.session_outputs.iter_mut().enumerate() {
            outlet.is_awaited |= only.is_none_or(|only| only == index);
        }
    }

    /// Answers whether a reader waits; it is told once.
    pub(super) fn stop_waiting(&mut self) -> bool {
        self.session_outputs.iter_mut().fold(false, |any, outlet| std::mem::take(&mut outlet.is_awaited) | any)
    }

    /// How many packets wait in each outlet.
    pub(super) fn unread(&self) -> Vec<usize> {
        self.session_outputs.iter().map(|outlet| outlet.arrivals.len()).collect()
    }

    /// How much media has come to the sink with most of it.
    pub(super) fn media(&self) -> Option<i64> {
        self.media.iter().filter_map(MediaLength::total).max()
    }

    /// Drops what nobody has taken.
    pub(super) fn clear(&mut self) {
        for outlet in &mut self.session_outputs {
            while outlet.queue.pop().is_some() {}
            outlet.arrivals.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlets_that_were_left_behind_hold_up_nobody() {
        let mut session_outputs = SessionOutputs::new(2, &[1], Bounds { packets: 0, ..Bounds::DEFAULT });
        assert!(session_outputs.has_credit(0) && !session_outputs.has_credit(1));
        drop(std::mem::take(&mut session_outputs));
        assert!(session_outputs.has_credit(1));
    }
}
