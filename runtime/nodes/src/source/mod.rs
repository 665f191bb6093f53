//! Nodes that need no input: they make what they emit.

mod generate;
mod noise;
mod tone;

pub use noise::{NoiseSource, NoiseSourceParams};
pub use tone::{ToneSource, ToneSourceParams};
