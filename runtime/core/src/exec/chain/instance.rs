//! Node instances: made and dropped where a panic is caught, and what a panic means for the run.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use crate::exec::param_changes::ParamChanges;
use crate::graph::Graph;
use crate::manifest::Work;
use crate::node::{Node, NodeError};

/// The failure of a node of a chain.
pub(in crate::exec) struct ChainFailure {
    pub(in crate::exec) node: usize,
    pub(in crate::exec) item: u64,
    pub(in crate::exec) error: NodeError,
    pub(in crate::exec) is_panic: bool,
}

/// A new instance of a node of a stage; fails if the node panics.
pub(super) fn instance(
    graph: &Graph,
    stage_index: usize,
    position: usize,
    changes: Option<&Arc<ParamChanges>>,
) -> Result<Box<dyn Node>, ChainFailure> {
    let stage = &graph.stages[stage_index];
    let index = stage.links[position].node;
    let changed = changes.and_then(|changes| changes.applied(stage_index, index));
    // The first node takes what the edges bring, every other one what the node before it gives.
    let inputs: SmallVec<[usize; 4]> = match position.checked_sub(1) {
        None => graph.connected_ports(stage_index).collect(),
        Some(before) => smallvec![stage.links[before].next_port],
    };
    let loops = if position == 0 { graph.loops_into(stage_index) } else { Vec::new() };
    let made = catch_unwind(AssertUnwindSafe(|| match &graph.nodes[index].work {
        Work::Native { prepared, .. } => {
            let mut node = changed.as_ref().unwrap_or(prepared).instantiate();
            node.connect(&inputs);
            loops.iter().for_each(|(port, delay)| node.connect_loop(*port, *delay));
            node
        }
        Work::Host(_) => unreachable!("a stage of native nodes holds no other"),
    }));
    made.map_err(|payload| panic_failure(index, 0, None, &*payload))
}

/// Cleans a node up if its `initialize` succeeded, and drops it. Returns the first panic.
pub(super) fn drop_node(mut node: Box<dyn Node>, wants_cleanup: bool) -> Result<(), Box<dyn Any + Send>> {
    let cleaned = catch_unwind(AssertUnwindSafe(|| {
        if wants_cleanup {
            node.cleanup();
        }
    }));
    cleaned.and(catch_unwind(AssertUnwindSafe(|| drop(node))))
}

/// The failure that a panic of a node amounts to.
pub(super) fn panic_failure(node: usize, item: u64, position: Option<i64>, payload: &(dyn Any + Send)) -> ChainFailure {
    let error = NodeError::new(format!("the node panicked: {}", panic_text(payload)))
        .cure("This is a defect of the node, not of your input; please report it.")
        .at(position);
    ChainFailure { node, item, error, is_panic: true }
}

/// The message of a panic.
pub fn panic_text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
