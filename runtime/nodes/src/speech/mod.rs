//! Nodes that find speech.

mod segments;
pub mod silero;
mod vad;

pub use segments::{SpeechSegments, SpeechSegmentsParams};
pub use vad::{Vad, VadParams};
