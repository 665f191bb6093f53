//! What can be observed of a run while it goes on: its progress, its metrics, and what its stages wait for.

use std::cmp::Ordering::{Greater, Less};
use std::sync::Arc;
use std::time::Instant;

use super::meter::edges_into;
use crate::exec::measures::histogram::{Percentiles, Snapshot};
use crate::exec::measures::metrics::{
    Counts, InputMetrics, NodeMetrics, SessionMetrics, Waiting, WaitsFor, edge_metrics,
};
use crate::exec::measures::progress::Progress;
use crate::exec::outputs::collector::Collector;
use crate::exec::queues::queue::Queue;
use crate::exec::run::state::egress::Egress;
use crate::exec::run::state::ingress::{Ingress, waiting_at};
use crate::exec::run::state::stage_cell::Status;
use crate::exec::run::state::{Phase, State};
use crate::graph::{Graph, Runner};

/// A run for those who only look at it.
#[derive(Clone, Copy)]
pub(super) struct RunView<'run> {
    pub(super) graph: &'run Graph,
    pub(super) state: &'run State,
    /// How many ends of items have come to the end of the graph.
    pub(super) ended: u64,
}

impl RunView<'_> {
    /// The progress so far; `None` once the run has ended.
    pub(super) fn progress(self) -> Option<Progress> {
        if self.state.phase == Phase::Completed {
            return None;
        }
        Some(match &self.state.egress {
            Egress::Collected { collectors, .. } => {
                Progress { items: self.ended_items(), media: collectors.iter().filter_map(Collector::media).max() }
            }
            Egress::Live(outputs) => {
                let taken = |ingress: &Ingress| ingress.taken(self.graph, &self.state.queues);
                Progress { items: self.state.ingress.as_deref().map_or(0, taken), media: outputs.media() }
            }
        })
    }

    /// The first input whose end has not come to all ends of the graph; none in a session, where an input has no end of its own.
    pub(super) fn first_open_input(self) -> Option<u64> {
        matches!(self.state.egress, Egress::Collected { .. }).then(|| self.ended_items())
    }

    /// What the nodes of a session have done, by their `counts`, and what they wait for; `None` once the run has ended.
    /// `lag_since` is how far the host's event loop was behind after an earlier reading.
    pub(super) fn metrics(
        self,
        counts: &Counts,
        lag_since: impl FnOnce(&Snapshot) -> Percentiles,
    ) -> Option<SessionMetrics> {
        let Egress::Live(outputs) = &self.state.egress else { return None };
        if self.state.phase == Phase::Completed {
            return None;
        }
        let ingress = self.state.ingress.as_deref()?;
        let queues = &self.state.queues;
        let inputs = self.graph.inputs.iter().zip(ingress.sent_to_each());
        let inputs = inputs.map(|(input, sent)| InputMetrics {
            name: Arc::clone(&input.name),
            sent,
            waiting: waiting_at(input, queues),
        });
        Some(SessionMetrics {
            nodes: self.nodes(counts),
            edges: edge_metrics(self.graph, |edge| (queues[edge].packets(), queues[edge].dropped())),
            inputs: inputs.collect(),
            unread: outputs.unread(),
            sent: ingress.sent(),
            lag: lag_since(&ingress.lag_before),
        })
    }

    fn ended_items(self) -> u64 {
        self.ended / self.graph.last_stages.max(1) as u64
    }

    /// The metrics of all nodes, in the order of the manifest.
    fn nodes(self, counts: &Counts) -> Vec<NodeMetrics> {
        let mut nodes: Vec<Option<_>> = vec![None; self.graph.nodes.len()];
        for (index, stage) in self.graph.stages.iter().enumerate() {
            let waits_for = self.waits_for(index);
            let entered = counts[stage.links[0].node].entered();
            let is_in_step = self.state.stages[index].status() == Status::Running && stage.runner == Runner::Native;
            let waiting = self.waiting(index);
            let tries_again = self.state.stages[index].next_try(Instant::now()).map(|(_, failed)| failed.node);
            for (place, link) in stage.links.iter().enumerate() {
                let waiting = if place == 0 { waiting } else { Waiting::default() };
                let node = &self.graph.nodes[link.node].id;
                // One node of a stage at a time is in a step; those before it wait until it is through.
                let waits_for = match place.cmp(&entered) {
                    Less if is_in_step => {
                        let at_work = &self.graph.nodes[stage.links[entered].node].id;
                        WaitsFor::Room { node: Arc::clone(at_work) }
                    }
                    Greater if is_in_step => WaitsFor::Input,
                    _ if tries_again.is_some_and(|node| node != link.node) => WaitsFor::Input,
                    _ => waits_for.clone(),
                };
                nodes[link.node] = Some(counts[link.node].read(node, waiting, waits_for));
            }
        }
        nodes.into_iter().flatten().collect()
    }

    /// What waits before a stage.
    fn waiting(self, index: usize) -> Waiting {
        let stage = &self.state.stages[index];
        let queues = || edges_into(self.graph, index).map(|input| &self.state.queues[input]);
        let oldest = queues().filter_map(Queue::oldest).chain(stage.inputs.holds_since).min();
        Waiting {
            packets: stage.inbox_len() + queues().map(Queue::packets).sum::<usize>(),
            fill: queues().map(Queue::fill).fold(0.0, f64::max),
            oldest: oldest.map(|oldest| oldest.elapsed()),
        }
    }

    /// What a stage waits for.
    fn waits_for(self, index: usize) -> WaitsFor {
        let Self { graph, state, .. } = self;
        let stage = &graph.stages[index];
        match state.stages[index].status() {
            Status::Finished => return WaitsFor::End,
            Status::Scheduled | Status::Running => return WaitsFor::Nothing,
            Status::Idle => {}
        }
        if let Some((_, failed)) = state.stages[index].next_try(Instant::now()) {
            return WaitsFor::Retry { cause: failed.cause.clone() };
        }
        if let Some(&(_, full)) = stage.outputs.iter().find(|&&(_, edge)| !state.queues[edge].has_credit()) {
            let node = graph.stages[graph.edges[full].to].links[0].node;
            return WaitsFor::Room { node: Arc::clone(&graph.nodes[node].id) };
        }
        if !state.has_credit(graph, index) {
            return WaitsFor::Reader;
        }
        if state.stages[index].exchange.is_calling() { WaitsFor::Host } else { WaitsFor::Input }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::measures::histogram::Histogram;
    use crate::exec::outputs::session_outputs::SessionOutputs;
    use crate::exec::queues::queue::Bounds;
    use crate::exec::queues::stream_item::{QueuedPacket, StreamItem};
    use crate::exec::run::control::entry_queues::{open_queues, prefilled_queues};
    use crate::exec::run::state::delivery::Delivery;
    use crate::exec::test_graph::test_graph;
    use crate::value::{Packet, Value};

    fn packet() -> QueuedPacket {
        QueuedPacket { packet: Packet::new(Value::Null), item: 0, path: 0, deadline: None }
    }

    fn lag(_before: &Snapshot) -> Percentiles {
        Percentiles::default()
    }

    #[test]
    fn an_item_counts_once_its_end_has_come_to_all_ends_of_the_graph() {
        let graph = test_graph(&["first", "left", "right"], &[("first", "left"), ("first", "right")]);
        let queues = prefilled_queues(&graph, None);
        let mut state = State::new(&graph, queues, Egress::collect(&graph, 100), Delivery::to_port());
        let items = |state: &State, ended: u64| {
            RunView { graph: &graph, state, ended }.progress().map(|progress| progress.items)
        };
        assert_eq!([0, 1, 2, 3, 4].map(|ended| items(&state, ended)), [0, 0, 1, 1, 2].map(Some));
        let view = RunView { graph: &graph, state: &state, ended: 3 };
        assert_eq!(view.first_open_input(), Some(1));
        assert!(view.metrics(&Counts::new(3, false), lag).is_none(), "it is no session");
        state.phase = Phase::Completed;
        assert!(items(&state, 4).is_none());
    }

    #[test]
    fn the_metrics_of_a_session_name_what_each_node_waits_for() {
        let graph = test_graph(&["first", "left", "right"], &[("first", "left"), ("first", "right")]);
        let bounds = Bounds { packets: 1, ..Bounds::DEFAULT };
        let outputs: Vec<usize> = (0..graph.outputs.len()).collect();
        let egress = Egress::Live(SessionOutputs::new(outputs.len(), &outputs, bounds));
        let queues = open_queues(&graph, bounds);
        let mut state = State::new(&graph, queues, egress, Delivery::to_port());
        let ingress = Ingress::new(graph.inputs.len(), None, Arc::default(), Histogram::new().snapshot());
        state.ingress = Some(Box::new(ingress));
        let counts = Counts::new(3, false);
        let metrics = |state: &State| RunView { graph: &graph, state, ended: 0 }.metrics(&counts, lag);
        let waits = |state: &State| metrics(state).expect("it goes on").nodes.into_iter().map(|node| node.waits_for);
        assert!(waits(&state).all(|waits_for| waits_for == WaitsFor::Input));

        let (_, full) = graph.stages[0].outputs[0];
        while state.queues[full].has_credit() {
            state.queues[full].push(StreamItem::Packet(packet(), 0));
        }
        let (_, output) = graph.stages[1].exits[0];
        state.egress.push(output, packet()).expect("a session has no limit");
        state.stages.schedule(2);
        let expected = [WaitsFor::Room { node: "left".into() }, WaitsFor::Reader, WaitsFor::Nothing];
        assert!(waits(&state).eq(expected));
        let waiting: Vec<usize> =
            metrics(&state).expect("it goes on").nodes.iter().map(|node| node.waiting.packets).collect();
        assert_eq!(waiting, [0, state.queues[full].packets(), 0]);
        state.phase = Phase::Completed;
        assert!(metrics(&state).is_none());
    }
}
