//! `SpeechRatio`: how much of a recording is speech.

use std::sync::Arc;

use remotemedia_core::node::{Cost, Define, Field, Form, Kinds, NodeError, Port, Shape, documented, field_names};
use remotemedia_core::value::{Audio, Kind, MediaTime, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::front_end::FrontEnd;
use super::timestamps::{Found, Rules, Timestamps};
use super::{
    MILLISECOND, STEPS_PER_SECOND, default_min_silence_duration_ms, default_min_speech_duration_ms,
    default_speech_pad_ms, default_threshold, seconds,
};
use crate::stream::reader::{Segment, SegmentEnd};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;
use remotemedia_silero::WINDOW_MS;

documented! {
/// Measures the share of the time in which somebody speaks.
///
/// Sound of any rate and layout goes in. At the end of each item it emits a map:
///
/// | key | value |
/// |---|---|
/// | `speech_ratio` | the share of the time that is speech, from 0 to 1; null for an item without frames |
/// | `speech_s` | how long that is, in seconds |
/// | `duration_s` | the length of the item, in seconds |
///
/// Speech is what lies in the segments that `SpeechSegments` finds with the same params, its padding included: the
/// detector is that of `VAD`, at 8 kHz for sound of that rate, else at 16 kHz. Nothing of the sound is kept.
///
/// How the sound is divided into packets changes nothing. A change of rate or layout ends one measurement and begins the
/// next, and so does a jump in time unless `gaps` says otherwise. NaN and infinity are an error.
pub struct SpeechRatio(SegmentNode<Ratio>);
}

/// The params of [`SpeechRatio`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpeechRatioParams {
    /// The probability from which on a window is speech. Speech ends where it falls 0.15 below, but not below 0.01.
    #[serde(default = "default_threshold")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f64,
    /// Speech that is not longer than this does not count.
    #[serde(default = "default_min_speech_duration_ms")]
    #[schemars(range(max = 3_600_000))]
    pub min_speech_duration_ms: u32,
    /// Silence that is shorter than this does not end speech.
    #[serde(default = "default_min_silence_duration_ms")]
    #[schemars(range(max = 3_600_000))]
    pub min_silence_duration_ms: u32,
    /// What counts as speech before and after it.
    #[serde(default = "default_speech_pad_ms")]
    #[schemars(range(max = 3_600_000))]
    pub speech_pad_ms: u32,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

struct Ratio {
    rules: Rules,
    keys: Vec<Arc<str>>,
    open: Option<Listening>,
}

/// A recording that is being heard. Times in nanoseconds from its start.
struct Listening {
    front_end: FrontEnd,
    timestamps: Timestamps,
    /// When the next window begins.
    window: i64,
    /// How much of it is speech.
    speech: i64,
}

/// What comes out.
const FIELDS: &[Field] = &[("speech_ratio", Shape::FLOAT), ("speech_s", Shape::FLOAT), ("duration_s", Shape::FLOAT)];

impl_node!(SpeechRatio);

impl Define for SpeechRatio {
    type Params = SpeechRatioParams;

    const NAME: &'static str = "SpeechRatio";
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Map]),
        "At the end of each item the map {speech_ratio, speech_s, duration_s}.",
    )];

    fn output_form(_params: &SpeechRatioParams, _port: usize, _input: Form) -> Form {
        Form::Map(FIELDS)
    }

    fn new(params: &SpeechRatioParams) -> Self {
        let time = |milliseconds: u32| i64::from(milliseconds) * MILLISECOND;
        let rules = Rules {
            threshold: params.threshold,
            neg_threshold: (params.threshold - 0.15).max(0.01),
            min_speech: time(params.min_speech_duration_ms),
            confirmed_after: 0,
            min_silence: time(params.min_silence_duration_ms),
            pad: time(params.speech_pad_ms),
            max_speech: None,
        };
        let keys = field_names(FIELDS);
        SpeechRatio(SegmentNode::new(Ratio { rules, keys, open: None }, params.gaps))
    }
}

impl SegmentProcessor for Ratio {
    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        let (front_end, timestamps) = (FrontEnd::new(segment.rate), Timestamps::new(self.rules));
        self.open = Some(Listening { front_end, timestamps, window: 0, speech: 0 });
        Ok(())
    }

    fn wants(&mut self, segment: &Segment) -> usize {
        (segment.rate / STEPS_PER_SECOND).max(1) as usize
    }

    fn frames(&mut self, _segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        if let Some(open) = &mut self.open {
            let probabilities = open.front_end.hear(audio)?;
            open.judge(probabilities, i64::MAX);
        }
        Ok(None)
    }

    fn end(&mut self, segment: &Segment, _why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        let Some(mut open) = self.open.take() else { return Ok(None) };
        let length = MediaTime::of_frames(segment.position, segment.rate);
        let last = open.front_end.finish()?;
        open.judge(last, length);
        let mut found = Vec::new();
        open.timestamps.finish(length, &mut found);
        open.count(&found);
        let ratio = (length > 0).then(|| Value::Float(open.speech as f64 / length as f64));
        let values = [ratio.unwrap_or(Value::Null), seconds(open.speech), seconds(length)];
        let map = Value::map(self.keys.iter().cloned().zip(values));
        Ok(Some(Packet::new(map).at(Some(segment.origin.unwrap_or(segment.elapsed)), Some(length))))
    }
}

impl Listening {
    /// Judges the next windows, as far as they begin before the end.
    fn judge(&mut self, probabilities: Vec<f32>, length: i64) {
        let mut found = Vec::new();
        for probability in probabilities {
            let start = self.window;
            self.window += i64::from(WINDOW_MS) * MILLISECOND;
            if start < length {
                self.timestamps.push(probability.into(), start, self.window.min(length), &mut found);
            }
        }
        self.count(&found);
    }

    fn count(&mut self, found: &[Found]) {
        let length = |found: &Found| if let Found::Segment { start, end } = found { end - start } else { 0 };
        self.speech += found.iter().map(length).sum::<i64>();
    }
}
