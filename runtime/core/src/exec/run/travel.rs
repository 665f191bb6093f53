//! How packets come into a stage and leave it: out of its queues, on to those behind it, to a sink.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::failure::{Failure, Fault};
use super::{Phase, Ready, Run, Sinks, State};
use crate::exec::port::Event;
use crate::exec::queue::{Queue, Routed, Travel};
use crate::graph::Runner;
use crate::node::Cost;

/// The most that a stage takes out of its queues at once, which frees credit before the work is done.
pub(super) const REFILL_PACKETS: usize = 32;
const REFILL_BYTES: usize = 64 << 10;

impl Run {
    /// Moves at most so many packets that wait on the inputs of a stage into its inbox, as far as item boundaries allow.
    pub(super) fn refill(
        &self,
        index: usize,
        inbox: &mut VecDeque<Travel>,
        most: usize,
        refused: u64,
        epoch: u32,
        ready: &mut Ready,
    ) {
        let mut state = self.hold();
        // After an interruption what is there by now is for nodes that have begun anew.
        if epoch == self.epoch.load(Ordering::Relaxed) {
            state.stages[index].refused = refused;
            self.refill_in(&mut state, index, inbox, most, ready);
        }
    }

    /// Does so under the lock.
    pub(super) fn refill_in(
        &self,
        state: &mut State,
        index: usize,
        inbox: &mut VecDeque<Travel>,
        most: usize,
        ready: &mut Ready,
    ) {
        let stage = &self.graph.stages[index];
        let inputs = &stage.inputs;
        let tells_of_inputs = self.graph.begins_with_aligning(index);
        let (mut packets, mut bytes) = (0, 0);
        while packets < most && bytes < REFILL_BYTES {
            let first = state.stages[index].next_input;
            let Some(turn) =
                (0..inputs.len()).find(|turn| self.takes_from(state, index, inputs[(first + turn) % inputs.len()]))
            else {
                break;
            };
            let position = (first + turn) % inputs.len();
            let edge = inputs[position];
            state.stages[index].next_input = (position + 1) % inputs.len();
            let queue = &mut state.queues[edge];
            let since = queue.oldest();
            match queue.pop() {
                // Made here, and never put in a queue.
                None | Some((Travel::InputEnd(_), _)) => break,
                Some((Travel::Packet(mut routed, _), weight)) => {
                    routed.path += self.graph.edges[edge].path_offset;
                    inbox.push_back(Travel::Packet(routed, self.graph.edges[edge].port));
                    if packets == 0 {
                        state.stages[index].holds_since = since;
                    }
                    packets += 1;
                    bytes += weight;
                    if stage.runner == Runner::Native && self.graph.edges[edge].buffer.is_some() {
                        // Whoever bounds an edge counts on what waits there, not on what waits beside it.
                        break;
                    }
                }
                Some((Travel::End(item), _)) => {
                    queue.ended = Some(item);
                    if !end_together(&mut state.queues, inputs, inbox) {
                        inbox.extend(self.ended_input(state, index, edge).filter(|_| tells_of_inputs));
                    } else if tells_of_inputs {
                        inbox.extend(self.finished_inputs(state, index));
                    }
                }
                Some((Travel::Finish, _)) => {
                    queue.has_finished = true;
                    if !end_together(&mut state.queues, inputs, inbox) {
                        inbox.extend(self.ended_input(state, index, edge).filter(|_| tells_of_inputs));
                    } else if tells_of_inputs {
                        inbox.extend(self.finished_inputs(state, index));
                    }
                    if inputs.iter().all(|&input| state.queues[input].has_finished) {
                        inbox.push_back(Travel::Finish);
                    }
                }
            }
        }
        self.record_fill(state, index);
        for &input in inputs {
            match self.graph.edges[input].from {
                Some(producer) => self.schedule_if_runnable(state, producer, ready),
                None => self.tell_of_room(state),
            }
        }
    }

    /// What a node is told if nothing more of this item comes at the port that an edge leads to.
    fn ended_input(&self, state: &State, index: usize, edge: usize) -> Option<Travel> {
        let port = self.graph.edges[edge].port;
        let mut edges = self.graph.stages[index].inputs.iter().filter(|&&edge| self.graph.edges[edge].port == port);
        let has_ended = |&input: &usize| state.queues[input].ended.is_some() || state.queues[input].has_finished;
        edges.all(has_ended).then_some(Travel::InputEnd(port))
    }

    /// What a node is told, at the start of an item, of ports at which nothing comes any more.
    pub(super) fn finished_inputs(&self, state: &State, index: usize) -> Vec<Travel> {
        let inputs = &self.graph.stages[index].inputs;
        let finished = |&input: &usize| state.queues[input].has_finished;
        if inputs.iter().all(finished) {
            return Vec::new();
        }
        inputs
            .iter()
            .filter(|input| finished(input))
            .filter_map(|&input| self.ended_input(state, index, input))
            .collect()
    }

    /// Whether a packet comes too late to this node, or out of it to a sink; counts it then.
    pub(super) fn is_late(&self, routed: &Routed, node: usize) -> bool {
        let is_late = routed.deadline.is_some_and(|deadline| self.now() > deadline);
        if let (true, Some(counts)) = (is_late, &self.counts) {
            counts[node].be_late();
        }
        is_late
    }

    /// Sends a packet out of a stage: to the sink or to every edge of that port. Answers whether there is credit left.
    pub(super) fn emit(
        &self,
        index: usize,
        port: usize,
        routed: Routed,
        epoch: u32,
        ready: &mut Ready,
    ) -> Result<bool, Fault> {
        let mut state = self.hold();
        if epoch != self.epoch.load(Ordering::Relaxed) {
            return Ok(true);
        }
        self.emit_in(&mut state, index, port, routed, ready)
    }

    /// Does so under the lock.
    pub(super) fn emit_in(
        &self,
        state: &mut State,
        index: usize,
        port: usize,
        routed: Routed,
        ready: &mut Ready,
    ) -> Result<bool, Fault> {
        let stage = &self.graph.stages[index];
        if let Some(sink) = stage.sink {
            if port != 0 || state.phase != Phase::Active {
                return Ok(true);
            }
            return match &mut state.sinks {
                Sinks::Collected { collectors, bytes } => {
                    *bytes += routed.packet.value.weight();
                    collectors[sink].push(routed);
                    if *bytes > self.output_bytes {
                        let node = stage.links.last().map_or(0, |link| link.node);
                        return Err(Box::new(Failure::Run(self.limit_error(node))));
                    }
                    Ok(true)
                }
                Sinks::Live(outlets) => {
                    if stage.links.last().is_some_and(|link| self.is_late(&routed, link.node)) {
                        return Ok(true);
                    }
                    let is_awaited = outlets.push(sink, routed);
                    let has_credit = outlets.has_credit(sink);
                    if is_awaited {
                        self.tell(state, Event::Outputs { token: self.token });
                    }
                    Ok(has_credit)
                }
            };
        }
        if self.is_session && stage.cost > Cost::Proportional {
            state.seen(Instant::now());
        }
        let since = state.now_about;
        let mut edges = stage.outputs.iter().filter(|(from, _)| *from == port).map(|&(_, edge)| edge).peekable();
        let mut routed = Some(routed);
        while let Some(edge) = edges.next() {
            let copy = if edges.peek().is_some() { routed.as_ref().map(Routed::share) } else { routed.take() };
            if let Some(copy) = copy {
                state.queues[edge].push_at(Travel::Packet(copy, 0), since);
                self.record_fill(state, self.graph.edges[edge].to);
                self.schedule_if_runnable(state, self.graph.edges[edge].to, ready);
            }
        }
        Ok(self.has_credit(state, index))
    }

    /// Sends a boundary along every edge that a stage feeds; one that belongs to an `epoch` is dropped if that is over.
    pub(super) fn forward(&self, index: usize, boundary: impl Fn() -> Travel, epoch: Option<u32>, ready: &mut Ready) {
        if self.graph.stages[index].outputs.is_empty() {
            // The END of an item has come to a sink; FINISH belongs to no epoch.
            self.ended.fetch_add(u64::from(epoch.is_some()), Ordering::Relaxed);
            return;
        }
        let mut state = self.hold();
        if epoch.is_none_or(|epoch| epoch == self.epoch.load(Ordering::Relaxed)) {
            self.forward_in(&mut state, index, boundary, ready);
        }
    }

    /// Does so under the lock.
    fn forward_in(&self, state: &mut State, index: usize, boundary: impl Fn() -> Travel, ready: &mut Ready) {
        for &(_, edge) in &self.graph.stages[index].outputs {
            state.queues[edge].push(boundary());
            self.schedule_if_runnable(state, self.graph.edges[edge].to, ready);
        }
    }

    /// Sends the END of an item along every edge that a stage feeds, or notes that it has come to a sink.
    pub(super) fn end_item_in(&self, state: &mut State, index: usize, item: u64, ready: &mut Ready) {
        self.ended.fetch_add(u64::from(self.graph.stages[index].outputs.is_empty()), Ordering::Relaxed);
        self.forward_in(state, index, || Travel::End(item), ready);
    }
}

/// Lets the END of an item on once it has come on all edges that still bring something, and says whether that is so.
fn end_together(queues: &mut [Queue], inputs: &[usize], inbox: &mut VecDeque<Travel>) -> bool {
    let has_passed = |&input: &usize| queues[input].ended.is_some() || queues[input].has_finished;
    let have_passed = inputs.iter().all(has_passed);
    if have_passed {
        // An edge that has finished waits for nobody: a source ends once, however often the stream beside it is flushed.
        let item = inputs.iter().filter_map(|&input| queues[input].ended.take()).max();
        inbox.extend(item.map(Travel::End));
    }
    have_passed
}
