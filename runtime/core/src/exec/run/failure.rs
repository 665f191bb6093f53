//! What can go wrong in a quantum, and the error that the host sees of it.

use std::sync::Arc;

use super::Run;
use crate::exec::chain::ChainFailure;
use crate::exec::completion::{Outcome, RunError};
use crate::exec::exchange::HostFault;

/// Boxed, since every step of a node answers with one or nothing.
pub(super) type Fault = Box<Failure>;

pub(super) enum Failure {
    Native(ChainFailure),
    Host(HostFault),
    Run(RunError),
}

impl Failure {
    /// The node to blame, if there is one.
    pub(super) fn node(&self) -> Option<usize> {
        match self {
            Failure::Native(failure) => Some(failure.node),
            Failure::Host(fault) => Some(fault.node),
            Failure::Run(_) => None,
        }
    }
}

impl Run {
    pub(super) fn describe(&self, failure: Failure) -> RunError {
        let (node, item, error, outcome) = match failure {
            Failure::Run(error) => return error,
            Failure::Native(ChainFailure { node, item, error, is_panic }) => {
                (node, item, error, if is_panic { Outcome::Panicked } else { Outcome::Failed })
            }
            Failure::Host(HostFault { node, item, error }) => (node, item, error, Outcome::Failed),
        };
        let node = &self.graph.nodes[node];
        RunError {
            outcome,
            node_id: Some(Arc::clone(&node.id)),
            node_type: Some(Arc::clone(&node.type_name)),
            item: Some(item),
            input_name: self.items.at(item).name,
            position: error.position,
            cause: error.cause,
            cure: error.cure,
            chain: error.chain,
            host_token: error.host_token,
        }
    }

    pub(super) fn limit_error(&self, node: usize) -> RunError {
        let cause = format!("the results grew past the limit of {} bytes", self.output_bytes);
        RunError {
            node_id: Some(Arc::clone(&self.graph.nodes[node].id)),
            node_type: Some(Arc::clone(&self.graph.nodes[node].type_name)),
            ..RunError::of_run(
                Outcome::LimitExceeded,
                cause,
                "Reduce them in the graph, or raise limits.output_bytes of the runtime.",
            )
        }
    }
}

pub(super) fn native(failure: ChainFailure) -> Fault {
    Box::new(Failure::Native(failure))
}
