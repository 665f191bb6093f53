//! `ClippingDetector`: samples at the limit, and tops of waves that have been cut or pressed flat.

use std::collections::VecDeque;

use remotemedia_core::node::{Cost, Define, Field, Form, Kinds, NodeError, Port, Shape, documented};
use remotemedia_core::value::{Audio, Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::flat_tops::{FlatTops, Tops};
use super::health::{FAULTS, Fault, HEALTH, judged, judged_form};
use super::saturation::{Evidence, SaturationFinder};
use crate::stream::changes::{Changes, Worse, default_hold_ms};
use crate::stream::reader::Segment;
use crate::stream::segment_node::{SegmentNode, impl_node};
use crate::stream::timeline::Gaps;
use crate::stream::windows::{Meter, Reading, Windows};

documented! {
/// Finds clipping, hard and soft.
///
/// Every 100 ms, and at the end, it emits a map about the last second:
///
/// | key | value |
/// |---|---|
/// | `peak` | the largest magnitude in any channel; 1.0 is full scale |
/// | `saturation_ratio` | the samples of at least `saturation_threshold` in magnitude, in percent, of the channel with the most |
/// | `crest_factor_db` | peak over RMS in decibels, of the channel with the least; 0 in digital silence |
/// | `is_clipping` | see below |
/// | `health` | `"clipping"` if `is_clipping`, else `"ok"` |
/// | `faults` | all that is wrong, in the words of `health` |
///
/// Sound clips if `saturation_ratio` is more than `saturation_ratio_threshold`, or if the form of its waves tells it, whatever
/// the level is now. Sound that peaks below -40 dBFS is not judged by its form. There are three signs:
///
/// - At least three waves are cut off at one and the same height: three or more samples of one value on the top, which falls
///   steeply beside them. That finds single peaks of speech that were 2 to 3 dB too high, in sound that is finer than mu-law
///   or 8 bits.
/// - The tops of the waves are flat: the largest half waves, from one zero crossing to the next, stay within 2 % of their tops
///   for more than 1.35 times as long as a sine. If the crest factor is below `crest_factor_threshold_db`, which of natural
///   sounds only a sine comes near, 1.06 times is enough. Waves that a synthesizer makes square are flat, too.
/// - The sound follows better from itself when its peaks are bent up again, as if a saturating curve had pressed them. In
///   voices at 16 kHz that were not coded with loss, that finds `tanh` from an argument of 1.5 at the highest peak on,
///   which lowers that peak by 4 dB; from 2 on in four of five at 8 kHz or if the sound was resampled since. In noise, in
///   most music, and in sound coded with loss before or after, where much does not follow from itself, it shows
///   only what is stronger, or nothing.
///
/// With `changes_only` it emits a map `{type, fault, start_s, end_s, worst, measure}` when a fault begins, with the `type`
/// `"start"`, and one when it has ended, with the `type` `"end"`, and nothing else. `worst` is the worst value so far of the
/// field `measure`, `saturation_ratio`.
///
/// All is counted in frames from the start of the item, so how the sound is divided into packets changes nothing.
#[derive(Debug)]
pub struct ClippingDetector(SegmentNode<Windows<ClippingMeter>>);
}

/// The params of [`ClippingDetector`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClippingDetectorParams {
    /// From this magnitude on a sample is saturated; 1.0 is full scale.
    #[serde(default = "default_saturation_threshold")]
    #[schemars(range(min = 0.01, max = 1.0))]
    pub saturation_threshold: f64,
    /// More saturated samples than this many percent are clipping.
    #[serde(default = "default_saturation_ratio_threshold")]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub saturation_ratio_threshold: f64,
    /// Below this crest factor, in decibels, sound with tops flatter than those of a sine is clipping.
    #[serde(default = "default_crest_factor_threshold_db")]
    #[schemars(range(min = 0.0, max = 40.0))]
    pub crest_factor_threshold_db: f64,
    /// Whether a map is emitted only when a fault begins and when it has ended.
    #[serde(default)]
    pub changes_only: bool,
    /// How long a fault must be gone until it has ended, in milliseconds; one that comes back earlier goes on. With
    /// `changes_only`.
    #[serde(default = "default_hold_ms")]
    #[schemars(range(max = 3_600_000))]
    pub hold_ms: u32,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

fn default_saturation_threshold() -> f64 {
    0.99
}

fn default_saturation_ratio_threshold() -> f64 {
    1.0
}

fn default_crest_factor_threshold_db() -> f64 {
    3.0
}

#[derive(Debug)]
struct ClippingMeter {
    saturation_threshold: f32,
    saturation_ratio_threshold: f64,
    crest_factor_threshold_db: f64,
    channels: Vec<Channel>,
}

#[derive(Debug)]
struct Channel {
    open: Window,
    /// The windows of the last second, oldest first.
    windows: VecDeque<Window>,
    tops: FlatTops,
    saturation: SaturationFinder,
}

/// What 100 ms of a channel come to.
#[derive(Debug, Default)]
struct Window {
    frames: usize,
    saturated: usize,
    squares: f64,
    peak: f32,
    tops: Tops,
    saturation: Evidence,
}

const WINDOW_MS: u32 = 100;
const WINDOWS: usize = 10;
/// A wave that stays near its top for so much longer than a sine has a flat top.
const FLAT: f64 = 1.35;
/// The same where the crest factor is low.
const FLAT_FOR_LOW_CREST: f64 = 1.06;

impl_node!(ClippingDetector);

impl Define for ClippingDetector {
    type Params = ClippingDetectorParams;

    const NAME: &'static str = "ClippingDetector";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Map]),
        "Every 100 ms the map {peak, saturation_ratio, crest_factor_db, is_clipping, health, faults} of the last second; \
         health is ok or clipping. With changes_only the changes of faults.",
    )];
    const EXAMPLE: &'static str = r#"{"saturation_ratio_threshold": 0.5}"#;

    fn output_form(params: &ClippingDetectorParams, _port: usize, _input: Form) -> Form {
        judged_form(params.changes_only, ClippingMeter::FIELDS)
    }

    fn new(params: &ClippingDetectorParams) -> Self {
        ClippingDetector(SegmentNode::new(
            Windows::new(
                WINDOW_MS,
                ClippingMeter {
                    saturation_threshold: params.saturation_threshold as f32,
                    saturation_ratio_threshold: params.saturation_ratio_threshold,
                    crest_factor_threshold_db: params.crest_factor_threshold_db,
                    channels: Vec::new(),
                },
                Changes::new(params.changes_only, params.hold_ms),
            ),
            params.gaps,
        ))
    }
}

impl Meter for ClippingMeter {
    const FIELDS: &'static [Field] = &[
        ("peak", Shape::FLOAT),
        ("saturation_ratio", Shape::FLOAT),
        ("crest_factor_db", Shape::FLOAT),
        ("is_clipping", Shape::BOOL),
        HEALTH,
        FAULTS,
    ];

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        let saturation = SaturationFinder::new(segment.rate);
        self.channels = (0..segment.channels).map(|_| Channel::new(saturation.clone())).collect();
        Ok(())
    }

    fn add(&mut self, _segment: &Segment, audio: &Audio) {
        for (channel, samples) in self.channels.iter_mut().zip(audio.iter_channels()) {
            let window = &mut channel.open;
            window.frames += samples.len();
            for sample in samples {
                let magnitude = sample.abs();
                window.peak = window.peak.max(magnitude);
                window.saturated += usize::from(magnitude >= self.saturation_threshold);
                window.squares += f64::from(magnitude) * f64::from(magnitude);
            }
            channel.tops.add(samples, &mut window.tops);
            channel.saturation.add(samples, &mut window.saturation);
        }
    }

    fn close(&mut self, _frames: usize, _duration: i64) -> Result<Reading, NodeError> {
        let (mut peak, mut saturation_ratio, mut crest_factor_db) = (0f32, 0f64, f64::INFINITY);
        let mut is_clipping = false;
        for channel in &mut self.channels {
            if channel.windows.len() == WINDOWS {
                channel.windows.pop_front();
            }
            channel.windows.push_back(std::mem::take(&mut channel.open));
            let frames: usize = channel.windows.iter().map(|window| window.frames).sum();
            let saturated: usize = channel.windows.iter().map(|window| window.saturated).sum();
            let squares: f64 = channel.windows.iter().map(|window| window.squares).sum();
            let highest = channel.windows.iter().map(|window| window.peak).fold(0f32, f32::max);
            let crest_db = 20.0 * (f64::from(highest) / (squares / frames as f64).sqrt()).log10();
            let ratio = 100.0 * saturated as f64 / frames as f64;
            let flatness = Tops::flatness(channel.windows.iter().map(|window| &window.tops));
            let flat = if crest_db < self.crest_factor_threshold_db { FLAT_FOR_LOW_CREST } else { FLAT };
            is_clipping |= ratio > self.saturation_ratio_threshold
                || flatness.is_some_and(|flatness| flatness > flat)
                || Tops::are_cut(channel.windows.iter().map(|window| &window.tops))
                || Evidence::shows_saturation(channel.windows.iter().map(|window| &window.saturation));
            peak = peak.max(highest);
            saturation_ratio = saturation_ratio.max(ratio);
            if highest > 0.0 {
                crest_factor_db = crest_factor_db.min(crest_db);
            }
        }
        let findings = is_clipping.then(|| Fault::Clipping.found("saturation_ratio", saturation_ratio, Worse::Higher));
        let values = vec![
            Value::Float(peak.into()),
            Value::Float(saturation_ratio),
            Value::Float(if crest_factor_db.is_finite() { crest_factor_db.max(0.0) } else { 0.0 }),
            Value::Bool(is_clipping),
        ];
        Ok(judged(values, true, findings.into_iter().collect()))
    }

    fn finish(&mut self) {
        self.channels.clear();
    }
}

impl Channel {
    fn new(saturation: SaturationFinder) -> Self {
        Self { open: Window::default(), windows: VecDeque::new(), tops: FlatTops::default(), saturation }
    }
}
