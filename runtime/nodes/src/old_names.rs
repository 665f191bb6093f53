//! The names that nodes once had, with the params and defaults of that time. Each does what its new node does; where that
//! differs from what it once did, its docs say so. Each also takes its params in camelCase, as they were written then.

use remotemedia_core::node::{OldName, ParamError, Registry, documented};
use remotemedia_core::outside::quoted;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::audio::{
    AudioChunk, AudioChunkParams, AudioConcat, AudioConcatParams, AudioResample, AudioResampleParams, LastChunk,
    ResampleQuality, SAME_RATE,
};
use crate::monitor::{AudioLevel, AudioLevelParams};
use crate::speech::{SpeechSegments, SpeechSegmentsParams};
use crate::stream::changes::default_hold_ms;
use crate::stream::timeline::Gaps;
use crate::text::{Language, TextCollector, TextCollectorParams};

/// Adds those whose params or defaults are not those of the new node. The others need nothing: `XNode` stands for `X`.
pub(crate) fn register(registry: &mut Registry) {
    registry.add_old_name::<FastResampleNode>().add_old_name::<AudioChunkerNode>();
    registry.add_old_name::<AudioBufferAccumulatorNode>().add_old_name::<AudioLevelNode>();
    registry.add_old_name::<TextCollectorNode>().add_old_name::<SileroVADNode>();
}

documented! {
/// An old name of AudioResample, with the params it had.
///
/// The rate that comes in and the channels are the sound's own, so `source_rate` and `channels` are not looked at. The steps of `quality` are
/// those of `AudioResample` under other names: `low` is `fast`, `medium` is `high`, `high` is `best`.
struct FastResampleNode;
}

/// The old params of `AudioResample`. The rate that comes in is the sound's own, so `source_rate` and `channels` are not
/// looked at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FastResampleNodeParams {
    /// The rate to convert to, in Hz; `rate` of `AudioResample`. With `"auto"` the rate stays as it is here, and the planner puts
    /// a converter before each node that needs another.
    #[serde(default = "default_target_rate")]
    target_rate: OldRate,
    /// How good: `low` is `fast`, `medium` is `high`, `high` is `best` of `AudioResample`.
    #[serde(default)]
    quality: OldQuality,
    /// Not looked at: sound brings its rate with it.
    #[serde(default)]
    #[allow(dead_code, reason = "old manifests have it")]
    source_rate: Option<OldRate>,
    /// Not looked at: sound brings its channels with it.
    #[serde(default)]
    #[allow(dead_code, reason = "old manifests have it")]
    channels: Option<u32>,
}

/// A rate in Hz, or that of the sound.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
enum OldRate {
    Hz(#[schemars(range(min = 1_000, max = 768_000))] u32),
    Auto(Auto),
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Auto {
    Auto,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
enum OldQuality {
    /// `fast`.
    #[serde(rename = "low")]
    Low,
    /// `high`.
    #[default]
    #[serde(rename = "medium")]
    Medium,
    /// `best`.
    #[serde(rename = "high")]
    High,
    /// `fast`.
    #[serde(rename = "Low")]
    CapitalLow,
    /// `high`.
    #[serde(rename = "Medium")]
    CapitalMedium,
    /// `best`.
    #[serde(rename = "High")]
    CapitalHigh,
}

fn default_target_rate() -> OldRate {
    OldRate::Hz(16_000)
}

impl OldName for FastResampleNode {
    type Node = AudioResample;
    type Params = FastResampleNodeParams;

    const NAME: &'static str = "FastResampleNode";
    const EXAMPLE: &'static str = r#"{"target_rate": 16000, "quality": "medium"}"#;

    fn translate(params: FastResampleNodeParams) -> Result<AudioResampleParams, ParamError> {
        let quality = match params.quality {
            OldQuality::Low | OldQuality::CapitalLow => ResampleQuality::Fast,
            OldQuality::Medium | OldQuality::CapitalMedium => ResampleQuality::High,
            OldQuality::High | OldQuality::CapitalHigh => ResampleQuality::Best,
        };
        let rate = match params.target_rate {
            OldRate::Hz(rate) => rate,
            OldRate::Auto(Auto::Auto) => SAME_RATE,
        };
        Ok(AudioResampleParams { rate, quality, gaps: Gaps::default() })
    }

    fn old_param(param: &str) -> &str {
        if param == "rate" { "target_rate" } else { param }
    }
}

documented! {
/// An old name of AudioChunk, with the params it had.
///
/// The last chunk of an item may be shorter; it was lost once.
struct AudioChunkerNode;
}

/// The old params of `AudioChunk`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AudioChunkerNodeParams {
    /// The length of a chunk in frames; `frames` of `AudioChunk`. The last chunk is shorter, and is not lost.
    #[serde(default = "default_chunk_size")]
    #[schemars(range(min = 1, max = 100_000_000))]
    chunk_size: u32,
}

fn default_chunk_size() -> u32 {
    512
}

impl OldName for AudioChunkerNode {
    type Node = AudioChunk;
    type Params = AudioChunkerNodeParams;

    const NAME: &'static str = "AudioChunkerNode";
    const EXAMPLE: &'static str = r#"{"chunk_size": 512}"#;

    fn translate(params: AudioChunkerNodeParams) -> Result<AudioChunkParams, ParamError> {
        let frames = Some(params.chunk_size);
        Ok(AudioChunkParams {
            frames,
            duration_ms: None,
            hop_frames: None,
            hop_ms: None,
            last: LastChunk::Keep,
            gaps: Gaps::default(),
        })
    }

    fn old_param(param: &str) -> &str {
        if param == "frames" { "chunk_size" } else { param }
    }
}

documented! {
/// An old name of AudioConcat, with the params it had.
///
/// All sound is collected, not that between speech events: `SpeechSegments` does that.
struct AudioBufferAccumulatorNode;
}

/// The old params of `AudioConcat`. All sound is collected, not that between speech events: `SpeechSegments` does that.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AudioBufferAccumulatorNodeParams {
    /// A rest at the end that is shorter is left out; `min_duration_ms` of `AudioConcat`. 0 beside `target_samples`. By
    /// default 250, or `max_utterance_duration_ms` if that is less.
    #[serde(default)]
    #[schemars(range(min = 0, max = 36_000_000))]
    min_utterance_duration_ms: Option<u32>,
    /// Emits each time this much sound is there; `max_duration_ms` of `AudioConcat`.
    #[serde(default = "default_max_utterance_duration_ms")]
    #[schemars(range(min = 1, max = 36_000_000))]
    max_utterance_duration_ms: u32,
    /// Emits each time so many frames are there, instead; `max_frames` of `AudioConcat`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000_000))]
    target_samples: Option<u32>,
}

fn default_max_utterance_duration_ms() -> u32 {
    30_000
}

impl OldName for AudioBufferAccumulatorNode {
    type Node = AudioConcat;
    type Params = AudioBufferAccumulatorNodeParams;

    const NAME: &'static str = "AudioBufferAccumulatorNode";
    const EXAMPLE: &'static str = r#"{"max_utterance_duration_ms": 10000}"#;

    fn translate(params: AudioBufferAccumulatorNodeParams) -> Result<AudioConcatParams, ParamError> {
        const LEAST_MS: u32 = 250;
        let most = params.max_utterance_duration_ms;
        let least = params.min_utterance_duration_ms.unwrap_or(LEAST_MS.min(most));
        Ok(match params.target_samples {
            Some(_) => AudioConcatParams {
                max_duration_ms: None,
                max_frames: params.target_samples,
                min_duration_ms: 0.0,
                gaps: Gaps::default(),
            },
            None => AudioConcatParams {
                max_duration_ms: Some(most.into()),
                max_frames: None,
                min_duration_ms: least.into(),
                gaps: Gaps::default(),
            },
        })
    }

    fn old_param(param: &str) -> &str {
        match param {
            "min_duration_ms" => "min_utterance_duration_ms",
            "max_duration_ms" => "max_utterance_duration_ms",
            "max_frames" => "target_samples",
            other => other,
        }
    }
}

documented! {
/// An old name of AudioLevel, which finds a low volume below -20 dBFS.
struct AudioLevelNode;
}

/// The old params of `AudioLevel`: another default of `low_volume_threshold_db`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AudioLevelNodeParams {
    /// The length of a window.
    #[serde(default = "default_window_ms")]
    #[schemars(range(min = 10, max = 10_000))]
    window_ms: u32,
    /// Sound whose gated RMS over seconds is below this many dBFS has a low volume.
    #[serde(default = "default_low_volume_threshold_db")]
    #[schemars(range(min = -120.0, max = 0.0))]
    low_volume_threshold_db: f64,
    /// A window whose RMS is below this many dBFS is silence. Less than `low_volume_threshold_db`.
    #[serde(default = "default_silence_threshold_db")]
    #[schemars(range(min = -120.0, max = 0.0))]
    silence_threshold_db: f64,
}

fn default_window_ms() -> u32 {
    100
}

fn default_low_volume_threshold_db() -> f64 {
    -20.0
}

fn default_silence_threshold_db() -> f64 {
    -60.0
}

impl OldName for AudioLevelNode {
    type Node = AudioLevel;
    type Params = AudioLevelNodeParams;

    const NAME: &'static str = "AudioLevelNode";

    fn translate(params: AudioLevelNodeParams) -> Result<AudioLevelParams, ParamError> {
        Ok(AudioLevelParams {
            window_ms: params.window_ms,
            low_volume_threshold_db: params.low_volume_threshold_db,
            silence_threshold_db: params.silence_threshold_db,
            changes_only: false,
            hold_ms: default_hold_ms(),
            gaps: Gaps::default(),
        })
    }
}

documented! {
/// An old name of TextCollector, with the params it had.
///
/// Sentences end by the rules of `TextCollector`. One of fewer than `min_sentence_length` characters is joined to the next; it was
/// dropped once.
struct TextCollectorNode;
}

/// The old params of `TextCollector`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TextCollectorNodeParams {
    /// A class of characters that may end a sentence, such as `[.!?]`; `terminators` of `TextCollector`.
    #[serde(default = "default_split_pattern")]
    split_pattern: String,
    /// A sentence of fewer characters is joined to the next. It was dropped once.
    #[serde(default = "default_min_sentence_length")]
    #[schemars(range(min = 1, max = 10_000))]
    min_sentence_length: u32,
    /// Whether what is unfinished at the end is emitted as well. The end is that of the item, or one of the texts
    /// `<|text_end|>` and `<|audio_end|>`.
    #[serde(default = "default_yield_partial_on_end")]
    yield_partial_on_end: bool,
}

fn default_split_pattern() -> String {
    "[.!?;\n]".to_owned()
}

fn default_min_sentence_length() -> u32 {
    3
}

fn default_yield_partial_on_end() -> bool {
    true
}

impl OldName for TextCollectorNode {
    type Node = TextCollector;
    type Params = TextCollectorNodeParams;

    const NAME: &'static str = "TextCollectorNode";

    fn translate(params: TextCollectorNodeParams) -> Result<TextCollectorParams, ParamError> {
        let class = params.split_pattern.strip_suffix('+').unwrap_or(&params.split_pattern);
        let inner = class.strip_prefix('[').and_then(|class| class.strip_suffix(']')).unwrap_or(class);
        let terminators = inner.replace("\\n", "\n").replace('\\', "");
        if terminators.is_empty()
            || terminators.chars().any(|letter| letter.is_alphanumeric() || "^()*|{".contains(letter))
        {
            return Err(ParamError {
                param: "split_pattern".to_owned(),
                expected: "a class of characters such as [.!?;]".to_owned(),
                got: quoted(&params.split_pattern),
            });
        }
        Ok(TextCollectorParams {
            language: Language::En,
            terminators: Some(terminators),
            min_sentence_length: params.min_sentence_length,
            yield_partial_on_end: params.yield_partial_on_end,
            partials: false,
            end_tokens: Some(["<|text_end|>", "<|audio_end|>"].map(str::to_owned).to_vec()),
        })
    }
}

documented! {
/// An old name of SpeechSegments, with the params it had.
///
/// It was one node with `VAD`, which now stands alone. The rate is the sound's own, so `sampling_rate` is not looked at.
struct SileroVADNode;
}

/// The old params of `SpeechSegments`, which then came with `VAD` in one node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SileroVADNodeParams {
    /// The probability from which on a window is speech.
    #[serde(default = "crate::speech::default_threshold")]
    #[schemars(range(min = 0.0, max = 1.0))]
    threshold: f64,
    /// Not looked at: sound brings its rate with it.
    #[serde(default = "default_sampling_rate")]
    #[schemars(extend("enum" = [16000, 8000]))]
    #[allow(dead_code, reason = "old manifests have it")]
    sampling_rate: u32,
    /// Speech that is not longer than this gives no segment.
    #[serde(default = "crate::speech::default_min_speech_duration_ms")]
    #[schemars(range(max = 3_600_000))]
    min_speech_duration_ms: u32,
    /// Silence that is shorter than this does not end speech.
    #[serde(default = "crate::speech::default_min_silence_duration_ms")]
    #[schemars(range(max = 3_600_000))]
    min_silence_duration_ms: u32,
    /// What a segment gets of the sound before and after the speech.
    #[serde(default = "crate::speech::default_speech_pad_ms")]
    #[schemars(range(max = 3_600_000))]
    speech_pad_ms: u32,
}

fn default_sampling_rate() -> u32 {
    16_000
}

impl OldName for SileroVADNode {
    type Node = SpeechSegments;
    type Params = SileroVADNodeParams;

    const NAME: &'static str = "SileroVADNode";
    const EXAMPLE: &'static str = r#"{"threshold": 0.5, "sampling_rate": 16000}"#;

    fn translate(params: SileroVADNodeParams) -> Result<SpeechSegmentsParams, ParamError> {
        Ok(SpeechSegmentsParams {
            threshold: params.threshold,
            neg_threshold: None,
            min_speech_duration_ms: params.min_speech_duration_ms,
            min_silence_duration_ms: params.min_silence_duration_ms,
            speech_pad_ms: params.speech_pad_ms,
            start_ms: 0,
            max_speech_duration_s: None,
            gaps: Gaps::default(),
        })
    }
}
