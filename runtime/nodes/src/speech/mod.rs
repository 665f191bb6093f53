//! Nodes that find speech in audio.

mod segments;
mod vad;

pub use segments::{
    SnrEstimate, SnrEstimateParams, SpeechRatio, SpeechRatioParams, SpeechSegments, SpeechSegmentsParams,
};
pub(crate) use segments::{
    default_min_silence_duration_ms, default_min_speech_duration_ms, default_speech_pad_ms, default_threshold,
};
pub use vad::{Vad, VadParams};

use remotemedia_core::node::Registry;

/// Adds the nodes of this family.
pub(crate) fn register(registry: &mut Registry) {
    registry.add::<Vad>().add::<SpeechSegments>().add::<SpeechRatio>().add::<SnrEstimate>();
}
