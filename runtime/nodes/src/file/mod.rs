//! Nodes that read files and write them.

mod sink;
mod source;

pub use sink::{FileSink, FileSinkParams};
pub use source::{FileSource, FileSourceParams};

use remotemedia_core::node::Registry;

/// Adds the nodes of this family.
pub(crate) fn register(registry: &mut Registry) {
    registry.add::<FileSource>().add::<FileSink>();
}
