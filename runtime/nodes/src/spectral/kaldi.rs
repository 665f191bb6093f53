//! What Kaldi does with the frames of its features, for mel filter banks and cepstra (`feature-window.cc`, `feature-fbank.cc`
//! and `feature-mfcc.cc` of Kaldi). It knows frames, and nothing of nodes.

use super::frames::Edges;

/// The rate that params which are not given are made for, in Hz.
pub(super) const RATE: u32 = 16_000;
/// What numbers do not go below before their logarithm: the epsilon of float32.
pub(super) const FLOOR: f32 = f32::EPSILON;
/// Samples within ±1 stand for numbers of 16 bits.
pub(super) const FULL_SCALE: f64 = 32_768.0;
pub(super) const WINDOW_MS: u32 = 25;
pub(super) const HOP_MS: u32 = 10;
pub(super) const LOW_HZ: f64 = 20.0;

const PRE_EMPHASIS: f32 = 0.97;

/// So many milliseconds, cut to whole samples.
pub(super) fn samples(rate: Option<u32>, milliseconds: u32) -> u32 {
    (rate.unwrap_or(RATE) * milliseconds / 1_000).max(2)
}

/// Where frames lie with `snip_edges`, which is the default, or without.
pub(super) fn edges(snip_edges: Option<bool>) -> Edges {
    if snip_edges.unwrap_or(true) { Edges::Inside } else { Edges::Hops }
}

/// Multiplies a frame by what a sample of 1 stands for, and removes its mean.
pub(super) fn remove_mean(frame: &mut [f32], full_scale: f32) {
    frame.iter_mut().for_each(|sample| *sample *= full_scale);
    let mean = (frame.iter().copied().map(f64::from).sum::<f64>() / frame.len() as f64) as f32;
    frame.iter_mut().for_each(|sample| *sample -= mean);
}

/// Takes from each sample most of the one before it; the first stands for the one before it.
pub(super) fn emphasize(frame: &mut [f32]) {
    let mut before = frame[0];
    for sample in frame {
        let own = *sample;
        *sample = own - PRE_EMPHASIS * before;
        before = own;
    }
}
