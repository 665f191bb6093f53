//! The surroundings of a node, as far as it may know them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{TakenNames, TimeBreaks};

/// A request to stop, seen through every clone.
#[derive(Clone, Debug, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Asks all holders to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether a stop was requested.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What all nodes of a run share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) cancel: CancelFlag,
    pub(crate) paths: TakenNames,
}

/// The surroundings of one node instance.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The id that the manifest gives this node.
    pub node_id: Arc<str>,
    /// Set when the run is to stop. The scheduler checks it between steps; a node only has to check it inside a long
    /// step.
    pub cancel: CancelFlag,
    /// The paths at which nodes of the run write.
    pub paths: TakenNames,
    /// Where the node counts the jumps in time that it meets; part of its metrics.
    pub time_breaks: TimeBreaks,
}
