//! The converter for any ratio: short windowed-sinc interpolation of a stream that has at least twice the rate that its
//! band needs. The filter is tabulated at equidistant phases; between them, cubic (Lagrange) interpolation.

use super::transform::Sample;
use crate::dsp::low_pass::LowPass;

/// Phases in the table. With cubic interpolation between them the coefficients err by less than 1e-9 of the largest.
const PHASES: usize = 256;
/// Partial sums of the inner product, so that the compiler can keep them in vector registers.
const LANES: usize = 4;

/// Output frame `n` lies at input frame `n * step / unit`, exactly.
pub(super) struct Interpolator<T> {
    step: u64,
    unit: u64,
    /// Taps of a phase: a multiple of [`LANES`].
    taps: usize,
    /// The taps of the phases from -1 to `PHASES + 1`, one row each.
    table: Vec<T>,
}

impl<T: Sample> Interpolator<T> {
    /// An interpolator that goes on by `step / unit` input frames for each output frame, in a stream whose band ends at
    /// `band` cycles per input frame, at most a quarter. Its images and its ripple are `attenuation_db` down.
    pub(super) fn new(step: u64, unit: u64, band: f64, attenuation_db: f64) -> Self {
        let filter = LowPass::new(band, 1.0 - band, attenuation_db);
        let taps = (2 * filter.half_width.ceil() as usize).next_multiple_of(LANES);
        let mut table = Vec::with_capacity((PHASES + 3) * taps);
        for number in 0..PHASES + 3 {
            let phase = (number as f64 - 1.0) / PHASES as f64;
            let tap = |index: usize| filter.at(phase + taps as f64 / 2.0 - 1.0 - index as f64);
            // Every phase gets gain 1 for a constant, else a constant would come out with a hum.
            let row: Vec<f64> = (0..taps).map(tap).collect();
            let sum: f64 = row.iter().sum();
            table.extend(row.iter().map(|tap| T::rounded(tap / sum)));
        }
        Self { step, unit, taps, table }
    }

    /// How many input frames before the one that output frame 0 lies at belong to the input: its count begins there.
    pub(super) fn history(&self) -> usize {
        self.taps / 2 - 1
    }

    /// How many output frames so many input frames, history included, are enough for.
    pub(super) fn available(&self, frames: u64) -> u64 {
        let starts = (frames + 1).saturating_sub(self.taps as u64);
        u64::try_from((u128::from(starts) * u128::from(self.unit)).div_ceil(u128::from(self.step))).unwrap_or(u64::MAX)
    }

    /// The input frame, history included, with which the taps of output frame `frame` begin.
    pub(super) fn first_tap(&self, frame: u64) -> u64 {
        self.position(frame).0
    }

    /// Computes output frames from `first` on. `input` begins at input frame `input_first`.
    pub(super) fn convert(&self, input: &[T], input_first: u64, first: u64, output: &mut [f32]) {
        let (whole, mut part) = self.position(first);
        let mut start = (whole - input_first) as usize;
        let (step_whole, step_part) = ((self.step / self.unit) as usize, self.step % self.unit);
        for sample in output {
            *sample = self.interpolate(&input[start..start + self.taps], part).to_single();
            start += step_whole;
            part += step_part;
            if part >= self.unit {
                part -= self.unit;
                start += 1;
            }
        }
    }

    fn position(&self, frame: u64) -> (u64, u64) {
        let units = u128::from(frame) * u128::from(self.step);
        ((units / u128::from(self.unit)) as u64, (units % u128::from(self.unit)) as u64)
    }

    fn interpolate(&self, input: &[T], part: u64) -> T {
        let phase = part as f64 * PHASES as f64 / self.unit as f64;
        let row = (phase as usize).min(PHASES - 1);
        let t = phase - row as f64;
        let weights = [
            -t * (t - 1.0) * (t - 2.0) / 6.0,
            (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0,
            -(t + 1.0) * t * (t - 2.0) / 2.0,
            (t + 1.0) * t * (t - 1.0) / 6.0,
        ]
        .map(T::rounded);
        let mut rows = self.table[row * self.taps..].chunks_exact(self.taps);
        let mut next = || rows.next().expect("the table has a row more on both sides").chunks_exact(LANES);
        let (a, b, c, d) = (next(), next(), next(), next());
        let mut sums = [T::zero(); LANES];
        for ((((x, a), b), c), d) in input.chunks_exact(LANES).zip(a).zip(b).zip(c).zip(d) {
            for lane in 0..LANES {
                let tap = (a[lane] * weights[0] + b[lane] * weights[1]) + (c[lane] * weights[2] + d[lane] * weights[3]);
                sums[lane] = sums[lane] + x[lane] * tap;
            }
        }
        sums.into_iter().fold(T::zero(), |sum, lane| sum + lane)
    }
}
