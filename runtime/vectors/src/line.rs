//! Numbers that are the lanes of vectors, in a form of which the compiler makes vector instructions.

use crate::Simd;

/// The numbers in one line of the processor's cache.
pub const LANES: usize = 16;

/// Numbers that no vector of reads across two lines: with weights anywhere a window of the speech detector took two
/// fifths longer.
///
/// What is done with them makes copies, and has a loop for each step: so the compiler keeps sums in registers. From loops
/// that do two steps it made code that gathers lanes one by one, a hundred times slower.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub struct Line(pub [f32; LANES]);

impl Line {
    /// The first numbers of these.
    ///
    /// # Panics
    /// If there are fewer than a line has.
    #[inline(always)]
    pub fn first_of(numbers: &[f32]) -> Self {
        Self(*numbers.first_chunk().expect("there are as many numbers as a line has"))
    }

    /// `self += weights * value`.
    #[inline(always)]
    pub fn add_product<S: Simd>(&mut self, weights: &Self, value: f32) {
        let mut sums = self.0;
        for (sum, weight) in sums.iter_mut().zip(weights.0) {
            *sum = S::mul_add(weight, value, *sum);
        }
        self.0 = sums;
    }

    /// `self += first * second`, lane by lane.
    #[inline(always)]
    pub fn add_products<S: Simd>(&mut self, first: &Self, second: &Self) {
        let mut sums = self.0;
        for (sum, (first, second)) in sums.iter_mut().zip(first.0.iter().zip(second.0)) {
            *sum = S::mul_add(*first, second, *sum);
        }
        self.0 = sums;
    }

    /// `self += others`, lane by lane.
    #[inline(always)]
    pub fn add(&mut self, others: &Self) {
        let mut sums = self.0;
        for (sum, other) in sums.iter_mut().zip(others.0) {
            *sum += other;
        }
        self.0 = sums;
    }

    /// All of them times a value.
    #[inline(always)]
    #[must_use]
    pub fn times(&self, value: f32) -> Self {
        let mut products = self.0;
        for product in &mut products {
            *product *= value;
        }
        Self(products)
    }
}
