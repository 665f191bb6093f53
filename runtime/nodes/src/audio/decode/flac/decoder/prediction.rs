//! Predictions from the samples before (RFC 9639, 9.2.5 and 9.2.6), to which the residual is added.

use super::channels::Number;

/// The highest order.
pub(super) const MOST: usize = 32;

/// Completes samples, of which the first `order`, at most 4, are there and the others are what a polynomial left.
pub(super) fn fixed<T: Number>(order: usize, samples: &mut [T]) {
    // The residual is a difference of this order: sums undo it, one order after the other.
    let Some((first, rest)) = samples.split_at_mut_checked(order) else { return };
    let mut last = [T::default(); 4];
    let mut differences = [T::default(); 4];
    differences[..order].copy_from_slice(first);
    for last in &mut last[..order] {
        // The last difference of this order; those of the next one stand at the end again.
        *last = differences[order - 1];
        for at in (1..order).rev() {
            differences[at] = differences[at].minus(differences[at - 1]);
        }
    }
    match order {
        0 => {}
        1 => add_up::<T, 1>(last, rest),
        2 => add_up::<T, 2>(last, rest),
        3 => add_up::<T, 3>(last, rest),
        _ => add_up::<T, 4>(last, rest),
    }
}

/// Sums of sums, `ORDER` times; `last` are those before, of the samples, of their first differences and so on.
#[inline(always)]
fn add_up<T: Number, const ORDER: usize>(mut last: [T; 4], samples: &mut [T]) {
    for sample in samples {
        let mut sum = *sample;
        for order in (0..ORDER).rev() {
            sum = sum.plus(last[order]);
            last[order] = sum;
        }
        *sample = sum;
    }
}

/// Completes samples, of which the first are there and the others are what a linear prediction left. The first weight is that
/// of the sample before, and the prediction is shifted right.
pub(super) fn linear<T: Number>(weights: &[i32], shift: u32, samples: &mut [T]) {
    let run = match weights.len() {
        0..=4 => predict::<T, 4>,
        5..=6 => predict::<T, 6>,
        7..=8 => predict::<T, 8>,
        9..=10 => predict::<T, 10>,
        11..=12 => predict::<T, 12>,
        _ => predict::<T, MOST>,
    };
    run(weights, shift, samples);
}

/// `N` are the weights, with zeros after them.
///
/// By sums of 64 bits, which no vector instructions are made of: loads of vectors would wait for the samples that were just
/// stored one by one.
fn predict<T: Number, const N: usize>(weights: &[i32], shift: u32, samples: &mut [T]) {
    // From the oldest sample on.
    let mut padded = [0; N];
    for (padded, weight) in padded.iter_mut().rev().zip(weights) {
        *padded = i64::from(*weight);
    }
    let mut before = [T::default(); N];
    let order = weights.len().min(samples.len());
    before[N - order..].copy_from_slice(&samples[..order]);
    for at in order..samples.len().min(N) {
        samples[at] = completed(samples[at], &padded, &before, before[N - 1], shift);
        before.copy_within(1.., 0);
        before[N - 1] = samples[at];
    }
    let mut last = before[N - 1];
    for at in N..samples.len() {
        let (before, rest) = samples.split_at_mut(at);
        let Some(before) = before.last_chunk::<N>() else { return };
        last = completed(rest[0], &padded, before, last, shift);
        rest[0] = last;
    }
}

/// A residual and its prediction from the samples before, the last of which is still at hand.
#[inline(always)]
fn completed<T: Number, const N: usize>(residual: T, weights: &[i64; N], before: &[T; N], last: T, shift: u32) -> T {
    let products = weights.iter().zip(before).take(N - 1).map(|(weight, sample)| weight.wrapping_mul(sample.wide()));
    let sum = products.fold(0, i64::wrapping_add).wrapping_add(weights[N - 1].wrapping_mul(last.wide()));
    residual.plus(T::of(sum >> shift))
}
