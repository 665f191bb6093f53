//! What can be observed of a run while it goes on: its progress, its metrics, and the records of a trace.

use std::cmp::Ordering::{Greater, Less};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::egress::Egress;
use super::stage_cell::Status;
use super::{Phase, Run, State};
use crate::exec::collector::Collector;
use crate::exec::histogram::{Percentiles, Snapshot};
use crate::exec::metrics::{SessionMetrics, Waiting, WaitsFor, edge_metrics};
use crate::exec::progress::Progress;
use crate::exec::queue::Queue;
use crate::exec::trace::{Recorder, TraceRecord};
use crate::graph::Runner;

impl Run {
    /// The progress so far; `None` once the run has ended.
    pub(super) fn inspect_progress(&self) -> Option<Progress> {
        let state = self.lock();
        if state.phase == Phase::Completed {
            return None;
        }
        Some(match &state.egress {
            Egress::Collected { collectors, .. } => Progress {
                items: self.ended.load(Ordering::Relaxed) / collectors.len().max(1) as u64,
                media: collectors.iter().filter_map(Collector::media).max(),
            },
            Egress::Live(outputs) => {
                let taken = |ingress: &super::Ingress| ingress.taken(&self.graph, &state.queues);
                Progress { items: state.ingress.as_deref().map_or(0, taken), media: outputs.media() }
            }
        })
    }

    /// What the nodes of a session have done, and what they wait for; `None` once the run has ended.
    pub(in crate::exec) fn metrics(&self) -> Option<SessionMetrics> {
        let state = self.lock();
        let (Some(counts), Egress::Live(outputs)) = (&self.counts, &state.egress) else { return None };
        if state.phase == Phase::Completed {
            return None;
        }
        let mut nodes: Vec<Option<_>> = vec![None; self.graph.nodes.len()];
        for (index, stage) in self.graph.stages.iter().enumerate() {
            let waits_for = self.waits_for(&state, index);
            let entered = counts[stage.links[0].node].entered();
            let is_in_step = state.stages[index].status() == Status::Running && stage.runner == Runner::Native;
            let waiting = self.waiting(&state, index);
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
        let ingress = state.ingress.as_deref();
        let (sent, lag) =
            ingress.map_or((0, Percentiles::default()), |ingress| (ingress.sent(), self.lag(&ingress.lag_before)));
        let nodes = nodes.into_iter().flatten().collect();
        Some(SessionMetrics { nodes, edges, unread: outputs.unread(), sent, lag })
    }

    /// How far the host's event loop was behind since the session began.
    pub(super) fn lag(&self, before: &Snapshot) -> Percentiles {
        self.port.upgrade().map_or_else(Percentiles::default, |port| port.lag().since(before).percentiles())
    }

    /// Whether the run records a trace.
    pub(super) fn is_traced(&self) -> bool {
        self.recorder().is_some()
    }

    /// Adds a record to the trace, if there is one.
    pub(super) fn record(&self, made: impl FnOnce(&Recorder) -> TraceRecord) {
        if let Some(recorder) = self.recorder() {
            recorder.note(made(recorder));
        }
    }

    /// Records how many packets wait before a stage.
    pub(super) fn record_fill(&self, state: &State, index: usize) {
        self.record(|recorder| {
            let inputs = self.graph.stages[index].inputs.iter();
            TraceRecord::Fill {
                node: self.first_node(index),
                at: recorder.at(Instant::now()),
                packets: inputs.map(|&input| state.queues[input].packets()).sum(),
            }
        });
    }

    fn recorder(&self) -> Option<&Recorder> {
        self.counts.as_ref()?.recorder.as_ref()
    }

    fn waiting(&self, state: &State, index: usize) -> Waiting {
        let (stage, inputs) = (&state.stages[index], &self.graph.stages[index].inputs);
        let queues = || inputs.iter().map(|&input| &state.queues[input]);
        let oldest = queues().filter_map(Queue::oldest).chain(stage.inputs.holds_since).min();
        Waiting {
            packets: stage.inbox_len() + queues().map(Queue::packets).sum::<usize>(),
            fill: queues().map(Queue::fill).fold(0.0, f64::max),
            oldest: oldest.map(|oldest| oldest.elapsed()),
        }
    }

    fn waits_for(&self, state: &State, index: usize) -> WaitsFor {
        let stage = &self.graph.stages[index];
        match state.stages[index].status() {
            Status::Finished => return WaitsFor::End,
            Status::Scheduled | Status::Running => return WaitsFor::Nothing,
            Status::Idle => {}
        }
        if let Some(&(_, full)) = stage.outputs.iter().find(|&&(_, edge)| !state.queues[edge].has_credit()) {
            let node = self.first_node(self.graph.edges[full].to);
            return WaitsFor::Room { node: Arc::clone(&self.graph.nodes[node].id) };
        }
        if !self.has_credit(state, index) {
            return WaitsFor::Reader;
        }
        if state.stages[index].exchange.is_calling() { WaitsFor::Host } else { WaitsFor::Input }
    }
}
