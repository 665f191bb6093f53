//! The outputs of a session: kept in one bounded queue per sink until the host takes them, so that a slow reader slows the
//! graph down instead of filling memory.

use std::collections::VecDeque;

use super::progress::MediaLength;
use super::queue::{Bounds, Queue};
use super::stream_item::{QueuedPacket, StreamItem};
use crate::value::Packet;

/// One output of a session.
#[derive(Debug)]
pub struct SessionOutput {
    /// The index of the sink among those that the session's options choose.
    pub sink: usize,
    /// The packet; its `seq` is the number among the packets that the sink's node emitted.
    pub packet: Packet,
    /// The number of the sent packet that it comes from, counted from 0.
    pub item: u64,
}

/// The most outputs that one call takes.
#[derive(Clone, Copy, Debug)]
pub struct TakeLimit {
    /// The number of packets.
    pub packets: usize,
    /// Their bytes; a packet that is larger on its own is taken alone.
    pub bytes: usize,
}

/// The outputs of all chosen sinks of a session.
#[derive(Debug, Default)]
pub(super) struct SessionOutputs {
    sinks: Vec<SinkQueue>,
    /// The index in `sinks` of each sink of the graph; none if the host did not choose it.
    of_sink: Vec<Option<usize>>,
    /// How much media has reached each sink of the graph.
    media: Vec<MediaLength>,
    next_arrival: u64,
}

#[derive(Debug)]
struct SinkQueue {
    queue: Queue,
    /// The order of the waiting packets among those of all sinks.
    arrivals: VecDeque<u64>,
    /// A reader found nothing and is to be notified.
    is_awaited: bool,
}

impl SessionOutputs {
    /// Empty queues for the `chosen` ones of a graph's `sinks`, in the order of the choice.
    pub(super) fn new(sinks: usize, chosen: &[usize], bounds: Bounds) -> Self {
        let mut of_sink = vec![None; sinks];
        for (index, &sink) in chosen.iter().enumerate() {
            of_sink[sink] = Some(index);
        }
        let sink_queue =
            |_: &usize| SinkQueue { queue: Queue::new(Some(bounds)), arrivals: VecDeque::new(), is_awaited: false };
        Self {
            sinks: chosen.iter().map(sink_queue).collect(),
            of_sink,
            media: vec![MediaLength::default(); sinks],
            next_arrival: 0,
        }
    }

    /// Whether the stage before this sink of the graph may take another step. A sink that was not chosen is never full; and
    /// so is every sink of a run that has handed its outputs over, since a stage may be about to begin just then.
    pub(super) fn has_credit(&self, sink: usize) -> bool {
        let index = self.of_sink.get(sink).copied().flatten();
        index.is_none_or(|index| self.sinks[index].queue.has_credit())
    }

    /// Whether that stage may take another step once these packets, which are on their way here, have arrived.
    pub(super) fn has_credit_behind<'a>(&self, sink: usize, coming: impl Iterator<Item = &'a Packet>) -> bool {
        let index = self.of_sink.get(sink).copied().flatten();
        index.is_none_or(|index| self.sinks[index].queue.has_credit_behind(coming))
    }

    /// Queues a packet. Returns whether a reader waits for it; that is reported once.
    pub(super) fn push(&mut self, sink: usize, queued: QueuedPacket) -> bool {
        // All packets of a session are one stream.
        self.media[sink].note(0, &queued.packet);
        let Some(index) = self.of_sink[sink] else { return false };
        let sink = &mut self.sinks[index];
        sink.queue.push(StreamItem::Packet(queued, 0));
        sink.arrivals.push_back(self.next_arrival);
        self.next_arrival += 1;
        let is_awaited = sink.is_awaited;
        if is_awaited {
            self.stop_waiting();
        }
        is_awaited
    }

    /// Takes outputs of one sink or, in the order of arrival, of all, until `taken` is at the limit.
    pub(super) fn take(&mut self, only: Option<usize>, most: TakeLimit, taken: &mut Vec<SessionOutput>) {
        let mut bytes: usize = taken.iter().map(|output| output.packet.value.weight()).sum();
        let waiting: usize = match only {
            Some(only) => self.sinks[only].arrivals.len(),
            None => self.sinks.iter().map(|sink| sink.arrivals.len()).sum(),
        };
        taken.reserve(waiting.min(most.packets.saturating_sub(taken.len())));
        while taken.len() < most.packets {
            let first = match only {
                Some(only) => only,
                None => {
                    let arrival = |sink: &usize| self.sinks[*sink].arrivals.front().copied().unwrap_or(u64::MAX);
                    match (0..self.sinks.len()).min_by_key(arrival) {
                        Some(first) => first,
                        None => return,
                    }
                }
            };
            let Some(weight) = self.sinks[first].queue.next_weight() else { return };
            if bytes > 0 && bytes + weight > most.bytes {
                return;
            }
            bytes += weight.max(1);
            let sink = &mut self.sinks[first];
            sink.arrivals.pop_front();
            if let Some((StreamItem::Packet(QueuedPacket { packet, item, .. }, _), _)) = sink.queue.pop() {
                taken.push(SessionOutput { sink: first, packet, item });
            }
        }
    }

    /// Reports the next output of one sink, or of any, to a reader that waits.
    pub(super) fn wait(&mut self, only: Option<usize>) {
        for (index, sink) in self.sinks.iter_mut().enumerate() {
            sink.is_awaited |= only.is_none_or(|only| only == index);
        }
    }

    /// Whether a reader waits; it is notified once.
    pub(super) fn stop_waiting(&mut self) -> bool {
        self.sinks.iter_mut().fold(false, |any, sink| std::mem::take(&mut sink.is_awaited) | any)
    }

    /// How many packets wait at each sink.
    pub(super) fn unread(&self) -> Vec<usize> {
        self.sinks.iter().map(|sink| sink.arrivals.len()).collect()
    }

    /// The media that has reached the sink with most of it.
    pub(super) fn media(&self) -> Option<i64> {
        self.media.iter().filter_map(MediaLength::total).max()
    }

    /// Drops the outputs that wait at these sinks of the graph.
    pub(super) fn clear(&mut self, is_meant: impl Fn(usize) -> bool) {
        let meant = self.of_sink.iter().enumerate().filter(|&(sink, _)| is_meant(sink));
        for index in meant.filter_map(|(_, index)| *index) {
            let sink = &mut self.sinks[index];
            while sink.queue.pop().is_some() {}
            sink.arrivals.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_that_were_handed_over_hold_up_no_stage() {
        let mut session_outputs = SessionOutputs::new(2, &[1], Bounds { packets: 0, ..Bounds::DEFAULT });
        assert!(session_outputs.has_credit(0) && !session_outputs.has_credit(1));
        drop(std::mem::take(&mut session_outputs));
        assert!(session_outputs.has_credit(1));
    }
}
