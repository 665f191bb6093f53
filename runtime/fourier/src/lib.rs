//! Fourier transforms of complex and of real samples, by plans of rustfft. That is generic over its number: compiled where
//! it is used, it took more than half of the time that the nodes take to compile, each time. Here it is compiled once, for
//! both numbers that kernels have.

#![forbid(unsafe_code)]

mod real;
mod symmetry;

use std::sync::Arc;

use bytemuck::Pod;
pub use num_complex::{Complex, Complex32};
pub use rustfft::Fft;
use rustfft::{FftNum, FftPlanner};

pub use self::real::{RealForward, RealInverse};
pub use self::symmetry::Symmetry;

/// A number that there are transforms for. The size of a transform is that of its samples; what comes out is not scaled.
pub trait Transformed: FftNum + Pod {
    /// From complex samples to their spectrum.
    fn forward(size: usize) -> Arc<dyn Fft<Self>>;
    /// From a spectrum to `size` times its complex samples.
    fn inverse(size: usize) -> Arc<dyn Fft<Self>>;
    /// The nearest number of this type.
    fn rounded(value: f64) -> Self;
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

            #[inline]
            fn rounded(value: f64) -> Self {
                value as $number
            }
        }
    )*};
}

impl_transformed!(f32, f64);
