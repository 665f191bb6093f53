//! How a stage takes items from its input edges: from each in turn, or by their times, and nothing of the next item before
//! the current one has ended on all of them.

use std::collections::VecDeque;
use std::time::Instant;

use crate::exec::queues::queue::Queue;
use crate::exec::queues::stream_item::StreamItem;
use crate::exec::run::clock::Clock;
use crate::graph::{Graph, Runner, Upstream};

/// What a stage remembers of its inputs.
#[derive(Default)]
pub(in crate::exec::run) struct InputState {
    /// The position of the input that is looked at first, so that a busy edge does not starve the others.
    next: usize,
    /// The input ports at which an aligning node wants nothing for now, a bit for each.
    pub(in crate::exec::run) refused: u64,
    /// When the oldest packet was queued that the stage has taken and not processed.
    pub(in crate::exec::run) holds_since: Option<Instant>,
}

/// The input edges of one stage.
pub(in crate::exec::run) struct FanIn<'a> {
    pub(in crate::exec::run) graph: &'a Graph,
    pub(in crate::exec::run) stage: usize,
    pub(in crate::exec::run) is_session: bool,
    /// By which packets arrive that go backwards.
    pub(in crate::exec::run) clock: &'a Clock,
}

/// The most bytes that a stage takes out of its queues at once.
const REFILL_BYTES: usize = 64 << 10;

impl FanIn<'_> {
    /// Whether the stage takes anything now.
    pub(in crate::exec::run) fn has_input(&self, queues: &[Queue], state: &InputState) -> bool {
        self.inputs().iter().any(|&edge| self.takes_from(queues, state.refused, edge))
            || self.feedback().iter().any(|&edge| self.takes_back(queues, edge))
    }

    /// Moves at most `most` packets into the inbox, and the ends between them. Returns how many packets.
    pub(in crate::exec::run) fn fill(
        &self,
        queues: &mut [Queue],
        state: &mut InputState,
        inbox: &mut VecDeque<StreamItem>,
        most: usize,
    ) -> usize {
        let (mut packets, mut bytes) = (0, 0);
        while packets < most && bytes < REFILL_BYTES {
            let Some(edge) = self.next_edge(queues, state) else { break };
            let since = queues[edge].oldest();
            match queues[edge].pop() {
                // The end of an input is made here, and never queued.
                None | Some((StreamItem::EndOfInput(_), _)) => break,
                Some((StreamItem::Packet(mut queued, _), weight)) => {
                    if self.takes_by_time() {
                        let begin = queued.packet.pts.unwrap_or(queues[edge].taken_until);
                        queues[edge].taken_until = begin.saturating_add(queued.packet.duration.unwrap_or(0));
                    }
                    queued.path += self.graph.edges[edge].path_offset;
                    inbox.push_back(StreamItem::Packet(queued, self.graph.edges[edge].port));
                    if packets == 0 {
                        state.holds_since = since;
                    }
                    packets += 1;
                    bytes += weight;
                    let is_bounded = self.graph.edges[edge].buffer.is_some();
                    if is_bounded && self.graph.stages[self.stage].runner == Runner::Native {
                        // Packets in the inbox would add to the bounds of the manifest.
                        break;
                    }
                }
                Some((StreamItem::EndOfItem(item), _)) => {
                    (queues[edge].ended, queues[edge].taken_until) = (Some(item), 0);
                    self.pass_end(queues, edge, inbox);
                }
                Some((StreamItem::EndOfStream, _)) => {
                    queues[edge].has_finished = true;
                    self.pass_end(queues, edge, inbox);
                    if self.inputs().iter().all(|&input| queues[input].has_finished) {
                        inbox.push_back(StreamItem::EndOfStream);
                    }
                }
            }
        }
        packets
    }

    /// The ends that a new instance of an aligning node gets, of ports at which nothing more of the item in work comes.
    pub(in crate::exec::run) fn ended_inputs(&self, queues: &[Queue]) -> Vec<StreamItem> {
        let has_ended = |&&input: &&usize| queues[input].ended.is_some() || queues[input].has_finished;
        if self.inputs().iter().all(|input| queues[*input].has_finished) {
            return Vec::new();
        }
        self.inputs().iter().filter(has_ended).filter_map(|&input| self.ended_input(queues, input)).collect()
    }

    /// Whether the stage takes what waits on an input edge. It leaves an edge alone that its node has no use for yet, as long
    /// as something is to come that the node waits for, and only the producers of this edge have to wait.
    fn takes_from(&self, queues: &[Queue], refused: u64, edge: usize) -> bool {
        if !queues[edge].is_ready() {
            return false;
        }
        let is_refused = |edge: usize| refused >> self.graph.edges[edge].port & 1 == 1;
        let may_wait = match self.graph.edges[edge].upstream {
            Upstream::Shared => false,
            // A session sends to all edges of an input at once, and what the node waits for may come of the same packets.
            Upstream::Inputs => !self.is_session,
            Upstream::OwnInputs | Upstream::Sources => true,
        };
        if !may_wait || !is_refused(edge) {
            return true;
        }
        let is_to_come =
            |&edge: &usize| !is_refused(edge) && queues[edge].ended.is_none() && !queues[edge].has_finished;
        !self.inputs().iter().any(is_to_come)
    }

    /// The edge whose turn it is.
    fn next_edge(&self, queues: &[Queue], state: &mut InputState) -> Option<usize> {
        let (inputs, feedback) = (self.inputs(), self.feedback());
        // Without the divisions of a turn: of three nodes on three numbers they are 1 % of all instructions.
        if let (&[only], []) = (inputs, feedback) {
            return self.takes_from(queues, state.refused, only).then_some(only);
        }
        let count = inputs.len() + feedback.len();
        let edge = |position: usize| inputs.get(position).or_else(|| feedback.get(position - inputs.len())).copied();
        let is_taken = |edge: usize| match self.graph.edges[edge].delay {
            None => self.takes_from(queues, state.refused, edge),
            Some(_) => self.takes_back(queues, edge),
        };
        if self.takes_by_time() {
            let taken = (0..count).filter_map(edge).filter(|&edge| is_taken(edge));
            return taken.min_by_key(|&edge| queues[edge].next_time());
        }
        let turns = (0..count).map(|turn| (state.next + turn) % count);
        let position = { turns }.find(|&position| edge(position).is_some_and(is_taken))?;
        state.next = (position + 1) % count;
        edge(position)
    }

    /// Whether the edges do not take turns, but the packet comes first that begins first. A node that aligns its inputs may give
    /// up one that is behind the others, and what waits in a queue is not behind. Under a virtual clock the turns would depend on
    /// threads.
    fn takes_by_time(&self) -> bool {
        matches!(self.clock, Clock::Virtual(_)) || self.graph.begins_with_aligning(self.stage)
    }

    /// Whether the stage takes what waits on an edge that goes backwards: once it has arrived, and nothing behind the end of the
    /// stream. Where all inputs are there from the start there is no time to pass.
    fn takes_back(&self, queues: &[Queue], edge: usize) -> bool {
        let has_arrived = |due| !self.is_session || due <= self.clock.now();
        !queues[edge].is_empty()
            && queues[edge].oldest().is_none_or(has_arrived)
            && !self.inputs().iter().all(|&input| queues[input].has_finished)
    }

    /// Passes the end of an item on, once it has come on all edges that still bring something.
    fn pass_end(&self, queues: &mut [Queue], edge: usize, inbox: &mut VecDeque<StreamItem>) {
        let inputs = self.inputs();
        let aligns = self.graph.begins_with_aligning(self.stage);
        if !inputs.iter().all(|&input| queues[input].ended.is_some() || queues[input].has_finished) {
            inbox.extend(self.ended_input(queues, edge).filter(|_| aligns));
            return;
        }
        // An edge that has finished is not waited for: a source ends once, however often the stream beside it is flushed.
        let item = inputs.iter().filter_map(|&input| queues[input].ended.take()).max();
        // Not `extend`, which first makes sure of the room for what is mostly one.
        if let Some(item) = item {
            inbox.push_back(StreamItem::EndOfItem(item));
        }
        if aligns {
            inbox.extend(self.ended_inputs(queues));
        }
    }

    /// The end of the port that an edge leads to, if nothing more of this item comes at it.
    fn ended_input(&self, queues: &[Queue], edge: usize) -> Option<StreamItem> {
        let port = self.graph.edges[edge].port;
        let mut edges = self.inputs().iter().filter(|&&edge| self.graph.edges[edge].port == port);
        let has_ended = |&input: &usize| queues[input].ended.is_some() || queues[input].has_finished;
        edges.all(has_ended).then_some(StreamItem::EndOfInput(port))
    }

    fn inputs(&self) -> &[usize] {
        &self.graph.stages[self.stage].inputs
    }

    /// The edges that go backwards. They take no part in ends, and nothing waits for them.
    fn feedback(&self) -> &[usize] {
        &self.graph.stages[self.stage].feedback_inputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::queues::stream_item::QueuedPacket;
    use crate::exec::test_graph::test_graph;
    use crate::value::{Packet, Value};

    fn packet(item: u64) -> StreamItem {
        let queued = QueuedPacket { packet: Packet::new(Value::Null), item, path: 0, deadline: None };
        StreamItem::Packet(queued, 0)
    }

    /// What a stage takes of its two edges, at most `most` packets at a time: `item.path` of a packet, `-` for an end.
    fn taken(edges: [Vec<StreamItem>; 2], most: usize) -> String {
        let graph = test_graph(&["a", "b", "join"], &[("a", "join"), ("b", "join")]);
        let stage = graph.stages.iter().position(|stage| stage.inputs.len() == 2).expect("one joins two");
        let mut queues: Vec<Queue> = graph.edges.iter().map(|_| Queue::new(None)).collect();
        for (items, &edge) in edges.into_iter().zip(&graph.stages[stage].inputs) {
            items.into_iter().for_each(|item| queues[edge].push(item));
        }
        let fan_in = FanIn { graph: &graph, stage, is_session: false, clock: &Clock::Real };
        let (mut state, mut inbox) = (InputState::default(), VecDeque::new());
        while fan_in.has_input(&queues, &state) {
            fan_in.fill(&mut queues, &mut state, &mut inbox, most);
        }
        let shown = |item: &StreamItem| match item {
            StreamItem::Packet(queued, _) => format!("{}.{}", queued.item, queued.path),
            StreamItem::EndOfInput(port) => format!("-port{port}"),
            StreamItem::EndOfItem(item) => format!("-{item}"),
            StreamItem::EndOfStream => "-".to_owned(),
        };
        inbox.iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn edges_take_turns_and_nothing_of_the_next_item_passes_an_end() {
        let edges = || {
            use StreamItem::{EndOfItem, EndOfStream};
            [
                vec![packet(0), packet(0), EndOfItem(0), packet(1), EndOfItem(1), EndOfStream],
                vec![packet(0), EndOfItem(0), packet(1), packet(1), EndOfItem(1), EndOfStream],
            ]
        };
        let expected = "0.0 0.1 0.0 -0 1.1 1.0 1.1 -1 -";
        for most in 1..8 {
            let taken = taken(edges(), most);
            assert_eq!(taken.matches("-0 ").count(), 1, "{taken}");
            if most == 1 {
                assert_eq!(taken, expected);
            }
        }
    }

    #[test]
    fn an_edge_that_has_finished_is_not_waited_for() {
        use StreamItem::{EndOfItem, EndOfStream};
        let edges = [vec![EndOfStream], vec![packet(0), EndOfItem(0), packet(1), EndOfItem(1), packet(2), EndOfStream]];
        assert_eq!(taken(edges, 9), "0.1 -0 1.1 -1 2.1 -");
    }
}
