//! Filters a block of real samples and changes its rate, by two complex transforms of half the block's lengths. Bins that
//! the output does not have are never computed.

use std::sync::Arc;

use remotemedia_fourier::{Complex, Fft, Symmetry, Transformed};

/// The number that a converter computes with. Conversions are inlined, so that loops over them become vector code.
pub(super) trait Sample: Transformed {
    /// The nearest float32.
    fn to_single(self) -> f32;
    /// The same number.
    fn exactly(value: f32) -> Self;
}

impl Sample for f32 {
    #[inline]
    fn to_single(self) -> f32 {
        self
    }
    #[inline]
    fn exactly(value: f32) -> Self {
        value
    }
}

impl Sample for f64 {
    #[inline]
    fn to_single(self) -> f32 {
        self as f32
    }
    #[inline]
    fn exactly(value: f32) -> Self {
        f64::from(value)
    }
}

/// Takes blocks of one length to blocks of another, which are as long in time.
pub(super) struct FilterTransform<T> {
    forward: Arc<dyn Fft<T>>,
    inverse: Arc<dyn Fft<T>>,
    /// From the spectrum of pairs to the filtered bins of the block.
    take_apart: Symmetry<T>,
    /// From the bins of the output to the spectrum of its pairs.
    put_together: Symmetry<T>,
}

/// Room for the transforms of one thread.
pub(super) struct Scratch<T> {
    input: Vec<Complex<T>>,
    pairs: Vec<Complex<T>>,
    /// The bins of the output; those that the input does not have stay 0.
    bins: Vec<Complex<T>>,
    output: Vec<Complex<T>>,
    forward: Vec<Complex<T>>,
    inverse: Vec<Complex<T>>,
}

impl<T: Sample> FilterTransform<T> {
    /// A transform from blocks of `size_in` samples to blocks of `size_out`, both even, that multiplies bin `k` by
    /// `gains[k]`. There are half as many gains as the shorter block has samples: the bins from there on become 0.
    pub(super) fn new(size_in: usize, size_out: usize, gains: &[f64]) -> Self {
        Self {
            forward: T::forward(size_in / 2),
            inverse: T::inverse(size_out / 2),
            take_apart: Symmetry::take_apart(size_in, gains.len(), |bin| gains[bin] / size_in as f64),
            put_together: Symmetry::put_together(size_out),
        }
    }

    /// The samples of the block that goes in.
    pub(super) fn size_in(&self) -> usize {
        self.forward.len() * 2
    }

    /// The samples of the block that comes out.
    pub(super) fn size_out(&self) -> usize {
        self.inverse.len() * 2
    }

    /// Room for [`FilterTransform::apply`].
    pub(super) fn scratch(&self) -> Scratch<T> {
        let room = |len: usize| vec![Complex::new(T::zero(), T::zero()); len];
        Scratch {
            input: room(self.forward.len()),
            pairs: room(self.forward.len() + 1),
            bins: room(self.inverse.len() + 1),
            output: room(self.inverse.len()),
            forward: room(self.forward.get_outofplace_scratch_len()),
            inverse: room(self.inverse.get_inplace_scratch_len()),
        }
    }

    /// The output block of the input block that has `first` at its beginning, `last` at its end and silence between
    /// them, as if both went on periodically.
    pub(super) fn apply<'a>(&self, first: &[f32], last: &[f32], scratch: &'a mut Scratch<T>) -> &'a [T] {
        let Scratch { input, pairs, bins, output, forward, inverse } = scratch;
        let samples: &mut [T] = bytemuck::cast_slice_mut(input);
        let end = samples.len() - last.len();
        widen(&mut samples[..first.len()], first);
        samples[first.len()..end].fill(T::zero());
        widen(&mut samples[end..], last);

        let size = input.len();
        self.forward.process_outofplace_with_scratch(input, &mut pairs[..size], forward);
        // The spectrum is periodic.
        pairs[size] = pairs[0];
        self.take_apart.apply(pairs, bins);
        self.put_together.apply(bins, output);
        self.inverse.process_with_scratch(output, inverse);
        bytemuck::cast_slice(output)
    }
}

fn widen<T: Sample>(target: &mut [T], source: &[f32]) {
    for (target, &source) in target.iter_mut().zip(source) {
        *target = T::exactly(source);
    }
}
