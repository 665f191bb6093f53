//! The noise under one item: from a file or made, in bounded steps, and how strong it is. It knows nothing of the sound that
//! it lies under but its length and format.

use std::collections::HashMap;
use std::sync::Arc;

use remotemedia_core::node::{Define as _, Node as _, NodeError, Step};
use remotemedia_core::value::{Audio, Value};

use super::resample::{AudioResample, AudioResampleParams, ResampleQuality};
use super::sound_file::{Decoding, SoundFile};
use crate::dsp::noise::{Pink, normal};
use crate::dsp::random::split_mix;
use crate::stream::audio_fifo::AudioFifo;
use crate::stream::timeline::Gaps;

/// How long noise has to be, and in what format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) frames: u64,
    pub(super) rate: u32,
    pub(super) channels: usize,
}

/// Noise in the making, then noise that is ready.
pub(super) struct NoiseBed {
    extent: Extent,
    stage: Stage,
}

enum Stage {
    Decoding { path: Arc<str>, file: Box<SoundFile>, place: u64 },
    Converting { path: Arc<str>, converter: Box<Converter>, place: u64 },
    Making { seed: u64, pinks: Option<Vec<Pink>>, samples: Vec<Vec<f32>> },
    Measuring { bed: Bed, measured: u64, squares: f64 },
    Ready { bed: Bed, mean_square: f64 },
}

/// Brings the sound of a file to the rate and the channels that are needed.
struct Converter {
    resample: AudioResample,
    phase: Phase,
    held: AudioFifo,
}

/// What the converter does next.
enum Phase {
    Start(Audio),
    Sound,
    Flush,
    End,
}

/// Noise that is repeated from a place on.
#[derive(Clone)]
struct Bed {
    /// Of one channel, or as many as the sound has.
    noise: Audio,
    first: usize,
    /// The file, for messages.
    path: Option<Arc<str>>,
}

/// A path, and the rate and channels of the sound that the noise was needed for.
type Key = (Arc<str>, u32, usize);

/// Noise from files, for the items to come.
#[derive(Default)]
pub(super) struct NoiseFiles {
    known: HashMap<Key, Audio>,
    bytes: usize,
}

/// The most frames that are read of a file.
const LONGEST: usize = 1 << 27;
/// The most bytes of noise that are kept for later items.
const MOST_KEPT: usize = 1 << 28;
/// Samples made or measured in one step.
const STEP_SAMPLES: usize = 1 << 14;

impl NoiseBed {
    /// Noise of a file, from a place on that is a share of its length: 2^64 is the whole.
    pub(super) fn of_file(path: &Arc<str>, extent: Extent, place: u64, files: &NoiseFiles) -> Self {
        let path = Arc::clone(path);
        let stage = match files.known.get(&(Arc::clone(&path), extent.rate, extent.channels)) {
            Some(noise) => Stage::measuring(noise.clone(), place, Some(path)),
            None => Stage::Decoding { file: Box::new(SoundFile::new(&path, LONGEST)), path, place },
        };
        Self { extent, stage }
    }

    /// White or pink noise that a seed decides, another one for each channel.
    pub(super) fn made(seed: u64, is_pink: bool, extent: Extent) -> Self {
        let pink = |channel: usize| {
            let mut pink = Pink::default();
            for number in 0..Pink::SETTLED {
                pink.next(normal(of_channel(!seed, channel), number));
            }
            pink
        };
        let pinks = is_pink.then(|| (0..extent.channels).map(pink).collect());
        Self { extent, stage: Stage::Making { seed, pinks, samples: vec![Vec::new(); extent.channels] } }
    }

    /// Does a bounded part of the work. Whether the noise is ready.
    ///
    /// # Errors
    /// If a file can't be used.
    pub(super) fn step(&mut self, files: &mut NoiseFiles) -> Result<bool, NodeError> {
        let next = match &mut self.stage {
            Stage::Decoding { path, file, place } => match file.step()? {
                Decoding::Goes => None,
                Decoding::Done(sound) => {
                    let converter = Box::new(Converter::new(sound, self.extent.rate));
                    Some(Stage::Converting { path: Arc::clone(path), converter, place: *place })
                }
                Decoding::TooLong => {
                    let cause = format!("the noise in '{path}' has more than {LONGEST} frames");
                    return Err(NodeError::new(cause).cure("Cut it into shorter files."));
                }
            },
            Stage::Converting { path, converter, place } => converter.step(path, self.extent.channels)?.map(|noise| {
                files.keep((Arc::clone(path), self.extent.rate, self.extent.channels), &noise);
                Stage::measuring(noise, *place, Some(Arc::clone(path)))
            }),
            Stage::Making { seed, pinks, samples } => make(self.extent, *seed, pinks, samples).then(|| {
                let noise = Audio::from_channels(samples, self.extent.rate).expect("a format that sound has");
                Stage::measuring(noise, 0, None)
            }),
            Stage::Measuring { bed, measured, squares } => {
                let step = (STEP_SAMPLES / bed.noise.channels()).max(1) as u64;
                let end = (*measured + step).min(self.extent.frames);
                for channel in bed.noise.iter_channels() {
                    let samples = channel.iter().cycle().skip(bed.at(*measured)).take((end - *measured) as usize);
                    *squares += samples.map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
                }
                *measured = end;
                let mean_square = *squares / (self.extent.frames as f64 * bed.noise.channels() as f64);
                (end == self.extent.frames).then(|| Stage::Ready { bed: bed.clone(), mean_square })
            }
            Stage::Ready { .. } => None,
        };
        if let Some(next) = next {
            self.stage = next;
        }
        Ok(matches!(self.stage, Stage::Ready { .. }))
    }

    /// The mean of the squared samples under the item, once it is ready.
    ///
    /// # Errors
    /// If it is silent there.
    pub(super) fn mean_square(&self) -> Result<f64, NodeError> {
        match &self.stage {
            Stage::Ready { bed, mean_square } if *mean_square == 0.0 => {
                let path = bed.path.as_deref().unwrap_or_default();
                let cause = format!("the noise in '{path}' is digital silence where it was to be added");
                Err(NodeError::new(cause).cure("Cut the silence out of the file, or leave the file out."))
            }
            Stage::Ready { mean_square, .. } => Ok(*mean_square),
            _ => Ok(0.0),
        }
    }

    /// The noise of a channel of the sound from a frame on, once it is ready.
    pub(super) fn samples(&self, channel: usize, first: u64) -> impl Iterator<Item = f32> {
        let bed = match &self.stage {
            Stage::Ready { bed, .. } => Some(bed),
            _ => None,
        };
        bed.into_iter().flat_map(move |bed| {
            let samples = bed.noise.channel(channel.min(bed.noise.channels() - 1));
            samples.iter().copied().cycle().skip(bed.at(first))
        })
    }
}

impl Stage {
    fn measuring(noise: Audio, place: u64, path: Option<Arc<str>>) -> Self {
        let first = ((u128::from(place) * noise.frames() as u128) >> 64) as usize;
        Stage::Measuring { bed: Bed { noise, first, path }, measured: 0, squares: 0.0 }
    }
}

impl Bed {
    /// Where the noise of a frame lies.
    fn at(&self, frame: u64) -> usize {
        ((self.first as u64 + frame) % self.noise.frames() as u64) as usize
    }
}

impl NoiseFiles {
    fn keep(&mut self, key: Key, noise: &Audio) {
        let bytes = noise.frames() * noise.channels() * size_of::<f32>();
        if self.bytes + bytes <= MOST_KEPT {
            self.bytes += bytes;
            self.known.insert(key, noise.clone());
        }
    }
}

impl Converter {
    fn new(sound: Audio, rate: u32) -> Self {
        let params = AudioResampleParams { rate, quality: ResampleQuality::High, gaps: Gaps::Ignore };
        let resample = AudioResample::new(&params);
        Self { resample, phase: Phase::Start(sound.with_pts(None)), held: AudioFifo::default() }
    }

    /// Converts a part, for sound of so many channels. All of it once it is complete.
    fn step(&mut self, path: &str, channels: usize) -> Result<Option<Audio>, NodeError> {
        let (step, after) = match std::mem::replace(&mut self.phase, Phase::End) {
            Phase::Start(sound) => (self.resample.process(0, Value::from(sound).into())?, Phase::Sound),
            Phase::Sound => (self.resample.resume()?, Phase::Sound),
            Phase::Flush => (self.resample.flush()?, Phase::End),
            Phase::End => (self.resample.resume()?, Phase::End),
        };
        let is_done = matches!(step, Step::Done(_));
        let is_end = matches!(after, Phase::End);
        self.phase = if is_done { Phase::Flush } else { after };
        let (Step::Done(emission) | Step::More(emission)) = step;
        if let Some(Value::Audio(audio)) = emission.map(|emission| emission.packet.value) {
            self.held.push(fitting(*audio, channels));
        }
        if !(is_done && is_end) {
            return Ok(None);
        }
        if self.held.frames() == 0 {
            let cause = format!("the noise in '{path}' is too short to have a frame at the rate of the sound");
            return Err(NodeError::new(cause).cure("Name longer files."));
        }
        Ok(Some(self.held.peek(self.held.frames())))
    }
}

/// Noise of one channel or of as many as the sound has as it is, else the mean of its channels.
fn fitting(audio: Audio, channels: usize) -> Audio {
    if audio.channels() == 1 || audio.channels() == channels {
        return audio.with_pts(None);
    }
    let share = 1.0 / audio.channels() as f32;
    let mean = |frame: usize| audio.iter_channels().map(|channel| channel[frame] * share).sum();
    let samples = (0..audio.frames()).map(mean).collect();
    Audio::from_planar(samples, 1, audio.rate()).expect("one channel of a rate that sound has")
}

/// Makes the next samples. Whether there are as many as are needed.
fn make(extent: Extent, seed: u64, pinks: &mut Option<Vec<Pink>>, samples: &mut [Vec<f32>]) -> bool {
    let first = samples[0].len() as u64;
    let end = (first + (STEP_SAMPLES / extent.channels).max(1) as u64).min(extent.frames);
    for (channel, samples) in samples.iter_mut().enumerate() {
        let white = (first..end).map(|number| normal(of_channel(seed, channel), number));
        match pinks {
            Some(pinks) => samples.extend(white.map(|sample| pinks[channel].next(sample) as f32)),
            None => samples.extend(white.map(|sample| sample as f32)),
        }
    }
    end == extent.frames
}

fn of_channel(seed: u64, channel: usize) -> u64 {
    split_mix(seed, channel as u64)
}
