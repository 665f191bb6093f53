//! Decimal logarithms of many numbers at once. It knows numbers alone.

use remotemedia_vectors::{Kernel, Simd, run_wide};

/// Replaces each number by its decimal logarithm, as `f32::log10` gives it, or nearer: off by at most 0.501 units in the last
/// place, and the same on every machine.
pub(crate) fn log10(values: &mut [f32]) {
    run_wide(Logarithms(values));
}

struct Logarithms<'a>(&'a mut [f32]);

impl Kernel for Logarithms<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        const LEAST: u32 = f32::MIN_POSITIVE.to_bits();
        const ABOVE: u32 = f32::INFINITY.to_bits() - LEAST;
        // Zero, negative, subnormal, infinite and NaN are for the library.
        let is_normal = |value: &f32| value.to_bits().wrapping_sub(LEAST) < ABOVE;
        if self.0.iter().fold(true, |all, value| all & is_normal(value)) {
            self.0.iter_mut().for_each(|value| *value = of_normal(*value));
        } else {
            self.0.iter_mut().for_each(|value| *value = value.log10());
        }
    }
}

/// The logarithm of a positive normal number `2^e m`, `m` from 1/sqrt(2) to sqrt(2), by the series
/// `ln(m) = 2 (s + s^3/3 + s^5/5 + ...)` with `s = (m - 1) / (m + 1)`, which leaves 1e-12 of it after seven terms.
#[inline(always)]
fn of_normal(value: f32) -> f32 {
    const ROOT: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
    const MANTISSA_BITS: u32 = 23;
    let above = value.to_bits().wrapping_sub(ROOT) as i32;
    let exponent = f64::from(above >> MANTISSA_BITS);
    let mantissa = f64::from(f32::from_bits((above as u32 & ((1 << MANTISSA_BITS) - 1)) + ROOT));
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 1.0 / 13.0;
    for denominator in [11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * square + 1.0 / denominator;
    }
    (exponent * std::f64::consts::LOG10_2 + 2.0 * std::f64::consts::LOG10_E * s * sum) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_power_of_two_has_logarithms_to_half_a_unit() {
        // Steps that no power of two divides, through all normal numbers.
        let mut values: Vec<f32> =
            (f32::MIN_POSITIVE.to_bits()..f32::INFINITY.to_bits()).step_by(9973).map(f32::from_bits).collect();
        values.extend([f32::MIN_POSITIVE, 1.0f32.next_down(), 1.0, 1.0f32.next_up(), 10.0, f32::MAX]);
        let inputs = values.clone();
        log10(&mut values);
        for (input, got) in inputs.into_iter().zip(values) {
            let exact = f64::from(input).log10();
            let unit = f64::from((exact as f32).abs().next_up() - (exact as f32).abs());
            assert!((f64::from(got) - exact).abs() <= 0.501 * unit, "log10({input:e}) = {got:e}, not {exact:e}");
        }
    }

    #[test]
    fn other_numbers_are_those_of_the_library() {
        for odd in [0.0, -1.0, 1e-40, f32::INFINITY, f32::NAN] {
            let mut values = [2.0, odd];
            log10(&mut values);
            assert_eq!(values.map(f32::to_bits), [2.0f32.log10(), odd.log10()].map(f32::to_bits));
        }
    }
}
