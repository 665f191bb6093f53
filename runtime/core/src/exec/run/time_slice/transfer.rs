//! How items get into a stage and out of it: from its queues, to the queues behind it, to the outputs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::failure::{Failure, Fault, limit_error};
use crate::exec::epochs::Epochs;
use crate::exec::ports::event::Event;
use crate::exec::queues::stream_item::{QueuedPacket, StreamItem, mark_next};
use crate::exec::run::Run;
use crate::exec::run::scheduling::Ready;
use crate::exec::run::state::egress::{Egress, Pushed};
use crate::exec::run::state::stage_cell::Status;
use crate::exec::run::state::{Phase, State};
use crate::exec::run::timer_event::TimerEvent;
use crate::graph::StageEdge;
use crate::node::Cost;

/// The inputs and outputs of a stage, for the thread that runs it.
#[derive(Clone, Copy)]
pub(super) struct Transfer<'run> {
    pub(super) run: &'run Arc<Run>,
    pub(super) stage: usize,
}

impl Transfer<'_> {
    /// Moves at most `most` packets from the inputs of a native stage into its inbox, as far as the ends of items allow.
    pub(super) fn refill(
        self,
        state: &mut State,
        inbox: &mut VecDeque<StreamItem>,
        most: usize,
        refused: u64,
        epoch: u32,
        ready: &mut Ready,
    ) {
        let Self { run, stage } = self;
        // After an interruption, what is in the queues is for new instances of the nodes.
        let is_interrupted = |epochs: &Arc<Epochs>| epochs.of(run.graph.stages[stage].links[0].node) != epoch;
        if !run.epochs.as_ref().is_some_and(is_interrupted) {
            state.stages[stage].inputs.refused = refused;
            self.refill_locked(state, inbox, most, ready);
        }
    }

    /// Refills an inbox, and schedules the stages before it.
    pub(super) fn refill_locked(
        self,
        state: &mut State,
        inbox: &mut VecDeque<StreamItem>,
        most: usize,
        ready: &mut Ready,
    ) {
        let Self { run, stage } = self;
        let scheduler = run.scheduler();
        if !scheduler.may_take(state, stage) {
            return;
        }
        let taken = scheduler.fan_in(stage).fill(&mut state.queues, &mut state.stages[stage].inputs, inbox, most);
        run.meter.record_fill(&run.graph, stage, &state.queues);
        if taken == 0 {
            // An end takes no room.
            return;
        }
        for &input in &run.graph.stages[stage].inputs {
            match run.graph.edges[input].from {
                Some(producer) => scheduler.schedule_if_runnable(state, producer, ready),
                None => run.notify_room(state),
            }
        }
    }

    /// Whether a packet comes too late to this node, or out of it to an output; counts it then.
    pub(super) fn is_late(self, queued: &QueuedPacket, node: usize) -> bool {
        let is_late = queued.deadline.is_some_and(|deadline| self.run.now() > deadline);
        if let (true, Some(counts)) = (is_late, self.run.meter.node(node)) {
            counts.be_late();
        }
        is_late
    }

    /// Marks the next packet of this input as one behind a jump, since one that was marked is left out: of those `behind` it in
    /// the inbox, or of those in the queue.
    pub(super) fn pass_mark_on<'item>(
        self,
        behind: impl IntoIterator<Item = &'item mut StreamItem>,
        port: usize,
        state: &mut State,
    ) {
        if mark_next(behind, port) {
            return;
        }
        let Self { run, stage } = self;
        let edge = run.graph.stages[stage].inputs.iter().find(|&&input| run.graph.edges[input].port == port);
        if let Some(&edge) = edge {
            state.queues[edge].mark_from(0, port);
        }
    }

    /// Sends a packet out of a stage: to every output and edge of that port. Returns whether there is credit left.
    pub(super) fn emit_locked(
        self,
        state: &mut State,
        port: usize,
        queued: QueuedPacket,
        ready: &mut Ready,
    ) -> Result<bool, Fault> {
        let stage = &self.run.graph.stages[self.stage];
        if !stage.feedback_outputs.is_empty() {
            self.emit_backwards(state, port, &queued, ready);
        }
        if stage.outputs.is_empty() {
            return self.emit_to_outputs(state, port, queued);
        }
        if stage.exits.iter().any(|(from, _)| *from == port) {
            self.emit_to_outputs(state, port, queued.share())?;
        }
        self.emit_to_edges(state, port, queued, ready);
        Ok(state.has_credit(&self.run.graph, self.stage))
    }

    /// Adds a packet to the outputs that come out of a port; one that none comes out of is dropped. Returns whether there is
    /// credit left.
    fn emit_to_outputs(self, state: &mut State, port: usize, queued: QueuedPacket) -> Result<bool, Fault> {
        let stage = &self.run.graph.stages[self.stage];
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
                pushed.map_err(|limit| Box::new(Failure::Run(limit_error(&self.run.graph, node, &limit))))?;
            has_all_credit &= has_credit;
            if is_awaited {
                self.run.notify(state, Event::Outputs { token: self.run.token });
            }
        }
        Ok(has_all_credit)
    }

    /// Queues a packet at every edge of an output port, and schedules the stages behind them.
    fn emit_to_edges(self, state: &mut State, port: usize, queued: QueuedPacket, ready: &mut Ready) {
        let Self { run, stage } = self;
        let stage = &run.graph.stages[stage];
        if run.is_session && stage.cost > Cost::Proportional {
            state.seen(Instant::now());
        }
        let since = state.recent_time;
        let mut edges = stage.outputs.iter().filter(|(from, _)| *from == port).map(|&(_, edge)| edge).peekable();
        let mut queued = Some(queued);
        while let Some(edge) = edges.next() {
            let copy = if edges.peek().is_some() { queued.as_ref().map(QueuedPacket::share) } else { queued.take() };
            if let Some(copy) = copy {
                let dropped = state.queues[edge].push_at(StreamItem::Packet(copy, 0), since);
                run.meter.record_drops(&run.graph, run.graph.edges[edge].to, dropped);
                run.meter.record_fill(&run.graph, run.graph.edges[edge].to, &state.queues);
                run.scheduler().schedule_if_runnable(state, run.graph.edges[edge].to, ready);
            }
        }
    }

    /// Queues a packet at every edge of an output port that goes backwards. All of its times are later by the delay. In a session
    /// it is taken then; a run over inputs that are all there has no clock that it could wait for.
    fn emit_backwards(self, state: &mut State, port: usize, queued: &QueuedPacket, ready: &mut Ready) {
        let Self { run, stage } = self;
        let edges = run.graph.stages[stage].feedback_outputs.iter().filter(|(from, _)| *from == port);
        for &(_, edge) in edges {
            let StageEdge { to, delay, .. } = run.graph.edges[edge];
            let Some(delay) = delay.filter(|_| state.stages[to].status() != Status::Finished) else { continue };
            let QueuedPacket { packet, item, deadline, .. } = queued.share();
            let deadline = deadline.and_then(|deadline| deadline.checked_add(delay));
            // It has come back to where its way began.
            let later = QueuedPacket { packet: packet.later(delay), item, path: 0, deadline };
            let due = run.is_session.then(|| run.now() + delay);
            let dropped = state.queues[edge].push_at(StreamItem::Packet(later, 0), due);
            run.meter.record_drops(&run.graph, to, dropped);
            run.meter.record_fill(&run.graph, to, &state.queues);
            match due {
                Some(due) => run.set_timer(due, TimerEvent::Wake(to)),
                None => run.scheduler().schedule_if_runnable(state, to, ready),
            }
        }
    }

    /// Sends an end along every edge that a stage feeds; one that belongs to an `epoch` of the whole session
    /// is dropped if that is over.
    pub(super) fn forward(self, end: impl Fn() -> StreamItem, epoch: Option<u32>, ready: &mut Ready) {
        if self.run.graph.stages[self.stage].outputs.is_empty() {
            // The end of an item has come to the end of the graph; the end of the stream belongs to no epoch.
            self.run.ended.fetch_add(u64::from(epoch.is_some()), Ordering::Relaxed);
            return;
        }
        let mut state = self.run.lock();
        let is_over = |epoch| self.run.epochs.as_ref().is_some_and(|epochs| epochs.whole() != epoch);
        if !epoch.is_some_and(is_over) {
            self.forward_locked(&mut state, end, ready);
        }
    }

    fn forward_locked(self, state: &mut State, end: impl Fn() -> StreamItem, ready: &mut Ready) {
        for &(_, edge) in &self.run.graph.stages[self.stage].outputs {
            state.queues[edge].push(end());
            self.run.scheduler().schedule_if_runnable(state, self.run.graph.edges[edge].to, ready);
        }
    }

    /// Sends the end of an item along every edge that a stage feeds, or counts that it has come to the end of the graph.
    pub(super) fn end_item_locked(self, state: &mut State, item: u64, ready: &mut Ready) {
        self.run.ended.fetch_add(u64::from(self.run.graph.stages[self.stage].outputs.is_empty()), Ordering::Relaxed);
        self.forward_locked(state, || StreamItem::EndOfItem(item), ready);
    }
}
