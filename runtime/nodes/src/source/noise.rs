//! `NoiseSource`: white noise that is the same whenever its seed is.

use remotemedia_core::node::{AudioFormat, Cost, Define, Form, Node, NodeError, Port, Step, documented};
use remotemedia_core::value::Packet;
use schemars::JsonSchema;
use serde::Deserialize;

use super::generate::{Generated, Generator};
use crate::dsp::random::split_mix;

documented! {
/// Emits white noise that is the same whenever its seed is.
///
/// The noise is independent in every channel and comes in packets of at most 100 ms. Samples are uniform; their RMS is
/// `level_db`, their peaks are 4.77 dB above. Each comes from its own number, so the same `seed` gives the same sound
/// on every machine: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014) of
/// `seed + (2^40 channel + n + 1) * 0x9e3779b97f4a7c15`, whose upper 24 bits are the sample between -1 and 1 - 2^-23
/// before it is scaled. It begins anew with each item.
#[derive(Debug)]
pub struct NoiseSource(Generated<Noise>);
}

/// The params of [`NoiseSource`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoiseSourceParams {
    /// What the noise begins from: another seed, another noise.
    #[serde(default)]
    pub seed: u64,
    /// The level as RMS in dBFS.
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
struct Noise {
    seed: u64,
    gain: f64,
}

impl Node for NoiseSource {
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

impl Define for NoiseSource {
    type Params = NoiseSourceParams;

    const NAME: &'static str = "NoiseSource";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT];
    const EXAMPLE: &'static str = r#"{"seed": 7, "level_db": -40, "duration_s": 5}"#;

    fn output_form(params: &NoiseSourceParams, _port: usize, _input: Form) -> Form {
        Form::Audio(AudioFormat { rate: Some(params.rate), channels: Some(params.channels.into()) })
    }

    fn new(params: &NoiseSourceParams) -> Self {
        // Uniform between -1 and 1 has an RMS of 1 / sqrt 3.
        let gain = 10f64.powf(params.level_db / 20.0) * 3f64.sqrt();
        let noise = Noise { seed: params.seed, gain };
        NoiseSource(Generated::new(noise, params.rate, params.channels.into(), params.duration_s))
    }
}

impl Generator for Noise {
    fn make(&self, channel: usize, first: u64, frames: usize, samples: &mut Vec<f32>) {
        let base = (channel as u64) << 40;
        samples.extend((first..first + frames as u64).map(|frame| {
            let bits = split_mix(self.seed, base + frame) >> 40;
            let uniform = bits as f64 / f64::from(1 << 23) - 1.0;
            (self.gain * uniform) as f32
        }));
    }
}
