//! `AudioFilter`: filters of the usual kinds, as sections of second order.

use remotemedia_core::node::{Cost, Define, NodeError, ParamError, Port, documented};
use remotemedia_core::value::{Audio, Packet};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::dsp::filter_design::{Band, Frequency, Shape, butterworth, cookbook, dc_block};
use crate::dsp::state_variable::{Cascade, Section};
use crate::stream::reader::{Segment, sound};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Filters sound: Butterworth, biquads of the cookbook, DC block.
///
/// Each channel is filtered by itself. A filter is of one of these kinds:
///
/// | kind | what it is | its params |
/// |---|---|---|
/// | `lowpass`, `highpass` | Butterworth of `order`, -3 dB at `frequency_hz` | `frequency_hz`, `order` |
/// | `bandpass` | Butterworth of `order` at each edge, -3 dB at both | `low_hz`, `high_hz`, `order` |
/// | `dc_block` | one zero at 0 Hz, one pole: takes an offset away | `frequency_hz` (10) |
/// | `biquad_lowpass`, `biquad_highpass`, `biquad_bandpass`, `notch`, `allpass` | one section of the cookbook | `frequency_hz`, `q` |
/// | `peaking`, `low_shelf`, `high_shelf` | one section of the cookbook | `frequency_hz`, `q`, `gain_db` |
///
/// The cookbook is R. Bristow-Johnson's; `biquad_bandpass` has a gain of 1 at its centre. Butterworth filters are made by
/// the bilinear transform with prewarped frequencies and have a gain of 1 in their band. They are sections of second order
/// in the state-variable form, zeros with the poles that are nearest to them: up to order 24, from 0.001 Hz to 0.001 Hz
/// below half the rate, the error before the last rounding is below 1e-8 of the largest output.
///
/// The sections work in float64 from the first sample to the last of an item, and the result is rounded once, so how the
/// sound is divided into packets changes nothing. Every frame that comes in goes out, at its time; filters delay what they
/// pass as their kind does. A change of rate or layout begins anew. Frequencies must be below half the rate of the sound.
/// Samples that are NaN or infinite are refused.
#[derive(Debug)]
pub struct AudioFilter(SegmentNode<Filter>);
}

/// The params of [`AudioFilter`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioFilterParams {
    /// The kind of filter.
    pub kind: FilterKind,
    /// The cut-off or centre, for all kinds but `bandpass`.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 400_000.0))]
    pub frequency_hz: Option<f64>,
    /// The lower edge of `bandpass`.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 400_000.0))]
    pub low_hz: Option<f64>,
    /// The upper edge of `bandpass`. At least 0.001 more than `low_hz`.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 400_000.0))]
    pub high_hz: Option<f64>,
    /// The order of `lowpass`, `highpass` and `bandpass`: 6 dB per octave and order. 2 if it is not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 24))]
    pub order: Option<u32>,
    /// The quality of a section of the cookbook: the larger, the narrower. 0.7071 if it is not given.
    #[serde(default)]
    #[schemars(range(min = 0.01, max = 1_000.0))]
    pub q: Option<f64>,
    /// What `peaking` and the shelves do at their frequency or beyond it, in decibels.
    #[serde(default)]
    #[schemars(range(min = -60.0, max = 60.0))]
    pub gain_db: Option<f64>,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

/// The kinds of [`AudioFilter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilterKind {
    /// Butterworth: what is below `frequency_hz`.
    Lowpass,
    /// Butterworth: what is above `frequency_hz`.
    Highpass,
    /// Butterworth: what is between `low_hz` and `high_hz`.
    Bandpass,
    /// Takes an offset away.
    DcBlock,
    /// Second order with `q`: what is below.
    BiquadLowpass,
    /// Second order with `q`: what is above.
    BiquadHighpass,
    /// Second order with `q`: what is around.
    BiquadBandpass,
    /// Takes away what is around `frequency_hz`.
    Notch,
    /// Turns phases alone.
    Allpass,
    /// Raises or lowers what is around `frequency_hz`.
    Peaking,
    /// Raises or lowers what is below.
    LowShelf,
    /// Raises or lowers what is above.
    HighShelf,
}

#[derive(Debug)]
struct Filter {
    params: AudioFilterParams,
    channels: Vec<Cascade>,
    block: Vec<f64>,
}

/// What is filtered in one step: samples times sections, some 100 microseconds.
const STEP_WORK: usize = 1 << 15;
/// In float64 the poles of a narrower band can't be told from the unit circle. It would take a quarter of an hour to
/// sound.
const NARROWEST_HZ: f64 = 0.001;
const DEFAULT_ORDER: u32 = 2;
const DEFAULT_DC_BLOCK_HZ: f64 = 10.0;

impl_node!(AudioFilter);

impl Define for AudioFilter {
    type Params = AudioFilterParams;

    const NAME: &'static str = "AudioFilter";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT.like_input()];
    const EXAMPLE: &'static str = r#"{"kind": "highpass", "frequency_hz": 80, "order": 4}"#;

    fn check(params: &AudioFilterParams) -> Result<(), ParamError> {
        let kind = params.kind.name();
        let band = params.kind == FilterKind::Bandpass;
        let has_order = matches!(params.kind, FilterKind::Lowpass | FilterKind::Highpass | FilterKind::Bandpass);
        let has_gain = matches!(params.kind, FilterKind::Peaking | FilterKind::LowShelf | FilterKind::HighShelf);
        let has_q = !has_order && params.kind != FilterKind::DcBlock;
        let needs_frequency = !band && params.kind != FilterKind::DcBlock;
        let order = params.order.map(f64::from);
        // Each param with what the kind may have and must have.
        let params_of_kind = [
            ("frequency_hz", params.frequency_hz, !band, needs_frequency),
            ("low_hz", params.low_hz, band, band),
            ("high_hz", params.high_hz, band, band),
            ("order", order, has_order, false),
            ("q", params.q, has_q, false),
            ("gain_db", params.gain_db, has_gain, has_gain),
        ];
        for (param, value, may, must) in params_of_kind {
            let wrong = match value {
                None if must => Some((format!("a number, which kind \"{kind}\" needs"), "none".to_owned())),
                Some(value) if !may => Some((format!("no such param with kind \"{kind}\""), value.to_string())),
                _ => None,
            };
            if let Some((expected, got)) = wrong {
                return Err(ParamError { param: param.to_owned(), expected, got });
            }
        }
        match (params.low_hz, params.high_hz) {
            (Some(low), Some(high)) if low >= high => Err(ParamError {
                param: "low_hz".to_owned(),
                expected: format!("less than high_hz, which is {high}"),
                got: low.to_string(),
            }),
            (Some(low), Some(high)) if high - low < 0.999 * NARROWEST_HZ => Err(ParamError {
                param: "high_hz".to_owned(),
                expected: format!("at least {NARROWEST_HZ} more than low_hz, which is {low}"),
                got: high.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn new(params: &AudioFilterParams) -> Self {
        AudioFilter(SegmentNode::new(
            Filter { params: params.clone(), channels: Vec::new(), block: Vec::new() },
            params.gaps,
        ))
    }
}

impl SegmentProcessor for Filter {
    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        let sections = self.params.sections(segment.rate).map_err(|error| error.at(segment.origin))?;
        self.channels = vec![Cascade::new(sections); segment.channels];
        Ok(())
    }

    fn wants(&mut self, segment: &Segment) -> usize {
        (STEP_WORK / (segment.channels * self.params.section_count())).max(1)
    }

    fn frames(&mut self, segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        let mut samples = Vec::with_capacity(audio.frames() * audio.channels());
        for (cascade, channel) in self.channels.iter_mut().zip(audio.iter_channels()) {
            self.block.clear();
            self.block.extend(channel.iter().copied().map(f64::from));
            cascade.run(&mut self.block);
            samples.extend(self.block.iter().map(|value| *value as f32));
        }
        Ok(Some(sound(segment, samples, audio.pts)))
    }
}

impl AudioFilterParams {
    fn sections(&self, rate: u32) -> Result<Vec<Section>, NodeError> {
        let part = |param: &str, value: f64| {
            let most = f64::from(rate) / 2.0;
            if value < most {
                return Ok(Frequency { hz: value, rate: rate.into() });
            }
            let cause = format!("'{param}' is {value} Hz, but sound at {rate} Hz has nothing from {most} Hz on");
            Err(NodeError::new(cause).cure(format!("Set '{param}' below {most}, or resample the sound first.")))
        };
        let order = self.order.unwrap_or(DEFAULT_ORDER) as usize;
        let frequency = || part("frequency_hz", self.frequency_hz.unwrap_or(DEFAULT_DC_BLOCK_HZ));
        Ok(match (self.kind, self.kind.shape()) {
            (_, Some(shape)) => {
                let q = self.q.unwrap_or(std::f64::consts::FRAC_1_SQRT_2);
                vec![cookbook(shape, frequency()?, q, self.gain_db.unwrap_or_default())]
            }
            (FilterKind::DcBlock, _) => vec![dc_block(frequency()?)],
            (FilterKind::Bandpass, _) => {
                let low = part("low_hz", self.low_hz.unwrap_or_default())?;
                let high = part("high_hz", self.high_hz.unwrap_or_default())?;
                butterworth(Band::Between(low, high), order)
            }
            (FilterKind::Highpass, _) => butterworth(Band::Above(frequency()?), order),
            _ => butterworth(Band::Below(frequency()?), order),
        })
    }

    fn section_count(&self) -> usize {
        let order = self.order.unwrap_or(DEFAULT_ORDER) as usize;
        match self.kind {
            FilterKind::Bandpass => order,
            FilterKind::Lowpass | FilterKind::Highpass => order.div_ceil(2),
            _ => 1,
        }
    }
}

impl FilterKind {
    fn shape(self) -> Option<Shape> {
        Some(match self {
            FilterKind::BiquadLowpass => Shape::Lowpass,
            FilterKind::BiquadHighpass => Shape::Highpass,
            FilterKind::BiquadBandpass => Shape::Bandpass,
            FilterKind::Notch => Shape::Notch,
            FilterKind::Allpass => Shape::Allpass,
            FilterKind::Peaking => Shape::Peaking,
            FilterKind::LowShelf => Shape::LowShelf,
            FilterKind::HighShelf => Shape::HighShelf,
            FilterKind::Lowpass | FilterKind::Highpass | FilterKind::Bandpass | FilterKind::DcBlock => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            FilterKind::Lowpass => "lowpass",
            FilterKind::Highpass => "highpass",
            FilterKind::Bandpass => "bandpass",
            FilterKind::DcBlock => "dc_block",
            FilterKind::BiquadLowpass => "biquad_lowpass",
            FilterKind::BiquadHighpass => "biquad_highpass",
            FilterKind::BiquadBandpass => "biquad_bandpass",
            FilterKind::Notch => "notch",
            FilterKind::Allpass => "allpass",
            FilterKind::Peaking => "peaking",
            FilterKind::LowShelf => "low_shelf",
            FilterKind::HighShelf => "high_shelf",
        }
    }
}
