//! Nodes that find speech.

mod old_name;
mod segments;
pub mod silero;
mod vad;

pub use old_name::{SileroVad, SileroVadParams};
pub use segments::{SpeechSegments, SpeechSegmentsParams};
pub use vad::{Vad, VadParams};
