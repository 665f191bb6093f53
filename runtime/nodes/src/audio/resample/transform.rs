//! Filters a block of real samples and changes its rate, by two complex transforms of half the block's lengths.
//!
//! A real block is transformed as complex numbers of its even and odd samples, whose spectrum is then taken apart, and
//! the way back is the same the other way round (see H. V. Sorensen, D. L. Jones, M. T. Heideman and C. S. Burrus,
//! "Real-valued fast Fourier transform algorithms", 1987). Bins that the output does not have are never computed.

use std::f64::consts::TAU;
use std::sync::Arc;

use bytemuck::Pod;
use remotemedia_fourier::{Complex, Fft, Transformed};
use remotemedia_vectors::{Kernel, run_wide};

/// The number that a converter computes with. Conversions are inlined, so that loops over them become vector code.
pub(super) trait Sample: Transformed + Pod {
    /// The nearest number of this type.
    fn rounded(value: f64) -> Self;
    /// The nearest float32.
    fn to_single(self) -> f32;
    /// The same number.
    fn exactly(value: f32) -> Self;
}

impl Sample for f32 {
    #[inline]
    fn rounded(value: f64) -> Self {
        value as f32
    }
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
    fn rounded(value: f64) -> Self {
        value
    }
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

/// Joins what is at the same distance from both ends of a spectrum `s` with bins 0 to `n`: bin `k` of the result is
/// `whole[k] * (s[k] + s*[n - k]) + turned[k] * (s[k] - s*[n - k])`, where `s*` is the conjugate.
struct Symmetry<T> {
    whole: Vec<T>,
    turned: Vec<Complex<T>>,
}

impl<T: Sample> FilterTransform<T> {
    /// A transform from blocks of `size_in` samples to blocks of `size_out`, both even, that multiplies bin `k` by
    /// `gains[k]`. There are half as many gains as the shorter block has samples: the bins from there on become 0.
    pub(super) fn new(size_in: usize, size_out: usize, gains: &[f64]) -> Self {
        let scale = |bin: usize| gains[bin] / 2.0 / size_in as f64;
        Self {
            forward: T::forward(size_in / 2),
            inverse: T::inverse(size_out / 2),
            // The odd samples come half a pair after the even ones, and as imaginary parts: a quarter turn.
            take_apart: Symmetry::new(gains.len(), |bin| {
                (scale(bin), Complex::from_polar(scale(bin), -TAU * (bin as f64 / size_in as f64 + 0.25)))
            }),
            put_together: Symmetry::new(size_out / 2, |bin| {
                (1.0, Complex::from_polar(1.0, TAU * (bin as f64 / size_out as f64 + 0.25)))
            }),
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

impl<T: Sample> Symmetry<T> {
    fn new(bins: usize, factors: impl Fn(usize) -> (f64, Complex<f64>)) -> Self {
        let (whole, turned) = (0..bins)
            .map(|bin| {
                let (whole, turned) = factors(bin);
                (T::rounded(whole), Complex::new(T::rounded(turned.re), T::rounded(turned.im)))
            })
            .unzip();
        Self { whole, turned }
    }

    /// Computes as many bins of `target` as there are factors.
    fn apply(&self, source: &[Complex<T>], target: &mut [Complex<T>]) {
        run_wide(Joining { symmetry: self, source, target });
    }
}

/// One [`Symmetry::apply`].
struct Joining<'a, T> {
    symmetry: &'a Symmetry<T>,
    source: &'a [Complex<T>],
    target: &'a mut [Complex<T>],
}

impl<T: Sample> Kernel for Joining<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { symmetry: Symmetry { whole, turned }, source, target } = self;
        let pairs = source.iter().zip(source.iter().rev());
        for ((bin, (forth, back)), (&whole, turned)) in target.iter_mut().zip(pairs).zip(whole.iter().zip(turned)) {
            let (sum_re, sum_im) = (forth.re + back.re, forth.im - back.im);
            let (difference_re, difference_im) = (forth.re - back.re, forth.im + back.im);
            *bin = Complex::new(
                whole * sum_re + (turned.re * difference_re - turned.im * difference_im),
                whole * sum_im + (turned.re * difference_im + turned.im * difference_re),
            );
        }
    }
}

fn widen<T: Sample>(target: &mut [T], source: &[f32]) {
    for (target, &source) in target.iter_mut().zip(source) {
        *target = T::exactly(source);
    }
}
