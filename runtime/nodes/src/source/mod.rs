//! Nodes without input, which generate what they emit.

mod generate;
mod noise;
mod tone;

pub use noise::{NoiseSource, NoiseSourceParams};
pub use tone::{ToneSource, ToneSourceParams};

use remotemedia_core::node::Registry;

/// Adds the nodes of this family.
pub(crate) fn register(registry: &mut Registry) {
    registry.add::<ToneSource>().add::<NoiseSource>();
}
