//! Convolution with a long response, in blocks of one length: the response is cut into partitions of a block, and each block
//! of sound is transformed once and multiplied with all of them. It knows samples alone.
//!
//! Source: T. G. Stockham, "High-speed convolution and correlation", 1966, in the uniformly partitioned form that F. Wefers
//! describes in "Partitioned convolution algorithms for real-time auralization", 2015, chapter 5: overlap-save, with a line
//! of spectra of the last blocks. All in float64.

use std::collections::VecDeque;
use std::sync::Arc;

use remotemedia_fourier::{Complex, RealForward, RealInverse};

/// The response of one channel, ready for blocks.
pub(crate) struct Response {
    forward: RealForward<f64>,
    inverse: RealInverse<f64>,
    block: usize,
    /// The spectrum of each partition, scaled for the way back.
    partitions: Vec<Vec<Complex<f64>>>,
}

/// One channel of sound on its way through a response.
pub(crate) struct Convolver {
    response: Arc<Response>,
    /// The last block and the next one.
    samples: Vec<f64>,
    /// The spectra of the last blocks, the latest first.
    spectra: VecDeque<Vec<Complex<f64>>>,
    output: Vec<f64>,
    scratch: Vec<Complex<f64>>,
}

impl Response {
    /// A response for blocks of so many frames.
    pub(crate) fn new(taps: &[f32], block: usize) -> Self {
        let (forward, inverse) = (RealForward::new(2 * block), RealInverse::new(2 * block));
        let scale = 1.0 / (2 * block) as f64;
        let partition = |taps: &[f32]| {
            let mut samples = vec![0.0; 2 * block];
            for (sample, tap) in samples.iter_mut().zip(taps) {
                *sample = f64::from(*tap) * scale;
            }
            let mut spectrum = vec![Complex::default(); forward.bins()];
            forward.process(&samples, &mut spectrum, &mut Vec::new());
            spectrum
        };
        let partitions = taps.chunks(block).map(partition).collect();
        Self { forward, inverse, block, partitions }
    }
}

impl Convolver {
    pub(crate) fn new(response: Arc<Response>) -> Self {
        let block = response.block;
        let bins = vec![Complex::default(); block + 1];
        Self {
            samples: vec![0.0; 2 * block],
            spectra: response.partitions.iter().map(|_| bins.clone()).collect(),
            output: vec![0.0; 2 * block],
            scratch: Vec::new(),
            response,
        }
    }

    /// What the response makes of the next block, which may be short if it is the last one with sound in it.
    pub(crate) fn convolve(&mut self, block: &[f32]) -> &[f64] {
        let Response { forward, inverse, block: length, partitions } = &*self.response;
        self.samples.copy_within(length.., 0);
        self.samples[*length..].fill(0.0);
        for (sample, value) in self.samples[*length..].iter_mut().zip(block) {
            *sample = f64::from(*value);
        }
        let Some(mut spectrum) = self.spectra.pop_back() else { return &[] };
        forward.process(&self.samples, &mut spectrum, &mut self.scratch);
        self.spectra.push_front(spectrum);
        let mut sums = vec![Complex::default(); length + 1];
        for (spectrum, partition) in self.spectra.iter().zip(partitions) {
            for ((sum, bin), factor) in sums.iter_mut().zip(spectrum).zip(partition) {
                *sum += bin * factor;
            }
        }
        inverse.process(&sums, &mut self.output, &mut self.scratch);
        &self.output[*length..]
    }
}
