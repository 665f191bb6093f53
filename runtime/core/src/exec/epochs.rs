//! How often the nodes of a session were interrupted. What a node got in an earlier epoch than its own is void.
//!
//! Epochs are raised under the lock of the run, and read without it where a packet goes from one node of a chain to the
//! next. They are raised in the order of the flow: a reader that sees the new epoch of a node also sees those of the nodes
//! before it that were raised with it.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::graph::{Graph, Part, Stage};

/// The epochs of the nodes of a session, by their indices in the manifest.
#[derive(Debug)]
pub(super) struct Epochs {
    nodes: Box<[AtomicU32]>,
    /// How often the session was interrupted as a whole, which also drops the ends of items.
    whole: AtomicU32,
}

/// The epochs of a stage: of the session as a whole, and of the stage's first and last node. An interruption of any node of
/// a stage raises that of its last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StageEpoch {
    pub(super) whole: u32,
    pub(super) first: u32,
    pub(super) last: u32,
}

impl Epochs {
    /// The epochs of so many nodes, none of which was interrupted.
    pub(super) fn new(nodes: usize) -> Self {
        Self { nodes: (0..nodes).map(|_| AtomicU32::new(0)).collect(), whole: AtomicU32::new(0) }
    }

    /// The epoch of a node.
    #[inline]
    pub(super) fn of(&self, node: usize) -> u32 {
        self.nodes[node].load(Ordering::Acquire)
    }

    /// The epoch of the session as a whole.
    pub(super) fn whole(&self) -> u32 {
        self.whole.load(Ordering::Acquire)
    }

    /// The epochs of a stage. They belong together if the caller holds the lock of the run.
    pub(super) fn of_stage(&self, stage: &Stage) -> StageEpoch {
        let first = stage.links.first().map_or(0, |link| self.of(link.node));
        StageEpoch { whole: self.whole(), first, last: self.of_last(stage) }
    }

    /// The epoch of the last node of a stage.
    pub(super) fn of_last(&self, stage: &Stage) -> u32 {
        stage.links.last().map_or(0, |link| self.of(link.node))
    }

    /// Begins a new epoch of all nodes of a part.
    pub(super) fn raise(&self, graph: &Graph, part: &Part) {
        if part.is_whole() {
            self.whole.fetch_add(1, Ordering::Release);
        }
        // Stages come after those that feed them.
        for (index, stage) in graph.stages.iter().enumerate() {
            if let Some(from) = part.from(index) {
                for link in &stage.links[from..] {
                    self.nodes[link.node].fetch_add(1, Ordering::Release);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::test_graph::test_graph;

    #[test]
    fn an_interruption_raises_the_epochs_of_the_nodes_in_its_part_and_of_the_whole_only_if_it_is_all() {
        let graph = test_graph(&["a", "b", "c"], &[("a", "b"), ("a", "c")]);
        let epochs = Epochs::new(graph.nodes.len());
        epochs.raise(&graph, &graph.part(1).expect("it has a call of its own"));
        assert_eq!([0, 1, 2].map(|node| epochs.of(node)), [0, 1, 0]);
        assert_eq!(epochs.whole(), 0);
        epochs.raise(&graph, &Part::whole(&graph));
        assert_eq!([0, 1, 2].map(|node| epochs.of(node)), [1, 2, 1]);
        assert_eq!(epochs.whole(), 1);
    }
}
