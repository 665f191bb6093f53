//! `Loudness`: how loud sound is to the ear, as EBU R 128 has it.

use remotemedia_core::node::{Cost, Define, Kinds, NodeError, Port, documented};
use remotemedia_core::value::{Audio, Kind, Layout, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::health::{FLOOR_DB, amplitude_db};
use super::windows::{Meter, Windows};
use crate::audio::finite::not_finite;
use crate::audio::r128::LoudnessMeter;
use crate::audio::reader::{Driven, Segment, drive};
use crate::audio::true_peak::TruePeak;

documented! {
/// Measures loudness and true peak as ITU-R BS.1770 and EBU R 128 have them.
///
/// Every 100 ms, and at the end, it emits a map:
///
/// | key | value |
/// |---|---|
/// | `momentary_lufs` | the loudness of the last 400 ms |
/// | `short_term_lufs` | the loudness of the last 3 s |
/// | `integrated_lufs` | the gated loudness from the start of the item |
/// | `true_peak_dbtp` | the largest true peak of all channels from the start of the item, in dB of full scale |
///
/// A value is null as long as it does not exist: before 400 ms or 3 s have passed, or while nothing has been louder than
/// the gate of -70 LUFS. Silence has -120.0. Surrounds of five channels, and of the layout `5.1`, weigh 1.41, its low-frequency
/// channel nothing; all others weigh 1. Blocks are sorted into bins of 0.01 LU, so that a stream may last for ever; the
/// relative gate is as fine as that. A change of rate or layout begins anew.
///
/// All is counted in frames from the start of the item, so how the sound is divided into packets changes nothing.
#[derive(Debug)]
pub struct Loudness(Driven<Windows<Measure>>);
}

/// The params of [`Loudness`]: there are none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoudnessParams {}

#[derive(Debug)]
struct Measure {
    meter: LoudnessMeter,
    true_peaks: Vec<TruePeak>,
    true_peak: f32,
}

const WINDOW_MS: u32 = 100;

drive!(Loudness);

impl Define for Loudness {
    type Params = LoudnessParams;

    const NAME: &'static str = "Loudness";
    /// A step is 100 ms of all channels, two sections and an interpolator for each.
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Map]),
        "Every 100 ms the map {momentary_lufs, short_term_lufs, integrated_lufs, true_peak_dbtp}.",
    )];

    fn new(_params: &LoudnessParams) -> Self {
        let meter = LoudnessMeter::new(48_000, 1, &Layout::Unspecified);
        Loudness(Driven::new(Windows::new(WINDOW_MS, Measure { meter, true_peaks: Vec::new(), true_peak: 0.0 })))
    }
}

impl Meter for Measure {
    const FIELDS: &'static [&'static str] = &["momentary_lufs", "short_term_lufs", "integrated_lufs", "true_peak_dbtp"];

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        self.meter = LoudnessMeter::new(segment.rate, segment.channels, &segment.layout);
        self.true_peaks = vec![TruePeak::new(); segment.channels];
        self.true_peak = 0.0;
        Ok(())
    }

    fn add(&mut self, _segment: &Segment, audio: &Audio) {
        self.meter.add(audio);
        for (true_peak, samples) in self.true_peaks.iter_mut().zip(audio.iter_channels()) {
            self.true_peak = self.true_peak.max(true_peak.add(samples));
        }
    }

    fn close(&mut self, _frames: usize, _duration: i64) -> Result<Vec<Value>, NodeError> {
        if !self.meter.is_finite() {
            return Err(not_finite(None));
        }
        let value = |loudness: Option<f64>| loudness.map_or(Value::Null, |value| Value::Float(value.max(FLOOR_DB)));
        Ok(vec![
            value(self.meter.momentary()),
            value(self.meter.short_term()),
            value(self.meter.integrated()),
            Value::Float(amplitude_db(self.true_peak.into())),
        ])
    }

    fn finish(&mut self) {}
}
