//! The fast converter for a ratio of small integers: overlap-save filtering by FFT, in blocks that are anchored to the
//! start of the stream, so that the way the input is cut never shows in the output.
//!
//! A block's spectrum is taken at the input rate, multiplied by the filter's real response, cut or widened to the
//! output's number of bins, and transformed back at the output rate: filter and change of rate in one (see
//! Crochiere and Rabiner, "Multirate Digital Signal Processing", 1983, section 7.2, and Oppenheim and Schafer, 8.7.3).

use remotemedia_fourier::{Complex, RealForward};

use super::transform::{FilterTransform, Sample, Scratch};
use crate::dsp::low_pass::LowPass;

/// What all channels of all streams with one ratio and one filter share.
///
/// Block `b` takes the input frames before `(b + 1) * hop` and gives the output frames from `b * hop_out - delay_out`
/// up to `(b + 1) * hop_out - delay_out`; those below 0 sound before the stream begins.
pub(super) struct BlockFilter<T> {
    transform: FilterTransform<T>,
    /// Input frames by which one block goes on.
    pub(super) hop: usize,
    /// Output frames that one block gives.
    pub(super) hop_out: usize,
    /// How far the output runs behind the input, in input frames: a whole number of output frames.
    delay: usize,
    /// The same in output frames.
    pub(super) delay_out: usize,
    /// Input frames that a block sees before the first and after the last of its outputs.
    reach: usize,
}

impl<T: Sample> BlockFilter<T> {
    /// A converter that makes `up` frames of `down` frames through `filter`, whose time is in input frames, in blocks
    /// of about `hop` input frames or of the filter's length, whichever is more.
    pub(super) fn new(up: usize, down: usize, filter: &LowPass, hop: usize) -> Self {
        let reach = filter.half_width.ceil() as usize;
        let hop = hop.max(2 * reach).next_multiple_of(down);
        let delay = reach.next_multiple_of(down);
        let size = transform_size(up, down, hop + 2 * reach);
        let (size_in, size_out) = (size * down, size * up);
        Self {
            transform: FilterTransform::new(size_in, size_out, &response(filter, size_in, size_out)),
            hop,
            hop_out: hop / down * up,
            delay,
            delay_out: delay / down * up,
            reach,
        }
    }

    /// The input that a stream's first block sees before the stream begins: so many frames of silence.
    pub(super) fn history(&self) -> usize {
        self.delay + self.reach
    }

    /// The input frames that one block looks at.
    pub(super) fn window(&self) -> usize {
        self.hop + 2 * self.reach
    }

    /// The samples of the larger of the two transforms: a measure of the work for one block.
    pub(super) fn size(&self) -> usize {
        self.transform.size_in().max(self.transform.size_out())
    }

    /// Room for [`BlockFilter::convert`].
    pub(super) fn scratch(&self) -> Scratch<T> {
        self.transform.scratch()
    }

    /// Converts one block out of its window of input, and returns its `hop_out` frames of output.
    pub(super) fn convert<'a>(&self, window: &[f32], scratch: &'a mut Scratch<T>) -> &'a [T] {
        // The transform is periodic: what lies before the first output goes to the end, so that the first output
        // falls on index 0 and the filter's response needs no phase.
        let (before, rest) = window.split_at(self.reach);
        &self.transform.apply(rest, before, scratch)[..self.hop_out]
    }
}

/// The filter's gain for each bin below the lower of both Nyquist frequencies.
fn response(filter: &LowPass, size_in: usize, size_out: usize) -> Vec<f64> {
    let size = size_in.max(size_out);
    let step = size_in as f64 / size as f64;
    let mut impulse = vec![0.0; size];
    impulse[0] = filter.at(0.0);
    for index in 1..=(filter.half_width / step) as usize {
        let value = filter.at(index as f64 * step);
        impulse[index] += value;
        impulse[size - index] += value;
    }
    let mut spectrum = vec![Complex::default(); size / 2 + 1];
    RealForward::new(size).process(&impulse, &mut spectrum, &mut Vec::new());
    spectrum[..size_in.min(size_out) / 2].iter().map(|bin| bin.re / spectrum[0].re).collect()
}

/// The number `size`, even, for which transforms of `size * down` (at least `least`) and `size * up` cost least.
fn transform_size(up: usize, down: usize, least: usize) -> usize {
    let first = least.div_ceil(2 * down);
    let cost = |&half: &usize| half * (cost_per_point(2 * half) + cost_per_point(up).max(cost_per_point(down)));
    2 * (first..=first + first / 2).min_by_key(cost).unwrap_or(first)
}

/// How much a transform costs for each of its points, in hundredths of a doubling: the sum over the prime factors.
fn cost_per_point(mut size: usize) -> usize {
    let mut cost = 0;
    for (factor, price) in [(2, 100), (3, 165), (5, 280), (7, 390)] {
        while size.is_multiple_of(factor) {
            size /= factor;
            cost += price;
        }
    }
    // A large prime factor takes a convolution of its own.
    cost + if size > 1 { 4000 } else { 0 }
}
