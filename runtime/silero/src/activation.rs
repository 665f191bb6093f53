//! The logistic function and the hyperbolic tangent of whole arrays, as loops, which are compiled for wider vectors with their
//! caller: `map` of a long array stays a call.

/// `1 / (1 + e^-x)`. Off by at most 2e-7.
#[inline(always)]
pub(super) fn sigmoid<const N: usize>(values: &[f32; N]) -> [f32; N] {
    let mut outputs = *values;
    for value in &mut outputs {
        *value = 1.0 / (1.0 + exp(-*value));
    }
    outputs
}

/// `tanh(x)`, as `2 sigmoid(2x) - 1`. Off by at most 4e-7.
#[inline(always)]
pub(super) fn tanh<const N: usize>(values: &[f32; N]) -> [f32; N] {
    let mut outputs = *values;
    for value in &mut outputs {
        *value = 2.0 / (1.0 + exp(-2.0 * *value)) - 1.0;
    }
    outputs
}

/// `e^x` in operations that vectors have: a power of two from the bits of the exponent, times the Taylor polynomial of
/// degree 6 for the rest, which is within ±ln(2)/2 (relative error 2e-7).
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// The high bits of ln(2), few enough that small multiples are exact, and the rest of it.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    /// 1.5 * 2^23: a float32 of this size has no bits for fractions, so adding it rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    // Beyond these the logistic function is 0 or 1 in float32. A NaN stays one: it goes through `rest`.
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let power = shifted - ROUND;
    let rest = x - power * LN_2[0] - power * LN_2[1];
    let mut sum = 1.0 / 720.0;
    for factor in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * rest + factor;
    }
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    sum * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every thousandth from -20 to 20, and beyond what float32 can tell.
    fn inputs() -> impl Iterator<Item = f32> {
        (-20_000..=20_000).map(|step| step as f32 / 1_000.0).chain([-1e30, -90.0, -87.5, 87.5, 90.0, 1e30])
    }

    #[test]
    fn both_are_as_exact_as_they_say() {
        let worst = |ours: fn(&[f32; 1]) -> [f32; 1], exact: fn(f64) -> f64| {
            inputs().map(|x| (f64::from(ours(&[x])[0]) - exact(f64::from(x))).abs()).fold(0.0, f64::max)
        };
        let (sigmoid_off, tanh_off) = (worst(sigmoid, |x| 1.0 / (1.0 + (-x).exp())), worst(tanh, f64::tanh));
        assert!(sigmoid_off < 2e-7, "{sigmoid_off}");
        assert!(tanh_off < 4e-7, "{tanh_off}");
    }

    #[test]
    fn what_is_no_number_stays_none() {
        assert!(sigmoid(&[f32::NAN])[0].is_nan());
        assert!(tanh(&[f32::NAN])[0].is_nan());
    }
}
