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
/// Samples whose values are computed side by side: what vector registers hold.
const LANES: usize = 16;
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
    /// The last two coarse values before the next ones, and room for those of a block: for each sample the one before it and
    /// the three that follow.
    coarse: [f32; 2 + COARSE * LANES],
    peak: f32,
}

impl TruePeak {
    pub(crate) fn new() -> Self {
        Self { window: vec![0.0; HISTORY], coarse: [0.0; 2 + COARSE * LANES], peak: 0.0 }
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
        for (block, samples) in samples.chunks(LANES).enumerate() {
            let first = block * LANES;
            if self.may_matter(first, samples.len()) {
                self.interpolate(first, samples.len());
                self.look(first, samples);
                self.coarse.copy_within(COARSE * samples.len()..COARSE * samples.len() + 2, 0);
            } else {
                // What this block has is no peak, but the values before it get their successors.
                self.coarse[2..].fill(0.0);
                self.look(first, &samples[..1]);
                let last = &self.window[first + samples.len() + HISTORY - TAPS..];
                self.coarse[..2].copy_from_slice(
                    &[COARSE - 2, COARSE - 1].map(|phase| value(Phases::get().of(phase * RATIO), last)),
                );
            }
        }
        let kept = self.window.len() - HISTORY;
        self.window.copy_within(kept.., 0);
    }

    /// Looks for peaks in the values of a block, whose samples these are.
    fn look(&mut self, first: usize, samples: &[f32]) {
        for (number, sample) in samples.iter().enumerate() {
            self.peak = self.peak.max(sample.abs());
            // With each sample its coarse values have their successors, but for the last one.
            let values = &self.coarse[number * COARSE..][..COARSE + 2];
            let largest = values.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            if largest >= NEAR * self.peak && largest > 0.0 {
                self.refine(first, number);
            }
        }
    }

    /// Whether a value between so many samples from `first` on may come near the peak. In most sound few blocks do, and
    /// looking takes a thirtieth of computing them.
    fn may_matter(&self, first: usize, count: usize) -> bool {
        let window = &self.window[first + HISTORY + 1 - TAPS..][..count + TAPS - 1];
        let largest = window.iter().fold(0f32, |largest, sample| largest.max(sample.abs()));
        largest > 0.0 && largest * Phases::get().gain >= NEAR * self.peak
    }

    /// Computes the coarse values of so many samples from `first` on, all for which there is room or fewer.
    fn interpolate(&mut self, first: usize, count: usize) {
        let coarse = &mut self.coarse[2..];
        // The window of the first of them: those that came before, and itself.
        let window = &self.window[first + HISTORY + 1 - TAPS..];
        for (number, values) in coarse.chunks_exact_mut(COARSE).take(count).enumerate() {
            values[0] = window[number + TAPS / 2 - 1];
        }
        for phase in 1..COARSE {
            let filter = Phases::get().of(phase * RATIO);
            if count < LANES {
                for number in 0..count {
                    coarse[number * COARSE + phase] = value(filter, &window[number..]);
                }
                continue;
            }
            let mut sums = [0f32; LANES];
            for (tap, coefficient) in filter.iter().enumerate() {
                for (sum, sample) in sums.iter_mut().zip(&window[tap..][..LANES]) {
                    *sum += coefficient * sample;
                }
            }
            for (lane, sum) in sums.into_iter().enumerate() {
                coarse[lane * COARSE + phase] = sum;
            }
        }
    }

    /// Looks at the coarse values that have got their successors with this sample of the block from `first` on, and around
    /// those that may be peaks.
    fn refine(&mut self, first: usize, number: usize) {
        for at in 0..COARSE {
            let [before, this, after] = [0, 1, 2].map(|next| self.coarse[number * COARSE + at + next].abs());
            self.peak = self.peak.max(this);
            if this < before || this < after || this < NEAR * self.peak {
                continue;
            }
            // In fine steps from the start of the window: the value lies `at - 1` coarse steps from this sample's first.
            let place = (first + number + 1) * FINE + at * RATIO - RATIO;
            for fine in (place - RATIO + 1..place + RATIO).filter(|fine| fine % RATIO != 0) {
                let start = fine / FINE + HISTORY - TAPS;
                let between = value(Phases::get().of(fine % FINE), &self.window[start..]);
                self.peak = self.peak.max(between.abs());
            }
        }
    }
}

/// One value of a phase over the first samples of a window.
fn value(filter: &[f32], window: &[f32]) -> f32 {
    filter.iter().zip(window).fold(0.0, |sum, (coefficient, sample)| sum + coefficient * sample)
}

/// The filter for each fine step between two samples.
struct Phases {
    filters: Vec<f32>,
    /// How many times the largest of the samples around it a value may be: the sum of a filter's magnitudes.
    gain: f32,
}

impl Phases {
    fn get() -> &'static Self {
        static PHASES: OnceLock<Phases> = OnceLock::new();
        PHASES.get_or_init(Self::new)
    }

    fn new() -> Self {
        let low_pass = LowPass::new(0.5 - TRANSITION / 2.0, 0.5 + TRANSITION / 2.0, ATTENUATION_DB);
        let phase = |fine: usize| {
            let time = |tap: usize| tap as f64 - (TAPS / 2 - 1) as f64 - fine as f64 / FINE as f64;
            let taps: Vec<f64> = (0..TAPS).map(|tap| low_pass.at(time(tap))).collect();
            let sum: f64 = taps.iter().sum();
            taps.into_iter().map(move |tap| (tap / sum) as f32)
        };
        let filters: Vec<f32> = (0..FINE).flat_map(phase).collect();
        let magnitudes = filters.chunks_exact(TAPS).map(|filter| filter.iter().map(|tap| tap.abs()).sum());
        // Sums of so many numbers are rounded: a little more, to be sure.
        let gain = magnitudes.fold(0f32, f32::max) * 1.001;
        Self { filters, gain }
    }

    /// For the value so many fine steps behind the sample in the middle of its window.
    fn of(&self, fine: usize) -> &[f32] {
        &self.filters[fine * TAPS..][..TAPS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::random::split_mix;

    /// Noise in bursts, each louder or softer than the one before.
    fn bursts(seed: u32) -> Vec<f32> {
        let mut numbers = (0..).map(|number| split_mix(u64::from(seed), number));
        let mut random = || numbers.next().map_or(0.0, |bits| (bits >> 40) as f32 / (1 << 24) as f32);
        let mut samples = Vec::new();
        while samples.len() < 4000 {
            let (level, length) = (random() * random(), (random() * 300.0) as usize);
            let slowness = random();
            let mut last = 0.0;
            samples.extend((0..length).map(|_| {
                last = slowness * last + (random() - 0.5) * level;
                last
            }));
            samples.extend(std::iter::repeat_n(0.0, (random() * 100.0) as usize));
        }
        samples
    }

    /// The largest of all values in fine steps, up to the last that has its samples.
    fn by_definition(samples: &[f32]) -> f32 {
        let mut padded = vec![0.0; TAPS];
        padded.extend(samples);
        let between =
            padded.windows(TAPS).flat_map(|window| (0..FINE).map(|fine| value(Phases::get().of(fine), window)));
        between.chain(samples.iter().copied()).fold(0f32, |largest, value| largest.max(value.abs()))
    }

    #[test]
    fn what_is_passed_over_is_no_peak() {
        for seed in 0..200 {
            let samples = bursts(seed);
            let mut peak = TruePeak::new();
            peak.add(&samples);
            let expected = by_definition(&samples);
            assert!((expected - peak.peak()).abs() <= 1e-6 * expected, "{seed}: {} {expected}", peak.peak());
        }
    }

    #[test]
    fn pieces_change_nothing_wherever_a_peak_is_looked_for_anew() {
        for seed in 0..200 {
            let [mut in_one, mut in_pieces, mut by_frames] = [TruePeak::new(), TruePeak::new(), TruePeak::new()];
            for section in bursts(seed).chunks(100 + 7 * seed as usize) {
                in_one.add(section);
                section.chunks(1 + seed as usize % 70).for_each(|piece| in_pieces.add(piece));
                section.iter().for_each(|sample| by_frames.add(&[*sample]));
                assert_eq!([in_pieces.peak(), by_frames.peak()], [in_one.peak(); 2], "{seed}");
                for peak in [&mut in_one, &mut in_pieces, &mut by_frames] {
                    peak.restart();
                }
            }
        }
    }
}
