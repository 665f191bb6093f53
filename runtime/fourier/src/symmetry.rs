//! What real samples save: the spectrum of real numbers is half of one of complex numbers, and is taken apart from it, or
//! put together for the way back, by joining bins at the same distance from both ends (H. V. Sorensen, D. L. Jones, M. T.
//! Heideman and C. S. Burrus, "Real-valued fast Fourier transform algorithms", 1987). It knows bins alone.

use std::f64::consts::TAU;

use num_complex::Complex;
use remotemedia_vectors::{Kernel, Simd, run_wide};

use crate::Transformed;

/// Joins the bins 0 to `n` of a spectrum `s`: bin `k` of the result is
/// `whole[k] * (s[k] + s*[n - k]) + turned[k] * (s[k] - s*[n - k])`, where `s*` is the conjugate.
pub struct Symmetry<T> {
    whole: Vec<T>,
    turned: Vec<Complex<T>>,
}

impl<T: Transformed> Symmetry<T> {
    /// From the spectrum of `size / 2` pairs of samples, an even one as real and an odd one as imaginary part, to the
    /// first `bins` bins of the spectrum of the samples, each times `gain(bin)`.
    pub fn take_apart(size: usize, bins: usize, gain: impl Fn(usize) -> f64) -> Self {
        // The odd samples come half a pair after the even ones, and as imaginary parts: a quarter turn.
        Self::new(bins, |bin| {
            let whole = gain(bin) / 2.0;
            (whole, Complex::from_polar(whole, -TAU * (bin as f64 / size as f64 + 0.25)))
        })
    }

    /// From the bins 0 to `size / 2` of a spectrum to that of pairs of samples, twice as large.
    pub fn put_together(size: usize) -> Self {
        Self::new(size / 2, |bin| (1.0, Complex::from_polar(1.0, TAU * (bin as f64 / size as f64 + 0.25))))
    }

    /// Computes as many bins of `target` as there are factors, and leaves the others.
    pub fn apply(&self, source: &[Complex<T>], target: &mut [Complex<T>]) {
        run_wide(Joining { symmetry: self, source, target });
    }

    fn new(bins: usize, factors: impl Fn(usize) -> (f64, Complex<f64>)) -> Self {
        let (whole, turned) = (0..bins)
            .map(|bin| {
                let (whole, turned) = factors(bin);
                (T::rounded(whole), Complex::new(T::rounded(turned.re), T::rounded(turned.im)))
            })
            .unzip();
        Self { whole, turned }
    }
}

/// One [`Symmetry::apply`].
struct Joining<'a, T> {
    symmetry: &'a Symmetry<T>,
    source: &'a [Complex<T>],
    target: &'a mut [Complex<T>],
}

impl<T: Transformed> Kernel for Joining<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
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
