//! What a stage carries from one time slice to the next: the nodes, and the items that it has taken and not processed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::exec::chain::{Chain, ChainFailure};
use crate::exec::epochs::{Epochs, StageEpoch};
use crate::exec::host::stage::HostStage;
use crate::exec::measures::metrics::Counts;
use crate::exec::param_changes::ParamChanges;
use crate::exec::queues::items::Items;
use crate::exec::queues::stream_item::StreamItem;
use crate::graph::{Graph, Runner};

/// The body of a stage. Only the thread that runs the stage has it.
pub(in crate::exec::run) struct Body {
    pub(in crate::exec::run) inbox: VecDeque<StreamItem>,
    pub(in crate::exec::run) work: Work,
    /// The epochs of its nodes that this has seen last.
    pub(in crate::exec::run) epoch: StageEpoch,
}

#[allow(clippy::large_enum_variant, reason = "it lives in a body, which is boxed as a whole")]
pub(in crate::exec::run) enum Work {
    Native(Chain),
    Host(HostStage),
}

impl Body {
    /// The body of a stage that has not run yet; fails if a node panics.
    pub(in crate::exec::run) fn new(
        graph: &Graph,
        index: usize,
        items: &Arc<Items>,
        counts: Option<&Arc<Counts>>,
        changes: Option<&Arc<ParamChanges>>,
        epochs: Option<&Arc<Epochs>>,
    ) -> Result<Box<Self>, ChainFailure> {
        let stage = &graph.stages[index];
        let work = match stage.runner {
            Runner::Native => Work::Native(Chain::new(graph, index, items, counts, changes, epochs)?),
            Runner::Host { batch } => Work::Host(HostStage::new(batch, graph, stage)),
        };
        Ok(Box::new(Self { inbox: VecDeque::with_capacity(8), work, epoch: StageEpoch::default() }))
    }

    /// Whether it holds packets that are not processed.
    pub(super) fn holds_packets(&self) -> bool {
        matches!(&self.work, Work::Native(chain) if chain.has_work()) || !self.inbox.is_empty()
    }

    /// Cleans up the nodes.
    pub(in crate::exec::run) fn cleanup(self: Box<Self>) -> Result<(), ChainFailure> {
        match self.work {
            Work::Native(chain) => chain.cleanup(),
            Work::Host(_) => Ok(()),
        }
    }
}

impl Work {
    /// The time before which the stage has nothing to do, because it waits to retry.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Work::Native(chain) => chain.due(),
            Work::Host(host) => host.due(),
        }
    }
}
