//! Nodes for sound.

mod level;
mod mix;

pub use level::{AudioLevel, AudioLevelParams};
pub use mix::{AudioMix, AudioMixParams};
