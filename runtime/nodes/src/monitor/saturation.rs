//! Whether a saturating curve has bent the waves of one channel. It knows samples and their rate, not windows or channels.
//!
//! What a sound will do next follows in part from what it just did. A curve that flattens high peaks adds what does not
//! follow. So bending the wave back, although it makes everything larger, makes what does not follow smaller; in a wave
//! that nothing has bent, it grows, too. What follows is what linear prediction foretells, with the least error by
//! Levinson's and Durbin's recursion (J. Makhoul, "Linear Prediction: A Tutorial Review", Proceedings of the IEEE 63, 1975).

use std::collections::VecDeque;
use std::sync::Arc;

/// Compares each frame of sound with what it would be if a saturation were undone.
#[derive(Clone, Debug)]
pub(super) struct SaturationFinder {
    /// The samples of the open frame.
    frame: Vec<f32>,
    /// Hann's window, which has the length of a frame; channels share it.
    taper: Arc<[f64]>,
    /// The peaks of the frames of late, oldest first, and how many there may be.
    peaks: VecDeque<f32>,
    memory: usize,
}

/// What loud frames have shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    frames: u32,
    /// By how many decibels power and error of prediction grew when a saturation was undone, added up.
    power_db: f64,
    error_db: f64,
}

/// Speech stays the same for so long.
const FRAME_MS: usize = 32;
/// At rates below 8 kHz a frame lasts longer: it has this many samples at least, ten times those that predict. At rates
/// above 768 kHz it is shorter.
const SHORTEST: usize = 256;
const LONGEST: usize = 24_576;
/// What is undone is a tanh whose argument is this at the highest peak of so many milliseconds. It shows weaker ones and
/// stronger ones as well.
const DRIVE: f64 = 1.5;
const MEMORY_MS: usize = 3_000;
/// Frames whose peaks are lower than this part of the highest one have hardly been bent.
const LOUD: f32 = 0.6;
/// From here on, -40 dBFS, sound is judged by its form.
const LOWEST: f32 = 0.01;
/// From so many samples the next one is predicted.
const ORDER: usize = 24;
/// Noise 60 dB below a frame that is added in thought: what is lower, such as a band that is empty, predicts nothing.
const FLOOR: f64 = 1e-6;

/// Fewer loud frames are chance.
const FEWEST: u32 = 8;
/// A wave was bent if its error grows by less than this part of the growth of its power, and not by chance: where speech and
/// music were untouched, also coded, compressed, limited, in noise or in a room, the difference was never below -0.01 dB.
const SHARE: f64 = 0.25;
const CHANCE_DB: f64 = 0.1;

impl SaturationFinder {
    pub(super) fn new(rate: u32) -> Self {
        let frames_in = |milliseconds: usize| rate as usize * milliseconds / 1000;
        let length = frames_in(FRAME_MS).clamp(SHORTEST, LONGEST);
        let angle = |index: usize| std::f64::consts::TAU * (index + 1) as f64 / (length + 1) as f64;
        Self {
            frame: Vec::new(),
            taper: (0..length).map(|index| 0.5 - 0.5 * angle(index).cos()).collect(),
            peaks: VecDeque::new(),
            memory: (frames_in(MEMORY_MS) / length).clamp(1, MEMORY_MS / FRAME_MS),
        }
    }

    pub(super) fn add(&mut self, mut samples: &[f32], evidence: &mut Evidence) {
        while !samples.is_empty() {
            let missing = self.taper.len() - self.frame.len();
            let (part, rest) = samples.split_at(missing.min(samples.len()));
            self.frame.extend(part);
            samples = rest;
            if part.len() == missing {
                self.close(evidence);
            }
        }
    }

    fn close(&mut self, evidence: &mut Evidence) {
        let peak = self.frame.iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
        if self.peaks.len() == self.memory {
            self.peaks.pop_front();
        }
        self.peaks.push_back(peak);
        let highest = self.peaks.iter().copied().fold(0f32, f32::max);
        if highest >= LOWEST && peak >= LOUD * highest {
            let limit = DRIVE.tanh() / f64::from(highest);
            let [power, error] = self.power_and_error(|sample| sample * limit);
            let [power_undone, error_undone] = self.power_and_error(|sample| (sample * limit).atanh());
            evidence.frames += 1;
            evidence.power_db += 10.0 * (power_undone / power).log10();
            evidence.error_db += 10.0 * (error_undone / error).log10();
        }
        self.frame.clear();
    }

    /// The power of the frame, each sample changed by a function, and of the error of its best prediction.
    fn power_and_error(&self, change: impl Fn(f64) -> f64) -> [f64; 2] {
        let samples = self.frame.iter().zip(&*self.taper).map(|(sample, taper)| change(f64::from(*sample)) * taper);
        let samples: Vec<f64> = samples.chain([0.0; ORDER]).collect();
        let autocorrelation = autocorrelation(&samples);
        [autocorrelation[0], error(autocorrelation)]
    }
}

impl Evidence {
    /// Whether the loud frames of these windows follow better from themselves when a saturation is undone.
    pub(super) fn shows_saturation<'a>(windows: impl Iterator<Item = &'a Evidence>) -> bool {
        let sum = windows.fold(Evidence::default(), |sum, window| Evidence {
            frames: sum.frames + window.frames,
            power_db: sum.power_db + window.power_db,
            error_db: sum.error_db + window.error_db,
        });
        sum.frames >= FEWEST && sum.error_db < SHARE * sum.power_db - CHANCE_DB * f64::from(sum.frames)
    }
}

/// The sums of products of samples and those up to [`ORDER`] later; so many zeros end the samples.
fn autocorrelation(samples: &[f64]) -> [f64; ORDER + 1] {
    let mut sums = [0.0; ORDER + 1];
    for later in samples.array_windows::<{ ORDER + 1 }>() {
        for (sum, sample) in sums.iter_mut().zip(later) {
            *sum += later[0] * sample;
        }
    }
    sums
}

/// The power of the error of the best linear prediction.
fn error(autocorrelation: [f64; ORDER + 1]) -> f64 {
    let mut predictor = [0.0; ORDER + 1];
    predictor[0] = 1.0;
    let mut error = autocorrelation[0] * (1.0 + FLOOR);
    for order in 1..=ORDER {
        let products = predictor[..order].iter().zip(autocorrelation[1..=order].iter().rev());
        let reflection = -products.map(|(weight, sum)| weight * sum).sum::<f64>() / error;
        let shorter = predictor;
        for lag in 1..=order {
            predictor[lag] += reflection * shorter[order - lag];
        }
        error *= 1.0 - reflection * reflection;
    }
    error
}
