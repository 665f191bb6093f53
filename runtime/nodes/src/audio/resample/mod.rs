//! Changes the rate of sound: the node, its params and what its qualities promise.

mod block;
mod conversion;
mod input;
mod interpolate;
mod kernel;
mod speed_perturb;
mod transform;

use std::sync::Arc;

use remotemedia_core::node::{
    AudioFormat, Context, Cost, Define, Emission, Form, Node, NodeError, Port, Step, documented,
};
use remotemedia_core::value::{Audio, Packet, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dsp::recent::Recent;
use crate::stream::align::Held;
use crate::stream::reader::{Reader, Segment};
use crate::stream::timeline::Gaps;
use conversion::Conversion;
use kernel::{Kernel, Plan, Requirement};
pub use speed_perturb::{SpeedPerturb, SpeedPerturbParams};
use transform::Sample;

/// The rates that can be converted, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 1000..=768_000;

/// The rate of params that leave the rate as it is. No manifest can say it but by an old name: rates begin at 1000.
pub(crate) const SAME_RATE: u32 = 0;

/// The params of [`AudioResample`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioResampleParams {
    /// The rate of the output, in Hz. Sound that has it already passes through as it is.
    #[schemars(range(min = 1000, max = 768_000))]
    pub rate: u32,
    /// How sharp the filter is, and how exact the arithmetic.
    #[serde(default)]
    pub quality: ResampleQuality,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

/// What a conversion keeps and what it removes. Frequencies are shares of the lower of the two Nyquist frequencies (half
/// the lower rate). The stop-band begins at 1 for every quality, so nothing folds back from above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResampleQuality {
    /// Pass-band up to 0.80, stop-band at least 90 dB down, float32: for previews, and for speech where time counts.
    Fast,
    /// Pass-band up to 0.9125, stop-band at least 120 dB down, float32.
    #[default]
    High,
    /// Pass-band up to 0.95, stop-band at least 140 dB down, float64: as exact as float32 samples can tell.
    Best,
}

documented! {
/// Changes the rate of sound, with exact lengths and times.
///
/// The filter has a linear phase. Output frame `n` sounds at the time of input frame `n * in / out`: the filter's delay
/// is taken out. A recording of `f` frames becomes one of `f * out / in` frames, rounded to nearest, halves up. How the
/// recording is cut into packets makes no difference to the samples. A change of rate or layout ends one recording and
/// begins the next.
///
/// The output runs behind the input by half the filter's length (6 ms from 48 to 16 kHz at `high`) and by what is missing
/// of a block: 20 ms, or the filter's length, or the least common period of both rates, whichever is longest.
///
/// Times follow from the `pts` of a recording's first packet and the count of frames, up to a jump: there one recording ends
/// and the next begins, unless `gaps` says otherwise.
///
/// Sound that has the rate already passes through in the same memory. Rates from 1,000 to 768,000 Hz are converted,
/// others are an error, and so are NaN and infinity. Nothing limits the result: beside steep edges it may exceed the
/// peaks of what came in.
pub struct AudioResample {
    rate: u32,
    quality: ResampleQuality,
    reader: Reader,
    /// None while sound passes that has the rate already.
    conversion: Option<Conversion>,
    /// The stream of the packet that came last.
    stream: u32,
}
}

impl ResampleQuality {
    /// What the filter is designed for: some decibels more than promised, for the fits in the design formulas and for
    /// what the arithmetic and the interpolator add.
    fn requirement(self) -> Requirement {
        match self {
            Self::Fast => Requirement { pass: 0.8, attenuation_db: 96.0 },
            Self::High => Requirement { pass: 0.9125, attenuation_db: 132.0 },
            Self::Best => Requirement { pass: 0.95, attenuation_db: 150.0 },
        }
    }

    fn kernel(self, from: u32, to: u32, channels: usize) -> Box<dyn Kernel> {
        static SINGLE: Plans<f32> = Plans::new();
        static DOUBLE: Plans<f64> = Plans::new();
        match self {
            Self::Fast | Self::High => Box::new(plan(&SINGLE, from, to, self.requirement()).streams(channels)),
            Self::Best => Box::new(plan(&DOUBLE, from, to, self.requirement()).streams(channels)),
        }
    }
}

/// Plans by both rates and what is required.
type Plans<T> = Recent<(u32, u32, Requirement), Plan<T>>;

/// A plan, which all streams between the same rates share if the rates are usual: others may take megabytes.
fn plan<T: Sample>(plans: &Plans<T>, from: u32, to: u32, requirement: Requirement) -> Arc<Plan<T>> {
    const USUAL: std::ops::RangeInclusive<u32> = 8_000..=192_000;
    let design = || Arc::new(Plan::new(from, to, requirement));
    let is_usual = USUAL.contains(&from) && USUAL.contains(&to);
    if is_usual { plans.get((from, to, requirement), design) } else { design() }
}

impl Define for AudioResample {
    type Params = AudioResampleParams;

    const NAME: &'static str = "AudioResample";
    /// A step transforms up to 524,288 points: some 600 us, for `best` some 2 ms, and of a packet of 20 ms about 2 us. A
    /// recording's first step also designs the filter, unless one for its rates was lately, which takes some 100 us.
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT];
    const EXAMPLE: &'static str = r#"{"rate": 16000}"#;

    fn output_form(params: &Self::Params, _port: usize, input: Form) -> Form {
        let AudioFormat { rate, channels } = input.audio();
        Form::Audio(AudioFormat { rate: if params.rate == SAME_RATE { rate } else { Some(params.rate) }, channels })
    }

    fn new(params: &Self::Params) -> Self {
        let reader = Reader::new(params.gaps);
        Self { rate: params.rate, quality: params.quality, reader, conversion: None, stream: 0 }
    }
}

impl Node for AudioResample {
    fn initialize(&mut self, context: &Context) -> Result<(), NodeError> {
        self.reader.count_in(&context.time_breaks);
        Ok(())
    }

    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        let audio = audio_of(&packet)?;
        if audio.frames() > 0 {
            check_rate(audio.rate(), self.rate, packet.pts)?;
        }
        self.stream = packet.stream;
        self.reader.push(packet)?;
        self.advance()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        self.advance()
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.reader.finish();
        self.advance()
    }
}

impl AudioResample {
    /// Converts what is held back as if the recording ended here; what comes next begins another one. Done as a packet is.
    pub(crate) fn cut(&mut self) -> Result<Step, NodeError> {
        self.reader.cut();
        self.advance()
    }

    /// What has come and is still to come out.
    pub(crate) fn held(&self) -> Option<Held> {
        self.conversion.as_ref().map(Conversion::held)
    }

    /// Does one step of what there is to do: what waits, then, at the end of an item, what is left.
    fn advance(&mut self) -> Result<Step, NodeError> {
        let Some(conversion) = &mut self.conversion else { return self.pass() };
        if conversion.is_amid_piece() || conversion.is_finishing() {
            // It goes on with what it has.
        } else if self.reader.take_ended().is_some() {
            conversion.finish();
        } else if let Some((segment, audio)) = self.reader.next(|_| conversion.room()) {
            segment.position += audio.frames() as u64;
            conversion.take(audio)?;
        }
        let made = conversion.run()?;
        let mut more = conversion.can_run() || self.reader.is_waiting();
        if conversion.is_over() {
            self.conversion = None;
        } else {
            more |= self.reader.is_ending();
        }
        Ok(self.stepped(made, more))
    }

    /// Does one step where nothing is being converted: hands on what has the rate already, or begins a conversion.
    fn pass(&mut self) -> Result<Step, NodeError> {
        /// The samples of silence that fill a gap in one step.
        const FILLED_SAMPLES: usize = 1 << 16;
        self.reader.take_ended();
        if let Some(segment) = self.reader.open()
            && !passes(segment.rate, self.rate)
        {
            // An item without frames may have any.
            check_rate(segment.rate, self.rate, segment.origin)?;
            let kernel = self.quality.kernel(segment.rate, self.rate, segment.channels);
            self.conversion = Some(Conversion::new(kernel, segment, self.rate));
            return self.advance();
        }
        let fills = self.reader.is_filling();
        let most = |segment: &Segment| if fills { (FILLED_SAMPLES / segment.channels).max(1) } else { usize::MAX };
        let passed = self.reader.next(most).map(|(segment, audio)| {
            segment.position += audio.frames() as u64;
            audio
        });
        let more = self.reader.is_waiting();
        Ok(self.stepped(passed, more))
    }

    /// A step with this result. If it is the last one for now, at the end of an item, all that concerned the item is over.
    fn stepped(&mut self, made: Option<Audio>, more: bool) -> Step {
        let emission = made.map(|audio| {
            let packet = Packet { stream: self.stream, ..self.reader.marked(Packet::new(audio.into())) };
            Emission { port: 0, packet }
        });
        if more {
            return Step::More(emission);
        }
        if self.reader.is_ending() {
            self.reader.reset();
        }
        Step::Done(emission)
    }
}

/// Whether sound of this rate is to have no other.
fn passes(rate: u32, to: u32) -> bool {
    rate == to || to == SAME_RATE
}

/// Checks that sound of this rate can be converted, if it has to be.
fn check_rate(rate: u32, to: u32, pts: Option<i64>) -> Result<(), NodeError> {
    if passes(rate, to) || RATES.contains(&rate) {
        return Ok(());
    }
    let (low, high) = (RATES.start(), RATES.end());
    let cause = format!("the sound has a rate of {rate} Hz, outside {low} to {high} Hz");
    Err(NodeError::new(cause).cure("Check the rate that was given with the samples.").at(pts))
}

fn audio_of(packet: &Packet) -> Result<&Audio, NodeError> {
    match &packet.value {
        Value::Audio(audio) => Ok(audio),
        other => Err(NodeError::new(format!("expected audio, got {}", other.kind().name()))
            .cure("Connect an output that gives sound.")),
    }
}
