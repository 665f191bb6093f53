//! `VAD`: the probability of speech, window by window.

use std::sync::Arc;

use remotemedia_core::node::{
    AudioFormat, Cost, Define, Field, Form, Kinds, NodeError, Port, Shape, documented, field_names,
};
use remotemedia_core::value::{Audio, Buffer, DataType, Kind, MediaTime, Packet, Tensor, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::stream::reader::{Segment, SegmentEnd};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;
use remotemedia_silero::{Detector, Rate, WINDOW_MS};

documented! {
/// Tells how likely it is that somebody speaks, for every window of 32 ms.
///
/// The detector is Silero VAD 6.2.3, at 16 or 8 kHz, computed in float32 without any other runtime. Sound of any rate and
/// layout goes in: the plan shows the converters that are put before this node.
///
/// For each packet that completes windows it emits a map, at the time of the first of them:
///
/// | key | value |
/// |---|---|
/// | `probabilities` | float32 tensor of shape `(windows,)`, each between 0 and 1 |
/// | `window_ms` | 32, the length of a window in milliseconds |
/// | `pts` | when the first window begins, in nanoseconds from the start of the stream |
///
/// Window `k` covers 512 samples from sample `512 k` on at 16 kHz, 256 at 8 kHz, counted from the stream's start, so how
/// the sound is divided into packets changes nothing, not a bit. At the end, silence completes the last window. Times
/// count samples from the first packet's.
///
/// A packet that completes no window gives nothing. NaN and infinity are an error.
#[derive(Debug)]
pub struct Vad(SegmentNode<Listener>);
}

/// The params of [`Vad`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VadParams {
    /// The rate at which the detector hears, in Hz: 16000 or 8000. There is a network for each; sound that has 8000 Hz
    /// gains nothing from the larger one.
    #[serde(default = "default_rate")]
    #[schemars(extend("enum" = [16000, 8000]))]
    pub rate: u32,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

fn default_rate() -> u32 {
    16_000
}

/// Windows of one step: a fraction of a millisecond.
const STEP_WINDOWS: usize = 8;

/// Hears segments.
#[derive(Debug)]
struct Listener {
    rate: Rate,
    keys: Vec<Arc<str>>,
    detector: Detector,
    /// Windows of the segment that were emitted.
    emitted: u64,
    /// What the windows have that the packet in work has completed.
    probabilities: Vec<f32>,
}

/// What comes out.
const FIELDS: &[Field] = &[("probabilities", Shape::Of(Kind::Tensor)), ("window_ms", Shape::INT), ("pts", Shape::INT)];

impl_node!(Vad);

impl Define for Vad {
    type Params = VadParams;

    const NAME: &'static str = "VAD";
    /// Some 20 to 40 us for each window.
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Map]),
        "For each packet the map {probabilities, window_ms, pts}: a float32 tensor with one probability for each window.",
    )];
    const EXAMPLE: &'static str = r#"{"rate": 16000}"#;

    fn input_format(params: &VadParams, _port: usize) -> Option<AudioFormat> {
        Some(AudioFormat { rate: Some(params.rate), channels: Some(1) })
    }

    fn output_form(_params: &VadParams, _port: usize, _input: Form) -> Form {
        Form::Map(FIELDS)
    }

    fn new(params: &VadParams) -> Self {
        let rate = if params.rate == Rate::Hz8000.hz() { Rate::Hz8000 } else { Rate::Hz16000 };
        let listener = Listener {
            rate,
            keys: field_names(FIELDS),
            detector: Detector::new(rate),
            emitted: 0,
            probabilities: Vec::new(),
        };
        Vad(SegmentNode::new(listener, params.gaps))
    }
}

impl SegmentProcessor for Listener {
    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        if (segment.rate, segment.channels) != (self.rate.hz(), 1) {
            let cause = format!(
                "expected mono sound of {} Hz, got {} channels of {} Hz",
                self.rate.hz(),
                segment.channels,
                segment.rate
            );
            let cure = "Connect it through AudioMix and AudioResample.";
            return Err(NodeError::new(cause).cure(cure).at(segment.origin));
        }
        self.emitted = 0;
        Ok(())
    }

    fn wants(&mut self, _segment: &Segment) -> usize {
        (STEP_WINDOWS - 1) * self.rate.window() + self.detector.missing()
    }

    fn frames(&mut self, segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        self.detector.hear(audio.channel(0), &mut self.probabilities);
        let heard = segment.position + audio.frames() as u64;
        Ok(if segment.ends_packet { self.emit(segment, heard) } else { None })
    }

    fn end(&mut self, segment: &Segment, _why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        self.probabilities.extend(self.detector.finish());
        Ok(self.emit(segment, segment.position))
    }
}

impl Listener {
    /// What is emitted for the next windows, if there are any: `heard` are the frames of the segment, with which the last one
    /// ends although silence completes it.
    fn emit(&mut self, segment: &Segment, heard: u64) -> Option<Packet> {
        let probabilities = std::mem::take(&mut self.probabilities);
        if probabilities.is_empty() {
            return None;
        }
        let windows = probabilities.len();
        let origin = segment.origin.unwrap_or(segment.elapsed);
        let time = |window: u64| {
            let frames = (window * self.rate.window() as u64).min(heard);
            origin.saturating_add(MediaTime::of_frames(frames, self.rate.hz()))
        };
        let (begin, end) = (time(self.emitted), time(self.emitted + windows as u64));
        self.emitted += windows as u64;
        let tensor = Tensor::contiguous(DataType::Float32, vec![windows], Buffer::from_samples(probabilities))
            .expect("one number for each window");
        let values = [tensor.into(), Value::Int(WINDOW_MS.into()), Value::Int(begin)];
        let map = Value::map(self.keys.iter().cloned().zip(values));
        Some(Packet::new(map).at(Some(begin), Some(end - begin)))
    }
}
