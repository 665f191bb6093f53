//! `SpeedPerturb`: sound faster or slower, and higher or lower with it, by a factor that is drawn for each item.

use remotemedia_core::node::{Cost, Define, Item, NodeError, ParamError, Port, documented};
use remotemedia_core::value::{Audio, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::conversion::{Conversion, Ratio};
use super::{RATES, ResampleQuality};
use crate::stream::draws::Draws;
use crate::stream::reader::{Segment, SegmentEnd};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Makes sound faster or slower by a factor that is drawn for each item, for training.
///
/// Pitch changes with the speed, as with a tape (Ko, Povey, Peddinti and Khudanpur, "Audio augmentation for speech
/// recognition", Interspeech 2015; the `speed` of sox). The sound is resampled by the filters of `AudioResample` and keeps its
/// rate: a factor of 1.1 makes n frames n / 1.1, rounded to nearest, halves up, or down where the factor is below 1: the count
/// of Lhotse's `perturb_num_samples`. Output frame k has what the input has at frame k times the factor; the filter's delay
/// is taken out.
///
/// Each of the `factors` is as likely as the others; name one twice to draw it twice as often. The draw depends on
/// `seed`, on how many items came before in the run, and on the item's name, where it has one: the same for the same input,
/// however it is divided into packets. A change of rate or layout inside an item begins anew with the same factor.
///
/// Times begin with the item's first and then pass at the new speed, also after a jump; where they go back, they begin anew.
/// Sound with the factor 1 passes as it is. Rates from 1,000 to 768,000 Hz are converted, others are an error, and so are
/// NaN and infinity.
pub struct SpeedPerturb(SegmentNode<Speed>);
}

/// The params of [`SpeedPerturb`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpeedPerturbParams {
    /// The factors to draw from: 1 to 64 numbers from 0.25 to 4 with at most three decimals.
    #[serde(default = "default_factors")]
    pub factors: Vec<f64>,
    /// What the draws begin from: another seed, other draws.
    #[serde(default)]
    pub seed: u64,
    /// How sharp the filter is, and how exact the arithmetic.
    #[serde(default)]
    pub quality: ResampleQuality,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

fn default_factors() -> Vec<f64> {
    vec![0.9, 1.0, 1.1]
}

struct Speed {
    factors: Vec<Factor>,
    seed: u64,
    quality: ResampleQuality,
    /// That of the item.
    factor: Factor,
    /// None for the factor 1.
    conversion: Option<Conversion>,
}

/// So many frames become so many, as a fraction in its lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Factor {
    input: u32,
    output: u32,
}

/// What a factor is a whole multiple of.
const STEPS: u32 = 1_000;

impl_node!(SpeedPerturb);

impl Define for SpeedPerturb {
    type Params = SpeedPerturbParams;

    const NAME: &'static str = "SpeedPerturb";
    /// As `AudioResample`.
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT.like_input()];
    const EXAMPLE: &'static str = r#"{"factors": [0.9, 1.0, 1.1], "seed": 7}"#;

    fn check(params: &SpeedPerturbParams) -> Result<(), ParamError> {
        let error = |got: String| {
            let expected = format!("1 to 64 numbers from 0.25 to 4, each a multiple of 1/{STEPS}");
            Err(ParamError { param: "factors".to_owned(), expected, got })
        };
        if params.factors.is_empty() || params.factors.len() > 64 {
            return error(format!("{} numbers", params.factors.len()));
        }
        match params.factors.iter().find(|factor| !(0.25..=4.0).contains(*factor) || Factor::of(**factor).is_none()) {
            Some(factor) => error(factor.to_string()),
            None => Ok(()),
        }
    }

    fn new(params: &SpeedPerturbParams) -> Self {
        let factors: Vec<Factor> = params.factors.iter().filter_map(|factor| Factor::of(*factor)).collect();
        let speed = Speed {
            factor: draw(&factors, &mut Draws::first(Self::NAME, params.seed)),
            factors,
            seed: params.seed,
            quality: params.quality,
            conversion: None,
        };
        SpeedPerturb(SegmentNode::new(speed, params.gaps))
    }
}

impl SegmentProcessor for Speed {
    fn begin_item(&mut self, item: &Item) {
        self.factor = draw(&self.factors, &mut Draws::new(SpeedPerturb::NAME, self.seed, item));
    }

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        self.conversion = None;
        if self.factor.is_one() {
            return Ok(());
        }
        if !RATES.contains(&segment.rate) {
            let (low, high) = (RATES.start(), RATES.end());
            let cause = format!("the sound has a rate of {} Hz, outside {low} to {high} Hz", segment.rate);
            let cure = "Check the rate that was given with the samples.";
            return Err(NodeError::new(cause).cure(cure).at(segment.origin));
        }
        let (input, output) = self.factor.near_rate(segment.rate);
        let kernel = self.quality.kernel(input, output, segment.channels);
        let origin = segment.origin.zip(segment.begin).map(|(origin, begin)| {
            let since = self.factor.scale(origin.saturating_sub(begin));
            i64::try_from(i128::from(begin) + since).unwrap_or(origin)
        });
        let segment = Segment { origin, ..segment.clone() };
        let Factor { input, output } = self.factor;
        let ratio = Ratio { input, output, halves_up: input > output };
        self.conversion = Some(Conversion::of_length(kernel, &segment, ratio));
        Ok(())
    }

    fn wants(&mut self, _segment: &Segment) -> usize {
        self.conversion.as_ref().map_or(usize::MAX, Conversion::room)
    }

    fn frames(&mut self, _segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        let Some(conversion) = &mut self.conversion else { return Ok(Some(Value::from(audio).into())) };
        conversion.take(audio)?;
        self.pending()
    }

    fn end(&mut self, _segment: &Segment, _why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        self.conversion.iter_mut().for_each(Conversion::finish);
        self.pending()
    }

    fn is_pending(&self) -> bool {
        self.conversion.as_ref().is_some_and(Conversion::can_run)
    }

    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        let Some(conversion) = &mut self.conversion else { return Ok(None) };
        let made = conversion.run()?;
        if conversion.is_over() {
            self.conversion = None;
        }
        Ok(made.map(|audio| Value::from(audio).into()))
    }
}

impl Factor {
    /// None unless it is a multiple of a step, to within what a decimal number loses in float64.
    fn of(factor: f64) -> Option<Self> {
        let steps = (factor * f64::from(STEPS)).round();
        if (factor * f64::from(STEPS) - steps).abs() > 1e-6 || steps < 1.0 {
            return None;
        }
        let (mut larger, mut smaller) = (steps as u32, STEPS);
        while smaller != 0 {
            (larger, smaller) = (smaller, larger % smaller);
        }
        Some(Self { input: steps as u32 / larger, output: STEPS / larger })
    }

    fn is_one(self) -> bool {
        self.input == self.output
    }

    /// The same ratio in rates near that of the sound, for which filters have a fitting length.
    fn near_rate(self, rate: u32) -> (u32, u32) {
        /// What the blocks of the converter need in common.
        const LEAST: u32 = 25;
        let common = (rate / self.output).max(LEAST);
        (self.input * common, self.output * common)
    }

    /// How long this time lasts at the new speed.
    fn scale(self, nanoseconds: i64) -> i128 {
        let (input, output) = (i128::from(self.input), i128::from(self.output));
        (2 * i128::from(nanoseconds) * output + input).div_euclid(2 * input)
    }
}

fn draw(factors: &[Factor], draws: &mut Draws) -> Factor {
    factors[draws.below(factors.len() as u64) as usize]
}
