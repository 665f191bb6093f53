//! Noise with a normal distribution, white or pink, that its seed decides. Knows nothing of sound or nodes.

use std::f64::consts::TAU;

use super::random::split_mix;

/// White noise of a mean power of 1: sample `number` of the sequence that `seed` begins, by the transform of Box and Muller
/// ("A note on the generation of random normal deviates", 1958).
pub(crate) fn normal(seed: u64, number: u64) -> f64 {
    let uniform = |bits: u64| ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let [first, second] = [number & !1, number | 1].map(|number| uniform(split_mix(seed, number)));
    let (radius, angle) = ((-2.0 * first.ln()).sqrt(), TAU * second);
    radius * if number & 1 == 0 { angle.cos() } else { angle.sin() }
}

/// Makes white noise pink: the power of an octave is the same for all octaves. The filter is Paul Kellet's of 1999
/// (musicdsp.org, "Pink noise filter"), within 0.05 dB of that from 1/4800 of the rate on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pink {
    sections: [f64; 6],
    delayed: f64,
}

impl Pink {
    /// Samples after which the start from silence can't be heard any more: ten times the slowest section's 877.
    pub(crate) const SETTLED: u64 = 8_770;
    const POLES: [f64; 6] = [0.998_86, 0.993_32, 0.969, 0.866_5, 0.55, -0.761_6];
    const GAINS: [f64; 6] = [0.055_517_9, 0.075_075_9, 0.153_852, 0.310_485_6, 0.532_952_2, -0.016_898];

    /// The next sample, for the next one of white noise.
    pub(crate) fn next(&mut self, white: f64) -> f64 {
        for ((section, pole), gain) in self.sections.iter_mut().zip(Self::POLES).zip(Self::GAINS) {
            *section = pole * *section + gain * white;
        }
        let delayed = std::mem::replace(&mut self.delayed, 0.115_926 * white);
        self.sections.iter().sum::<f64>() + delayed + 0.536_2 * white
    }
}
