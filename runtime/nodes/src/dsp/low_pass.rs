//! Low-pass filters as functions of continuous time: a sinc in a Kaiser window. They know nothing of resamplers.
//!
//! Time is in frames and frequency in cycles per frame, of whichever stream the caller has in mind.

use std::f64::consts::PI;

/// A linear-phase low-pass filter, symmetric about time 0, with gain 1 for a constant.
///
/// Width and shape follow J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", 1974,
/// in the form of Oppenheim and Schafer, "Discrete-Time Signal Processing", section 7.5.3.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LowPass {
    /// Half of the impulse response's length, in frames.
    pub(crate) half_width: f64,
    cutoff: f64,
    beta: f64,
    peak: f64,
}

impl LowPass {
    /// The shortest filter that passes up to `pass`, stops from `stop` on, both in cycles per frame, and keeps the
    /// ripple of both bands about `attenuation_db` (more than 50) below the signal: 5 dB less at the worst.
    pub(crate) fn new(pass: f64, stop: f64, attenuation_db: f64) -> Self {
        let beta = 0.1102 * (attenuation_db - 8.7);
        Self {
            half_width: (attenuation_db - 7.95) / (2.0 * 2.285 * 2.0 * PI * (stop - pass)),
            cutoff: (pass + stop) / 2.0,
            beta,
            peak: bessel_i0(beta),
        }
    }

    /// The impulse response at a time in frames.
    pub(crate) fn at(&self, time: f64) -> f64 {
        let position = time / self.half_width;
        if position.abs() > 1.0 {
            return 0.0;
        }
        let angle = 2.0 * PI * self.cutoff * time;
        let sinc = if angle == 0.0 { 1.0 } else { angle.sin() / angle };
        2.0 * self.cutoff * sinc * bessel_i0(self.beta * (1.0 - position * position).sqrt()) / self.peak
    }
}

/// The modified Bessel function of the first kind and order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    let mut index = 1.0;
    while term > sum * 1e-17 {
        term *= quarter / (index * index);
        sum += term;
        index += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of I0 from Abramowitz and Stegun, table 9.8, multiplied out.
    #[test]
    fn bessel_matches_the_tables() {
        for (x, expected) in [(0.0, 1.0), (1.0, 1.266_065_877_752_008_4), (10.0, 2_815.716_628_466_254)] {
            let got = bessel_i0(x);
            assert!((got / expected - 1.0_f64).abs() < 1e-14, "I0({x}) = {got}, expected {expected}");
        }
    }

    /// The response by direct summation: flat to the ripple that was asked for, and as far down.
    #[test]
    fn both_bands_keep_the_ripple() {
        for attenuation_db in [96.0, 126.0, 150.0] {
            let filter = LowPass::new(0.2, 0.22, attenuation_db);
            let reach = filter.half_width.ceil() as i64;
            let gain = |frequency: f64| -> f64 {
                (-reach..=reach).map(|n| filter.at(n as f64) * (2.0 * PI * frequency * n as f64).cos()).sum()
            };
            // Kaiser's formulas are fits for 30 to 120 dB; above it they miss by a few decibels next to the band edges.
            let ripple = 10f64.powf((5.0 - attenuation_db) / 20.0);
            for step in 0..=100 {
                let (pass, stop) = (0.2 * f64::from(step) / 100.0, 0.22 + 0.28 * f64::from(step) / 100.0);
                assert!((gain(pass) - 1.0).abs() < ripple, "{attenuation_db} dB, {pass}: {}", gain(pass));
                assert!(gain(stop).abs() < ripple, "{attenuation_db} dB, {stop}: {}", gain(stop));
            }
        }
    }
}
