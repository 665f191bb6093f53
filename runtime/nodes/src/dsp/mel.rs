//! Filters whose spacing follows the ear: triangles on the mel scale, as `librosa.filters.mel`
//! or Kaldi makes them. Knows nothing of sound or nodes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How frequencies become mels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MelScale {
    /// Linear up to 1000 Hz, logarithmic above, as in Slaney's Auditory Toolbox (1998).
    #[default]
    Slaney,
    /// 2595 log10(1 + f / 700), as in HTK.
    Htk,
}

/// How filters are weighted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MelNorm {
    /// By 2 / (width in Hz), so that each has about the same area.
    #[default]
    Slaney,
    /// Not: each has a peak of 1.
    None,
}

/// Where the slopes of a filter are straight lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MelSlopes {
    /// Over the frequency in Hz, as in librosa.
    Hertz,
    /// Over the mels, as in HTK and Kaldi.
    Mels,
}

/// What filters are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MelDesign {
    pub(crate) count: usize,
    pub(crate) low_hz: f64,
    pub(crate) high_hz: f64,
    pub(crate) scale: MelScale,
    pub(crate) norm: MelNorm,
    pub(crate) slopes: MelSlopes,
}

/// The weights of one filter, from its first bin on.
#[derive(Debug)]
pub(crate) struct MelFilter {
    first: usize,
    weights: Vec<f32>,
}

impl MelDesign {
    /// The filters for spectra of `n_fft / 2 + 1` bins at this rate. One may be empty, where bins lie too far apart.
    pub(crate) fn filters(&self, rate: u32, n_fft: usize) -> Vec<MelFilter> {
        let (low, high) = (self.scale.mels(self.low_hz), self.scale.mels(self.high_hz));
        let edge = |index: usize| low + (high - low) * index as f64 / (self.count + 1) as f64;
        let hertz_of = |bin: usize| f64::from(rate) / n_fft as f64 * bin as f64;
        let bins: Vec<f64> = match self.slopes {
            MelSlopes::Hertz => (0..=n_fft / 2).map(hertz_of).collect(),
            MelSlopes::Mels => (0..=n_fft / 2).map(|bin| self.scale.mels(hertz_of(bin))).collect(),
        };
        let filter = |index: usize| {
            let mels = [edge(index), edge(index + 1), edge(index + 2)];
            let hertz = mels.map(|edge| self.scale.hertz(edge));
            let gain = match self.norm {
                MelNorm::Slaney => 2.0 / (hertz[2] - hertz[0]),
                MelNorm::None => 1.0,
            };
            let [start, peak, end] = match self.slopes {
                MelSlopes::Hertz => hertz,
                MelSlopes::Mels => mels,
            };
            let weight = |at: &f64| {
                let (rising, falling) = ((at - start) / (peak - start), (end - at) / (end - peak));
                rising.min(falling).max(0.0) * gain
            };
            let first = bins.partition_point(|at| *at <= start);
            let weights = bins[first..].iter().map(weight).take_while(|weight| *weight > 0.0);
            MelFilter { first, weights: weights.map(|weight| weight as f32).collect() }
        };
        (0..self.count).map(filter).collect()
    }
}

impl MelFilter {
    /// The weighted sum of a spectrum.
    pub(crate) fn apply(&self, spectrum: &[f32]) -> f32 {
        self.weights.iter().zip(&spectrum[self.first..]).map(|(weight, value)| weight * value).sum()
    }
}

impl MelScale {
    /// Where the slopes meet, in Hz and mels of Slaney's scale, and the factor of one mel above.
    const CORNER_HZ: f64 = 1_000.0;
    const CORNER_MELS: f64 = 15.0;
    const MELS_PER_FACTOR: f64 = 27.0;
    const FACTOR: f64 = 6.4;

    fn mels(self, hertz: f64) -> f64 {
        match self {
            MelScale::Htk => 2_595.0 * (1.0 + hertz / 700.0).log10(),
            MelScale::Slaney if hertz < Self::CORNER_HZ => hertz * Self::CORNER_MELS / Self::CORNER_HZ,
            MelScale::Slaney => {
                Self::CORNER_MELS + (hertz / Self::CORNER_HZ).ln() / Self::FACTOR.ln() * Self::MELS_PER_FACTOR
            }
        }
    }

    fn hertz(self, mels: f64) -> f64 {
        match self {
            MelScale::Htk => 700.0 * (10f64.powf(mels / 2_595.0) - 1.0),
            MelScale::Slaney if mels < Self::CORNER_MELS => mels * Self::CORNER_HZ / Self::CORNER_MELS,
            MelScale::Slaney => Self::CORNER_HZ * Self::FACTOR.powf((mels - Self::CORNER_MELS) / Self::MELS_PER_FACTOR),
        }
    }
}
