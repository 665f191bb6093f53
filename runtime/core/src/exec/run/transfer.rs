//! How items get into a stage and out of it: from its queues, to the queues behind it, to the outputs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::egress::{Egress, Pushed};
use super::failure::{Failure, Fault, limit_error};
use super::stage_cell::Status;
use super::timer_event::TimerEvent;
use super::scheduling::Ready;
use super::{Phase, Run, State};
use crate::exec::epochs::Epochs;
use crate::exec::event::Event;
use crate::exec::stream_item::{QueuedPacket, StreamItem};
use crate::graph::StageEdge;
use crate::node::Cost;

impl Run {
    /// Moves at most `most` packets from the inputs of a stage into its inbox, as far as the ends of items allow.
    pub(super) fn refill(
        &self,
        index: usize,
        inbox: &mut VecDeque<StreamItem>,
        most: usize,
        refused: u64,
        epoch: u32,
        ready: &mut Ready,
    ) {
        let mut state = self.lock();
        // After an interruption, what is in the queues is for new instances of the nodes.
        let is_interrupted = |epochs: &Arc<Epochs>| epochs.of(self.graph.stages[index].links[0].node) != epoch;
        if !self.epochs.as_ref().is_some_and(is_interrupted) {
            state.stages[index].inputs.refused = refused;
            self.refill_locked(&mut state, index, inbox, most, ready);
        }
    }

    /// Refills an inbox, and schedules the stages before it.
    pub(super) fn refill_locked(
        &self,
        state: &mut State,
        index: usize,
        inbox: &mut VecDeque<StreamItem>,
        most: usize,
        ready: &mut Ready,
    ) {
        self.scheduler().fan_in(index).fill(&mut state.queues, &mut state.stages[index].inputs, inbox, most);
        self.meter.record_fill(&self.graph, index, &state.queues);
        for &input in &self.graph.stages[index].inputs {
            match self.graph.edges[input].from {
                Some(producer) => self.scheduler().schedule_if_runnable(state, producer, ready),
                None => self.notify_room(state),
            }
        }
    }

    /// Whether a packet comes too late to this node, or out of it to an output; counts it then.
    pub(super) fn is_late(&self, queued: &QueuedPacket, node: usize) -> bool {
        let is_late = queued.deadline.is_some_and(|deadline| self.now() > deadline);
        if let (true, Some(counts)) = (is_late, self.meter.node(node)) {
            counts.be_late();
        }
        is_late
    }

    /// Sends a packet out of a stage: to every output and edge of that port. Returns whether there is credit left.
    pub(super) fn emit(
        self: &Arc<Self>,
        index: usize,
        port: usize,
        queued: QueuedPacket,
        epoch: u32,
        ready: &mut Ready,
    ) -> Result<bool, Fault> {
        let mut state = self.lock();
        if self.epochs.as_ref().is_some_and(|epochs| epochs.of_last(&self.graph.stages[index]) != epoch) {
            return Ok(true);
        }
        self.emit_locked(&mut state, index, port, queued, ready)
    }

    /// Sends a packet out of a stage under the lock.
    pub(super) fn emit_locked(
        self: &Arc<Self>,
        state: &mut State,
        index: usize,
        port: usize,
        queued: QueuedPacket,
        ready: &mut Ready,
    ) -> Result<bool, Fault> {
        let stage = &self.graph.stages[index];
        if !stage.feedback_outputs.is_empty() {
            self.emit_backwards(state, index, port, &queued, ready);
        }
        if stage.outputs.is_empty() {
            return self.emit_to_outputs(state, index, port, queued);
        }
        if stage.exits.iter().any(|(from, _)| *from == port) {
            self.emit_to_outputs(state, index, port, queued.share())?;
        }
        self.emit_to_edges(state, index, port, queued, ready);
        Ok(state.has_credit(&self.graph, index))
    }

    /// Adds a packet to the outputs that come out of a port; one that none comes out of is dropped. Returns whether there is
    /// credit left.
    fn emit_to_outputs(
        &self,
        state: &mut State,
        index: usize,
        port: usize,
        queued: QueuedPacket,
    ) -> Result<bool, Fault> {
        let stage = &self.graph.stages[index];
        let mut exits = stage.exits.iter().filter(|(from, _)| *from == port).map(|&(_, output)| output).peekable();
        if exits.peek().is_none() || state.phase != Phase::Active {
            return Ok(true);
        }
        let node = stage.links.last().map_or(0, |link| link.node);
        if matches!(state.egress, Egress::Live(_)) && self.is_late(&queued, node) {
            return Ok(true);
        }
        let (mut queued, mut has_all_credit) = (Some(queued), true);
        while let Some(output) = exits.next() {
            let copy = if exits.peek().is_some() { queued.as_ref().map(QueuedPacket::share) } else { queued.take() };
            let Some(copy) = copy else { break };
            let pushed = state.egress.push(output, copy);
            let Pushed { has_credit, is_awaited } =
                pushed.map_err(|limit| Box::new(Failure::Run(limit_error(&self.graph, node, &limit))))?;
            has_all_credit &= has_credit;
            if is_awaited {
                self.notify(state, Event::Outputs { token: self.token });
            }
        }
        Ok(has_all_credit)
    }

    /// Queues a packet at every edge of an output port, and schedules the stages behind them.
    fn emit_to_edges(&self, state: &mut State, index: usize, port: usize, queued: QueuedPacket, ready: &mut Ready) {
        let stage = &self.graph.stages[index];
        if self.is_session && stage.cost > Cost::Proportional {
            state.seen(Instant::now());
        }
        let since = state.recent_time;
        let mut edges = stage.outputs.iter().filter(|(from, _)| *from == port).map(|&(_, edge)| edge).peekable();
        let mut queued = Some(queued);
        while let Some(edge) = edges.next() {
            let copy = if edges.peek().is_some() { queued.as_ref().map(QueuedPacket::share) } else { queued.take() };
            if let Some(copy) = copy {
                let dropped = state.queues[edge].push_at(StreamItem::Packet(copy, 0), since);
                self.meter.record_drops(&self.graph, self.graph.edges[edge].to, dropped);
                self.meter.record_fill(&self.graph, self.graph.edges[edge].to, &state.queues);
                self.scheduler().schedule_if_runnable(state, self.graph.edges[edge].to, ready);
            }
        }
    }

    /// Queues a packet at every edge of an output port that goes backwards. All of its times are later by the delay. In a session
    /// it is taken then; a run over inputs that are all there has no clock that it could wait for.
    fn emit_backwards(
        self: &Arc<Self>,
        state: &mut State,
        index: usize,
        port: usize,
        queued: &QueuedPacket,
        ready: &mut Ready,
    ) {
        let edges = self.graph.stages[index].feedback_outputs.iter().filter(|(from, _)| *from == port);
        for &(_, edge) in edges {
            let StageEdge { to, delay, .. } = self.graph.edges[edge];
            let Some(delay) = delay.filter(|_| state.stages[to].status() != Status::Finished) else { continue };
            let QueuedPacket { packet, item, deadline, .. } = queued.share();
            let deadline = deadline.and_then(|deadline| deadline.checked_add(delay));
            // It has come back to where its way began.
            let later = QueuedPacket { packet: packet.later(delay), item, path: 0, deadline };
            let due = self.is_session.then(|| self.now() + delay);
            let dropped = state.queues[edge].push_at(StreamItem::Packet(later, 0), due);
            self.meter.record_drops(&self.graph, to, dropped);
            self.meter.record_fill(&self.graph, to, &state.queues);
            match due {
                Some(due) => self.set_timer(due, TimerEvent::Wake(to)),
                None => self.scheduler().schedule_if_runnable(state, to, ready),
            }
        }
    }

    /// Sends an end along every edge that a stage feeds; one that belongs to an `epoch` of the whole session
    /// is dropped if that is over.
    pub(super) fn forward(&self, index: usize, end: impl Fn() -> StreamItem, epoch: Option<u32>, ready: &mut Ready) {
        if self.graph.stages[index].outputs.is_empty() {
            // The end of an item has come to the end of the graph; the end of the stream belongs to no epoch.
            self.ended.fetch_add(u64::from(epoch.is_some()), Ordering::Relaxed);
            return;
        }
        let mut state = self.lock();
        let is_over = |epoch| self.epochs.as_ref().is_some_and(|epochs| epochs.whole() != epoch);
        if !epoch.is_some_and(is_over) {
            self.forward_locked(&mut state, index, end, ready);
        }
    }

    fn forward_locked(&self, state: &mut State, index: usize, end: impl Fn() -> StreamItem, ready: &mut Ready) {
        for &(_, edge) in &self.graph.stages[index].outputs {
            state.queues[edge].push(end());
            self.scheduler().schedule_if_runnable(state, self.graph.edges[edge].to, ready);
        }
    }

    /// Sends the end of an item along every edge that a stage feeds, or counts that it has come to the end of the graph.
    pub(super) fn end_item_locked(&self, state: &mut State, index: usize, item: u64, ready: &mut Ready) {
        self.ended.fetch_add(u64::from(self.graph.stages[index].outputs.is_empty()), Ordering::Relaxed);
        self.forward_locked(state, index, || StreamItem::EndOfItem(item), ready);
    }
}
