//! The state of a run that its threads share: its parts together, and questions that concern several of them.

pub(super) mod body;
pub(super) mod delivery;
pub(super) mod egress;
pub(super) mod fan_in;
pub(super) mod final_state;
mod follow_up;
pub(super) mod guard;
pub(super) mod ingress;
pub(super) mod stage_cell;

use std::time::Instant;

use self::delivery::Delivery;
use self::egress::Egress;
use self::ingress::{Ingress, SendError, has_room_at};
use self::stage_cell::Stages;
use crate::exec::host::host_call::HostCall;
use crate::exec::measures::metrics::IS_MEASURED;
use crate::exec::outputs::completion::Outcome;
use crate::exec::ports::event::Event;
use crate::exec::ports::port::DeferredNotify;
use crate::exec::queues::queue::Queue;
use crate::exec::run::clock::Clock;
use crate::graph::{Graph, Stage};

/// What stands behind the lock of a run.
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) queues: Vec<Queue>,
    pub(super) stages: Stages,
    /// How packets come in while it runs; none if all inputs were there at the start.
    pub(super) ingress: Option<Box<Ingress>>,
    pub(super) egress: Egress,
    pub(super) delivery: Delivery,
    /// A clock reading that was made for another reason: at most a time slice or a step ago.
    pub(super) recent_time: Option<Instant>,
    /// The notification that is due once the lock is released.
    pub(super) notify: Option<DeferredNotify>,
    /// Calls that their host will not get, to be dropped once the lock is released: their memory may be the host's.
    pub(super) untaken: Vec<UntakenCall>,
}

/// A call that is over before its host has got it: as the event at the port, or with the reply to the call before.
pub(super) struct UntakenCall {
    pub(super) _event: Option<Event>,
    pub(super) _follow_up: Option<HostCall>,
}

/// The phases of a run; [`super`] shows their transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Active,
    /// The run ends with this outcome once no stage is active.
    Stopping(Outcome),
    Completed,
}

impl State {
    /// The state of a run that has not started.
    pub(super) fn new(graph: &Graph, queues: Vec<Queue>, egress: Egress, delivery: Delivery) -> Self {
        Self {
            phase: Phase::Active,
            queues,
            stages: Stages::new(graph.stages.len()),
            ingress: None,
            egress,
            delivery,
            recent_time: None,
            notify: None,
            untaken: Vec::new(),
        }
    }

    /// Items that are queued from here on have been queued at `now`.
    pub(super) fn seen(&mut self, now: Instant) {
        if IS_MEASURED {
            self.recent_time = Some(now);
        }
    }

    /// Notifies the event loop once the lock is released.
    pub(super) fn notify_later(&mut self, notify: DeferredNotify) {
        match &mut self.notify {
            Some(known) => known.merge(notify),
            None => self.notify = Some(notify),
        }
    }

    /// Whether there is room behind a stage for what another step emits.
    pub(super) fn has_credit(&self, graph: &Graph, stage: usize) -> bool {
        let stage = &graph.stages[stage];
        stage.outputs.iter().all(|&(_, edge)| self.queues[edge].has_credit()) && self.has_exit_credit(stage)
    }

    /// Whether the readers of the outputs that come out of a stage leave room for what another step emits.
    pub(super) fn has_exit_credit(&self, stage: &Stage) -> bool {
        stage.exits.iter().all(|&(_, output)| self.egress.has_credit(output))
    }

    /// Whether there is room behind a host stage, beside that for what is on its way out of it: another thread may be about
    /// to move that, and how far it is makes no difference.
    pub(super) fn has_room_behind(&self, graph: &Graph, stage: usize) -> bool {
        let (stage, exchange) = (&graph.stages[stage], &self.stages[stage].exchange);
        let has_room = |&(port, edge): &(usize, usize)| self.queues[edge].has_credit_behind(exchange.leaving(port));
        let is_read = |&(port, output): &(usize, usize)| self.egress.has_credit_behind(output, exchange.leaving(port));
        stage.outputs.iter().all(has_room) && stage.exits.iter().all(is_read)
    }

    /// Checks that more packets may be sent.
    pub(super) fn check_input(&self) -> Result<(), SendError> {
        match self.ingress.as_deref() {
            Some(ingress) if self.phase == Phase::Active => ingress.check(),
            _ => Err(SendError::Ended),
        }
    }

    /// Whether the queues of an input have room for a packet.
    pub(super) fn has_entry_room(&self, graph: &Graph, input: usize) -> bool {
        has_room_at(&graph.inputs[input], &self.queues)
    }

    /// Whether a packet would be let in now at an input.
    pub(super) fn has_entry_credit(&self, graph: &Graph, clock: &Clock, input: usize) -> bool {
        self.lets_in(graph, clock) && self.has_entry_room(graph, input)
    }

    /// Whether a sender waits for room that is there now; it is to be notified, once.
    pub(super) fn take_waiting_sender(&mut self, graph: &Graph, clock: &Clock) -> bool {
        let is_awaited = self.ingress.as_deref().is_some_and(|ingress| ingress.awaited().next().is_some());
        if !is_awaited || !self.lets_in(graph, clock) {
            return false;
        }
        let Self { ingress, queues, .. } = self;
        let has_room = |input: usize| has_room_at(&graph.inputs[input], queues);
        ingress.as_deref_mut().is_some_and(|ingress| ingress.take_waiter(has_room))
    }

    /// Whether the clock lets packets in now: a virtual one stands still until the session is at rest.
    fn lets_in(&self, graph: &Graph, clock: &Clock) -> bool {
        matches!(clock, Clock::Real) || self.is_at_rest(graph)
    }

    /// Whether a session waits for nothing but the next packet or for time: no stage is at work, no call of the host is open,
    /// and no output waits for its reader.
    pub(super) fn is_at_rest(&self, graph: &Graph) -> bool {
        self.phase == Phase::Active
            && self.stages.are_idle()
            && !self.stages.have_finished()
            && !self.stages.any_calls()
            && graph.stages.iter().all(|stage| self.has_exit_credit(stage))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exec::measures::histogram::Histogram;
    use crate::exec::outputs::session_outputs::SessionOutputs;
    use crate::exec::queues::queue::Bounds;
    use crate::exec::queues::stream_item::{QueuedPacket, StreamItem};
    use crate::exec::run::control::entry_queues::open_queues;
    use crate::exec::test_graph::test_graph;
    use crate::value::{Packet, Value};

    /// The state of a session whose queues hold one packet each.
    fn session(graph: &Graph) -> State {
        let bounds = Bounds { packets: 1, ..Bounds::DEFAULT };
        let outputs: Vec<usize> = (0..graph.outputs.len()).collect();
        let egress = Egress::Live(SessionOutputs::new(outputs.len(), &outputs, bounds));
        let mut state = State::new(graph, open_queues(graph, bounds), egress, Delivery::to_port());
        let ingress = Ingress::new(graph.inputs.len(), None, Arc::default(), Histogram::new().snapshot());
        state.ingress = Some(Box::new(ingress));
        state
    }

    fn queued() -> QueuedPacket {
        QueuedPacket { packet: Packet::new(Value::Null), item: 0, path: 0, deadline: None }
    }

    #[test]
    fn an_output_that_is_full_takes_credit_and_rest_away() {
        let graph = test_graph(&["n"], &[]);
        let mut state = session(&graph);
        assert!(state.has_credit(&graph, 0) && state.is_at_rest(&graph) && state.has_room_behind(&graph, 0));
        state.egress.push(0, queued()).expect("a session has no limit");
        assert!(!state.has_credit(&graph, 0) && !state.is_at_rest(&graph) && !state.has_room_behind(&graph, 0));
    }

    #[test]
    fn a_stage_at_work_ends_the_rest() {
        let graph = test_graph(&["n"], &[]);
        let mut state = session(&graph);
        state.stages.schedule(0);
        assert!(!state.is_at_rest(&graph));
        state.stages.start(0, Instant::now(), 0);
        state.stages.finish(0);
        assert!(!state.is_at_rest(&graph), "nothing is left that waits");
    }

    #[test]
    fn a_sender_is_taken_once_where_there_is_room_and_the_clock_lets_packets_in() {
        let graph = test_graph(&["n"], &[]);
        let mut state = session(&graph);
        let still = Clock::still(1);
        assert!(!state.take_waiting_sender(&graph, &Clock::Real), "none waits");
        state.ingress.as_deref_mut().expect("it is a session").wait_for_room(Some(0));
        state.queues[0].push(StreamItem::Packet(queued(), 0));
        assert!(!state.take_waiting_sender(&graph, &Clock::Real) && !state.has_entry_credit(&graph, &Clock::Real, 0));
        state.queues[0].drop_packets();
        state.stages.schedule(0);
        assert!(!state.take_waiting_sender(&graph, &still) && !state.has_entry_credit(&graph, &still, 0));
        assert!(state.has_entry_credit(&graph, &Clock::Real, 0), "only virtual time waits for the stage");
        assert!(state.take_waiting_sender(&graph, &Clock::Real) && !state.take_waiting_sender(&graph, &Clock::Real));
    }

    #[test]
    fn a_full_entry_queue_has_no_room_and_a_run_that_stops_takes_nothing() {
        let graph = test_graph(&["n"], &[]);
        let mut state = session(&graph);
        assert!(state.has_entry_room(&graph, 0) && state.check_input().is_ok());
        state.queues[0].push(StreamItem::Packet(queued(), 0));
        assert!(!state.has_entry_room(&graph, 0) && state.check_input().is_ok());
        state.phase = Phase::Stopping(Outcome::Cancelled);
        assert_eq!(state.check_input(), Err(SendError::Ended));
    }
}
