//! Prediction by polynomials (RFC 9639, 9.2.5): what is left is the first to fourth difference, or the samples.

use remotemedia_vectors::{Kernel, Simd, run_wide};

/// The highest order.
pub(super) const MOST: usize = 4;

/// The order, 0 to 4, whose residual is smallest, and the sum of its magnitudes.
pub(super) fn best_order(samples: &[i32]) -> (usize, u64) {
    (0..).zip(run_wide(Magnitudes(samples))).min_by_key(|&(_, sum)| sum).unwrap_or_default()
}

/// The sum of the magnitudes of second differences: a cheap measure of what a channel will take.
pub(super) fn roughness(samples: &[i32]) -> u64 {
    run_wide(Roughness(samples))
}

/// Writes the differences of an order to `residual`, as many as there are samples; the first `order` mean nothing.
pub(super) fn predict(samples: &[i32], order: usize, residual: &mut Vec<i32>) {
    residual.clear();
    residual.extend_from_slice(&samples[..order.min(samples.len())]);
    match order {
        0 => residual.extend_from_slice(samples),
        1 => residual.extend(samples.array_windows().map(|[a, b]| b - a)),
        2 => residual.extend(samples.array_windows().map(|[a, b, c]| c - 2 * b + a)),
        3 => residual.extend(samples.array_windows().map(|[a, b, c, d]| d - 3 * c + 3 * b - a)),
        _ => residual.extend(samples.array_windows().map(|[a, b, c, d, e]| e - 4 * d + 6 * c - 4 * b + a)),
    }
}

/// The sums of the magnitudes of samples and of their first to fourth differences.
struct Magnitudes<'a>(&'a [i32]);

impl Kernel for Magnitudes<'_> {
    type Output = [u64; MOST + 1];

    #[inline(always)]
    fn run<S: Simd>(self) -> [u64; MOST + 1] {
        let mut sums = [0; MOST + 1];
        for &[a, b, c, d, e] in self.0.array_windows() {
            let (first, second, third, fourth) = (e - d, d - c, c - b, b - a);
            let (bend, before, earlier) = (first - second, second - third, third - fourth);
            let (turn, turned) = (bend - before, before - earlier);
            for (sum, value) in sums.iter_mut().zip([e, first, bend, turn, turn - turned]) {
                *sum += u64::from(value.unsigned_abs());
            }
        }
        sums
    }
}

/// The sum of the magnitudes of second differences.
struct Roughness<'a>(&'a [i32]);

impl Kernel for Roughness<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self) -> u64 {
        let mut sum = 0;
        for &[a, b, c] in self.0.array_windows() {
            sum += u64::from((c - 2 * b + a).unsigned_abs());
        }
        sum
    }
}
