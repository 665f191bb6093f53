//! The counts and the trace of a session, as its run writes them. A one-shot has none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::exec::host::host_call::HostCall;
use crate::exec::measures::metrics::{Counts, NodeCounts};
use crate::exec::measures::trace::{Recorder, TraceRecord, thread_number};
use crate::exec::queues::queue::Queue;
use crate::graph::Graph;

/// What a run writes about itself, if it is measured.
pub(super) struct Meter {
    counts: Option<Arc<Counts>>,
}

impl Meter {
    /// A meter that writes into these counts, if there are any.
    pub(super) fn new(counts: Option<Arc<Counts>>) -> Self {
        Self { counts }
    }

    pub(super) fn counts(&self) -> Option<&Arc<Counts>> {
        self.counts.as_ref()
    }

    /// The counts of one node.
    pub(super) fn node(&self, node: usize) -> Option<&NodeCounts> {
        self.counts.as_ref().map(|counts| &counts[node])
    }

    /// Counts the packets of a call that its host gets for the first time.
    pub(super) fn begin_call(&self, graph: &Graph, stage: usize, call: &HostCall) {
        if let (Some(counts), Some((item, packet))) = (&self.counts, call.first()) {
            for link in &graph.stages[stage].links {
                counts[link.node].take((call.packets() - call.taken_before) as u64, item, packet.pts);
            }
        }
    }

    /// Counts a call after its last reply.
    pub(super) fn end_call(&self, graph: &Graph, stage: usize, call: u64, took: Duration) {
        let links = &graph.stages[stage].links;
        if let Some(counts) = &self.counts {
            links.iter().for_each(|link| counts[link.node].end(took));
        }
        self.record(|recorder| {
            let end = recorder.at(Instant::now());
            let begin = end.saturating_sub(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
            TraceRecord::Call { node: links[0].node, call, begin, end }
        });
    }

    /// Whether there is a trace.
    pub(super) fn is_traced(&self) -> bool {
        self.recorder().is_some()
    }

    /// Records a time slice of a stage that ends now.
    pub(super) fn record_slice(&self, graph: &Graph, stage: usize, began: Instant) {
        self.record(|recorder| TraceRecord::Stage {
            node: graph.stages[stage].links[0].node,
            thread: thread_number(),
            begin: recorder.at(began),
            end: recorder.at(Instant::now()),
        });
    }

    /// Records how many packets wait before a stage.
    pub(super) fn record_fill(&self, graph: &Graph, stage: usize, queues: &[Queue]) {
        self.record(|recorder| TraceRecord::Fill {
            node: graph.stages[stage].links[0].node,
            at: recorder.at(Instant::now()),
            packets: edges_into(graph, stage).map(|input| queues[input].packets()).sum(),
        });
    }

    /// Records that a full buffer before a stage dropped packets.
    pub(super) fn record_drops(&self, graph: &Graph, stage: usize, packets: u64) {
        if packets > 0 {
            self.record(|recorder| TraceRecord::Drop {
                node: graph.stages[stage].links[0].node,
                at: recorder.at(Instant::now()),
                packets,
            });
        }
    }

    fn record(&self, made: impl FnOnce(&Recorder) -> TraceRecord) {
        if let Some(recorder) = self.recorder() {
            recorder.note(made(recorder));
        }
    }

    fn recorder(&self) -> Option<&Recorder> {
        self.counts.as_ref()?.recorder.as_ref()
    }
}

/// All edges that lead to a stage.
pub(super) fn edges_into(graph: &Graph, stage: usize) -> impl Iterator<Item = usize> {
    graph.stages[stage].inputs.iter().chain(&graph.stages[stage].feedback_inputs).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::test_graph::test_graph;

    #[test]
    fn only_a_traced_session_records() {
        let graph = test_graph(&["n"], &[]);
        let counts = [Counts::new(1, true), Counts::new(1, false)];
        for (counts, is_traced) in counts.iter().zip([true, false]) {
            let meter = Meter::new(Some(Arc::clone(counts)));
            assert_eq!(meter.is_traced(), is_traced);
            meter.record_fill(&graph, 0, &[Queue::new(None)]);
            meter.record_slice(&graph, 0, Instant::now());
            meter.end_call(&graph, 0, 7, Duration::from_millis(1));
            let records = counts.recorder.as_ref().map(|recorder| recorder.take().records);
            assert_eq!(records.map_or(0, |records| records.len()), if is_traced { 3 } else { 0 });
        }
    }

    #[test]
    fn a_run_that_is_not_measured_writes_nothing() {
        let graph = test_graph(&["n"], &[]);
        let meter = Meter::new(None);
        meter.end_call(&graph, 0, 7, Duration::ZERO);
        assert!(meter.node(0).is_none() && meter.counts().is_none() && !meter.is_traced());
    }
}
