//! Runs kernels with wider vectors and better instructions than those that every processor of the platform has, if this one
//! has them.
//!
//! This takes `unsafe`, since no compiler knows which processor its program will meet: so it is a crate of its own, and
//! those that use it stay without. What it gains was measured for the layers of the speech detector: 11 us for a window
//! with vectors of 64 bytes, 14 with 32 bytes, and 32 with the 16 bytes that all of x86-64 has.

mod line;
mod simd;

#[cfg(target_arch = "x86_64")]
use self::simd::{Avx2, Avx512};

pub use self::line::{LANES, Line};
pub use self::simd::{Baseline, Exact, Simd};

/// Work whose loops the compiler makes vector instructions of.
pub trait Kernel {
    /// What comes of it.
    type Output;

    /// Does the work, each sum in an order that does not depend on the width of vectors. It must be `#[inline(always)]`,
    /// and so must be what it calls in its loops: only what is inlined is compiled anew for wider vectors.
    fn run<S: Simd>(self) -> Self::Output;
}

/// Runs a kernel. What comes of it is the same to the bit with vectors of each width, but for [`Simd::mul_add`], which
/// rounds once or twice.
#[inline]
pub fn run_wide<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx512() {
            // SAFETY: the processor has the instructions that the function is compiled to.
            return unsafe { run_with_avx512(kernel) };
        }
        if has_avx2() {
            // SAFETY: as above.
            return unsafe { run_with_avx2(kernel) };
        }
    }
    kernel.run::<Baseline>()
}

/// Whether the processor has what all of Intel and AMD have since Haswell (2013) and Excavator (2015): with vectors came
/// shifts by any number and counts of zeros that are one step each.
#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
}

/// Whether the processor has what all with AVX-512 have since Skylake for servers (2017), and Zen 4 (2022).
#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,bmi1,bmi2,lzcnt")]
fn run_with_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt")]
fn run_with_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// Sixty-four sums of products beside one another, and the root of each: of two products for each, the second in one step.
    struct Sums<'a>(&'a [[f32; 64]]);

    impl Kernel for Sums<'_> {
        type Output = [u32; 64];

        #[inline(always)]
        fn run<S: Simd>(self) -> [u32; 64] {
            let mut sums = [0.1f32; 64];
            for (number, row) in self.0.iter().enumerate() {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += value * (number as f32 - 7.3);
                }
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum = S::mul_add(*value, 7.3, *sum);
                }
            }
            sums.map(|sum| sum.abs().sqrt().to_bits())
        }
    }

    #[test]
    fn vectors_of_each_width_give_the_same_bits() {
        let rows: Vec<[f32; 64]> =
            (0..100).map(|row| std::array::from_fn(|at| 1.0 / ((row * 64 + at) as f32 + 0.3))).collect();
        let expected = Sums(&rows).run::<Exact>();
        if has_avx2() {
            // SAFETY: the processor has the instructions that the function is compiled to.
            assert_eq!(unsafe { run_with_avx2(Sums(&rows)) }, expected);
        }
        if has_avx512() {
            // SAFETY: as above.
            assert_eq!(unsafe { run_with_avx512(Sums(&rows)) }, expected);
        }
        let expected = if has_avx2() { expected } else { Sums(&rows).run::<Baseline>() };
        assert_eq!(run_wide(Sums(&rows)), expected);
    }

    #[test]
    fn products_are_rounded_with_their_sum() {
        // 1 + 2^-12 squared is 1 + 2^-11 + 2^-24, whose last bit float32 has no place for.
        let value = 1.0 + 2f32.powi(-12);
        assert_eq!(Exact::mul_add(value, value, -1.0 - 2f32.powi(-11)), 2f32.powi(-24));
    }
}
