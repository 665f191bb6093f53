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
