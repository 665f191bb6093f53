//! `AddNoise`: noise under sound, at a ratio that is drawn for each item.

use std::sync::Arc;

use remotemedia_core::node::{CancelFlag, Cost, Define, Item, NodeError, ParamError, Port, documented, may_block};
use remotemedia_core::value::{Audio, Packet};
use schemars::JsonSchema;
use serde::Deserialize;

use super::noise_bed::{Extent, NoiseBed, NoiseFiles};
use crate::io::find;
use crate::stream::audio_fifo::AudioFifo;
use crate::stream::draws::Draws;
use crate::stream::reader::{Segment, SegmentEnd, sound};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Adds noise to sound at a signal-to-noise ratio that is drawn for each item, for training.
///
/// For each item a ratio within `snr_db` is drawn and, with `paths`, one of their files and the place in it where the noise
/// begins. Noise that ends before the item begins again from its start. Files of another rate are resampled, and those with
/// another number of channels than the sound are mixed to one, which goes into each. Without `paths` the noise is made:
/// normally distributed, independent in each channel.
///
/// The ratio is that of mean powers: of all frames and channels of the item, pauses included, to all of the noise that lies
/// under it, as in Kaldi's `wav-reverberate` and in Lhotse's `mix`. For that the node takes the whole item first and
/// then emits it: its samples stay in memory until it ends, at most 1 GiB (93 minutes of mono at 48 kHz); more is an error. An item
/// of digital silence has no ratio and stays as it is; noise that is digital silence is an error.
///
/// Sums are computed in float64 and rounded once. Nothing limits them: sound may exceed full scale. Every frame that comes
/// in goes out, at its time. Where rate or layout change inside an item, each part has its own noise; ratio and
/// noise go on over a jump in time.
///
/// Draws depend on `seed`, on how many items came before in the run, and on the item's name, where it has one: the same for
/// the same input, however it is divided into packets. Files are decoded when they are first drawn and kept for the run, up to
/// 256 MiB together; one may have 134,217,728 frames. Samples that are NaN or infinite are refused.
pub struct AddNoise(SegmentNode<Noisy>);
}

/// The params of [`AddNoise`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddNoiseParams {
    /// Sound files with noise, or patterns such as `noise/**/*.wav`, as `FileSource` has them. Without it noise is made.
    #[serde(default)]
    pub paths: Option<Vec<String>>,
    /// The noise that is made without `paths`; white if left out.
    #[serde(default)]
    pub color: Option<NoiseColor>,
    /// The least and the greatest ratio of the sound to the noise, in decibels, from -100 to 100.
    #[serde(default = "default_snr_db")]
    pub snr_db: Vec<f64>,
    /// What the draws begin from: another seed, other draws.
    #[serde(default)]
    pub seed: u64,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

/// How the power of noise lies over the frequencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoiseColor {
    /// The same for every hertz.
    White,
    /// The same for every octave: 3 dB less with each.
    Pink,
}

fn default_snr_db() -> Vec<f64> {
    vec![10.0, 20.0]
}

struct Noisy {
    params: AddNoiseParams,
    /// What the patterns lead to, sorted.
    paths: Vec<Arc<str>>,
    files: NoiseFiles,
    draws: Draws,
    held: AudioFifo,
    /// The sum of squared samples of each channel.
    squares: Vec<f64>,
    mix: Option<Mix>,
}

/// An item that is complete.
struct Mix {
    segment: Segment,
    noise: NoiseBed,
    mean_square: f64,
    snr_db: f64,
    /// Known once the noise is ready.
    gain: Option<f64>,
    emitted: u64,
}

/// The most samples of one packet, and frames measured in one step.
const STEP_SAMPLES: usize = 1 << 14;

impl_node!(AddNoise);

impl Define for AddNoise {
    type Params = AddNoiseParams;

    const NAME: &'static str = "AddNoise";
    const COST: Cost = Cost::Blocking;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT.like_input()];
    const EXAMPLE: &'static str = r#"{"color": "pink", "snr_db": [5, 20], "seed": 7}"#;

    fn check(params: &AddNoiseParams) -> Result<(), ParamError> {
        let error = |param: &str, expected: &str, got: String| {
            Err(ParamError { param: param.to_owned(), expected: expected.to_owned(), got })
        };
        let is_range = |low: &f64, high: &f64| (-100.0..=100.0).contains(low) && low <= high && *high <= 100.0;
        match &params.snr_db[..] {
            [low, high] if is_range(low, high) => {}
            numbers => {
                let expected = "two numbers from -100 to 100, the first not the greater one";
                return error("snr_db", expected, format!("{numbers:?}"));
            }
        }
        if let (Some(color), Some(_)) = (params.color, &params.paths) {
            return error("color", "no such param with 'paths'", format!("{color:?}").to_lowercase());
        }
        match &params.paths {
            Some(paths) if paths.is_empty() => error("paths", "at least one path", "none".to_owned()),
            Some(paths) if paths.iter().any(String::is_empty) => error("paths", "paths", "\"\"".to_owned()),
            _ => Ok(()),
        }
    }

    fn new(params: &AddNoiseParams) -> Self {
        let noisy = Noisy {
            params: params.clone(),
            paths: Vec::new(),
            files: NoiseFiles::default(),
            draws: Draws::first(Self::NAME, params.seed),
            held: AudioFifo::default(),
            squares: Vec::new(),
            mix: None,
        };
        AddNoise(SegmentNode::new(noisy, params.gaps))
    }
}

impl SegmentProcessor for Noisy {
    fn initialize(&mut self) -> Result<(), NodeError> {
        for pattern in self.params.paths.iter().flatten() {
            for found in may_block(|| find(pattern, "paths", &CancelFlag::default()))? {
                if let Some(problem) = found.problem {
                    return Err(problem);
                }
                self.paths.push(found.path.into());
            }
        }
        Ok(())
    }

    fn begin_item(&mut self, item: &Item) {
        self.draws = Draws::new(AddNoise::NAME, self.params.seed, item);
    }

    fn holds_jumps(&self) -> bool {
        true
    }

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        if segment.discontinuity {
            self.held.mark_jump();
        }
        if !segment.follows_jump {
            self.squares = vec![0.0; segment.channels];
        }
        Ok(())
    }

    fn wants(&mut self, segment: &Segment) -> usize {
        (STEP_SAMPLES / segment.channels).max(1)
    }

    fn frames(&mut self, _segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        for (squares, samples) in self.squares.iter_mut().zip(audio.iter_channels()) {
            samples.iter().for_each(|sample| *squares += f64::from(*sample) * f64::from(*sample));
        }
        self.held.push_limited(audio, "Cut the sound into shorter items first.")?;
        Ok(None)
    }

    fn end(&mut self, segment: &Segment, why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        if let SegmentEnd::Jump(_) = why {
            return Ok(None);
        }
        let frames = self.held.frames() as u64;
        if frames == 0 {
            return Ok(Some(sound(segment, Vec::new(), segment.origin)));
        }
        let extent = Extent { frames, rate: segment.rate, channels: segment.channels };
        let snr_db = self.draws.between(self.params.snr_db[0], self.params.snr_db[1]);
        let noise = if self.params.paths.is_some() {
            let path = &self.paths[self.draws.below(self.paths.len() as u64) as usize];
            NoiseBed::of_file(path, extent, self.draws.bits(), &self.files)
        } else {
            NoiseBed::made(self.draws.bits(), self.params.color == Some(NoiseColor::Pink), extent)
        };
        let mean_square = self.squares.iter().sum::<f64>() / (frames as f64 * segment.channels as f64);
        self.mix = Some(Mix { segment: segment.clone(), noise, mean_square, snr_db, gain: None, emitted: 0 });
        Ok(None)
    }

    fn is_pending(&self) -> bool {
        self.mix.is_some()
    }

    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        let Some(mix) = &mut self.mix else { return Ok(None) };
        let Some(gain) = mix.gain else {
            if mix.mean_square == 0.0 {
                mix.gain = Some(0.0);
            } else if mix.noise.step(&mut self.files).map_err(|error| error.at(mix.segment.origin))? {
                let noise = mix.noise.mean_square().map_err(|error| error.at(mix.segment.origin))?;
                mix.gain = Some((mix.mean_square / noise / 10f64.powf(mix.snr_db / 10.0)).sqrt());
            }
            return Ok(None);
        };
        let discontinuity = self.held.is_at_jump();
        let part = self.held.take_part((STEP_SAMPLES / mix.segment.channels).max(1));
        let packet = part.map(|part| Packet { discontinuity, ..mix.add(&part, gain) });
        if self.held.frames() == 0 {
            self.mix = None;
        }
        Ok(packet)
    }
}

impl Mix {
    fn add(&mut self, part: &Audio, gain: f64) -> Packet {
        let mut samples = Vec::with_capacity(part.frames() * part.channels());
        for (channel, sound) in part.iter_channels().enumerate() {
            if gain == 0.0 {
                samples.extend_from_slice(sound);
                continue;
            }
            let noise = self.noise.samples(channel, self.emitted);
            samples.extend(
                sound.iter().zip(noise).map(|(sample, noise)| (f64::from(*sample) + gain * f64::from(noise)) as f32),
            );
        }
        self.emitted += part.frames() as u64;
        sound(&self.segment, samples, part.pts)
    }
}
