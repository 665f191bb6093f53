//! `VAD`: the probability of speech, window by window.

use std::sync::Arc;

use remotemedia_core::node::{AudioFormat, Cost, Define, Kinds, Node, NodeError, Port, Step, documented};
use remotemedia_core::value::{Audio, Buffer, DataType, Kind, MediaTime, Packet, Tensor, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::silero::{Detector, Rate, WINDOW_MS};
use crate::stream::finite::check_finite;

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
pub struct Vad {
    rate: Rate,
    keys: [Arc<str>; 3],
    detector: Option<Detector>,
    /// When the stream began, in nanoseconds.
    origin: Option<i64>,
    /// Windows that were emitted.
    emitted: u64,
    /// The stream that the packets name.
    stream: u32,
    rest: Option<Rest>,
}
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
}

fn default_rate() -> u32 {
    16_000
}

/// Windows of one step: a fraction of a millisecond.
const STEP_WINDOWS: usize = 8;

/// A packet of which a part has been heard.
#[derive(Debug)]
struct Rest {
    audio: Audio,
    position: usize,
    probabilities: Vec<f32>,
}

impl Node for Vad {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        let Value::Audio(audio) = packet.value else {
            let cause = format!("expected audio, got {}", packet.value.kind().name());
            return Err(NodeError::new(cause).cure("Wrap samples: Audio(samples, rate=...)."));
        };
        let pts = packet.pts.or(audio.pts);
        if (audio.rate(), audio.channels()) != (self.rate.hz(), 1) {
            let cause = format!(
                "expected mono sound of {} Hz, got {} channels of {} Hz",
                self.rate.hz(),
                audio.channels(),
                audio.rate()
            );
            return Err(NodeError::new(cause).cure("Connect it through AudioMix and AudioResample.").at(pts));
        }
        let origin = *self.origin.get_or_insert(pts.unwrap_or(0));
        let open = self.detector.as_ref().map_or(0, |detector| self.rate.window() - detector.missing());
        let heard = self.emitted * self.rate.window() as u64 + open as u64;
        let time = |frame| match pts {
            Some(pts) => pts.saturating_add(MediaTime::of_frames(frame, audio.rate())),
            None => origin.saturating_add(MediaTime::of_frames(heard + frame, audio.rate())),
        };
        check_finite(&audio, 0, audio.frames(), |frame| Some(time(frame)))?;
        self.stream = packet.stream;
        self.rest = Some(Rest { audio: *audio, position: 0, probabilities: Vec::new() });
        self.listen()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        self.listen()
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        let last = self.detector.as_mut().and_then(Detector::finish);
        let packet = last.map(|probability| self.packet(vec![probability]));
        (self.origin, self.emitted) = (None, 0);
        Ok(Step::maybe(packet))
    }
}

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

    fn new(params: &VadParams) -> Self {
        Vad {
            rate: if params.rate == Rate::Hz8000.hz() { Rate::Hz8000 } else { Rate::Hz16000 },
            keys: ["probabilities", "window_ms", "pts"].map(Into::into),
            detector: None,
            origin: None,
            emitted: 0,
            stream: 0,
            rest: None,
        }
    }
}

impl Vad {
    /// Hears the rest of the packet, up to a step's work.
    fn listen(&mut self) -> Result<Step, NodeError> {
        let Some(mut rest) = self.rest.take() else { return Ok(Step::DONE) };
        let detector = self.detector.get_or_insert_with(|| Detector::new(self.rate));
        let samples = rest.audio.channel(0);
        for _ in 0..STEP_WINDOWS {
            let end = samples.len().min(rest.position + detector.missing());
            let probability = detector.push(&samples[rest.position..end]);
            rest.position = end;
            match probability {
                Some(probability) => rest.probabilities.push(probability),
                None => break,
            }
        }
        if rest.position < samples.len() {
            self.rest = Some(rest);
            return Ok(Step::More(None));
        }
        let probabilities = rest.probabilities;
        Ok(Step::maybe((!probabilities.is_empty()).then(|| self.packet(probabilities))))
    }

    /// What is emitted for the next windows.
    fn packet(&mut self, probabilities: Vec<f32>) -> Packet {
        let windows = probabilities.len();
        let (begin, end) = (self.time_of(self.emitted), self.time_of(self.emitted + windows as u64));
        self.emitted += windows as u64;
        let tensor = Tensor::contiguous(DataType::Float32, vec![windows], Buffer::from_samples(probabilities))
            .expect("one number for each window");
        let values = [tensor.into(), Value::Int(WINDOW_MS.into()), Value::Int(begin)];
        let map = Value::map(self.keys.iter().cloned().zip(values));
        Packet { stream: self.stream, ..Packet::new(map).at(Some(begin), Some(end - begin)) }
    }

    /// When this window begins, in nanoseconds.
    fn time_of(&self, window: u64) -> i64 {
        let frames = window * self.rate.window() as u64;
        self.origin.unwrap_or(0).saturating_add(MediaTime::of_frames(frames, self.rate.hz()))
    }
}
