//! The calls of a session to its run: sending packets and ending streams, changing params, interrupting, reading outputs.
//!
//! A sender that finds no room and a reader that finds no output are notified once when that changes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::budget::Budget;
use super::clock::Clock;
use super::ingress::SendError;
use super::pacing::Pacing;
use super::scheduling::Ready;
use super::time_slice::run_here;
use super::{Phase, Run, State};
use crate::exec::event::Event;
use crate::exec::exchange::Dropped;
use crate::exec::host_call::HostCall;
use crate::exec::metrics::SessionMetrics;
use crate::exec::session_outputs::{SessionOutput, TakeLimit};
use crate::exec::session_packet::EntryPacket;
use crate::graph::Part;
use crate::node::PreparedNode;

/// What an interruption has dropped of a stage: to be freed where no lock is held, since it may be the host's.
struct InterruptedStage {
    _dropped: Dropped,
    _untaken_call: Option<HostCall>,
    _unheard_event: Option<Event>,
}

impl Run {
    /// Takes packets in their order as far as each finds room at its input, and works on this thread within the budget. Adds the outputs that are there
    /// to `outputs`, at most `most`. A sender that has packets left is notified once when there is room again. Returns how
    /// many packets were taken.
    pub(in crate::exec) fn send<P: EntryPacket>(
        self: &Arc<Self>,
        packets: &mut VecDeque<P>,
        budget: Option<Budget>,
        most: TakeLimit,
        outputs: &mut Vec<SessionOutput>,
    ) -> Result<usize, SendError> {
        let offered = packets.len();
        let mut ready = Ready::new();
        let mut state = self.lock();
        state.check_input()?;
        state.seen(budget.map_or_else(Instant::now, |budget| budget.from));
        let mut is_fresh = true;
        loop {
            let before = (packets.len(), outputs.len());
            self.take_packets(&mut state, packets, &mut ready);
            self.hand_out(&mut state, None, most, outputs, &mut ready);
            if ready.is_empty() && Pacing::of(self, &mut state, &mut ready).is_at_rest() && before != (packets.len(), outputs.len()) {
                // Virtual time may pass now, and no other thread would let it.
                continue;
            }
            let has_time = |budget: &Budget| is_fresh || !budget.is_used_up();
            let Some(budget) = budget.filter(|budget| !ready.is_empty() && has_time(budget)) else { break };
            is_fresh = false;
            drop(state);
            run_here(self, budget, std::mem::take(&mut ready));
            state = self.lock();
            if state.phase != Phase::Active {
                // What was taken is lost with the rest; the completion has the reason, and the next send is refused.
                if !packets.is_empty() {
                    self.notify(&mut state, Event::Room { token: self.token });
                }
                return Ok(offered - packets.len());
            }
        }
        if let (Some(ingress), Some(next)) = (state.ingress.as_deref_mut(), packets.front()) {
            ingress.wait_for_room(Some(next.input()));
        }
        drop(state);
        self.dispatch(&mut ready);
        Ok(offered - packets.len())
    }

    /// Whether a packet would be taken now at any input; if not, the sender is notified once there is room.
    pub(in crate::exec) fn has_room(self: &Arc<Self>) -> Result<bool, SendError> {
        let mut state = self.lock();
        state.check_input()?;
        let has_room = (0..self.graph.inputs.len()).any(|input| state.has_entry_credit(&self.graph, &self.clock, input));
        if !has_room {
            if let Some(ingress) = state.ingress.as_deref_mut() {
                ingress.wait_for_room(None);
            }
            let mut ready = Ready::new();
            Pacing::of(self, &mut state, &mut ready).keep_time();
            drop(state);
            self.dispatch(&mut ready);
        }
        Ok(has_room)
    }

    /// Ends the input: no more packets come.
    pub(in crate::exec) fn finish_input(self: &Arc<Self>) {
        let mut ready = Ready::new();
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.phase != Phase::Active {
            return;
        }
        let Some(ingress) = state.ingress.as_deref_mut() else { return };
        if !ingress.finish(&self.graph, &mut state.queues) {
            return;
        }
        self.scheduler().schedule_entries(state, &mut ready);
        Pacing::of(self, state, &mut ready).keep_time();
        drop(guard);
        self.dispatch(&mut ready);
    }

    /// Ends the stream behind what was sent, so that everything held back comes out; another one may begin.
    pub(in crate::exec) fn flush(self: &Arc<Self>) -> Result<(), SendError> {
        let mut ready = Ready::new();
        let mut guard = self.lock();
        guard.check_input()?;
        let state = &mut *guard;
        if let Some(ingress) = state.ingress.as_deref_mut() {
            ingress.flush(&self.graph, &mut state.queues);
            self.scheduler().schedule_entries(state, &mut ready);
        }
        drop(guard);
        self.dispatch(&mut ready);
        Ok(())
    }

    /// Sets the live params of a native node: from the packet on that is sent next, and at once if no packet that is sent can
    /// reach the node.
    pub(in crate::exec) fn set_params(&self, node: usize, prepared: PreparedNode) -> Result<(), SendError> {
        let state = self.lock();
        let (Phase::Active, Some(ingress), Some(changes)) = (state.phase, state.ingress.as_deref(), &self.changes)
        else {
            return Err(SendError::Ended);
        };
        let stages = &self.graph.stages;
        let Some(stage) = stages.iter().position(|stage| stage.links.iter().any(|link| link.node == node)) else {
            return Ok(());
        };
        let from = if ingress.feeds(&self.graph, stage) { ingress.sent() } else { 0 };
        changes.add(stage, node, from, prepared);
        Ok(())
    }

    /// Drops everything that is on its way to the nodes of a part and behind them, and replaces their instances but those of
    /// sources. The ends of items are dropped only if the part is the whole graph; else they would be missing where the part
    /// is joined with the rest. Returns whether the run has not ended.
    pub(in crate::exec) fn interrupt(self: &Arc<Self>, part: &Part) -> bool {
        let mut ready = Ready::new();
        let mut guard = self.lock();
        let state = &mut *guard;
        match state.phase {
            Phase::Active => {}
            Phase::Stopping(_) => {
                self.clear_outputs(state, part);
                return true;
            }
            Phase::Completed => return false,
        }
        if let Some(epochs) = &self.epochs {
            epochs.raise(&self.graph, part);
        }
        for (edge, queue) in self.graph.edges.iter().zip(&mut state.queues) {
            if edge.delay.is_some() {
                // What is on its way back belongs to both of its ends.
                if part.has_all_of(edge.to) || edge.from.is_some_and(|from| part.from(from).is_some()) {
                    queue.interrupt();
                }
                continue;
            }
            if !part.has_all_of(edge.to) {
                continue;
            }
            if !part.is_whole() {
                queue.drop_packets();
            } else if edge.from.is_some() || !self.graph.begins_with_source(edge.to) {
                queue.interrupt();
            }
        }
        self.clear_outputs(state, part);
        if let Some(ingress) = state.ingress.as_deref_mut().filter(|_| part.is_whole()) {
            ingress.interrupt();
        }
        let mut dropped = Vec::new();
        for stage in 0..self.graph.stages.len() {
            if part.from(stage).is_some() {
                dropped.push(self.interrupt_stage(state, stage, part.is_whole()));
            }
        }
        self.scheduler().schedule_all(state, &mut ready);
        self.notify_room(state);
        Pacing::of(self, state, &mut ready).keep_time();
        drop(guard);
        drop(dropped);
        self.dispatch(&mut ready);
        true
    }

    /// Takes outputs that are there; a reader that gets none is notified once there is one. `None` if the run has handed
    /// everything over to its session.
    pub(in crate::exec) fn read(
        self: &Arc<Self>,
        only: Option<usize>,
        most: TakeLimit,
        outputs: &mut Vec<SessionOutput>,
    ) -> Option<()> {
        let mut ready = Ready::new();
        let mut state = self.lock();
        if state.phase == Phase::Completed {
            return None;
        }
        self.hand_out(&mut state, only, most, outputs, &mut ready);
        if let (true, Some(live)) = (outputs.is_empty(), state.egress.live()) {
            live.wait(only);
        }
        drop(state);
        self.dispatch(&mut ready);
        Some(())
    }

    /// What the nodes have done, and what they wait for; `None` once the run has ended.
    pub(in crate::exec) fn metrics(&self) -> Option<SessionMetrics> {
        let state = self.lock();
        self.view(&state).metrics(self.meter.counts()?, |before| self.lag(before))
    }

    /// Moves packets into the queues of their inputs while there is room for the next one, and it is its time.
    fn take_packets<P: EntryPacket>(&self, state: &mut State, packets: &mut VecDeque<P>, ready: &mut Ready) {
        let since = state.recent_time;
        while let Some(packet) = packets.front() {
            let input = packet.input();
            if !Pacing::of(self, state, ready).await_arrival(packet.packet(), input) {
                break;
            }
            if !state.has_entry_room(&self.graph, input) {
                Pacing::of(self, state, ready).make_room(|state| state.has_entry_room(&self.graph, input));
                if !state.has_entry_credit(&self.graph, &self.clock, input) {
                    break;
                }
            }
            let (Some(ingress), Some(packet)) = (state.ingress.as_deref_mut(), packets.pop_front()) else { break };
            let packet = packet.into_packet();
            ingress.push((&self.graph, input), packet, || self.now(), since, &mut state.queues, &self.items);
            for &edge in &self.graph.inputs[input].edges {
                self.meter.record_fill(&self.graph, self.graph.edges[edge].to, &state.queues);
            }
            if !matches!(self.clock, Clock::Real) {
                self.scheduler().schedule_entries(state, ready);
            }
        }
        self.scheduler().schedule_entries(state, ready);
    }

    /// Takes outputs, and schedules the stages that waited for their room.
    fn hand_out(
        &self,
        state: &mut State,
        only: Option<usize>,
        most: TakeLimit,
        outputs: &mut Vec<SessionOutput>,
        ready: &mut Ready,
    ) {
        let Some(live) = state.egress.live() else { return };
        let before = outputs.len();
        live.take(only, most, outputs);
        if outputs.len() > before {
            self.scheduler().schedule_exits(state, ready);
            Pacing::of(self, state, ready).keep_time();
        }
    }

    /// Drops the outputs of a part that no reader has taken.
    fn clear_outputs(&self, state: &mut State, part: &Part) {
        state.egress.clear(|output| self.graph.is_output_of(output, part));
    }

    /// Ends the call that a stage has out and drops what has come of it. A host that has begun with the call is notified,
    /// before it gets another one.
    fn interrupt_stage(&self, state: &mut State, stage: usize, whole: bool) -> InterruptedStage {
        let (dropped, untaken_call) = state.stages[stage].interrupt(whole);
        let mut unheard_event = None;
        if let (Some(call), Some(port)) = (dropped.call(), self.port.upgrade()) {
            let (was_open, event) = port.forget_call(call);
            if was_open && event.is_none() && untaken_call.is_none() {
                self.notify(state, Event::CallCancelled { call });
            }
            unheard_event = event;
        }
        InterruptedStage { _dropped: dropped, _untaken_call: untaken_call, _unheard_event: unheard_event }
    }
}
