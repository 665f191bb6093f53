//! What can be observed of a run while it goes on: its progress and its metrics.

use std::cmp::Ordering::{Greater, Less};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::egress::Egress;
use super::ingress::{Ingress, waiting_at};
use super::meter::edges_into;
use super::stage_cell::Status;
use super::{Phase, Run, State};
use crate::exec::collector::Collector;
use crate::exec::histogram::{Percentiles, Snapshot};
use crate::exec::metrics::{InputMetrics, SessionMetrics, Waiting, WaitsFor, edge_metrics};
use crate::exec::progress::Progress;
use crate::exec::queue::Queue;
use crate::graph::{Graph, Runner};

impl Run {
    /// The progress so far; `None` once the run has ended.
    pub(super) fn inspect_progress(&self) -> Option<Progress> {
        let state = self.lock();
        if state.phase == Phase::Completed {
            return None;
        }
        Some(match &state.egress {
            Egress::Collected { collectors, .. } => Progress {
                items: self.ended.load(Ordering::Relaxed) / self.graph.last_stages.max(1) as u64,
                media: collectors.iter().filter_map(Collector::media).max(),
            },
            Egress::Live(outputs) => {
                let taken = |ingress: &Ingress| ingress.taken(&self.graph, &state.queues);
                Progress { items: state.ingress.as_deref().map_or(0, taken), media: outputs.media() }
            }
        })
    }

    /// What the nodes of a session have done, and what they wait for; `None` once the run has ended.
    pub(in crate::exec) fn metrics(&self) -> Option<SessionMetrics> {
        let state = self.lock();
        let (Some(counts), Egress::Live(outputs)) = (self.meter.counts(), &state.egress) else { return None };
        if state.phase == Phase::Completed {
            return None;
        }
        let mut nodes: Vec<Option<_>> = vec![None; self.graph.nodes.len()];
        for (index, stage) in self.graph.stages.iter().enumerate() {
            let waits_for = waits_for(&self.graph, &state, index);
            let entered = counts[stage.links[0].node].entered();
            let is_in_step = state.stages[index].status() == Status::Running && stage.runner == Runner::Native;
            let waiting = waiting(&self.graph, &state, index);
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
                    _ => waits_for.clone(),
                };
                nodes[link.node] = Some(counts[link.node].read(node, waiting, waits_for));
            }
        }
        let edges = edge_metrics(&self.graph, |edge| {
            let queue = &state.queues[edge];
            (queue.packets(), queue.dropped())
        });
        let ingress = state.ingress.as_deref()?;
        let inputs = self.graph.inputs.iter().zip(ingress.sent_to_each());
        let inputs = inputs.map(|(input, sent)| InputMetrics {
            name: Arc::clone(&input.name),
            sent,
            waiting: waiting_at(input, &state.queues),
        });
        Some(SessionMetrics {
            nodes: nodes.into_iter().flatten().collect(),
            edges,
            inputs: inputs.collect(),
            unread: outputs.unread(),
            sent: ingress.sent(),
            lag: self.lag(&ingress.lag_before),
        })
    }

    /// How far the host's event loop was behind since the session began.
    pub(super) fn lag(&self, before: &Snapshot) -> Percentiles {
        self.port.upgrade().map_or_else(Percentiles::default, |port| port.lag().since(before).percentiles())
    }
}

/// What waits before a stage.
fn waiting(graph: &Graph, state: &State, index: usize) -> Waiting {
    let stage = &state.stages[index];
    let queues = || edges_into(graph, index).map(|input| &state.queues[input]);
    let oldest = queues().filter_map(Queue::oldest).chain(stage.inputs.holds_since).min();
    Waiting {
        packets: stage.inbox_len() + queues().map(Queue::packets).sum::<usize>(),
        fill: queues().map(Queue::fill).fold(0.0, f64::max),
        oldest: oldest.map(|oldest| oldest.elapsed()),
    }
}

/// What a stage waits for.
fn waits_for(graph: &Graph, state: &State, index: usize) -> WaitsFor {
    let stage = &graph.stages[index];
    match state.stages[index].status() {
        Status::Finished => return WaitsFor::End,
        Status::Scheduled | Status::Running => return WaitsFor::Nothing,
        Status::Idle => {}
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
