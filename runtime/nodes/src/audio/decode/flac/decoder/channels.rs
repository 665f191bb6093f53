//! From the numbers of subframes to samples: what differences of channels stand for (RFC 9639, 4.2), and full scale.

use std::fmt::Debug;

use crate::audio::decode::flac::frame::Difference;

/// What the samples of a subframe are while it is decoded. All computing wraps: of a damaged frame any number may come.
pub(super) trait Number: Copy + Debug + Default {
    /// The lower bits of a number.
    fn of(number: i64) -> Self;

    /// The number.
    fn wide(self) -> i64;

    fn plus(self, other: Self) -> Self;

    fn minus(self, other: Self) -> Self;

    fn times_two_to(self, power: u32) -> Self;

    fn half(self) -> Self;

    /// The number itself, rounded to a float.
    fn float(self) -> f32;
}

/// Samples of so many bits, full scale 1.
#[inline(always)]
pub(super) fn scale<T: Number>(numbers: &[T], width: u32, samples: &mut [f32]) {
    let unit = unit(width);
    for (sample, number) in samples.iter_mut().zip(numbers) {
        *sample = number.float() * unit;
    }
}

/// The samples of two channels, one of which stands as a difference, of so many bits without it.
#[inline(always)]
pub(super) fn join<T: Number>(
    difference: Difference,
    (first, second): (&[T], &[T]),
    width: u32,
    left: &mut [f32],
    right: &mut [f32],
) {
    let unit = unit(width);
    let numbers = first.iter().zip(second);
    for ((left, right), (first, second)) in left.iter_mut().zip(right).zip(numbers) {
        let [of_left, of_right] = match difference {
            Difference::LeftSide => [*first, first.minus(*second)],
            Difference::SideRight => [first.plus(*second), *second],
            Difference::MidSide => {
                // The middle lost its last bit, which is that of the difference.
                let odd = T::of(second.wide() & 1);
                let sum = first.times_two_to(1).plus(odd);
                [sum.plus(*second).half(), sum.minus(*second).half()]
            }
        };
        (*left, *right) = (of_left.float() * unit, of_right.float() * unit);
    }
}

fn unit(width: u32) -> f32 {
    2f32.powi(1 - width as i32)
}

/// One of the types that samples are decoded by.
macro_rules! number {
    ($type:ty) => {
        impl Number for $type {
            #[inline(always)]
            fn of(number: i64) -> Self {
                number as $type
            }

            #[inline(always)]
            fn wide(self) -> i64 {
                i64::from(self)
            }

            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            #[inline(always)]
            fn times_two_to(self, power: u32) -> Self {
                self.wrapping_shl(power)
            }

            #[inline(always)]
            fn half(self) -> Self {
                self >> 1
            }

            #[inline(always)]
            fn float(self) -> f32 {
                self as f32
            }
        }
    };
}

number!(i32);
number!(i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_undone_for_all_widths() {
        for width in [4, 8, 16, 24, 32] {
            let (most, least) = ((1i64 << (width - 1)) - 1, -(1i64 << (width - 1)));
            let numbers = [least, least + 1, -2, -1, 0, 1, 2, most - 1, most];
            for (left, right) in numbers.iter().flat_map(|left| numbers.map(|right| (*left, right))) {
                for (difference, first, second) in [
                    (Difference::LeftSide, left, left - right),
                    (Difference::SideRight, left - right, right),
                    (Difference::MidSide, (left + right) >> 1, left - right),
                ] {
                    let mut samples = [[0.0], [0.0]];
                    let [of_left, of_right] = &mut samples;
                    if width < 32 {
                        let [first, second] = [[first as i32], [second as i32]];
                        join(difference, (&first[..], &second[..]), width, of_left, of_right);
                    } else {
                        join(difference, (&[first][..], &[second][..]), width, of_left, of_right);
                    }
                    let expected = [left, right].map(|number| [(number as f64 / -least as f64) as f32]);
                    assert_eq!(samples, expected, "{difference:?} of {left} and {right}, {width} bits");
                }
            }
        }
    }
}
