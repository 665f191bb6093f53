//! The true peak of one channel: the largest magnitude of the sound between its samples. It knows samples alone.
//!
//! Source: ITU-R BS.1770-5, annex 2: four-fold oversampling by a filter of 48 coefficients in four phases.

/// The phases of the interpolator, as annex 2 lists them; the fourth is the first in reverse, the third the second.
const PHASES: [[f32; TAPS]; 4] = [
    [
        0.001_708_984_4,
        0.010_986_328,
        -0.019_653_32,
        0.033_203_125,
        -0.059_448_242,
        0.137_329_1,
        0.972_167_97,
        -0.102_294_92,
        0.047_607_422,
        -0.026_611_328,
        0.014_892_578,
        -0.008_300_781,
    ],
    [
        -0.029_174_805,
        0.029_296_875,
        -0.051_757_813,
        0.089_111_33,
        -0.166_503_9,
        0.465_087_9,
        0.779_785_16,
        -0.200_317_38,
        0.101_562_5,
        -0.058_227_54,
        0.033_081_055,
        -0.018_920_898,
    ],
    [
        -0.018_920_898,
        0.033_081_055,
        -0.058_227_54,
        0.101_562_5,
        -0.200_317_38,
        0.779_785_16,
        0.465_087_9,
        -0.166_503_9,
        0.089_111_33,
        -0.051_757_813,
        0.029_296_875,
        -0.029_174_805,
    ],
    [
        -0.008_300_781,
        0.014_892_578,
        -0.026_611_328,
        0.047_607_422,
        -0.102_294_92,
        0.972_167_97,
        0.137_329_1,
        -0.059_448_242,
        0.033_203_125,
        -0.019_653_32,
        0.010_986_328,
        0.001_708_984_4,
    ],
];
const TAPS: usize = 12;

/// Follows one channel.
#[derive(Clone, Debug)]
pub(crate) struct TruePeak {
    /// The samples before the next ones, as many as the filter needs, and room for those.
    window: Vec<f32>,
}

impl TruePeak {
    pub(crate) fn new() -> Self {
        Self { window: vec![0.0; TAPS - 1] }
    }

    /// The true peak of the next samples, which is never less than the largest of them.
    pub(crate) fn add(&mut self, samples: &[f32]) -> f32 {
        /// Values computed side by side: what vector registers hold.
        const LANES: usize = 16;
        self.window.truncate(TAPS - 1);
        self.window.extend_from_slice(samples);
        let mut peaks = [0f32; LANES];
        let mut raise = |lane: usize, value: f32| peaks[lane] = peaks[lane].max(value.abs());
        let whole = samples.len() / LANES * LANES;
        for phase in &PHASES {
            for first in (0..whole).step_by(LANES) {
                let mut sums = [0f32; LANES];
                for (tap, coefficient) in phase.iter().enumerate() {
                    for (sum, sample) in sums.iter_mut().zip(&self.window[first + tap..first + tap + LANES]) {
                        *sum += coefficient * sample;
                    }
                }
                sums.iter().enumerate().for_each(|(lane, sum)| raise(lane, *sum));
            }
            for first in whole..samples.len() {
                let pairs = phase.iter().zip(&self.window[first..]);
                raise(0, pairs.fold(0f32, |sum, (coefficient, sample)| sum + coefficient * sample));
            }
        }
        samples.iter().for_each(|sample| raise(0, *sample));
        let kept = self.window.len() - (TAPS - 1);
        self.window.copy_within(kept.., 0);
        peaks.into_iter().fold(0.0, f32::max)
    }
}
