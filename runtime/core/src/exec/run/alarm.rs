//! What a run does when a moment comes that it has waited for.

use std::sync::Arc;
use std::time::Instant;

use super::Run;

/// What is due at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exec) enum Alarm {
    /// The time of the whole run is up.
    TimeOut,
    /// This stage waits for the moment: it gets a quantum, and looks at [`Run::now`] itself.
    Wake(usize),
}

impl Run {
    /// The moment that it is for this run.
    pub(super) fn now(&self) -> Instant {
        Instant::now()
    }

    /// Has [`Run::ring`] called at `at`, unless the run has ended by then.
    pub(super) fn set_alarm(self: &Arc<Self>, at: Instant, alarm: Alarm) {
        self.runtime.timer.set(at, Arc::downgrade(self), alarm);
    }

    /// The moment has come.
    pub(in crate::exec) fn ring(self: &Arc<Self>, alarm: Alarm) {
        match alarm {
            Alarm::TimeOut => self.time_out(),
            Alarm::Wake(stage) => {
                let mut ready = Vec::new();
                let mut state = self.state.lock();
                state.stages[stage].is_woken = true;
                self.schedule_if_runnable(&mut state, stage, &mut ready);
                drop(state);
                self.dispatch(&mut ready);
            }
        }
    }
}
