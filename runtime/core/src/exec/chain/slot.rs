//! One node of a chain, with what the chain knows of it.

use std::sync::Arc;

use smallvec::SmallVec;

use super::attempt::Attempt;
use super::instance::{ChainFailure, instance};
use crate::exec::measures::live_objects::LiveCount;
use crate::exec::param_changes::ParamChanges;
use crate::graph::Graph;
use crate::manifest::Work;
use crate::node::{Node, NodeType};

/// An instance of a node, and its place in the chain.
pub(super) struct NodeSlot {
    pub(super) node: Box<dyn Node>,
    /// Its index in the graph.
    pub(super) index: usize,
    pub(super) node_type: Arc<NodeType>,
    /// The output port that the next node reads from.
    pub(super) output_port: usize,
    /// The input port of the next node.
    pub(super) next_port: usize,
    /// Its `initialize` has succeeded.
    pub(super) wants_cleanup: bool,
    /// It wants to be resumed.
    pub(super) has_more: bool,
    /// The path of the packet in work.
    pub(super) path: u64,
    /// The time of the packet in work.
    pub(super) pts: Option<i64>,
    /// The number of the next packet of each output port.
    pub(super) seqs: SmallVec<[u64; 2]>,
    /// At which output ports nothing has come out since an instance was replaced in this item: what that held is lost, so that
    /// the next packet may not follow on the one before.
    pub(super) has_lost: SmallVec<[bool; 2]>,
    /// The epoch of the node that the instance belongs to.
    pub(super) epoch: u32,
    /// Kept if the packets at which the node fails are tried again.
    pub(super) attempt: Option<Box<Attempt>>,
    _counted: LiveCount,
}

impl NodeSlot {
    /// A new instance of the node at this position of a stage; fails if the node panics.
    pub(super) fn new(
        graph: &Graph,
        stage: usize,
        position: usize,
        changes: Option<&Arc<ParamChanges>>,
    ) -> Result<Self, ChainFailure> {
        let link = &graph.stages[stage].links[position];
        let node = &graph.nodes[link.node];
        let Work::Native { node_type, .. } = &node.work else {
            unreachable!("a stage of native nodes holds no other");
        };
        Ok(Self {
            node: instance(graph, stage, position, changes)?,
            index: link.node,
            node_type: Arc::clone(node_type),
            output_port: link.output_port,
            next_port: link.next_port,
            wants_cleanup: false,
            has_more: false,
            path: 0,
            pts: None,
            seqs: SmallVec::from_elem(0, node_type.outputs.len()),
            has_lost: SmallVec::from_elem(false, node_type.outputs.len()),
            epoch: 0,
            attempt: node.on_error.retry().map(|_| Box::default()),
            _counted: LiveCount::node(),
        })
    }
}
