//! What a node may know of its surroundings.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Told once, seen by everybody who holds a clone.
#[derive(Clone, Debug, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Asks all holders to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The surroundings of one node instance.
#[derive(Clone, Debug)]
pub struct Context {
    /// The id that the manifest gives this node.
    pub node_id: Arc<str>,
    /// Set when the run is to stop. The scheduler looks at it between steps; a node only needs it inside a long step.
    pub cancel: CancelFlag,
}
