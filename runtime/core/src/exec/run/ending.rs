//! How a stage and a run come to their end: finished, failed, or stopped from outside.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::body::Body;
use super::failure::{Fault, native};
use super::final_state::FinalState;
use super::state::UntakenCall;
use super::state_guard::StateGuard;
use super::scheduling::Ready;
use super::{Phase, Run, State};
use crate::exec::completion::{Outcome, RunError};
use crate::exec::event::Event;
use crate::exec::queue::Queue;
use crate::exec::stream_item::StreamItem;
use crate::graph::Runner;

impl Run {
    /// Ends a stage that has done all its work.
    pub(super) fn finish(self: &Arc<Self>, index: usize, body: Box<Body>, ready: &mut Ready) {
        if let Err(failure) = body.cleanup() {
            self.poison.store(true, Ordering::Release);
            return self.retire(index, None, Err(native(failure)), ready);
        }
        self.forward(index, || StreamItem::EndOfStream, None, ready);
        let mut state = self.lock();
        state.stages.finish(index);
        self.keep_time(&mut state, ready);
        self.complete_if_done(state);
    }

    /// Ends a stage before its work is done, because it failed or because the run stops.
    pub(super) fn retire(
        self: &Arc<Self>,
        index: usize,
        body: Option<Box<Body>>,
        result: Result<(), Fault>,
        ready: &mut Ready,
    ) {
        let mut result = result;
        if let Some(Err(failure)) = body.map(Body::cleanup) {
            self.poison.store(true, Ordering::Release);
            result = result.and(Err(native(failure)));
        }
        if self.graph.stages[index].runner != Runner::Native {
            // Dropped where no lock is held, since it may be the host's.
            let _exchange = {
                let mut state = self.lock();
                self.end_call(&mut state, index);
                std::mem::take(&mut state.stages[index].exchange)
            };
        }
        let mut state = self.lock();
        state.stages.finish(index);
        if let Err(fault) = result {
            if let Some(counts) = fault.node().and_then(|node| self.meter.node(node)) {
                counts.fail();
            }
            let error = fault.into_error(&self.graph, &self.items);
            if state.phase == Phase::Active {
                let outcome = error.outcome;
                state.delivery.fail(error);
                self.stop(&mut state, outcome, ready);
            }
        }
        self.complete_if_done(state);
    }

    /// Ends the run at once: the completion does not wait for a node in the middle of a step. Returns whether the run had not
    /// ended before.
    pub(super) fn stop_now(self: &Arc<Self>, outcome: Outcome, cause: &str, cure: &str) -> bool {
        let mut ready = Ready::new();
        let is_stopped = self.stop_locked(&mut self.lock(), outcome, cause, cure, &mut ready);
        self.dispatch(&mut ready);
        is_stopped
    }

    /// Ends the run at once, under the lock.
    pub(super) fn stop_locked(
        &self,
        state: &mut State,
        outcome: Outcome,
        cause: &str,
        cure: &str,
        ready: &mut Ready,
    ) -> bool {
        match state.phase {
            Phase::Active => {
                state.delivery.fail(RunError::of_run(outcome, cause, cure));
                self.stop(state, outcome, ready);
                self.complete(state, outcome);
            }
            // It failed before, and only waited for a node that still works: the failure says more.
            Phase::Stopping(earlier) => self.complete(state, earlier),
            Phase::Completed => return false,
        }
        true
    }

    /// Brings every stage to its end; idle ones are scheduled once more, to clean up.
    fn stop(&self, state: &mut State, outcome: Outcome, ready: &mut Ready) {
        state.phase = Phase::Stopping(outcome);
        self.cancel.cancel();
        for index in 0..self.graph.stages.len() {
            self.end_call(state, index);
        }
        state.stages.stop(|index| ready.push(index));
        for queue in &mut state.queues {
            queue.close();
        }
        if outcome == Outcome::Cancelled {
            state.egress.clear(|_| true);
        }
    }

    /// Ends the call that a stage has out, if the host has not replied to it. The host is notified if it has got the call.
    fn end_call(&self, state: &mut State, index: usize) {
        let (Some(call), Some(port)) = (state.stages[index].exchange.open_call(), self.port.upgrade()) else { return };
        let follow_up = state.stages[index].follow_up.interrupt();
        let (was_open, event) = port.forget_call(call);
        if event.is_some() || follow_up.is_some() {
            state.untaken.push(UntakenCall { _event: event, _follow_up: follow_up });
        } else if was_open {
            self.notify(state, Event::CallCancelled { call });
        }
    }

    fn complete_if_done(&self, mut state: StateGuard<'_>) {
        match state.phase {
            Phase::Active if state.stages.have_finished() => self.complete(&mut state, Outcome::Finished),
            Phase::Stopping(outcome) if state.stages.are_idle() => self.complete(&mut state, outcome),
            _ => {}
        }
    }

    /// Delivers the one completion.
    fn complete(&self, state: &mut State, outcome: Outcome) {
        state.phase = Phase::Completed;
        self.hand_over(state, outcome);
        let sinks = state.egress.finish();
        let Some(completion) = state.delivery.complete(outcome, sinks) else { return };
        if let Some(port) = self.port.upgrade() {
            state.notify_later(port.post_completion(self.token, completion));
        }
        // Listed until here: a shutdown waits for listed runs before it closes their ports.
        self.guard.unlist(self.id);
    }

    /// Leaves the outputs that no reader has taken to the session, and notifies those who wait for it.
    fn hand_over(&self, state: &mut State, outcome: Outcome) {
        let (Some(outputs), Some(ingress)) = (state.egress.live(), state.ingress.as_deref_mut()) else { return };
        let mut outputs = std::mem::take(outputs);
        let (is_read, is_fed) = (outputs.stop_waiting(), ingress.take_waiter(|_| true));
        let cause = state.delivery.first_error().map_or_else(String::new, ToString::to_string);
        *ingress.final_state.lock() = FinalState {
            outputs,
            ended: Some((outcome, cause)),
            sent: ingress.sent_to_each(),
            dropped: state.queues.iter().map(Queue::dropped).collect(),
            lag: self.lag(&ingress.lag_before),
        };
        if is_fed {
            self.notify(state, Event::Room { token: self.token });
        }
        if is_read {
            self.notify(state, Event::Outputs { token: self.token });
        }
    }
}
