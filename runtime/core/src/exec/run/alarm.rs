//! What a run does when a moment comes that it has waited for.

use std::sync::Arc;
use std::time::Instant;

use super::clock::Clock;
use super::{Ready, Run, State};
use crate::exec::completion::Outcome;

/// What is due at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exec) enum Alarm {
    /// The time of the whole run is up.
    TimeOut,
    /// This stage waits for the moment: it gets a quantum, and looks at [`Run::now`] itself.
    Wake(usize),
}

impl Run {
    /// The moment that it is for this run; see [`super::clock`].
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Has [`Run::ring`] called at `at`, unless the run has ended by then.
    pub(super) fn set_alarm(self: &Arc<Self>, at: Instant, alarm: Alarm) {
        match &self.clock {
            Clock::Real => self.runtime.timer.set(at, Arc::downgrade(self), alarm),
            Clock::Virtual(time) => time.set(at, alarm),
        }
    }

    /// The moment has come.
    pub(in crate::exec) fn ring(self: &Arc<Self>, alarm: Alarm) {
        let mut ready = Ready::new();
        self.ring_in(&mut self.hold(), alarm, &mut ready);
        self.dispatch(&mut ready);
    }

    /// The moment has come; stages that can go on because of it are added to `ready`.
    pub(super) fn ring_in(&self, state: &mut State, alarm: Alarm, ready: &mut Ready) {
        match alarm {
            Alarm::TimeOut => {
                let cure = "Allow more time, or give it less to do.";
                self.stop_in(state, Outcome::TimedOut, "the work took longer than its timeout", cure, ready);
            }
            Alarm::Wake(stage) => {
                state.stages[stage].is_woken = true;
                self.schedule_if_runnable(state, stage, ready);
            }
        }
    }
}
