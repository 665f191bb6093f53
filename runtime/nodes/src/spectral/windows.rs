//! Windows of frames and their transforms, which all nodes of the process share.

use std::f64::consts::TAU;
use std::sync::Arc;

use remotemedia_fourier::RealForward;

use crate::dsp::recent::Recent;

/// The transform of so many samples.
pub(super) fn forward(length: usize) -> Arc<RealForward<f32>> {
    static LATELY: Recent<usize, RealForward<f32>> = Recent::new();
    LATELY.get(length, || Arc::new(RealForward::new(length)))
}

/// The periodic Hann window of so many samples, in the middle of so many. That of one sample is 1, as SciPy and librosa have it.
pub(super) fn hann(win_length: usize, length: usize) -> Arc<[f32]> {
    static LATELY: Recent<(usize, usize), [f32]> = Recent::new();
    let before = (length - win_length) / 2;
    let window = |at: usize| match at.checked_sub(before).filter(|at| *at < win_length) {
        Some(_) if win_length == 1 => 1.0,
        Some(at) => (0.5 - 0.5 * (TAU * at as f64 / win_length as f64).cos()) as f32,
        None => 0.0,
    };
    LATELY.get((win_length, length), || (0..length).map(window).collect())
}

/// The window that Kaldi calls Povey's: a symmetric Hann window to the power of 0.85.
pub(super) fn povey(length: usize) -> Arc<[f32]> {
    static LATELY: Recent<usize, [f32]> = Recent::new();
    let hann = |at: usize| 0.5 - 0.5 * (TAU * at as f64 / (length - 1) as f64).cos();
    LATELY.get(length, || (0..length).map(|at| hann(at).powf(0.85) as f32).collect())
}

/// The periodic window of six terms whose side lobes are 150 dB down: H.-H. Albrecht, "A family of cosine-sum windows for
/// high-resolution measurements", Proc. ICASSP, 2001. Its main lobe ends six bins from the middle.
pub(super) fn albrecht(length: usize) -> Arc<[f32]> {
    const TERMS: [f64; 6] = [
        2.935_578_950_102_797e-1,
        -4.519_357_723_474_506e-1,
        2.014_164_714_263_962e-1,
        -4.792_610_922_105_837e-2,
        5.026_196_426_859_393e-3,
        -1.375_555_679_558_877e-4,
    ];
    static LATELY: Recent<usize, [f32]> = Recent::new();
    let term = |at: usize, term: usize| (TAU * (at * term) as f64 / length as f64).cos() * TERMS[term];
    let window = |at: usize| (0..TERMS.len()).map(|number| term(at, number)).sum::<f64>() as f32;
    LATELY.get(length, || (0..length).map(window).collect())
}
