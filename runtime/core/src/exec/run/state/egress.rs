//! Where the outputs of a run go: collected for the completion, or into bounded queues from which the host takes them while
//! the run goes on.

use std::sync::Arc;

use crate::exec::outputs::collector::Collector;
use crate::exec::outputs::completion::SinkOutputs;
use crate::exec::outputs::session_outputs::SessionOutputs;
use crate::exec::queues::stream_item::QueuedPacket;
use crate::graph::Graph;
use crate::value::{Footprint, Packet};

/// The outputs of a run that have not left it.
pub(in crate::exec::run) enum Egress {
    /// Of a one-shot: they wait for the completion, within a limit. Beyond it none are kept: a completion of them would take
    /// as much again.
    Collected { collectors: Vec<Collector>, kept: Footprint, limit: usize },
    /// Of a session.
    Live(SessionOutputs),
}

/// What a new output means for others.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::exec::run) struct Pushed {
    /// Whether the reader of the output leaves room for another step.
    pub(in crate::exec::run) has_credit: bool,
    /// Whether a reader waits for the output; it is reported once.
    pub(in crate::exec::run) is_awaited: bool,
}

/// The collected outputs have grown past this many bytes.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::exec::run) struct LimitExceeded(pub(in crate::exec::run) usize);

impl Egress {
    /// Collects what comes out of all outputs of a graph, up to `limit` bytes.
    pub(in crate::exec::run) fn collect(graph: &Graph, limit: usize) -> Self {
        let collectors = graph.outputs.iter().map(|output| Collector::new(Arc::clone(&output.name))).collect();
        Self::Collected { collectors, kept: Footprint::default(), limit }
    }

    /// Adds a packet to an output of the graph.
    #[inline]
    pub(in crate::exec::run) fn push(&mut self, output: usize, queued: QueuedPacket) -> Result<Pushed, LimitExceeded> {
        match self {
            Self::Collected { collectors, kept, limit } => {
                kept.add(&queued.packet.value, Collector::ROW);
                if kept.bytes() > *limit {
                    collectors.iter_mut().for_each(Collector::clear);
                    return Err(LimitExceeded(*limit));
                }
                collectors[output].push(queued);
                Ok(Pushed { has_credit: true, is_awaited: false })
            }
            Self::Live(outputs) => {
                let is_awaited = outputs.push(output, queued);
                Ok(Pushed { has_credit: outputs.has_credit(output), is_awaited })
            }
        }
    }

    /// Whether the stage before an output may take another step.
    pub(super) fn has_credit(&self, output: usize) -> bool {
        match self {
            Self::Collected { .. } => true,
            Self::Live(outputs) => outputs.has_credit(output),
        }
    }

    /// Whether the stage before an output may take another step once these packets, which are on their way here, have arrived.
    pub(super) fn has_credit_behind<'a>(&self, output: usize, coming: impl Iterator<Item = &'a Packet>) -> bool {
        match self {
            Self::Collected { kept, limit, .. } => {
                let coming = coming.map(|packet| Collector::ROW + packet.value.weight()).sum();
                kept.bytes().saturating_add(coming) <= *limit
            }
            Self::Live(outputs) => outputs.has_credit_behind(output, coming),
        }
    }

    /// The outputs of a session.
    pub(in crate::exec::run) fn live(&mut self) -> Option<&mut SessionOutputs> {
        match self {
            Self::Live(outputs) => Some(outputs),
            Self::Collected { .. } => None,
        }
    }

    /// Drops what waits at these outputs of a session.
    pub(in crate::exec::run) fn clear(&mut self, is_meant: impl Fn(usize) -> bool) {
        if let Self::Live(outputs) = self {
            outputs.clear(is_meant);
        }
    }

    /// Takes the outputs for the completion; those of a session are not part of it.
    pub(in crate::exec::run) fn finish(&mut self) -> Vec<SinkOutputs> {
        match self {
            Self::Collected { collectors, .. } => {
                // Not in the memory of the collectors, which are larger: it costs more to make an allocation smaller.
                let mut sinks = Vec::with_capacity(collectors.len());
                sinks.extend(collectors.drain(..).map(Collector::finish));
                sinks
            }
            Self::Live(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::outputs::session_outputs::TakeLimit;
    use crate::exec::queues::queue::Bounds;
    use crate::exec::test_graph::test_graph;
    use crate::value::Value;

    fn queued(item: u64) -> QueuedPacket {
        QueuedPacket { packet: Packet::new(Value::bytes(vec![0; 100])), item, path: 0, deadline: None }
    }

    #[test]
    fn collected_outputs_come_in_the_order_of_items_and_stay_within_the_limit() {
        let mut footprint = Footprint::default();
        footprint.add(&queued(0).packet.value, Collector::ROW);
        let limit = footprint.bytes() * 2;
        let mut egress = Egress::collect(&test_graph(&["n"], &[]), limit);
        const PUSHED: Pushed = Pushed { has_credit: true, is_awaited: false };
        assert_eq!([egress.push(0, queued(1)), egress.push(0, queued(0))], [Ok(PUSHED), Ok(PUSHED)]);
        assert!(egress.has_credit(0), "a one-shot never waits for a reader");
        let coming = [queued(2).packet];
        assert!(egress.has_credit_behind(0, [].iter()) && !egress.has_credit_behind(0, coming.iter()));
        let items =
            |egress: &mut Egress| -> Vec<u64> { egress.finish()[0].outputs.iter().map(|output| output.item).collect() };
        assert_eq!(items(&mut egress), [0, 1]);
        let mut egress = Egress::collect(&test_graph(&["n"], &[]), limit);
        let pushed = [0, 1, 2, 3].map(|item| egress.push(0, queued(item)));
        assert_eq!(pushed, [Ok(PUSHED), Ok(PUSHED), Err(LimitExceeded(limit)), Err(LimitExceeded(limit))]);
        assert_eq!(items(&mut egress), [0; 0], "none are kept beyond the limit");
    }

    #[test]
    fn a_session_gives_credit_as_its_reader_takes_outputs() {
        let bounds = Bounds { packets: 2, ..Bounds::DEFAULT };
        let mut egress = Egress::Live(SessionOutputs::new(1, &[0], bounds));
        egress.live().expect("it is a session").wait(None);
        assert_eq!(egress.push(0, queued(0)), Ok(Pushed { has_credit: true, is_awaited: true }));
        assert_eq!(egress.push(0, queued(1)), Ok(Pushed { has_credit: false, is_awaited: false }), "reported once");
        let mut taken = Vec::new();
        egress.live().expect("it is a session").take(None, TakeLimit { packets: 1, bytes: 0 }, &mut taken);
        assert!(taken.len() == 1 && egress.has_credit(0));
        assert!(!egress.has_credit_behind(0, [queued(2).packet].iter()));
        egress.clear(|_| true);
        assert!(egress.has_credit_behind(0, [queued(2).packet].iter()) && egress.finish().is_empty());
    }
}
