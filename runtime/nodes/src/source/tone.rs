//! `ToneSource`: a sine.

use remotemedia_core::node::{AudioFormat, Cost, Define, Form, Node, NodeError, ParamError, Port, Step, documented};
use remotemedia_core::value::Packet;
use schemars::JsonSchema;
use serde::Deserialize;

use super::generate::{Generated, Generator, check_frequency};

documented! {
/// Emits a sine.
///
/// It is the same in every channel and comes in packets of at most 100 ms. Sample `n` is `10^(level_db / 20) sin(2 pi
/// frequency_hz n / rate)`, computed in float64 and rounded once. It begins anew with each item.
#[derive(Debug)]
pub struct ToneSource(Generated<Tone>);
}

/// The params of [`ToneSource`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToneSourceParams {
    /// The frequency. Less than half of `rate`.
    #[serde(default = "default_frequency_hz")]
    #[schemars(range(min = 0.001, max = 400_000.0))]
    pub frequency_hz: f64,
    /// The level of its peaks in dBFS.
    #[serde(default = "default_level_db")]
    #[schemars(range(min = -120.0, max = 0.0))]
    pub level_db: f64,
    /// How long it sounds, in seconds.
    #[serde(default = "default_duration_s")]
    #[schemars(range(min = 0.0, max = 86_400.0))]
    pub duration_s: f64,
    /// Frames per second.
    #[serde(default = "default_rate")]
    #[schemars(range(min = 1_000, max = 768_000))]
    pub rate: u32,
    /// The number of channels.
    #[serde(default = "default_channels")]
    #[schemars(range(min = 1, max = 1_024))]
    pub channels: u16,
}

fn default_frequency_hz() -> f64 {
    440.0
}

fn default_level_db() -> f64 {
    -20.0
}

fn default_duration_s() -> f64 {
    1.0
}

fn default_rate() -> u32 {
    48_000
}

fn default_channels() -> u16 {
    1
}

#[derive(Debug)]
struct Tone {
    amplitude: f64,
    frequency_hz: f64,
    rate: f64,
}

impl Node for ToneSource {
    fn process(&mut self, _port: usize, _packet: Packet) -> Result<Step, NodeError> {
        Ok(Step::DONE)
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        self.0.step()
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.0.start()
    }
}

impl Define for ToneSource {
    type Params = ToneSourceParams;

    const NAME: &'static str = "ToneSource";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT];
    const EXAMPLE: &'static str = r#"{"frequency_hz": 1000, "duration_s": 5}"#;

    fn output_form(params: &ToneSourceParams, _port: usize, _input: Form) -> Form {
        Form::Audio(AudioFormat { rate: Some(params.rate), channels: Some(params.channels.into()) })
    }

    fn check(params: &ToneSourceParams) -> Result<(), ParamError> {
        check_frequency(params.frequency_hz, params.rate)
    }

    fn new(params: &ToneSourceParams) -> Self {
        let tone = Tone {
            amplitude: 10f64.powf(params.level_db / 20.0),
            frequency_hz: params.frequency_hz,
            rate: params.rate.into(),
        };
        ToneSource(Generated::new(tone, params.rate, params.channels.into(), params.duration_s))
    }
}

impl Generator for Tone {
    fn make(&self, _channel: usize, first: u64, frames: usize, samples: &mut Vec<f32>) {
        samples.extend((first..first + frames as u64).map(|frame| {
            // Whole turns taken off before the sine, which keeps its argument small.
            let turns = (frame as f64 * self.frequency_hz / self.rate).fract();
            (self.amplitude * (std::f64::consts::TAU * turns).sin()) as f32
        }));
    }
}
