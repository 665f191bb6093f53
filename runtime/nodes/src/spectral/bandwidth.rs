//! `Bandwidth`: up to which frequency there is sound.

use std::sync::Arc;

use remotemedia_core::node::{Cost, Define, Field, Form, Kinds, NodeError, Port, Shape, documented, field_names};
use remotemedia_core::value::{Audio, Kind, MediaTime, Packet, Value};
use remotemedia_fourier::{Complex32, RealForward};
use schemars::JsonSchema;
use serde::Deserialize;

use super::frames::{Edges, Frames, Framing};
use super::windows::{albrecht, forward};
use crate::stream::reader::{Segment, SegmentEnd};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Measures up to which frequency there is sound, whatever its rate.
///
/// It shows what a telephone or a codec left of a recording that was resampled since.
/// At the end of each item it emits a map:
///
/// | key | value |
/// |---|---|
/// | `bandwidth_hz` | the upper end of the highest band that is at most `drop_db` below the strongest one; null for digital silence or a constant |
/// | `nyquist_hz` | half the rate: the most that it could be |
/// | `duration_s` | the length of the item, in seconds |
///
/// The spectrum is that of the whole item and all channels, by Welch's method: windows of a power of two of samples, 125 to
/// 250 ms long, half a window apart, each without its mean, whose powers are averaged. So an offset of the samples does not count.
/// A band is 100 Hz wide and has the mean power of the bins in it: the number is a multiple of 100 Hz, or half the rate.
///
/// The window is Albrecht's of six terms, whose side lobes are 150 dB down: a tone counts as sound up to 48 Hz around it,
/// whatever `drop_db` is. An item that is shorter than a window has one window of its own length, and is known the less sharply
/// the shorter it is: a tone of 30 ms to 200 Hz.
///
/// Speech at 16 kHz from a telephone gives about 3400 Hz to 4000 Hz. Noise counts as sound: where that of 16-bit samples
/// or of a microphone lies less than `drop_db` below the strongest band, the bandwidth is half the rate.
///
/// How the sound is divided into packets changes nothing. A change of rate or layout ends one measurement and begins the
/// next, and so does a jump in time unless `gaps` says otherwise. NaN and infinity are an error.
pub struct Bandwidth(SegmentNode<Welch>);
}

/// The params of [`Bandwidth`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BandwidthParams {
    /// How far below the strongest band there still is sound, in decibels.
    #[serde(default = "default_drop_db")]
    #[schemars(range(min = 1.0, max = 120.0))]
    pub drop_db: f64,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

fn default_drop_db() -> f64 {
    60.0
}

struct Welch {
    drop_db: f64,
    keys: Vec<Arc<str>>,
    fft: Option<Arc<RealForward<f32>>>,
    taper: Arc<[f32]>,
    channels: Vec<Frames>,
    /// The sum of the powers in each bin.
    powers: Vec<f64>,
    windowed: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

const BAND_HZ: f64 = 100.0;
/// Windows are at least so long, as a share of a second.
const LEAST_WINDOW: u32 = 8;
/// Samples that are transformed in one step.
const STEP_SAMPLES: usize = 1 << 14;

/// What comes out.
const FIELDS: &[Field] = &[("bandwidth_hz", Shape::FLOAT), ("nyquist_hz", Shape::FLOAT), ("duration_s", Shape::FLOAT)];

impl_node!(Bandwidth);

impl Define for Bandwidth {
    type Params = BandwidthParams;

    const NAME: &'static str = "Bandwidth";
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Map]),
        "At the end of each item the map {bandwidth_hz, nyquist_hz, duration_s}.",
    )];

    fn output_form(_params: &BandwidthParams, _port: usize, _input: Form) -> Form {
        Form::Map(FIELDS)
    }

    fn new(params: &BandwidthParams) -> Self {
        let welch = Welch {
            drop_db: params.drop_db,
            keys: field_names(FIELDS),
            fft: None,
            taper: Arc::default(),
            channels: Vec::new(),
            powers: Vec::new(),
            windowed: Vec::new(),
            spectrum: Vec::new(),
            scratch: Vec::new(),
        };
        Bandwidth(SegmentNode::new(welch, params.gaps))
    }
}

impl SegmentProcessor for Welch {
    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        let length = (segment.rate.div_ceil(LEAST_WINDOW) as usize).next_power_of_two().clamp(64, 1 << 17);
        let framing = Framing { length, hop: length / 2, edges: Edges::Inside };
        let fft = forward(length);
        self.taper = albrecht(length);
        self.channels = (0..segment.channels).map(|_| Frames::new(framing)).collect();
        self.powers = vec![0.0; length / 2 + 1];
        self.windowed = vec![0.0; length];
        self.spectrum = vec![Complex32::default(); fft.bins()];
        self.fft = Some(fft);
        Ok(())
    }

    fn wants(&mut self, segment: &Segment) -> usize {
        (STEP_SAMPLES / segment.channels).max(1)
    }

    fn frames(&mut self, _segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        for (frames, samples) in self.channels.iter_mut().zip(audio.iter_channels()) {
            frames.push(samples);
        }
        self.transform();
        Ok(None)
    }

    fn end(&mut self, segment: &Segment, _why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        if segment.position < self.taper.len() as u64 {
            // Cut off by a longer window, a shorter recording would have sound at all frequencies.
            let frames = segment.position as usize;
            let silence = vec![0.0; self.taper.len() - frames];
            self.taper = albrecht(frames);
            self.channels.iter_mut().for_each(|channel| channel.push(&silence));
            self.transform();
        }
        let length = MediaTime::of_frames(segment.position, segment.rate);
        let values = [
            self.bandwidth(segment.rate).map_or(Value::Null, Value::Float),
            Value::Float(f64::from(segment.rate) / 2.0),
            Value::Float(length as f64 / 1e9),
        ];
        let map = Value::map(self.keys.iter().cloned().zip(values));
        Ok(Some(Packet::new(map).at(Some(segment.origin.unwrap_or(segment.elapsed)), Some(length))))
    }
}

impl Welch {
    /// Transforms the frames that are complete.
    fn transform(&mut self) {
        let Some(fft) = &self.fft else { return };
        let ready = self.channels.first().map_or(0, Frames::ready);
        for frame in 0..ready {
            for channel in &self.channels {
                let samples = &channel.get(frame)[..self.taper.len()];
                let mean = samples.iter().copied().map(f64::from).sum::<f64>() / samples.len() as f64;
                let weighted = samples.iter().zip(&*self.taper).map(|(sample, weight)| (sample - mean as f32) * weight);
                let (windowed, beyond) = self.windowed.split_at_mut(samples.len());
                windowed.iter_mut().zip(weighted).for_each(|(windowed, sample)| *windowed = sample);
                beyond.fill(0.0);
                fft.process(&self.windowed, &mut self.spectrum, &mut self.scratch);
                for (power, bin) in self.powers.iter_mut().zip(&self.spectrum) {
                    *power += f64::from(bin.norm_sqr());
                }
            }
        }
        self.channels.iter_mut().for_each(|channel| channel.advance(ready));
    }

    /// The upper end of the highest band with sound, in Hz.
    fn bandwidth(&self, rate: u32) -> Option<f64> {
        let bin_hz = f64::from(rate) / self.windowed.len() as f64;
        let mut bands: Vec<(f64, u32)> = Vec::new();
        for (bin, power) in self.powers.iter().enumerate() {
            let band = (bin as f64 * bin_hz / BAND_HZ) as usize;
            bands.resize(bands.len().max(band + 1), (0.0, 0));
            bands[band] = (bands[band].0 + power, bands[band].1 + 1);
        }
        let mean = |(sum, bins): &(f64, u32)| if *bins > 0 { sum / f64::from(*bins) } else { 0.0 };
        let strongest = bands.iter().map(mean).fold(0.0, f64::max);
        let least = strongest / 10f64.powf(self.drop_db / 10.0);
        let highest = bands.iter().rposition(|band| mean(band) >= least).filter(|_| strongest > 0.0)?;
        Some(((highest + 1) as f64 * BAND_HZ).min(f64::from(rate) / 2.0))
    }
}
