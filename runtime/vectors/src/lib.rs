//! Runs kernels with wider vectors than those that every processor of the platform has, if this one has them.
//!
//! This takes `unsafe`, since no compiler knows which processor its program will meet: so it is a crate of its own, and
//! those that use it stay without. What it gains was measured for the speech detector: 15 us for a window, beside 22
//! with the vectors of 16 bytes that all of x86-64 has.

/// Work whose loops the compiler makes vector instructions of.
pub trait Kernel {
    /// What comes of it.
    type Output;

    /// Does the work, each sum in an order that does not depend on the width of vectors. It must be `#[inline(always)]`,
    /// and so must be what it calls in its loops: only what is inlined is compiled anew for wider vectors.
    fn run(self) -> Self::Output;
}

/// Runs a kernel. What comes of it is, to the bit, what `kernel.run()` gives.
#[inline]
pub fn run_wide<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the instructions that the function is compiled to.
        return unsafe { run_with_avx2(kernel) };
    }
    kernel.run()
}

// Without `fma`: a product that is not rounded before it is added gives other bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_with_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
