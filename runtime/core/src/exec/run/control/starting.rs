//! How a run starts, and how it is stopped from outside: what the runtime asks of it as a whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::exec::error::SubmitError;
use crate::exec::outputs::completion::{Completion, Outcome};
use crate::exec::ports::job::Job;
use crate::exec::ports::port::Port;
use crate::exec::run::Run;
use crate::exec::run::ending::{Ending, stop_now};
use crate::exec::run::pacing::Pacing;
use crate::exec::run::scheduling::Ready;
use crate::exec::run::state::Phase;
use crate::exec::run::time_slice::budget::Budget;
use crate::exec::run::time_slice::{TimeSlice, run_here};
use crate::exec::run::timer_event::TimerEvent;

impl Run {
    /// Starts it. Stages that the budget allows run on this thread until the budget is used up, all others on the workers.
    /// Returns the completion if it is there already; else it goes to the port.
    ///
    /// # Errors
    /// If the system gives no threads for what is left: then the run is cleaned up, and nothing comes to the port.
    pub(in crate::exec) fn start(
        self: &Arc<Self>,
        budget: Option<Budget>,
        timeout: Option<(Instant, Duration)>,
    ) -> Result<Option<Completion>, SubmitError> {
        let mut here = self.schedule_first(timeout.map(|(_, timeout)| timeout));
        let mut threads = match budget {
            None => self.guard.start_threads().map(|()| self.dispatch(&mut here)),
            Some(budget) => run_here(self, budget, &mut here),
        };
        let mut state = self.lock();
        if threads.is_ok() && state.phase != Phase::Completed {
            threads = self.guard.start_threads();
        }
        if let Err(error) = threads {
            drop(state);
            if self.take_back(here) {
                return Err(SubmitError::no_thread(&error));
            }
            state = self.lock();
        }
        if state.phase != Phase::Completed {
            if !self.guard.list(self.id, self) {
                drop(state);
                self.shut_down();
                state = self.lock();
            } else if !self.port.upgrade().is_some_and(|port| port.list(self.token, Arc::clone(self) as Arc<dyn Job>)) {
                drop(state);
                self.guard.unlist(self.id);
                self.cancel();
                state = self.lock();
            }
        }
        if let Some(completion) = state.delivery.hand_to_port() {
            return Ok(Some(completion));
        }
        drop(state);
        if let Some((deadline, timeout)) = timeout {
            self.set_timer(deadline, TimerEvent::Timeout(timeout));
        }
        Ok(None)
    }

    /// Ends it on this thread, which has begun it: its nodes are cleaned up here. Returns whether it would have gone on.
    fn take_back(self: &Arc<Self>, mut here: Ready) -> bool {
        let mut state = self.lock();
        let was_active = state.phase == Phase::Active;
        Ending::of(self, &mut state).stop_now(Outcome::Cancelled, "there are no threads", "", &mut here);
        drop(state);
        let mut place = 0;
        while let Some(&stage) = here.get(place) {
            TimeSlice { run: self, stage, ready: &mut here }.run(Budget::time_slice());
            place += 1;
        }
        was_active
    }

    /// Lists a run with its runtime and port, and lets the workers begin.
    pub(in crate::exec) fn begin(self: &Arc<Self>, port: &Port, time: Option<Duration>) -> Result<(), SubmitError> {
        if !self.guard.list(self.id, self) {
            return Err(SubmitError::ShutDown);
        }
        if !port.list(self.token, Arc::clone(self) as Arc<dyn Job>) {
            self.guard.unlist(self.id);
            port.admit(self.token)?;
            return Err(SubmitError::PortClosed);
        }
        let mut ready = self.schedule_first(time);
        self.dispatch(&mut ready);
        if let Some((time, deadline)) = time.and_then(|time| Some((time, self.now().checked_add(time)?))) {
            self.set_timer(deadline, TimerEvent::Timeout(time));
        }
        Ok(())
    }

    /// Ends it because the host asks. Returns whether it had not ended before.
    pub(in crate::exec) fn cancel(self: &Arc<Self>) -> bool {
        stop_now(self, Outcome::Cancelled, "the work was cancelled", "")
    }

    /// Ends it because the runtime ends.
    pub(in crate::exec) fn shut_down(self: &Arc<Self>) {
        stop_now(self, Outcome::ShutDown, "the runtime was shut down while the work was going on", "");
    }

    /// Schedules the stages that can run at the start. In no time at all none does: the run has timed out.
    fn schedule_first(self: &Arc<Self>, timeout: Option<Duration>) -> Ready {
        let mut ready = Ready::new();
        let mut state = self.lock();
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            Pacing::of(self, &mut state, &mut ready).fire(TimerEvent::Timeout(Duration::ZERO));
        } else {
            self.scheduler().schedule_all(&mut state, &mut ready);
        }
        drop(state);
        ready
    }
}
