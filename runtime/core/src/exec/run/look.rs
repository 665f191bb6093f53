//! What can be seen of a run while it goes on: how far it is, and what its nodes have done and wait for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Phase, Run, Sinks, State, Status};
use crate::exec::durations::{Noted, Percentiles};
use crate::exec::metrics::{SessionMetrics, Waiting, WaitsFor, edge_metrics};
use crate::exec::progress::Progress;
use crate::exec::queue::Queue;
use crate::exec::sink::Collector;
use crate::graph::Runner;

impl Run {
    /// How far it is; `None` if it has ended.
    pub(in crate::exec) fn progress(&self) -> Option<Progress> {
        let state = self.hold();
        if state.phase == Phase::Completed {
            return None;
        }
        Some(match &state.sinks {
            Sinks::Collected { collectors, .. } => Progress {
                items: self.ended.load(Ordering::Relaxed) / collectors.len().max(1) as u64,
                media: collectors.iter().filter_map(Collector::media).max(),
            },
            Sinks::Live(outlets) => Progress { items: self.taken(&state), media: outlets.media() },
        })
    }

    /// What its nodes have done and wait for.
    pub(in crate::exec) fn metrics(&self) -> Option<SessionMetrics> {
        let state = self.hold();
        let (Some(counts), Sinks::Live(outlets)) = (&self.counts, &state.sinks) else { return None };
        if state.phase == Phase::Completed {
            return None;
        }
        let mut nodes: Vec<Option<_>> = vec![None; self.graph.nodes.len()];
        for (index, stage) in self.graph.stages.iter().enumerate() {
            let waits_for = self.waits_for(&state, index);
            let entered = counts[stage.links[0].node].entered();
            let is_in_step = state.stages[index].status == Status::Running && stage.runner == Runner::Native;
            let waiting = self.waiting(&state, index);
            for (place, link) in stage.links.iter().enumerate() {
                let waiting = if place == 0 { waiting } else { Waiting::default() };
                let node = &self.graph.nodes[link.node].id;
                // One node of a stage at a time is in a step; those before it wait until it has worked that off.
                let waits_for = match place.cmp(&entered) {
                    std::cmp::Ordering::Less if is_in_step => {
                        let at_work = &self.graph.nodes[stage.links[entered].node].id;
                        WaitsFor::Room { node: Arc::clone(at_work) }
                    }
                    std::cmp::Ordering::Greater if is_in_step => WaitsFor::Input,
                    _ => waits_for.clone(),
                };
                nodes[link.node] = Some(counts[link.node].read(node, waiting, waits_for));
            }
        }
        let feed = state.feed.as_deref();
        let (sent, lag) = feed.map_or((0, Percentiles::default()), |feed| (feed.next_item, self.lag(&feed.lag_before)));
        let edges = edge_metrics(&self.graph, |edge| {
            let queue = &state.queues[edge];
            (queue.packets(), queue.dropped())
        });
        let nodes = nodes.into_iter().flatten().collect();
        Some(SessionMetrics { nodes, edges, unread: outlets.unread(), sent, lag })
    }

    fn waiting(&self, state: &State, index: usize) -> Waiting {
        let (stage, inputs) = (&state.stages[index], &self.graph.stages[index].inputs);
        let queues = || inputs.iter().map(|&input| &state.queues[input]);
        let inbox = stage.body.as_ref().map_or(0, |body| body.inbox.len());
        let oldest = queues().filter_map(Queue::oldest).chain(stage.holds_since).min();
        Waiting {
            packets: inbox + queues().map(Queue::packets).sum::<usize>(),
            fill: queues().map(Queue::fill).fold(0.0, f64::max),
            oldest: oldest.map(|oldest| oldest.elapsed()),
        }
    }

    /// How many of the packets sent the first nodes have taken.
    fn taken(&self, state: &State) -> u64 {
        let entries = self.graph.edges.iter().zip(&state.queues).filter(|(edge, _)| edge.from.is_none());
        let waiting = entries.map(|(_, queue)| queue.packets()).max().unwrap_or(0);
        state.feed.as_deref().map_or(0, |feed| feed.next_item.saturating_sub(waiting as u64))
    }

    /// How far the host's loop was behind since the session began.
    pub(super) fn lag(&self, before: &Noted) -> Percentiles {
        self.port.upgrade().map_or_else(Percentiles::default, |port| port.lag().after(before).spread())
    }

    fn waits_for(&self, state: &State, index: usize) -> WaitsFor {
        let stage = &self.graph.stages[index];
        match state.stages[index].status {
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
