//! How long a thread may stay with a run, and with which stages.

use std::time::{Duration, Instant};

use crate::node::Cost;

/// The time that a thread may spend, and the most expensive stage that it may run.
#[derive(Clone, Copy)]
pub(in crate::exec) struct Budget {
    pub(in crate::exec::run) from: Instant,
    until: Instant,
    pub(super) most_cost: Cost,
}

/// The time slice of a stage on a worker, before the next one's turn.
const TIME_SLICE: Duration = Duration::from_millis(2);

/// Above this size a step that grows with its packet could be felt on an event loop.
const MOST_BYTES_ON_CALLER: usize = 64 << 10;

/// Longer budgets on the caller's thread are as good as unlimited, and could overflow.
const MOST_ON_CALLER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Budget {
    /// The budget of a worker for one stage.
    pub(in crate::exec::run) fn time_slice() -> Self {
        Self::of(TIME_SLICE, Cost::Blocking)
    }

    /// The budget of the thread that brings work of this size; `None` if it must not work itself.
    pub(in crate::exec) fn on_caller(time: Duration, input_bytes: usize) -> Option<Self> {
        let most_cost = if input_bytes <= MOST_BYTES_ON_CALLER { Cost::Proportional } else { Cost::Light };
        (!time.is_zero()).then(|| Self::of(time.min(MOST_ON_CALLER), most_cost))
    }

    fn of(time: Duration, most_cost: Cost) -> Self {
        let from = Instant::now();
        Self { from, until: from + time, most_cost }
    }

    /// How many steps of a stage to take between two readings of the clock, which cost about as much as a small step. On a
    /// caller's thread only small steps are taken.
    pub(super) fn steps_per_look(self, cost: Cost) -> u64 {
        if cost == Cost::Light || self.most_cost <= Cost::Proportional { 16 } else { 1 }
    }

    pub(in crate::exec::run) fn is_used_up(self) -> bool {
        Instant::now() >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_runs_only_what_its_event_loop_does_not_feel() {
        let on_caller = |time, bytes| Budget::on_caller(time, bytes).map(|budget| budget.most_cost);
        let millisecond = Duration::from_millis(1);
        assert_eq!(on_caller(Duration::ZERO, 0), None);
        assert_eq!(on_caller(millisecond, MOST_BYTES_ON_CALLER), Some(Cost::Proportional));
        assert_eq!(on_caller(millisecond, MOST_BYTES_ON_CALLER + 1), Some(Cost::Light));
        assert!(!Budget::on_caller(Duration::MAX, 0).expect("a budget").is_used_up());
    }

    #[test]
    fn the_clock_is_read_after_each_step_that_may_be_long() {
        let slice = Budget::time_slice();
        assert_eq!([slice.steps_per_look(Cost::Light), slice.steps_per_look(Cost::Proportional)], [16, 1]);
        let on_caller = Budget::on_caller(Duration::from_millis(1), 0).expect("a budget");
        assert_eq!(on_caller.steps_per_look(Cost::Proportional), 16);
    }
}
