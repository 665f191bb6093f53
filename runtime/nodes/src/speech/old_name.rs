//! The name under which segments of speech were found once.

use remotemedia_core::node::{OldName, ParamError};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{SpeechSegments, SpeechSegmentsParams, segments};

/// `SileroVADNode`, an old name of [`SpeechSegments`].
#[derive(Debug)]
pub struct SileroVad;

/// The params of [`SileroVad`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SileroVadParams {
    /// The probability from which on a window is speech.
    #[serde(default = "segments::default_threshold")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f64,
    /// The rate that the sound once had to have, in Hz. Sound of any rate is heard now, so that this changes nothing.
    #[serde(default = "default_sampling_rate")]
    #[schemars(extend("enum" = [16000, 8000]))]
    pub sampling_rate: u32,
    /// Speech that is not longer than this gives no segment.
    #[serde(default = "segments::default_min_speech_duration_ms")]
    #[schemars(range(max = 3_600_000))]
    pub min_speech_duration_ms: u32,
    /// Silence that is shorter than this does not end speech.
    #[serde(default = "segments::default_min_silence_duration_ms")]
    #[schemars(range(max = 3_600_000))]
    pub min_silence_duration_ms: u32,
    /// What a segment gets of the sound before and after the speech.
    #[serde(default = "segments::default_speech_pad_ms")]
    #[schemars(range(max = 3_600_000))]
    pub speech_pad_ms: u32,
}

fn default_sampling_rate() -> u32 {
    16_000
}

impl OldName for SileroVad {
    type Node = SpeechSegments;
    type Params = SileroVadParams;

    const NAME: &'static str = "SileroVADNode";
    const SUMMARY: &'static str = "The old name of SpeechSegments, with the params that it had.";
    const EXAMPLE: &'static str = r#"{"threshold": 0.5, "sampling_rate": 16000}"#;

    fn translate(params: SileroVadParams) -> Result<SpeechSegmentsParams, ParamError> {
        Ok(SpeechSegmentsParams {
            threshold: params.threshold,
            neg_threshold: None,
            min_speech_duration_ms: params.min_speech_duration_ms,
            min_silence_duration_ms: params.min_silence_duration_ms,
            speech_pad_ms: params.speech_pad_ms,
            max_speech_duration_s: None,
        })
    }
}
