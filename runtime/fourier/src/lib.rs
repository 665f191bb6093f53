//! Plans Fourier transforms by rustfft, which is generic over its number: compiled where it is used, it took more than half
//! of the time that the nodes take to compile, each time. Here it is compiled once, for both numbers that kernels have.

#![forbid(unsafe_code)]

use std::sync::Arc;

pub use num_complex::{Complex, Complex32};
pub use realfft::{ComplexToReal, RealToComplex};
pub use rustfft::Fft;

use realfft::RealFftPlanner;
use rustfft::{FftNum, FftPlanner};

/// A number that there are transforms for. The size of a transform is that of its real or complex samples; what comes out
/// is not scaled.
pub trait Transformed: FftNum {
    /// From complex samples to their spectrum.
    fn forward(size: usize) -> Arc<dyn Fft<Self>>;
    /// From a spectrum to `size` times its complex samples.
    fn inverse(size: usize) -> Arc<dyn Fft<Self>>;
    /// From real samples to bins 0 to `size / 2`.
    fn real_forward(size: usize) -> Arc<dyn RealToComplex<Self>>;
    /// From bins 0 to `size / 2` to `size` times the real samples.
    fn real_inverse(size: usize) -> Arc<dyn ComplexToReal<Self>>;
}

macro_rules! impl_transformed {
    ($($number:ty),*) => {$(
        impl Transformed for $number {
            // What is inlined is compiled by the caller, with all that it calls.
            #[inline(never)]
            fn forward(size: usize) -> Arc<dyn Fft<Self>> {
                FftPlanner::new().plan_fft_forward(size)
            }

            #[inline(never)]
            fn inverse(size: usize) -> Arc<dyn Fft<Self>> {
                FftPlanner::new().plan_fft_inverse(size)
            }

            #[inline(never)]
            fn real_forward(size: usize) -> Arc<dyn RealToComplex<Self>> {
                RealFftPlanner::new().plan_fft_forward(size)
            }

            #[inline(never)]
            fn real_inverse(size: usize) -> Arc<dyn ComplexToReal<Self>> {
                RealFftPlanner::new().plan_fft_inverse(size)
            }
        }
    )*};
}

impl_transformed!(f32, f64);

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    /// Bin `bin` of a spectrum by its definition.
    fn bin_of(samples: &[f64], bin: usize) -> Complex<f64> {
        let turn =
            |at: usize| Complex::from_polar(1.0, -TAU * (bin * at % samples.len()) as f64 / samples.len() as f64);
        samples.iter().enumerate().map(|(at, sample)| turn(at) * sample).sum()
    }

    #[test]
    fn spectra_are_sums_and_the_way_back_gives_so_many_times_the_samples() {
        for size in [2, 30, 62, 74, 128, 514] {
            let samples: Vec<f64> = (0..size).map(|at| f64::from((at * at % 17) as u32) - 8.0).collect();
            let exact: Vec<Complex<f64>> = (0..size).map(|bin| bin_of(&samples, bin)).collect();

            let mut complex: Vec<Complex<f64>> = samples.iter().map(|sample| Complex::from(*sample)).collect();
            f64::forward(size).process(&mut complex);
            assert!(complex.iter().zip(&exact).all(|(got, exact)| (got - exact).norm() < 1e-11 * size as f64));
            f64::inverse(size).process(&mut complex);
            let is_near = |(got, sample): (&Complex<f64>, &f64)| (got / size as f64 - sample).norm() < 1e-12;
            assert!(complex.iter().zip(&samples).all(is_near), "{size}");

            let mut real: Vec<f32> = samples.iter().map(|sample| *sample as f32).collect();
            let mut spectrum = vec![Complex32::default(); size / 2 + 1];
            f32::real_forward(size).process(&mut real, &mut spectrum).expect("buffers of these sizes");
            let exact = exact.iter().map(|bin| Complex32::new(bin.re as f32, bin.im as f32));
            assert!(spectrum.iter().zip(exact).all(|(got, exact)| (got - exact).norm() < 1e-5 * size as f32), "{size}");
            f32::real_inverse(size).process(&mut spectrum, &mut real).expect("buffers of these sizes");
            let is_near = |(got, sample): (&f32, &f64)| (f64::from(*got) / size as f64 - sample).abs() < 1e-5;
            assert!(real.iter().zip(&samples).all(is_near), "{size}");
        }
    }
}
