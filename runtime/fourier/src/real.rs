//! Transforms of real samples, by complex ones of half their length where that is a whole number.

use std::sync::Arc;

use num_complex::Complex;
use rustfft::Fft;

use crate::Transformed;
use crate::symmetry::Symmetry;

/// From real samples to the bins 0 to `size / 2` of their spectrum.
pub struct RealForward<T> {
    size: usize,
    fft: Arc<dyn Fft<T>>,
    /// None for an odd size: its samples are transformed as complex ones.
    take_apart: Option<Symmetry<T>>,
}

/// From the bins 0 to `size / 2` of a spectrum to `size` times the real samples, for an even size.
pub struct RealInverse<T> {
    fft: Arc<dyn Fft<T>>,
    put_together: Symmetry<T>,
}

impl<T: Transformed> RealForward<T> {
    /// For so many samples.
    pub fn new(size: usize) -> Self {
        let is_even = size.is_multiple_of(2);
        Self {
            size,
            fft: T::forward(if is_even { size / 2 } else { size }),
            take_apart: is_even.then(|| Symmetry::take_apart(size, size / 2 + 1, |_| 1.0)),
        }
    }

    /// How many bins a spectrum has.
    pub fn bins(&self) -> usize {
        self.size / 2 + 1
    }

    /// Computes the spectrum, which has [`RealForward::bins`]. `scratch` grows to what is needed, once.
    ///
    /// # Panics
    /// With another number of samples or bins than the transform is for.
    pub fn process(&self, samples: &[T], spectrum: &mut [Complex<T>], scratch: &mut Vec<Complex<T>>) {
        assert_eq!((samples.len(), spectrum.len()), (self.size, self.bins()), "samples and bins");
        let size = self.fft.len();
        let (bins, room) = room_of(scratch, size + 1 + self.fft.get_inplace_scratch_len()).split_at_mut(size + 1);
        let Some(take_apart) = &self.take_apart else {
            bins.iter_mut().zip(samples).for_each(|(bin, sample)| *bin = Complex::new(*sample, T::zero()));
            self.fft.process_with_scratch(&mut bins[..size], room);
            spectrum.copy_from_slice(&bins[..self.bins()]);
            return;
        };
        bins[..size].copy_from_slice(bytemuck::cast_slice(samples));
        self.fft.process_with_scratch(&mut bins[..size], room);
        // The spectrum is periodic.
        bins[size] = bins[0];
        take_apart.apply(bins, spectrum);
        // Both are real by definition; rounding leaves them a small imaginary part.
        spectrum[0].im = T::zero();
        spectrum[size].im = T::zero();
    }
}

impl<T: Transformed> RealInverse<T> {
    /// For so many samples.
    ///
    /// # Panics
    /// With an odd number of them.
    pub fn new(size: usize) -> Self {
        assert!(size.is_multiple_of(2), "{size} is odd");
        Self { fft: T::inverse(size / 2), put_together: Symmetry::put_together(size) }
    }

    /// Computes the samples. `scratch` grows to what is needed, once.
    ///
    /// # Panics
    /// With another number of bins or samples than the transform is for.
    pub fn process(&self, spectrum: &[Complex<T>], samples: &mut [T], scratch: &mut Vec<Complex<T>>) {
        let size = self.fft.len();
        assert_eq!((spectrum.len(), samples.len()), (size + 1, 2 * size), "bins and samples");
        let pairs: &mut [Complex<T>] = bytemuck::cast_slice_mut(samples);
        self.put_together.apply(spectrum, pairs);
        self.fft.process_with_scratch(pairs, room_of(scratch, self.fft.get_inplace_scratch_len()));
    }
}

/// So many numbers of `scratch`, which never shrinks: transforms that take turns with it find what they need.
fn room_of<T: Transformed>(scratch: &mut Vec<Complex<T>>, length: usize) -> &mut [Complex<T>] {
    if scratch.len() < length {
        scratch.resize(length, Complex::new(T::zero(), T::zero()));
    }
    &mut scratch[..length]
}
