//! `AudioSum`: several sounds at once, frame by frame.

mod converter;

use std::time::Duration;

use remotemedia_core::node::{
    AudioFormat, Context, Cost, Define, Emission, Form, Kinds, Node, NodeError, Port, Step, documented,
};
use remotemedia_core::value::{Audio, Kind, Packet};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::stream::align::Aligned;
use crate::stream::format::{joined_form, wanted_format};
use converter::Converter;

documented! {
/// Adds up to eight sounds by their times, each with a gain of its own.
///
/// It makes speech in noise, voices over a bed, the dry and the wet sound together.
///
/// The inputs are `in0` to `in7`, of which any may be left unconnected: `sum.in0`, `sum.in1` in a manifest, `sum["in0"]` in
/// Python. They meet by their `pts`: frames that sound at the same time are added, and where an input has nothing it is
/// silent. The output begins with the input that begins first and ends with the one that ends last. Sound without `pts`
/// begins at 0 and goes on where its last packet ended. Where the `pts` of an input jump, by what counts as a jump in other
/// nodes too, a gap is silence and an overlap is trimmed; sound that goes back by more than a second is an error. All inputs
/// need one rate and one number of channels, whose layout is that of the first sound that comes: with `rate` and `channels`
/// they are converted, else another format is an error.
///
/// A sum is computed in float64, in the order of the inputs, and rounded once. Nothing limits it: it may exceed full scale.
/// How the sound is divided into packets, and which input comes first, changes nothing. Samples that are NaN or infinite are
/// refused.
///
/// Each frame comes out once all inputs have it or have ended, so the output is as late as the latest of them. What comes
/// early waits: an input that has nodes of its own runs at most about a second ahead of the others; where the inputs have
/// a common origin, as behind a node that feeds two ways, as much waits as the slower way holds back, at most 1 GiB. With
/// `wait_ms` an input that is further behind counts as silent, and what comes of it later is left out and counted as an
/// overlap: for streams that send only from time to time. It converts to `rate` by itself then, so that what waits in a
/// converter counts as come, and comes out where its stream pauses. What other nodes before it hold back does not.
///
/// An input that begins more than an hour away from the others is an error. Where all of them pause for more than an hour, the
/// times of the output jump too. An input that gets nothing but what has come around a loop is silent until `delay_ms`
/// after the first sound; if what comes around is more than `wait_ms` behind, by default a second, it is not waited for.
///
/// While a session runs `gains_db` may change: from where the output stands, which may be behind what has been sent, the
/// factors glide to their new values in a straight line of 20 ms.
#[derive(Debug)]
pub struct AudioSum {
    inputs: Aligned,
    /// For each input, if they are converted here.
    converters: Vec<Converter>,
    gains: [Gain; PORTS],
    sums: Vec<f64>,
    has_emitted: bool,
    ending: bool,
    stream: u32,
}
}

/// The params of [`AudioSum`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioSumParams {
    /// The gain of each input in decibels, that of `in0` first; 0 for those that are left out. -120 is silence.
    #[serde(default)]
    #[schemars(length(max = 8), inner(range(min = -120.0, max = 120.0)))]
    pub gains_db: Vec<f64>,
    /// The rate of the sum, in Hz: inputs of another rate are converted. Without it all inputs must have one rate.
    #[serde(default)]
    #[schemars(range(min = 1000, max = 768_000))]
    pub rate: Option<u32>,
    /// The number of channels of the sum: inputs with others are mixed. Without it all inputs must have as many.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1024))]
    pub channels: Option<u16>,
    /// How far an input may be behind another, in milliseconds of sound, before it counts as silent. Without it the sum
    /// waits.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    pub wait_ms: Option<f64>,
}

/// The factor of an input.
#[derive(Clone, Copy, Debug)]
struct Gain {
    factor: f64,
    /// Where it comes from, and the frames since then.
    glide: Option<(f64, u64)>,
}

const PORTS: usize = 8;
/// Samples added in one step, over all inputs: some tens of microseconds.
const STEP_SAMPLES: usize = 1 << 14;
/// At and under this many decibels the factor is 0.
const SILENCE_DB: f64 = -120.0;

const fn input(name: &'static str) -> Port {
    Port::new(name, Kinds::of(&[Kind::Audio]), "Sound to be added. Optional.")
}

impl Node for AudioSum {
    fn connect(&mut self, inputs: &[usize]) {
        self.inputs.connect(inputs);
    }

    fn connect_loop(&mut self, port: usize, delay: Duration) {
        self.inputs.connect_loop(port, delay);
    }

    fn initialize(&mut self, context: &Context) -> Result<(), NodeError> {
        let counts_jumps = self.converters.is_empty();
        self.inputs.count_in(&context.time_breaks, counts_jumps);
        self.converters.iter_mut().try_for_each(|converter| converter.initialize(context))
    }

    fn process(&mut self, port: usize, packet: Packet) -> Result<Step, NodeError> {
        self.stream = packet.stream;
        match self.converters.get_mut(port) {
            None => self.inputs.push(port, packet)?,
            Some(converter) => {
                let made = converter.take(packet)?;
                self.converted(port, made)?;
            }
        }
        self.advance()
    }

    fn wants(&self, port: usize) -> bool {
        self.inputs.wants(port)
    }

    fn end_input(&mut self, port: usize) -> Result<Step, NodeError> {
        match self.converters.get_mut(port) {
            None => self.inputs.end(port),
            Some(converter) => converter.end(),
        }
        self.advance()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        self.advance()
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.converters.iter_mut().for_each(Converter::end);
        self.ending = true;
        self.advance()
    }
}

impl Define for AudioSum {
    type Params = AudioSumParams;

    const NAME: &'static str = "AudioSum";
    /// A step adds some thousand samples, or converts as much as one of `AudioResample`.
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[
        input("in0"),
        input("in1"),
        input("in2"),
        input("in3"),
        input("in4"),
        input("in5"),
        input("in6"),
        input("in7"),
    ];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT];
    const LIVE: &'static [&'static str] = &["gains_db"];
    const ALIGNS: bool = true;
    const EXAMPLE: &'static str = r#"{"gains_db": [0, -12], "rate": 16000, "channels": 1}"#;

    fn input_format(params: &AudioSumParams, _port: usize) -> Option<AudioFormat> {
        let rate = params.rate.filter(|_| !converts(params));
        wanted_format(rate, params.channels)
    }

    fn output_form(params: &AudioSumParams, _port: usize, input: Form) -> Form {
        joined_form(params.rate, params.channels, input)
    }

    fn new(params: &AudioSumParams) -> Self {
        let rate = params.rate.filter(|_| converts(params));
        AudioSum {
            inputs: Aligned::new(PORTS, params.wait_ms),
            converters: rate.map_or_else(Vec::new, |rate| (0..PORTS).map(|_| Converter::new(rate)).collect()),
            gains: factors(&params.gains_db).map(|factor| Gain { factor, glide: None }),
            sums: Vec::new(),
            has_emitted: false,
            ending: false,
            stream: 0,
        }
    }

    fn set_params(&mut self, params: &AudioSumParams) {
        let Some(rate) = self.inputs.format().map(|format| format.rate) else {
            // Nobody hears a jump before the first frame.
            self.gains = factors(&params.gains_db).map(|factor| Gain { factor, glide: None });
            return;
        };
        for (gain, factor) in self.gains.iter_mut().zip(factors(&params.gains_db)) {
            *gain = Gain { factor, glide: Some((gain.at(0, rate), 0)) };
        }
    }
}

impl AudioSum {
    /// Does one step of what there is to do: converts what has come, then adds it up.
    fn advance(&mut self) -> Result<Step, NodeError> {
        if self.convert()? {
            return Ok(Step::More(None));
        }
        if self.ending {
            self.inputs.end_all();
        }
        self.add()
    }

    /// Does one step of converting. Returns whether there was anything to do.
    fn convert(&mut self) -> Result<bool, NodeError> {
        for (port, converter) in self.converters.iter_mut().enumerate() {
            let is_overdue = self.inputs.is_overdue(port);
            if let Some(made) = converter.go_on(is_overdue)? {
                self.converted(port, made)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes in what came of converting some of an input.
    fn converted(&mut self, port: usize, made: Option<Packet>) -> Result<(), NodeError> {
        if let Some(packet) = made {
            self.inputs.push(port, packet)?;
        }
        let converter = &self.converters[port];
        self.inputs.hold(port, converter.held());
        if converter.has_ended() {
            self.inputs.end(port);
        }
        Ok(())
    }

    /// Emits the next frames that all inputs have, up to a step's work.
    fn add(&mut self) -> Result<Step, NodeError> {
        let format = self.inputs.format().cloned();
        let Some(format) = format else {
            if self.ending {
                self.finish();
            }
            return Ok(Step::DONE);
        };
        let most = (STEP_SAMPLES / format.channels).max(1);
        let frames = self.inputs.ready(most);
        if frames == 0 && (self.has_emitted || !self.ending) {
            if self.ending {
                self.finish();
            }
            return Ok(Step::DONE);
        }
        let pts = self.inputs.pts();
        self.sums.clear();
        self.sums.resize(frames * format.channels, 0.0);
        for (port, gain) in self.gains.iter().enumerate() {
            self.inputs.add_to(port, frames, &mut self.sums, |frame| gain.at(frame as u64, format.rate));
        }
        self.gains.iter_mut().for_each(|gain| gain.advance(frames as u64, format.rate));
        self.inputs.advance(frames);
        self.has_emitted = true;
        let samples = self.sums.iter().map(|sum| *sum as f32).collect();
        let sum = Audio::from_planar(samples, format.channels, format.rate)
            .expect("as many channels as there were")
            .with_layout(format.layout)
            .with_pts(Some(pts));
        let packet = Packet { stream: self.stream, ..Packet::new(sum.into()) };
        let emission = Some(Emission { port: 0, packet });
        let more = self.inputs.ready(most) > 0;
        if !more && self.ending {
            self.finish();
        }
        Ok(if more { Step::More(emission) } else { Step::Done(emission) })
    }

    /// The item is over.
    fn finish(&mut self) {
        self.inputs.reset();
        self.converters.iter_mut().for_each(Converter::reset);
        (self.ending, self.has_emitted) = (false, false);
        self.gains.iter_mut().for_each(|gain| gain.glide = None);
    }
}

impl Gain {
    /// The factor so many frames ahead.
    fn at(&self, ahead: u64, rate: u32) -> f64 {
        let Some((from, position)) = self.glide else { return self.factor };
        let way = (position + ahead) as f64 / glide_frames(rate) as f64;
        if way < 1.0 { from + (self.factor - from) * way } else { self.factor }
    }

    fn advance(&mut self, frames: u64, rate: u32) {
        let glide = self.glide.map(|(from, position)| (from, position + frames));
        self.glide = glide.filter(|(_, position)| *position < glide_frames(rate));
    }
}

/// How many frames a change of a gain takes: 20 ms.
fn glide_frames(rate: u32) -> u64 {
    u64::from(rate / 50).max(1)
}

/// Whether the node converts rates itself: a converter that is planned before it could not be told that a stream pauses.
fn converts(params: &AudioSumParams) -> bool {
    params.wait_ms.is_some()
}

fn factors(gains_db: &[f64]) -> [f64; PORTS] {
    let factor = |gain_db: f64| if gain_db <= SILENCE_DB { 0.0 } else { 10f64.powf(gain_db / 20.0) };
    std::array::from_fn(|port| gains_db.get(port).map_or(1.0, |gain_db| factor(*gain_db)))
}
