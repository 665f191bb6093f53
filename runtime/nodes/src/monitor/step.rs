//! Whether the samples of one channel are whole multiples of a coarse step, as those of linear 8 bits are, at whatever
//! gain. It knows samples alone.

/// Finds the largest number that all samples are multiples of, by Euclid's algorithm.
#[derive(Debug, Default)]
pub(super) struct StepFinder {
    /// 0 before the first sample that is not 0.
    divisor: f32,
}

/// Steps of fewer than 6 bits are waves of few values, such as a square; those of more than 10 are fine.
const COARSEST: f32 = 1.0 / 32.0;
const FINEST: f32 = 1.0 / 1024.0;
/// What a multiple may miss by, as a part of the step: the roundings of float32 at full scale stay far below it.
const ROUNDING: f32 = 0.001;

impl StepFinder {
    pub(super) fn add(&mut self, sample: f32) {
        if sample == 0.0 || (self.divisor != 0.0 && self.divisor < FINEST) {
            return;
        }
        let (mut larger, mut smaller) = (self.divisor, sample.abs());
        // A remainder below the finest step ends it as well: there is no coarse step.
        while smaller > ROUNDING * larger && smaller >= FINEST {
            let remainder = (larger - smaller * (larger / smaller).round()).abs();
            (larger, smaller) = (smaller, remainder);
        }
        self.divisor = if smaller > ROUNDING * larger { smaller } else { larger };
    }

    /// The step, if the samples so far have a coarse one; else 0.
    pub(super) fn coarse(&self) -> f32 {
        if (FINEST..=COARSEST).contains(&self.divisor) { self.divisor } else { 0.0 }
    }
}
