//! `AudioGain`: louder or quieter, the same throughout or along a ramp.

use remotemedia_core::node::{Cost, Define, NodeError, ParamError, Port, documented};
use remotemedia_core::value::{Audio, Packet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stream::reader::{Segment, sound};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Makes sound louder or quieter, at once or along a ramp.
///
/// The samples are multiplied with a gain, the same for all channels.
///
/// With `ramp` the gain changes over time: it passes through points `[time, gain]`, counted in seconds from the first
/// frame of the item, and stays at the first gain before them and at the last one after. `ramp_shape` says what is
/// straight between two points, the factor or the decibels. `gain_db` is added throughout.
///
/// A product is computed in float64 and rounded once. Nothing limits it: sound may exceed full scale. Each frame has the
/// gain of its own time, so how the sound is divided into packets changes nothing.
///
/// While a session runs `gain_db` may change. The factor then glides to its new value in a straight line of 20 ms, from
/// the first frame of the next packet on, so that nothing clicks.
///
/// NaN and infinity are an error.
#[derive(Debug)]
pub struct AudioGain(SegmentNode<Gain>);
}

/// The params of [`AudioGain`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioGainParams {
    /// The gain in decibels. -120 is silence.
    #[serde(default)]
    #[schemars(range(min = SILENCE_DB, max = LOUDEST_DB))]
    pub gain_db: f64,
    /// Points `[seconds, decibels]` in the order of their times. A gain of -120 dB or less is silence; 120 dB is the most.
    #[serde(default)]
    pub ramp: Option<Vec<Vec<f64>>>,
    /// What is straight between two points of `ramp`.
    #[serde(default)]
    pub ramp_shape: RampShape,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

/// What is straight between two points of a ramp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RampShape {
    /// The factor: the usual fade.
    #[default]
    Linear,
    /// The decibels: a steady change of loudness.
    Exponential,
}

#[derive(Debug)]
struct Gain {
    factor: f64,
    ramp: Vec<Point>,
    shape: RampShape,
    glide: Option<Glide>,
    /// The rate of the sound that came last, if some has come in this item.
    rate: Option<u32>,
}

/// A change of the factor that is going on.
#[derive(Clone, Copy, Debug)]
struct Glide {
    /// The factor at its beginning.
    from: f64,
    /// Frames since then, at the rate of the sound that came last.
    position: u64,
}

/// A time in seconds and the factor that holds then.
#[derive(Clone, Copy, Debug)]
struct Point {
    time: f64,
    factor: f64,
}

/// At and under this many decibels the factor is 0.
const SILENCE_DB: f64 = -120.0;
/// The largest gain, that of `gain_db` too: with more, sound would soon not fit into float32.
const LOUDEST_DB: f64 = 120.0;

impl_node!(AudioGain);

impl Define for AudioGain {
    type Params = AudioGainParams;

    const NAME: &'static str = "AudioGain";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT.like_input()];
    const LIVE: &'static [&'static str] = &["gain_db"];
    const EXAMPLE: &'static str = r#"{"gain_db": -6, "ramp": [[0, -120], [0.5, 0]]}"#;

    fn check(params: &AudioGainParams) -> Result<(), ParamError> {
        let Some(ramp) = &params.ramp else { return Ok(()) };
        let error = |expected: &str, got: String| {
            Err(ParamError { param: "ramp".to_owned(), expected: expected.to_owned(), got })
        };
        if ramp.is_empty() {
            return error("at least one point [seconds, decibels]", "none".to_owned());
        }
        if let Some((index, point)) = ramp.iter().enumerate().find(|(_, point)| point.len() != 2) {
            return error("points of two numbers, [seconds, decibels]", format!("{} in point {index}", point.len()));
        }
        if ramp[0][0] < 0.0 {
            return error("times from 0 on", ramp[0][0].to_string());
        }
        if let Some((index, point)) = ramp.iter().enumerate().find(|(_, point)| point[1] > LOUDEST_DB) {
            return error(&format!("gains of at most {LOUDEST_DB} dB"), format!("{} in point {index}", point[1]));
        }
        match ramp.windows(2).find(|pair| pair[1][0] <= pair[0][0]) {
            Some(pair) => error("times that rise from point to point", format!("{} after {}", pair[1][0], pair[0][0])),
            None => Ok(()),
        }
    }

    fn new(params: &AudioGainParams) -> Self {
        let point = |point: &Vec<f64>| Point { time: point[0], factor: factor(point[1]) };
        AudioGain(SegmentNode::new(
            Gain {
                factor: factor(params.gain_db),
                ramp: params.ramp.iter().flatten().map(point).collect(),
                shape: params.ramp_shape,
                glide: None,
                rate: None,
            },
            params.gaps,
        ))
    }

    fn set_params(&mut self, params: &AudioGainParams) {
        self.0.process.glide_to(factor(params.gain_db));
    }
}

impl SegmentProcessor for Gain {
    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        let before = self.rate.replace(segment.rate).unwrap_or(segment.rate);
        if let Some(glide) = &mut self.glide {
            glide.position = glide.position * u64::from(segment.rate) / u64::from(before);
        }
        Ok(())
    }

    fn frames(&mut self, segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        let mut samples = Vec::with_capacity(audio.frames() * audio.channels());
        match &self.factors(segment, audio.frames()) {
            Some(factors) => {
                for channel in audio.iter_channels() {
                    let pairs = channel.iter().zip(factors);
                    samples.extend(pairs.map(|(sample, factor)| (f64::from(*sample) * factor) as f32));
                }
            }
            None => {
                let factor = self.factor * self.ramp.first().map_or(1.0, |point| self.at(point.time));
                let last = self.ramp.last().map_or(factor, |point| self.factor * point.factor);
                let factor = if self.is_over(segment) { last } else { factor };
                for channel in audio.iter_channels() {
                    samples.extend(channel.iter().map(|sample| (f64::from(*sample) * factor) as f32));
                }
            }
        }
        if let Some(glide) = &mut self.glide {
            glide.position += audio.frames() as u64;
        }
        self.glide = self.glide.filter(|glide| glide.position < glide_frames(segment.rate));
        Ok(Some(sound(segment, samples, audio.pts)))
    }

    fn finish(&mut self) {
        (self.glide, self.rate) = (None, None);
    }
}

impl Gain {
    /// The factor of each of the next frames, if they are not all the same.
    fn factors(&self, segment: &Segment, frames: usize) -> Option<Vec<f64>> {
        if self.glide.is_none() && (self.ramp.len() < 2 || self.is_over(segment)) {
            return None;
        }
        let time = |frame: u64| self.time(segment, segment.position + frame);
        Some((0..frames as u64).map(|frame| self.constant(segment.rate, frame) * self.at(time(frame))).collect())
    }

    /// What holds so many frames ahead, without the ramp.
    fn constant(&self, rate: u32, ahead: u64) -> f64 {
        let way = |glide: Glide| (glide.position + ahead) as f64 / glide_frames(rate) as f64;
        match self.glide.map(|glide| (glide.from, way(glide))) {
            Some((from, way)) if way < 1.0 => from + (self.factor - from) * way,
            _ => self.factor,
        }
    }

    fn glide_to(&mut self, factor: f64) {
        // Nobody hears a jump before the first frame.
        self.glide = self.rate.map(|rate| Glide { from: self.constant(rate, 0), position: 0 });
        self.factor = factor;
    }

    /// Whether the next frame comes after the last point.
    fn is_over(&self, segment: &Segment) -> bool {
        self.ramp.last().is_some_and(|point| self.time(segment, segment.position) >= point.time)
    }

    fn time(&self, segment: &Segment, frame: u64) -> f64 {
        segment.elapsed as f64 / 1e9 + frame as f64 / f64::from(segment.rate)
    }

    /// The factor of the ramp at a time.
    fn at(&self, time: f64) -> f64 {
        let next = self.ramp.partition_point(|point| point.time <= time);
        let (Some(from), Some(to)) = (self.ramp.get(next.wrapping_sub(1)), self.ramp.get(next)) else {
            return self.ramp.get(next).or(self.ramp.last()).map_or(1.0, |point| point.factor);
        };
        let way = (time - from.time) / (to.time - from.time);
        match self.shape {
            RampShape::Linear => from.factor + (to.factor - from.factor) * way,
            RampShape::Exponential => {
                // From silence a straight line of decibels begins at -120.
                let floor = 10f64.powf(SILENCE_DB / 20.0);
                let (first, last) = (from.factor.max(floor), to.factor.max(floor));
                first * (last / first).powf(way)
            }
        }
    }
}

/// How many frames a change of the gain takes: 20 ms.
fn glide_frames(rate: u32) -> u64 {
    u64::from(rate / 50).max(1)
}

fn factor(gain_db: f64) -> f64 {
    if gain_db <= SILENCE_DB { 0.0 } else { 10f64.powf(gain_db / 20.0) }
}
