//! The calls of a session to its run: sending packets and ending streams, changing params, reading outputs and metrics.
//!
//! A sender that finds no room and a reader that finds no output are notified once when that changes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::exec::measures::metrics::SessionMetrics;
use crate::exec::outputs::session_outputs::{SessionOutput, TakeLimit};
use crate::exec::ports::event::Event;
use crate::exec::queues::session_packet::EntryPacket;
use crate::exec::run::Run;
use crate::exec::run::clock::Clock;
use crate::exec::run::pacing::Pacing;
use crate::exec::run::scheduling::Ready;
use crate::exec::run::state::ingress::SendError;
use crate::exec::run::state::{Phase, State};
use crate::exec::run::time_slice::budget::Budget;
use crate::exec::run::time_slice::run_here;
use crate::node::PreparedNode;

/// The run of a session, for the session.
#[derive(Clone, Copy)]
pub(in crate::exec) struct SessionIo<'run>(pub(in crate::exec) &'run Arc<Run>);

impl SessionIo<'_> {
    /// Takes packets in their order as far as each finds room at its input, and works on this thread within the budget. Adds
    /// the outputs that are there to `outputs`, at most `most`; a reader is not notified of those. A sender that has packets
    /// left is notified once when there is room again. Returns how many packets were taken.
    pub(in crate::exec) fn send<P: EntryPacket>(
        self,
        packets: &mut VecDeque<P>,
        budget: Option<Budget>,
        most: TakeLimit,
        outputs: &mut Vec<SessionOutput>,
    ) -> Result<usize, SendError> {
        let Self(run) = self;
        let offered = packets.len();
        let mut ready = Ready::new();
        let mut state = run.lock();
        state.check_input()?;
        state.seen(budget.map_or_else(Instant::now, |budget| budget.from));
        if let (1.., Some(live)) = (most.packets, state.egress.live()) {
            live.begin_taking();
        }
        let mut is_fresh = true;
        loop {
            let before = (packets.len(), outputs.len());
            self.take_packets(&mut state, packets, &mut ready);
            self.hand_out(&mut state, None, most, outputs, &mut ready);
            let may_pass = ready.is_empty() && Pacing::of(run, &mut state, &mut ready).is_at_rest();
            if may_pass && before != (packets.len(), outputs.len()) {
                // Virtual time may pass now, and no other thread would let it.
                continue;
            }
            let has_time = |budget: &Budget| is_fresh || !budget.is_used_up();
            let Some(budget) = budget.filter(|budget| !ready.is_empty() && has_time(budget)) else { break };
            is_fresh = false;
            drop(state);
            // A session has its workers from the beginning, and what is left would go to them below.
            let _ = run_here(run, budget, &mut ready);
            state = run.lock();
            if state.phase != Phase::Active {
                self.end_taking(&mut state, most);
                // What was taken is lost with the rest; the completion has the reason, and the next send is refused.
                if !packets.is_empty() {
                    run.notify(&mut state, Event::Room { token: run.token });
                }
                return Ok(offered - packets.len());
            }
        }
        self.end_taking(&mut state, most);
        if let (Some(ingress), Some(next)) = (state.ingress.as_deref_mut(), packets.front()) {
            ingress.wait_for_room(Some(next.input()));
        }
        drop(state);
        run.dispatch(&mut ready);
        Ok(offered - packets.len())
    }

    /// Whether a packet would be taken now at any input; if not, the sender is notified once there is room.
    pub(in crate::exec) fn has_room(self) -> Result<bool, SendError> {
        let Self(run) = self;
        let mut state = run.lock();
        state.check_input()?;
        let has_room = (0..run.graph.inputs.len()).any(|input| state.has_entry_credit(&run.graph, &run.clock, input));
        if !has_room {
            if let Some(ingress) = state.ingress.as_deref_mut() {
                ingress.wait_for_room(None);
            }
            let mut ready = Ready::new();
            Pacing::of(run, &mut state, &mut ready).keep_time();
            drop(state);
            run.dispatch(&mut ready);
        }
        Ok(has_room)
    }

    /// Ends the input: no more packets come.
    pub(in crate::exec) fn finish(self) {
        let Self(run) = self;
        let mut ready = Ready::new();
        let mut guard = run.lock();
        let state = &mut *guard;
        if state.phase != Phase::Active {
            return;
        }
        let Some(ingress) = state.ingress.as_deref_mut() else { return };
        if !ingress.finish(&run.graph, &mut state.queues) {
            return;
        }
        run.scheduler().schedule_entries(state, &mut ready);
        Pacing::of(run, state, &mut ready).keep_time();
        drop(guard);
        run.dispatch(&mut ready);
    }

    /// Ends the stream behind what was sent, so that everything held back comes out; another one may begin.
    pub(in crate::exec) fn flush(self) -> Result<(), SendError> {
        let Self(run) = self;
        let mut ready = Ready::new();
        let mut guard = run.lock();
        guard.check_input()?;
        let state = &mut *guard;
        if let Some(ingress) = state.ingress.as_deref_mut() {
            ingress.flush(&run.graph, &mut state.queues);
            run.scheduler().schedule_entries(state, &mut ready);
        }
        drop(guard);
        run.dispatch(&mut ready);
        Ok(())
    }

    /// Sets the live params of a native node: from the packet on that is sent next, and at once if no packet that is sent can
    /// reach the node.
    pub(in crate::exec) fn set_params(self, node: usize, prepared: PreparedNode) -> Result<(), SendError> {
        let Self(run) = self;
        let state = run.lock();
        let (Phase::Active, Some(ingress), Some(changes)) = (state.phase, state.ingress.as_deref(), &run.changes)
        else {
            return Err(SendError::Ended);
        };
        let stages = &run.graph.stages;
        let Some(stage) = stages.iter().position(|stage| stage.links.iter().any(|link| link.node == node)) else {
            return Ok(());
        };
        let from = if ingress.feeds(&run.graph, stage) { ingress.sent() } else { 0 };
        changes.add(stage, node, from, prepared);
        Ok(())
    }

    /// Takes outputs that are there; a reader that gets none is notified once there is one. `None` if the run has handed
    /// everything over to its session.
    pub(in crate::exec) fn read(
        self,
        only: Option<usize>,
        most: TakeLimit,
        outputs: &mut Vec<SessionOutput>,
    ) -> Option<()> {
        let Self(run) = self;
        let mut ready = Ready::new();
        let mut state = run.lock();
        if state.phase == Phase::Completed {
            return None;
        }
        self.hand_out(&mut state, only, most, outputs, &mut ready);
        if let (true, Some(live)) = (outputs.is_empty(), state.egress.live()) {
            live.wait(only);
        }
        drop(state);
        run.dispatch(&mut ready);
        Some(())
    }

    /// What the nodes have done, and what they wait for; `None` once the run has ended.
    pub(in crate::exec) fn metrics(self) -> Option<SessionMetrics> {
        let Self(run) = self;
        let state = run.lock();
        run.view(&state).metrics(run.meter.counts()?, |before| run.lag(before))
    }

    /// Moves packets into the queues of their inputs while there is room for the next one, and it is its time.
    fn take_packets<P: EntryPacket>(self, state: &mut State, packets: &mut VecDeque<P>, ready: &mut Ready) {
        let Self(run) = self;
        let since = state.recent_time;
        let offered = packets.len();
        while let Some(packet) = packets.front() {
            let input = packet.input();
            if !Pacing::of(run, state, ready).await_arrival(packet.packet(), input) {
                break;
            }
            if !state.has_entry_room(&run.graph, input) {
                Pacing::of(run, state, ready).make_room(|state| state.has_entry_room(&run.graph, input));
                if !state.has_entry_credit(&run.graph, &run.clock, input) {
                    break;
                }
            }
            let (Some(ingress), Some(packet)) = (state.ingress.as_deref_mut(), packets.pop_front()) else { break };
            let packet = packet.into_packet();
            ingress.push((&run.graph, input), packet, || run.now(), since, &mut state.queues, &run.items);
            for &edge in &run.graph.inputs[input].edges {
                run.meter.record_fill(&run.graph, run.graph.edges[edge].to, &state.queues);
            }
            if !matches!(run.clock, Clock::Real) {
                run.scheduler().schedule_entries(state, ready);
            }
        }
        if packets.len() < offered {
            run.scheduler().schedule_entries(state, ready);
        }
    }

    /// Notifies a reader of outputs that a call has left which takes outputs.
    fn end_taking(self, state: &mut State, most: TakeLimit) {
        if let (1.., Some(live)) = (most.packets, state.egress.live())
            && live.end_taking()
        {
            self.0.notify(state, Event::Outputs { token: self.0.token });
        }
    }

    /// Takes outputs, and schedules the stages that waited for their room.
    fn hand_out(
        self,
        state: &mut State,
        only: Option<usize>,
        most: TakeLimit,
        outputs: &mut Vec<SessionOutput>,
        ready: &mut Ready,
    ) {
        let Some(live) = state.egress.live() else { return };
        let before = outputs.len();
        if before >= most.packets {
            return;
        }
        live.take(only, most, outputs);
        if outputs.len() > before {
            self.0.scheduler().schedule_exits(state, ready);
            Pacing::of(self.0, state, ready).keep_time();
        }
    }
}
