//! How a run comes to its end: because all stages have finished, because a node has failed, or from outside.

use std::sync::Arc;

use super::Run;
use super::scheduling::Ready;
use crate::exec::outputs::completion::{Outcome, RunError};
use crate::exec::ports::event::Event;
use crate::exec::queues::queue::Queue;
use crate::exec::run::state::final_state::FinalState;
use crate::exec::run::state::{Phase, State, UntakenCall};

/// Ends a run at once: the completion does not wait for a node in the middle of a step. Returns whether the run had not ended
/// before.
pub(super) fn stop_now(run: &Arc<Run>, outcome: Outcome, cause: &str, cure: &str) -> bool {
    let mut ready = Ready::new();
    let is_stopped = Ending::of(run, &mut run.lock()).stop_now(outcome, cause, cure, &mut ready);
    run.dispatch(&mut ready);
    is_stopped
}

/// The steps by which a run ends, under its lock.
pub(super) struct Ending<'run> {
    run: &'run Run,
    state: &'run mut State,
}

impl<'run> Ending<'run> {
    /// The end of a run whose state is locked.
    pub(super) fn of(run: &'run Run, state: &'run mut State) -> Self {
        Self { run, state }
    }

    /// Ends the run at once. Returns whether it had not ended before.
    pub(super) fn stop_now(&mut self, outcome: Outcome, cause: &str, cure: &str, ready: &mut Ready) -> bool {
        match self.state.phase {
            Phase::Active => {
                self.state.delivery.fail(RunError::of_run(outcome, cause, cure));
                self.stop(outcome, ready);
                self.complete(outcome);
            }
            // It failed before, and only waited for a node that still works: the failure says more.
            Phase::Stopping(earlier) => self.complete(earlier),
            Phase::Completed => return false,
        }
        true
    }

    /// Ends the run with the error of a stage, unless it ends already.
    pub(super) fn fail(&mut self, error: RunError, ready: &mut Ready) {
        if self.state.phase == Phase::Active {
            let outcome = error.outcome;
            self.state.delivery.fail(error);
            self.stop(outcome, ready);
        }
    }

    /// Ends the call that a stage has out, if the host has not replied to it. The host is notified if it has got the call.
    pub(super) fn end_call(&mut self, index: usize) {
        let state = &mut *self.state;
        let (Some(call), Some(port)) = (state.stages[index].exchange.open_call(), self.run.port.upgrade()) else {
            return;
        };
        let follow_up = state.stages[index].follow_up.interrupt();
        let (was_open, event) = port.forget_call(call);
        if event.is_some() || follow_up.is_some() {
            state.untaken.push(UntakenCall { _event: event, _follow_up: follow_up });
        } else if was_open {
            self.run.notify(state, Event::CallCancelled { call });
        }
    }

    /// Delivers the completion if nothing is left to be done.
    pub(super) fn complete_if_done(&mut self) {
        match self.state.phase {
            Phase::Active if self.state.stages.have_finished() => self.complete(Outcome::Finished),
            Phase::Stopping(outcome) if self.state.stages.are_idle() => self.complete(outcome),
            _ => {}
        }
    }

    /// Brings every stage to its end; idle ones are scheduled once more, to clean up.
    fn stop(&mut self, outcome: Outcome, ready: &mut Ready) {
        self.state.phase = Phase::Stopping(outcome);
        self.run.shared.cancel.cancel();
        for index in 0..self.run.graph.stages.len() {
            self.end_call(index);
        }
        self.state.stages.stop(|index| ready.push(index));
        for queue in &mut self.state.queues {
            queue.close();
        }
        if outcome == Outcome::Cancelled {
            self.state.egress.clear(|_| true);
        }
    }

    /// Delivers the one completion.
    fn complete(&mut self, outcome: Outcome) {
        self.state.phase = Phase::Completed;
        self.hand_over(outcome);
        let sinks = self.state.egress.finish();
        let Some(completion) = self.state.delivery.complete(outcome, sinks) else { return };
        if let Some(port) = self.run.port.upgrade() {
            self.state.notify_later(port.post_completion(self.run.token, completion));
        }
        // Listed until here: a shutdown waits for listed runs before it closes their ports.
        self.run.guard.unlist(self.run.id);
    }

    /// Leaves the outputs that no reader has taken to the session, and notifies those who wait for it.
    fn hand_over(&mut self, outcome: Outcome) {
        let (run, state) = (self.run, &mut *self.state);
        let (Some(outputs), Some(ingress)) = (state.egress.live(), state.ingress.as_deref_mut()) else { return };
        let mut outputs = std::mem::take(outputs);
        let (is_read, is_fed) = (outputs.stop_waiting(), ingress.take_waiter(|_| true));
        let cause = state.delivery.first_error().map_or_else(String::new, ToString::to_string);
        *ingress.final_state.lock() = FinalState {
            outputs,
            ended: Some((outcome, cause)),
            sent: ingress.sent_to_each(),
            dropped: state.queues.iter().map(Queue::dropped).collect(),
            lag: run.lag(&ingress.lag_before),
        };
        if is_fed {
            run.notify(state, Event::Room { token: run.token });
        }
        if is_read {
            run.notify(state, Event::Outputs { token: run.token });
        }
    }
}
