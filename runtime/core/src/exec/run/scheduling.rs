//! Decides which stages can run: asked after every change of a queue, and once more under the lock when a stage parks.

use smallvec::SmallVec;

use super::clock::Clock;
use crate::exec::epochs::Epochs;
use crate::exec::run::state::State;
use crate::exec::run::state::fan_in::FanIn;
use crate::exec::run::state::stage_cell::Status;
use crate::graph::{Graph, Stage};

/// Stages that were scheduled, in that order: seldom more than a few.
pub(super) type Ready = SmallVec<[usize; 8]>;

/// What it depends on whether a stage can run, beside the state: all of it borrowed from the run.
pub(super) struct Scheduler<'run> {
    pub(super) graph: &'run Graph,
    pub(super) clock: &'run Clock,
    pub(super) epochs: Option<&'run Epochs>,
    pub(super) is_session: bool,
}

impl<'run> Scheduler<'run> {
    /// Adds a stage to `ready` if it is idle and can run.
    pub(super) fn schedule_if_runnable(&self, state: &mut State, index: usize, ready: &mut Ready) {
        if state.stages[index].is_idle() && self.is_runnable(state, index) && state.stages.schedule(index) {
            ready.push(index);
        }
    }

    /// Schedules all stages that can run.
    pub(super) fn schedule_all(&self, state: &mut State, ready: &mut Ready) {
        for stage in 0..self.graph.stages.len() {
            self.schedule_if_runnable(state, stage, ready);
        }
    }

    /// Schedules the stages that packets come to from outside, as far as they can run.
    pub(super) fn schedule_entries(&self, state: &mut State, ready: &mut Ready) {
        for edge in self.graph.edges.iter().filter(|edge| edge.from.is_none()) {
            self.schedule_if_runnable(state, edge.to, ready);
        }
    }

    /// Schedules the stages whose packets come out of the graph, as far as they can run.
    pub(super) fn schedule_exits(&self, state: &mut State, ready: &mut Ready) {
        for (index, stage) in self.graph.stages.iter().enumerate() {
            if !stage.exits.is_empty() {
                self.schedule_if_runnable(state, index, ready);
            }
        }
    }

    /// Schedules the stages that have waited for those before them; see [`Self::may_take`].
    pub(super) fn schedule_joins(&self, state: &mut State, ready: &mut Ready) {
        for stage in (0..self.graph.stages.len()).filter(|stage| self.is_ordered_join(*stage)) {
            self.schedule_if_runnable(state, stage, ready);
        }
    }

    /// Whether a stage may take what waits before it. Where inputs join under a virtual clock, it takes nothing before all
    /// stages before it have come to rest: what it takes, by times, depends on no thread then.
    pub(super) fn may_take(&self, state: &State, index: usize) -> bool {
        if !self.is_ordered_join(index) {
            return true;
        }
        let mut is_before = vec![false; index + 1];
        is_before[index] = true;
        // Stages come after those that feed them.
        for stage in (0..=index).rev() {
            if !is_before[stage] {
                continue;
            }
            if stage != index && !self.rests(state, stage) {
                return false;
            }
            let inputs = self.graph.stages[stage].inputs.iter();
            inputs.filter_map(|edge| self.graph.edges[*edge].from).for_each(|before| is_before[before] = true);
        }
        true
    }

    /// Whether a stage does nothing before something comes or leaves, or time passes.
    fn rests(&self, state: &State, index: usize) -> bool {
        let cell = &state.stages[index];
        let is_called = cell.exchange.is_calling() && !cell.exchange.waits_for_room();
        match cell.status() {
            Status::Idle => !is_called && !self.has_work(state, index),
            Status::Finished => true,
            Status::Scheduled | Status::Running => false,
        }
    }

    /// Whether inputs join at a stage under a virtual clock.
    fn is_ordered_join(&self, index: usize) -> bool {
        let Stage { inputs, feedback_inputs, .. } = &self.graph.stages[index];
        matches!(self.clock, Clock::Virtual(_)) && inputs.len() + feedback_inputs.len() > 1
    }

    /// The inputs of a stage.
    pub(super) fn fan_in(&self, stage: usize) -> FanIn<'run> {
        FanIn { graph: self.graph, stage, is_session: self.is_session, clock: self.clock }
    }

    fn is_runnable(&self, state: &State, index: usize) -> bool {
        self.can_run(state, index, || self.may_take(state, index))
    }

    fn has_work(&self, state: &State, index: usize) -> bool {
        self.can_run(state, index, || true)
    }

    fn can_run(&self, state: &State, index: usize, may_take: impl Fn() -> bool) -> bool {
        let cell = &state.stages[index];
        if cell.is_woken() {
            return true;
        }
        if !state.has_credit(self.graph, index) {
            return false;
        }
        let has_input = || self.fan_in(index).has_input(&state.queues, &cell.inputs) && may_take();
        let epoch = self.epochs.map_or(0, |epochs| epochs.of_last(&self.graph.stages[index]));
        cell.has_work(epoch, || self.clock.now(), has_input)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::exec::outputs::session_outputs::{SessionOutputs, TakeLimit};
    use crate::exec::queues::items::Items;
    use crate::exec::queues::queue::Bounds;
    use crate::exec::queues::stream_item::{QueuedPacket, StreamItem};
    use crate::exec::run::control::entry_queues::open_queues;
    use crate::exec::run::state::body::Body;
    use crate::exec::run::state::delivery::Delivery;
    use crate::exec::run::state::egress::Egress;
    use crate::exec::test_graph::test_graph;
    use crate::graph::Part;
    use crate::value::{Packet, Value};

    /// The stages of the test's graph, in their order.
    const FIRST: usize = 0;
    const LEFT: usize = 1;

    /// The state of a session whose first stage feeds two others, where each queue and output holds one packet.
    fn session() -> (Graph, State) {
        let graph = test_graph(&["first", "left", "right"], &[("first", "left"), ("first", "right")]);
        let bounds = Bounds { packets: 1, ..Bounds::DEFAULT };
        let outputs: Vec<usize> = (0..graph.outputs.len()).collect();
        let egress = Egress::Live(SessionOutputs::new(outputs.len(), &outputs, bounds));
        let mut queues = open_queues(&graph, bounds);
        for (edge, queue) in graph.edges.iter().zip(&mut queues).filter(|(edge, _)| edge.from.is_some()) {
            assert!(edge.buffer.is_none(), "the test bounds them itself");
            *queue = crate::exec::queues::queue::Queue::new(Some(bounds));
        }
        let state = State::new(&graph, queues, egress, Delivery::to_port());
        (graph, state)
    }

    fn scheduler<'a>(graph: &'a Graph, epochs: Option<&'a Epochs>) -> Scheduler<'a> {
        Scheduler { graph, clock: &Clock::Real, epochs, is_session: true }
    }

    fn packet() -> QueuedPacket {
        QueuedPacket { packet: Packet::new(Value::Null), item: 0, path: 0, deadline: None }
    }

    fn push_before(graph: &Graph, state: &mut State, stage: usize) {
        state.queues[graph.stages[stage].inputs[0]].push(StreamItem::Packet(packet(), 0));
    }

    fn scheduled(schedule: impl FnOnce(&mut Ready)) -> Vec<usize> {
        let mut ready = Ready::new();
        schedule(&mut ready);
        ready.to_vec()
    }

    #[test]
    fn a_stage_is_scheduled_once_when_it_has_input() {
        let (graph, mut state) = session();
        let scheduler = scheduler(&graph, None);
        assert!(scheduled(|ready| scheduler.schedule_all(&mut state, ready)).is_empty());
        push_before(&graph, &mut state, FIRST);
        assert_eq!(scheduled(|ready| scheduler.schedule_entries(&mut state, ready)), [FIRST]);
        assert!(scheduled(|ready| scheduler.schedule_all(&mut state, ready)).is_empty(), "it is scheduled already");
    }

    #[test]
    fn a_stage_waits_for_room_in_every_queue_behind_it_unless_it_is_woken() {
        let (graph, mut state) = session();
        let scheduler = scheduler(&graph, None);
        push_before(&graph, &mut state, FIRST);
        push_before(&graph, &mut state, LEFT);
        assert_eq!(scheduled(|ready| scheduler.schedule_all(&mut state, ready)), [LEFT]);
        state.stages[FIRST].wake();
        assert_eq!(scheduled(|ready| scheduler.schedule_entries(&mut state, ready)), [FIRST]);
    }

    #[test]
    fn a_reader_that_makes_room_lets_the_last_stage_run() {
        let (graph, mut state) = session();
        let scheduler = scheduler(&graph, None);
        let output = graph.stages[LEFT].exits[0].1;
        state.egress.push(output, packet()).expect("a session has no limit");
        push_before(&graph, &mut state, LEFT);
        assert!(scheduled(|ready| scheduler.schedule_exits(&mut state, ready)).is_empty());
        let most = TakeLimit { packets: 1, bytes: 0 };
        state.egress.live().expect("it is a session").take(None, most, &mut Vec::new());
        assert_eq!(scheduled(|ready| scheduler.schedule_exits(&mut state, ready)), [LEFT]);
    }

    #[test]
    fn a_stage_that_was_interrupted_runs_without_input() {
        let (graph, mut state) = session();
        let epochs = Epochs::new(graph.nodes.len());
        let scheduler = scheduler(&graph, Some(&epochs));
        let items = std::sync::Arc::new(Items::begun(&graph));
        state.stages.schedule(LEFT);
        state.stages.start(LEFT, Instant::now(), 0);
        let body = Body::new(&graph, LEFT, &items, None, None, None);
        state.stages.park(LEFT, body.unwrap_or_else(|_| panic!("a host stage has nothing that could fail")));
        assert!(scheduled(|ready| scheduler.schedule_all(&mut state, ready)).is_empty());
        epochs.raise(&graph, &Part::whole(&graph));
        assert_eq!(scheduled(|ready| scheduler.schedule_all(&mut state, ready)), [LEFT]);
    }
}
