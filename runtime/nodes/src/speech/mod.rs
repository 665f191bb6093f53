//! Nodes that find speech.

pub mod silero;
mod vad;

pub use vad::{Vad, VadParams};
