//! `Loudness`: how loud sound is to the ear, as EBU R 128 has it.

use remotemedia_core::node::{Cost, Define, Field, Form, Kinds, NodeError, Port, Shape, documented};
use remotemedia_core::value::{Audio, Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::health::{FLOOR_DB, amplitude_db};
use crate::dsp::loudness::LoudnessMeter;
use crate::dsp::true_peak::TruePeak;
use crate::stream::reader::Segment;
use crate::stream::segment_node::{SegmentNode, impl_node};
use crate::stream::timeline::Gaps;
use crate::stream::windows::{Meter, Reading, Windows};

documented! {
/// Measures loudness, its range and peaks as ITU-R BS.1770-5 and EBU R 128 have them.
///
/// Every 100 ms, and at the end, it emits a map:
///
/// | key | value |
/// |---|---|
/// | `momentary_lufs` | the loudness of the last 400 ms |
/// | `short_term_lufs` | the loudness of the last 3 s |
/// | `integrated_lufs` | the gated loudness from the start of the item |
/// | `max_momentary_lufs` | the loudest 400 ms from the start of the item, looked for every 10 ms |
/// | `max_short_term_lufs` | the loudest 3 s from the start of the item, looked for every 10 ms |
/// | `loudness_range_lu` | the loudness range of EBU Tech 3342 from the start of the item: from the 10th to the 95th percentile of the short-term loudness |
/// | `true_peak_dbtp` | the largest true peak of all channels from the start of the item, in dB of full scale |
/// | `sample_peak_dbfs` | the largest sample of all channels from the start of the item, in dB of full scale |
///
/// A value is null as long as it does not exist: before 400 ms or 3 s have passed, or, for those with gates, while nothing
/// has been louder than -70 LUFS. Silence has -120.0. Blocks are sorted into bins of 0.01 LU, so that a stream may last
/// for ever; the relative gates and the range are as fine as that. The map comes when its window is complete; what lies
/// between samples counts 25 samples late. A change of rate or layout begins anew. So do, after a jump in time, the last 400 ms
/// and 3 s: no block has sound of both sides.
///
/// Channels weigh what table 4 of BS.1770-5 gives their places in a named layout: 1.41 at the sides and for the surrounds
/// of 5.0, 5.1 and quad, 1 at the back of 6.1, 7.0 and 7.1, nothing for the low-frequency channel, else 1. Five channels
/// without a name are taken for 5.0, other numbers weigh 1 each.
///
/// Sound below 3400 Hz is refused, since the filter of the standard has no place there, and so are samples that are NaN
/// or infinite. True peaks are found by sixteen-fold oversampling, up to 0.93 of half the rate no more than 0.06 dB too
/// low. All is counted in frames from the start of the item, so how the sound is divided into packets changes nothing.
#[derive(Debug)]
pub struct Loudness(SegmentNode<Windows<Measure>>);
}

/// The params of [`Loudness`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoudnessParams {
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

#[derive(Debug)]
struct Measure {
    /// Of the open segment.
    meter: Option<LoudnessMeter>,
    true_peaks: Vec<TruePeak>,
    sample_peak: f32,
}

const WINDOW_MS: u32 = 100;

impl_node!(Loudness);

impl Define for Loudness {
    type Params = LoudnessParams;

    const NAME: &'static str = "Loudness";
    /// A step is 100 ms of all channels, two sections and an interpolator for each.
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Map]),
        "Every 100 ms the map {momentary_lufs, short_term_lufs, integrated_lufs, max_momentary_lufs, \
         max_short_term_lufs, loudness_range_lu, true_peak_dbtp, sample_peak_dbfs}.",
    )];

    fn output_form(_params: &LoudnessParams, _port: usize, _input: Form) -> Form {
        Form::Map(Measure::FIELDS)
    }

    fn new(params: &LoudnessParams) -> Self {
        let measure = Measure { meter: None, true_peaks: Vec::new(), sample_peak: 0.0 };
        Loudness(SegmentNode::new(Windows::new(WINDOW_MS, measure, None), params.gaps))
    }
}

impl Meter for Measure {
    const FIELDS: &'static [Field] = &[
        ("momentary_lufs", Shape::FLOAT),
        ("short_term_lufs", Shape::FLOAT),
        ("integrated_lufs", Shape::FLOAT),
        ("max_momentary_lufs", Shape::FLOAT),
        ("max_short_term_lufs", Shape::FLOAT),
        ("loudness_range_lu", Shape::FLOAT),
        ("true_peak_dbtp", Shape::FLOAT),
        ("sample_peak_dbfs", Shape::FLOAT),
    ];

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        if segment.follows_jump {
            // What has been measured of the item stays.
            self.meter.iter_mut().for_each(LoudnessMeter::restart);
            self.true_peaks.iter_mut().for_each(TruePeak::finish);
            return Ok(());
        }
        let meter = LoudnessMeter::new(segment.rate, segment.channels, &segment.layout, segment.origin)?;
        self.meter = Some(meter);
        self.true_peaks = vec![TruePeak::new(); segment.channels];
        self.sample_peak = 0.0;
        Ok(())
    }

    fn add(&mut self, _segment: &Segment, audio: &Audio) {
        self.meter.iter_mut().for_each(|meter| meter.add(audio));
        for (true_peak, samples) in self.true_peaks.iter_mut().zip(audio.iter_channels()) {
            true_peak.add(samples);
            self.sample_peak = samples.iter().fold(self.sample_peak, |peak, sample| peak.max(sample.abs()));
        }
    }

    fn close(&mut self, _frames: usize, _duration: i64) -> Result<Reading, NodeError> {
        let loudness = |of: fn(&LoudnessMeter) -> Option<f64>| {
            let loudness = self.meter.as_ref().and_then(of);
            loudness.map_or(Value::Null, |value| Value::Float(value.max(FLOOR_DB)))
        };
        let true_peak = self.true_peaks.iter().map(TruePeak::peak).fold(0.0, f32::max);
        let values = vec![
            loudness(LoudnessMeter::momentary),
            loudness(LoudnessMeter::short_term),
            loudness(LoudnessMeter::integrated),
            loudness(LoudnessMeter::max_momentary),
            loudness(LoudnessMeter::max_short_term),
            loudness(LoudnessMeter::range),
            Value::Float(amplitude_db(true_peak.into())),
            Value::Float(amplitude_db(self.sample_peak.into())),
        ];
        Ok(Reading { values, findings: Vec::new() })
    }

    fn finish(&mut self) {}
}
