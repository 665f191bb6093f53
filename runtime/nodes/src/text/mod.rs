//! Nodes for text.

mod collector;
mod language;
mod list_item;
mod marks;
mod pairs;
mod sentence;

pub use collector::{TextCollector, TextCollectorParams};
pub use language::Language;

use remotemedia_core::node::Registry;

/// Adds the nodes of this family.
pub(crate) fn register(registry: &mut Registry) {
    registry.add::<TextCollector>();
}
