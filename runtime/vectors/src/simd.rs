//! The sets of instructions that kernels are compiled to, and what differs between them.

/// A set of vector instructions.
pub trait Simd {
    /// How many [`Line`](crate::Line)s of sums its registers hold, beside what is added to them.
    const SUMS: usize;

    /// `factor * value + addend`: in one step, rounded once, where each processor with these instructions can do so.
    #[inline(always)]
    fn mul_add(factor: f32, value: f32, addend: f32) -> f32 {
        factor.mul_add(value, addend)
    }
}

/// What all processors of the platform have.
#[derive(Debug)]
pub struct Baseline;

/// As [`Baseline`], but rounded once in any case, however slow: what tests compare with.
#[derive(Debug)]
pub struct Exact;

/// Vectors of 32 bytes with AVX2, and FMA.
#[cfg(target_arch = "x86_64")]
#[derive(Debug)]
pub(crate) struct Avx2;

/// Vectors of 64 bytes with AVX-512.
#[cfg(target_arch = "x86_64")]
#[derive(Debug)]
pub(crate) struct Avx512;

impl Simd for Baseline {
    const SUMS: usize = 4;

    #[inline(always)]
    fn mul_add(factor: f32, value: f32, addend: f32) -> f32 {
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            factor.mul_add(value, addend)
        } else {
            // What `mul_add` would call takes a hundred times as long.
            factor * value + addend
        }
    }
}

impl Simd for Exact {
    const SUMS: usize = Baseline::SUMS;
}

#[cfg(target_arch = "x86_64")]
impl Simd for Avx2 {
    const SUMS: usize = 4;
}

#[cfg(target_arch = "x86_64")]
impl Simd for Avx512 {
    const SUMS: usize = 8;
}
