//! The outputs of a session: kept in one bounded queue each until the host takes them, so that a slow reader slows the
//! graph down instead of filling memory.

use std::collections::VecDeque;

use crate::exec::measures::progress::MediaLength;
use crate::exec::queues::queue::{Bounds, Queue};
use crate::exec::queues::stream_item::{QueuedPacket, StreamItem};
use crate::value::Packet;

/// One output of a session.
#[derive(Debug)]
pub struct SessionOutput {
    /// The index of the output of the graph among those that the session's options choose.
    pub place: usize,
    /// The packet; its `seq` is the number among the packets that the port has emitted.
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

/// The packets of all chosen outputs of a session.
#[derive(Debug, Default)]
pub(in crate::exec) struct SessionOutputs {
    chosen: Vec<OutputQueue>,
    /// The index in `chosen` of each output of the graph; none if the host did not choose it.
    places: Vec<Option<usize>>,
    /// How much media has reached each output of the graph.
    media: Vec<MediaLength>,
    next_arrival: u64,
    /// How many calls are under way that take at their end what has come out meanwhile.
    takers: usize,
}

#[derive(Debug)]
struct OutputQueue {
    queue: Queue,
    /// The order of the waiting packets among those of all outputs.
    arrivals: VecDeque<u64>,
    /// A reader found nothing and is to be notified.
    is_awaited: bool,
}

impl SessionOutputs {
    /// Empty queues for the `chosen` ones of a graph's `outputs`, in the order of the choice.
    pub(in crate::exec) fn new(outputs: usize, chosen: &[usize], bounds: Bounds) -> Self {
        let mut places = vec![None; outputs];
        for (place, &output) in chosen.iter().enumerate() {
            places[output] = Some(place);
        }
        let queue =
            |_: &usize| OutputQueue { queue: Queue::new(Some(bounds)), arrivals: VecDeque::new(), is_awaited: false };
        Self {
            chosen: chosen.iter().map(queue).collect(),
            places,
            media: vec![MediaLength::default(); outputs],
            next_arrival: 0,
            takers: 0,
        }
    }

    /// Whether the stage before this output of the graph may take another step. An output that was not chosen is never full; and
    /// so is every output of a run that has handed its outputs over, since a stage may be about to begin just then.
    pub(in crate::exec) fn has_credit(&self, output: usize) -> bool {
        let place = self.places.get(output).copied().flatten();
        place.is_none_or(|place| self.chosen[place].queue.has_credit())
    }

    /// Whether that stage may take another step once these packets, which are on their way here, have arrived.
    pub(in crate::exec) fn has_credit_behind<'a>(
        &self,
        output: usize,
        coming: impl Iterator<Item = &'a Packet>,
    ) -> bool {
        let place = self.places.get(output).copied().flatten();
        place.is_none_or(|place| self.chosen[place].queue.has_credit_behind(coming))
    }

    /// Begins a call that takes at its end what has come out: until then nothing is reported.
    pub(in crate::exec) fn begin_taking(&mut self) {
        self.takers += 1;
    }

    /// Ends such a call. Returns whether a reader waits for what it has left; that is reported once.
    pub(in crate::exec) fn end_taking(&mut self) -> bool {
        // Outputs that took the place of those handed over know of no call.
        self.takers = self.takers.saturating_sub(1);
        self.takers == 0
            && self.chosen.iter().any(|output| output.is_awaited && !output.arrivals.is_empty())
            && self.stop_waiting()
    }

    /// Queues a packet. Returns whether a reader waits for it and nobody is about to take it; that is reported once.
    #[inline]
    pub(in crate::exec) fn push(&mut self, output: usize, queued: QueuedPacket) -> bool {
        // All packets of a session are one stream.
        self.media[output].note(0, &queued.packet);
        let Some(place) = self.places[output] else { return false };
        let output = &mut self.chosen[place];
        output.queue.push(StreamItem::Packet(queued, 0));
        output.arrivals.push_back(self.next_arrival);
        self.next_arrival += 1;
        let is_due = output.is_awaited && self.takers == 0;
        if is_due {
            self.stop_waiting();
        }
        is_due
    }

    /// Takes packets of one output or, in the order of arrival, of all, until `taken` is at the limit.
    pub(in crate::exec) fn take(&mut self, only: Option<usize>, most: TakeLimit, taken: &mut Vec<SessionOutput>) {
        let mut bytes: usize = taken.iter().map(|output| output.packet.value.weight()).sum();
        let waiting: usize = match only {
            Some(only) => self.chosen[only].arrivals.len(),
            None => self.chosen.iter().map(|output| output.arrivals.len()).sum(),
        };
        taken.reserve(waiting.min(most.packets.saturating_sub(taken.len())));
        while taken.len() < most.packets {
            let place = match only {
                Some(only) => only,
                None => {
                    let arrival = |place: &usize| self.chosen[*place].arrivals.front().copied().unwrap_or(u64::MAX);
                    match (0..self.chosen.len()).min_by_key(arrival) {
                        Some(first) => first,
                        None => return,
                    }
                }
            };
            let Some(weight) = self.chosen[place].queue.next_weight() else { return };
            if bytes > 0 && bytes + weight > most.bytes {
                return;
            }
            bytes += weight.max(1);
            let output = &mut self.chosen[place];
            output.arrivals.pop_front();
            if let Some((StreamItem::Packet(QueuedPacket { packet, item, .. }, _), _)) = output.queue.pop() {
                taken.push(SessionOutput { place, packet, item });
            }
        }
    }

    /// Reports the next packet of one output, or of any, to a reader that waits.
    pub(in crate::exec) fn wait(&mut self, only: Option<usize>) {
        for (place, output) in self.chosen.iter_mut().enumerate() {
            output.is_awaited |= only.is_none_or(|only| only == place);
        }
    }

    /// Whether a reader waits; it is notified once.
    pub(in crate::exec) fn stop_waiting(&mut self) -> bool {
        self.chosen.iter_mut().fold(false, |any, output| std::mem::take(&mut output.is_awaited) | any)
    }

    /// How many packets wait at each output.
    pub(in crate::exec) fn unread(&self) -> Vec<usize> {
        self.chosen.iter().map(|output| output.arrivals.len()).collect()
    }

    /// The media that has reached the output with most of it.
    pub(in crate::exec) fn media(&self) -> Option<i64> {
        self.media.iter().filter_map(MediaLength::total).max()
    }

    /// Drops the packets that wait at these outputs of the graph.
    pub(in crate::exec) fn clear(&mut self, is_meant: impl Fn(usize) -> bool) {
        let meant = self.places.iter().enumerate().filter(|&(output, _)| is_meant(output));
        for place in meant.filter_map(|(_, place)| *place) {
            let output = &mut self.chosen[place];
            while output.queue.pop().is_some() {}
            output.arrivals.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn outputs_that_were_handed_over_hold_up_no_stage() {
        let mut session_outputs = SessionOutputs::new(2, &[1], Bounds { packets: 0, ..Bounds::DEFAULT });
        assert!(session_outputs.has_credit(0) && !session_outputs.has_credit(1));
        drop(std::mem::take(&mut session_outputs));
        assert!(session_outputs.has_credit(1));
    }

    #[test]
    fn what_the_last_of_several_takers_has_left_is_reported_once() {
        let queued = |item| QueuedPacket { packet: Packet::new(Value::Int(1)), item, path: 0, deadline: None };
        let mut session_outputs = SessionOutputs::new(2, &[0, 1], Bounds::DEFAULT);
        let take = |session_outputs: &mut SessionOutputs| {
            session_outputs.take(None, TakeLimit { packets: 1, bytes: 0 }, &mut Vec::new());
        };
        session_outputs.wait(Some(1));
        session_outputs.begin_taking();
        session_outputs.begin_taking();
        assert!(!session_outputs.push(1, queued(0)) && !session_outputs.push(1, queued(1)));
        take(&mut session_outputs);
        assert!(!session_outputs.end_taking(), "another one may take it");
        assert!(session_outputs.end_taking() && !session_outputs.push(1, queued(2)), "reported once");
        take(&mut session_outputs);
        take(&mut session_outputs);
        session_outputs.wait(Some(1));
        session_outputs.begin_taking();
        assert!(!session_outputs.push(1, queued(3)) && !session_outputs.push(0, queued(4)));
        take(&mut session_outputs);
        assert!(!session_outputs.end_taking(), "what stays is another output's");
        assert!(session_outputs.push(1, queued(5)), "the reader waits still");
    }
}
