//! The true peak of one channel: the largest magnitude of the sound between its samples. It knows samples alone.
//!
//! ITU-R BS.1770-5, annex 2, asks for at least four-fold oversampling; the filter that it gives as an example misses by up
//! to half a decibel. Here four-fold values by a longer filter find the places where the sound is largest, and
//! sixteen-fold ones there how large it is. The filter is a sinc in a Kaiser window, flat within 0.02 dB up to 0.93 of half
//! the rate.

use std::sync::OnceLock;

use super::low_pass::LowPass;

/// The samples that one value between two samples is made of.
const TAPS: usize = 48;
/// Values for each sample: of the coarse ones all, of the fine ones those around a peak.
const COARSE: usize = 4;
const FINE: usize = 16;
const RATIO: usize = FINE / COARSE;
/// The attenuation that the window is designed for, in dB, and the width of its transition, which makes it so long.
const ATTENUATION_DB: f64 = 55.0;
const TRANSITION: f64 = 0.0683;
/// What the largest coarse value is at least, as a part of the true peak: the cosine of half a step at half the rate.
const NEAR: f32 = 0.92;
/// Samples before the next ones that values around the last coarse ones are made of.
const HISTORY: usize = TAPS;

/// How far the true peak may lie above what [`TruePeak::peak`] says, as a factor: half a fine step of a sine at half the
/// rate, 1 / cos(pi / 32), and the ripple of the filter. 0.06 dB.
pub(crate) const MARGIN: f64 = 1.007;
/// A peak is known so many samples late.
pub(crate) const DELAY: usize = TAPS / 2 + 1;

/// Follows one channel.
#[derive(Clone, Debug)]
pub(crate) struct TruePeak {
    /// The samples before the next ones, and room for those.
    window: Vec<f32>,
    /// The last two coarse values before the next ones, and room for those: for each sample the one before it and the three
    /// that follow.
    coarse: Vec<f32>,
    peak: f32,
}

impl TruePeak {
    pub(crate) fn new() -> Self {
        Self { window: vec![0.0; HISTORY], coarse: vec![0.0; 2], peak: 0.0 }
    }

    /// The largest magnitude since the beginning or the last [`TruePeak::restart`]: of the samples all, between them those
    /// up to [`DELAY`] samples ago.
    pub(crate) fn peak(&self) -> f32 {
        self.peak
    }

    /// Looks for a new peak from here on.
    pub(crate) fn restart(&mut self) {
        self.peak = 0.0;
    }

    /// The sound ends: takes in what lies between its last samples and the silence behind.
    pub(crate) fn finish(&mut self) {
        self.add(&[0.0; DELAY]);
    }

    /// Takes in the next samples.
    pub(crate) fn add(&mut self, samples: &[f32]) {
        self.window.truncate(HISTORY);
        self.window.extend_from_slice(samples);
        self.interpolate(samples.len());
        for (number, sample) in samples.iter().enumerate() {
            self.peak = self.peak.max(sample.abs());
            // With each sample its coarse values have their successors, but for the last one.
            let values = &self.coarse[number * COARSE..][..COARSE + 2];
            let largest = values.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            if largest >= NEAR * self.peak && largest > 0.0 {
                self.refine(number);
            }
        }
        let kept = self.window.len() - HISTORY;
        self.window.copy_within(kept.., 0);
        let kept = self.coarse.len() - 2;
        self.coarse.copy_within(kept.., 0);
    }

    /// Computes the coarse values of so many samples, which are the last in the window.
    fn interpolate(&mut self, count: usize) {
        /// Values computed side by side: what vector registers hold.
        const LANES: usize = 16;
        self.coarse.resize(2 + COARSE * count, 0.0);
        let coarse = &mut self.coarse[2..];
        // The window of the first of them: those that came before, and itself.
        let window = &self.window[HISTORY + 1 - TAPS..];
        for (number, values) in coarse.chunks_exact_mut(COARSE).enumerate() {
            values[0] = window[number + TAPS / 2 - 1];
        }
        let whole = count / LANES * LANES;
        for phase in 1..COARSE {
            let filter = phase_of(phase * RATIO);
            for first in (0..whole).step_by(LANES) {
                let mut sums = [0f32; LANES];
                for (tap, coefficient) in filter.iter().enumerate() {
                    for (sum, sample) in sums.iter_mut().zip(&window[first + tap..][..LANES]) {
                        *sum += coefficient * sample;
                    }
                }
                for (lane, sum) in sums.into_iter().enumerate() {
                    coarse[(first + lane) * COARSE + phase] = sum;
                }
            }
            for number in whole..count {
                coarse[number * COARSE + phase] = value(filter, &window[number..]);
            }
        }
    }

    /// Looks at the coarse values that have got their successors with this sample, and around those that may be peaks.
    fn refine(&mut self, number: usize) {
        for at in 0..COARSE {
            let [before, this, after] = [0, 1, 2].map(|next| self.coarse[number * COARSE + at + next].abs());
            self.peak = self.peak.max(this);
            if this < before || this < after || this < NEAR * self.peak {
                continue;
            }
            // In fine steps from the start of the window: the value lies `at - 1` coarse steps from this sample's first.
            let place = (number + 1) * FINE + at * RATIO - RATIO;
            for fine in (place - RATIO + 1..place + RATIO).filter(|fine| fine % RATIO != 0) {
                let first = fine / FINE + HISTORY - TAPS;
                let between = value(phase_of(fine % FINE), &self.window[first..]);
                self.peak = self.peak.max(between.abs());
            }
        }
    }
}

/// One value of a phase over the first samples of a window.
fn value(filter: &[f32], window: &[f32]) -> f32 {
    filter.iter().zip(window).fold(0.0, |sum, (coefficient, sample)| sum + coefficient * sample)
}

/// The filter for the value so many fine steps behind the sample in the middle of its window.
fn phase_of(fine: usize) -> &'static [f32] {
    static PHASES: OnceLock<Vec<f32>> = OnceLock::new();
    let phases = PHASES.get_or_init(|| {
        let low_pass = LowPass::new(0.5 - TRANSITION / 2.0, 0.5 + TRANSITION / 2.0, ATTENUATION_DB);
        let phase = |fine: usize| {
            let time = |tap: usize| tap as f64 - (TAPS / 2 - 1) as f64 - fine as f64 / FINE as f64;
            let taps: Vec<f64> = (0..TAPS).map(|tap| low_pass.at(time(tap))).collect();
            let sum: f64 = taps.iter().sum();
            taps.into_iter().map(move |tap| (tap / sum) as f32)
        };
        (0..FINE).flat_map(phase).collect()
    });
    &phases[fine * TAPS..][..TAPS]
}
