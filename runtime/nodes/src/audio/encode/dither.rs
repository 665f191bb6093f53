//! Dither: noise of the size of one step of an integer format, so that what rounding loses is hiss and not distortion.
//!
//! The noise is triangular, the sum of two even ones of one step each, which makes the error independent of the sound
//! (Lipshitz, Wannamaker and Vanderkooy, "Quantization and Dither", JAES 40, 1992).

use remotemedia_core::value::Audio;

use crate::dsp::random::split_mix;

/// A source of noise for one file: how the sound is cut does not matter to it.
pub(super) struct Dither {
    /// The random numbers that were used.
    count: u64,
    step: f32,
}

impl Dither {
    /// Noise for integers of so many bits.
    pub(super) fn new(bits: u32) -> Self {
        Self { count: 0, step: 1.0 / (1u32 << (bits - 1)) as f32 }
    }

    /// The sound with noise on every channel, each its own.
    pub(super) fn add(&mut self, audio: &Audio) -> Vec<Vec<f32>> {
        let mut planes: Vec<Vec<f32>> = audio.iter_channels().map(<[f32]>::to_vec).collect();
        for frame in 0..audio.frames() {
            for plane in &mut planes {
                plane[frame] += (self.even() - self.even()) * self.step;
            }
        }
        planes
    }

    /// Even noise of [0, 1).
    fn even(&mut self) -> f32 {
        let bits = split_mix(0, self.count);
        self.count += 1;
        (bits >> 40) as f32 / (1u32 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_is_triangular_and_its_own_on_each_channel() {
        let silence = Audio::from_channels(&[vec![0.0; 200_000], vec![0.0; 200_000]], 48_000).unwrap();
        let planes = Dither::new(16).add(&silence);
        let steps = |plane: &[f32]| plane.iter().map(|sample| f64::from(*sample) * 32768.0).collect::<Vec<_>>();
        let (left, right) = (steps(&planes[0]), steps(&planes[1]));
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / 200_000.0;
        // Five standard deviations of each estimate.
        assert!(left.iter().all(|value| value.abs() < 1.0));
        assert!(mean(&mut left.iter().copied()).abs() < 0.0046);
        assert!((mean(&mut left.iter().map(|value| value * value)) - 1.0 / 6.0).abs() < 0.0023);
        assert!(mean(&mut left.iter().zip(&right).map(|(left, right)| left * right)).abs() < 0.0019);
        let below_half = left.iter().filter(|value| value.abs() < 0.5).count() as f64 / 200_000.0;
        assert!((below_half - 0.75).abs() < 0.005, "a triangle has three quarters there: {below_half}");
    }
}
