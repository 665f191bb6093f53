//! Nodes that take any value, whatever its kind.

mod calculator;
mod echo;
mod pass_through;

pub use calculator::{Calculator, CalculatorParams, Number, Operation};
pub use echo::{Echo, EchoParams};
pub use pass_through::{PassThrough, PassThroughParams};

use remotemedia_core::node::Registry;

/// Adds the nodes of this family.
pub(crate) fn register(registry: &mut Registry) {
    registry.add::<PassThrough>().add::<Echo>().add::<Calculator>();
}
