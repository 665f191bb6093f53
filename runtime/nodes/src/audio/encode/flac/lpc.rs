//! Linear prediction (RFC 9639, 9.2.6): coefficients from the autocorrelation of the windowed block by the recursion of
//! Levinson and Durbin, as integers, and what they leave of the samples.

use std::f64::consts::{LN_2, PI};

use remotemedia_vectors::{Kernel, Simd, run_wide};

/// The highest order.
pub(super) const MOST: usize = 8;
/// A sample and those that it is predicted from, made even for vectors of two.
const LAGS: usize = MOST + 2;
/// The block is preceded by as many zeros as a prediction looks back.
const BEFORE: usize = LAGS - 1;

/// A predictor as the stream has it.
pub(super) struct Predictor {
    /// The coefficient of the sample just before comes first.
    pub(super) coefficients: [i32; MOST],
    pub(super) order: usize,
    /// The bits of a coefficient.
    pub(super) precision: u32,
    /// The sum of products is shifted right by so many bits.
    pub(super) shift: u32,
}

/// Finds predictors. It keeps its window and its memory from block to block.
#[derive(Default)]
pub(super) struct Analysis {
    window: Vec<f64>,
    /// The block after `BEFORE` zeros, as it is and windowed.
    samples: Vec<f64>,
    windowed: Vec<f64>,
}

impl Analysis {
    /// The predictor of a block of samples of so many bits that is expected to need the fewest bits. None where the block
    /// has nothing to predict.
    pub(super) fn predictor(&mut self, samples: &[i32], bits: u32) -> Option<Predictor> {
        if self.window.len() != samples.len() {
            self.window = tukey(samples.len());
        }
        self.samples.clear();
        self.samples.resize(BEFORE, 0.0);
        self.samples.extend(samples.iter().map(|&sample| f64::from(sample)));
        self.windowed.clear();
        self.windowed.resize(BEFORE, 0.0);
        self.windowed.extend(self.samples[BEFORE..].iter().zip(&self.window).map(|(sample, weight)| sample * weight));
        let precision = if bits <= 16 { 13 } else { 15 };
        best(&run_wide(Autocorrelation(&self.windowed)), samples.len(), bits, precision)
    }

    /// Writes what the predictor leaves of the block of the last call to `residual`; the first `order` mean nothing.
    /// Returns whether all of it is below 2^30.
    pub(super) fn predict(&self, predictor: &Predictor, residual: &mut Vec<i32>) -> bool {
        // All in float64, which is exact here: products of samples below 2^25 and coefficients below 2^15, multiples of
        // 2^-shift. It has vectors on every processor, and products of 64-bit integers have none.
        let scale = (-f64::from(predictor.shift)).exp2();
        let weights = predictor.coefficients.map(|coefficient| f64::from(coefficient) * scale);
        // Rounding to nearest what is below by a half less half a step rounds down, and meets no ties.
        let down = scale / 2.0 - 0.5;
        residual.resize(self.samples.len() - BEFORE, 0);
        run_wide(Residual { samples: &self.samples, weights, down, residual })
    }
}

/// What is left of samples that come after `BEFORE` others. Returns whether all of it is below 2^30.
struct Residual<'a> {
    samples: &'a [f64],
    weights: [f64; MOST],
    down: f64,
    residual: &'a mut [i32],
}

impl Kernel for Residual<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self) -> bool {
        /// Beside it float64 has whole numbers alone, and its lowest bits are those of the number that was added.
        const WHOLE: f64 = 6_755_399_441_055_744.0;
        let mut beyond = 0;
        for (residual, window) in self.residual.iter_mut().zip(self.samples.array_windows::<LAGS>()) {
            let mut sum = self.down;
            for (weight, sample) in self.weights.iter().zip(window[..LAGS - 1].iter().rev()) {
                sum += weight * sample;
            }
            let left = window[LAGS - 1] - (sum + WHOLE - WHOLE);
            let left = (left + WHOLE).to_bits().wrapping_sub(WHOLE.to_bits());
            beyond |= left.wrapping_add(1 << 30) >> 31;
            *residual = left as i32;
        }
        beyond == 0
    }
}

/// A window that fades in and out over a quarter of its length each.
fn tukey(len: usize) -> Vec<f64> {
    let fade = (len / 4).max(1);
    let weight = |index: usize| 0.5 - 0.5 * (PI * (index as f64 + 0.5) / fade as f64).cos();
    (0..len)
        .map(|index| index.min(len - 1 - index))
        .map(|index| if index < fade { weight(index) } else { 1.0 })
        .collect()
}

/// The autocorrelation of a block after `BEFORE` zeros.
struct Autocorrelation<'a>(&'a [f64]);

impl Kernel for Autocorrelation<'_> {
    type Output = [f64; MOST + 1];

    #[inline(always)]
    fn run<S: Simd>(self) -> [f64; MOST + 1] {
        let mut sums = [0.0; LAGS];
        for window in self.0.array_windows::<LAGS>() {
            let now = window[LAGS - 1];
            for (sum, earlier) in sums.iter_mut().zip(window) {
                *sum += now * earlier;
            }
        }
        std::array::from_fn(|lag| sums[LAGS - 1 - lag])
    }
}

/// The predictor of the order that is expected to need the fewest bits.
fn best(autocorrelation: &[f64; MOST + 1], len: usize, bits: u32, precision: u32) -> Option<Predictor> {
    let mut error = autocorrelation[0];
    let mut coefficients = [0.0; MOST];
    let (mut best, mut fewest) = (None, f64::INFINITY);
    for order in 1..=MOST {
        if error <= 0.0 {
            // The block is predicted wholly, but for rounding.
            break;
        }
        let known = order - 1;
        let products = (0..known).map(|index| coefficients[index] * autocorrelation[known - index]);
        let reflection = (autocorrelation[order] - products.sum::<f64>()) / error;
        let before = coefficients;
        for index in 0..known {
            coefficients[index] -= reflection * before[known - 1 - index];
        }
        coefficients[known] = reflection;
        error *= 1.0 - reflection * reflection;
        let Some(predictor) = quantized(&coefficients, order, precision) else { continue };
        // Of tones little is left but what the rounding of coefficients leaves.
        let left = (error.max(0.0) + rounding_error(&predictor, &coefficients, autocorrelation)) / len as f64;
        // What a residual with the distribution of Laplace and this variance takes in bits.
        let each = (0.5 * (left * LN_2 * LN_2 / 2.0).log2()).max(0.0);
        let overhead = f64::from(bits + precision) * order as f64;
        let bits = each * (len - order) as f64 + overhead;
        if bits < fewest {
            (best, fewest) = (Some(predictor), bits);
        }
    }
    best
}

/// The energy that the rounding of coefficients adds to the residual.
fn rounding_error(predictor: &Predictor, coefficients: &[f64; MOST], autocorrelation: &[f64; MOST + 1]) -> f64 {
    let scale = (-f64::from(predictor.shift)).exp2();
    let rounding: [f64; MOST] =
        std::array::from_fn(|index| f64::from(predictor.coefficients[index]) * scale - coefficients[index]);
    let pairs = (0..predictor.order).flat_map(|one| (0..predictor.order).map(move |other| (one, other)));
    pairs
        .map(|(one, other)| rounding[one] * rounding[other] * autocorrelation[one.abs_diff(other)])
        .sum::<f64>()
        .max(0.0)
}

/// The coefficients as integers of so many bits. None where the stream can't hold them.
fn quantized(coefficients: &[f64; MOST], order: usize, precision: u32) -> Option<Predictor> {
    const MOST_SHIFT: i32 = 15;
    let largest = coefficients[..order].iter().fold(0.0f64, |largest, coefficient| largest.max(coefficient.abs()));
    if largest <= 0.0 || !largest.is_finite() {
        return None;
    }
    let end = (1 << (precision - 1)) - 1;
    // The largest is to be at most `end` when it is rounded.
    let exponent = (f64::from(end) + 0.5).log2() - largest.log2();
    let shift = (exponent.ceil() as i32 - 1).min(MOST_SHIFT);
    if shift < 0 {
        return None;
    }
    // What rounding took from a coefficient goes to the next.
    let mut rest = 0.0;
    let coefficients = coefficients.map(|coefficient| {
        rest += coefficient * f64::from(shift).exp2();
        let rounded = (rest.round() as i32).clamp(-end - 1, end);
        rest -= f64::from(rounded);
        rounded
    });
    let coefficients = std::array::from_fn(|index| if index < order { coefficients[index] } else { 0 });
    Some(Predictor { coefficients, order, precision, shift: shift as u32 })
}
