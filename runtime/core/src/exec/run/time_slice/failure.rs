//! What can go wrong in a time slice, and the error that the host gets for it.

use std::sync::Arc;

use crate::exec::chain::ChainFailure;
use crate::exec::host::exchange::HostFault;
use crate::exec::outputs::completion::{Outcome, RunError};
use crate::exec::queues::items::Items;
use crate::exec::run::state::egress::LimitExceeded;
use crate::graph::Graph;

/// Boxed, since every step of a node returns one or nothing.
pub(super) type Fault = Box<Failure>;

pub(super) enum Failure {
    Native(ChainFailure),
    Host(HostFault),
    Run(RunError),
}

impl Failure {
    /// The node that failed; `None` if the run itself did.
    pub(super) fn node(&self) -> Option<usize> {
        match self {
            Failure::Native(failure) => Some(failure.node),
            Failure::Host(fault) => Some(fault.node),
            Failure::Run(_) => None,
        }
    }

    /// The error for the host, with the place where it happened.
    pub(super) fn into_error(self, graph: &Graph, items: &Items) -> RunError {
        let (node, item, error, outcome) = match self {
            Failure::Run(error) => return error,
            Failure::Native(ChainFailure { node, item, error, is_panic }) => {
                (node, item, error, if is_panic { Outcome::Panicked } else { Outcome::Failed })
            }
            Failure::Host(HostFault { node, item, error, .. }) => (node, item, error, Outcome::Failed),
        };
        let node = &graph.nodes[node];
        RunError {
            outcome,
            node_id: Some(Arc::clone(&node.id)),
            node_type: Some(Arc::clone(&node.type_name)),
            item: Some(item),
            input_name: items.at(item).name,
            position: error.position,
            cause: error.cause,
            cure: error.cure,
            chain: error.chain,
            host_token: error.host_token,
        }
    }
}

/// The fault of a native node.
pub(super) fn native(failure: ChainFailure) -> Fault {
    Box::new(Failure::Native(failure))
}

/// The error of a node whose results grew past the limit.
pub(super) fn limit_error(graph: &Graph, node: usize, limit: &LimitExceeded) -> RunError {
    let cause = format!("the results grew past the limit of {} bytes", limit.0);
    RunError {
        node_id: Some(Arc::clone(&graph.nodes[node].id)),
        node_type: Some(Arc::clone(&graph.nodes[node].type_name)),
        ..RunError::of_run(
            Outcome::LimitExceeded,
            cause,
            "Reduce them in the graph, or raise limits.output_bytes of the runtime.",
        )
    }
}
