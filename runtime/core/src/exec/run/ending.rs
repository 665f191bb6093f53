//! How a stage and a run come to their end: finished, failed, or stopped from outside.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::failure::{Fault, native};
use super::held::Held;
use super::{Body, Delivery, Phase, Ready, Run, Sinks, State, Status};
use crate::exec::completion::{Completion, Outcome, RunError};
use crate::exec::queue::{Queue, Travel};
use crate::exec::sink::Collector;
use crate::graph::Runner;

impl Run {
    /// A stage has done all its work.
    pub(super) fn finish(self: &Arc<Self>, index: usize, body: Box<Body>, ready: &mut Ready) {
        if let Err(failure) = body.cleanup() {
            self.poison.store(true, Ordering::Release);
            return self.retire(index, None, Err(native(failure)), ready);
        }
        self.forward(index, || Travel::Finish, None, ready);
        let mut state = self.hold();
        state.stages[index].status = Status::Finished;
        state.active -= 1;
        state.open -= 1;
        self.keep_time(&mut state, ready);
        self.complete_if_done(state);
    }

    /// A stage will not work again in this run, because it failed or because the run stops.
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
            let exchange = std::mem::take(&mut self.hold().stages[index].exchange);
            if let (Some(call), Some(port)) = (exchange.open_call(), self.port.upgrade()) {
                port.forget_call(call);
            }
        }
        let mut state = self.hold();
        state.stages[index].status = Status::Finished;
        state.active -= 1;
        if let Err(fault) = result {
            let failed = fault.node();
            let error = self.describe(*fault);
            if let (Some(node), Some(counts)) = (failed, &self.counts) {
                counts[node].fail();
            }
            if state.phase == Phase::Active {
                let outcome = error.outcome;
                state.errors.push(error);
                self.stop(&mut state, outcome, ready);
            }
        }
        self.complete_if_done(state);
    }

    /// Ends the run at once: the completion does not wait for a node that is in the middle of a step.
    pub(super) fn stop_now(self: &Arc<Self>, outcome: Outcome, cause: &str, cure: &str) -> bool {
        let mut ready = Ready::new();
        let is_stopped = self.stop_in(&mut self.hold(), outcome, cause, cure, &mut ready);
        self.dispatch(&mut ready);
        is_stopped
    }

    /// Does so under the lock. Answers whether the run was still going on.
    pub(super) fn stop_in(
        &self,
        state: &mut State,
        outcome: Outcome,
        cause: &str,
        cure: &str,
        ready: &mut Ready,
    ) -> bool {
        match state.phase {
            Phase::Active => {
                state.errors.push(RunError::of_run(outcome, cause, cure));
                self.stop(state, outcome, ready);
                self.complete(state, outcome);
            }
            // It failed before, and only waited for a node that still works: the failure is the better answer.
            Phase::Stopping(earlier) => self.complete(state, earlier),
            Phase::Completed => return false,
        }
        true
    }

    /// Lets every stage come to its end; those at rest are scheduled once more, to clean up.
    pub(super) fn stop(&self, state: &mut State, outcome: Outcome, ready: &mut Ready) {
        state.phase = Phase::Stopping(outcome);
        self.cancel.cancel();
        for (index, stage) in state.stages.iter_mut().enumerate() {
            if stage.status == Status::Idle {
                if stage.body.is_some() {
                    stage.status = Status::Scheduled;
                    state.active += 1;
                    ready.push(index);
                } else {
                    stage.status = Status::Finished;
                }
            }
        }
        for queue in &mut state.queues {
            queue.close();
        }
        if let (Sinks::Live(outlets), Outcome::Cancelled) = (&mut state.sinks, outcome) {
            outlets.clear();
        }
    }

    fn complete_if_done(&self, mut state: Held<'_>) {
        match state.phase {
            Phase::Active if state.open == 0 => self.complete(&mut state, Outcome::Finished),
            Phase::Stopping(outcome) if state.active == 0 => self.complete(&mut state, outcome),
            _ => {}
        }
    }

    /// Hands the one completion over.
    fn complete(&self, state: &mut State, outcome: Outcome) {
        state.phase = Phase::Completed;
        let errors = std::mem::take(&mut state.errors);
        let sinks = match &mut state.sinks {
            Sinks::Collected { collectors, .. } => {
                std::mem::take(collectors).into_iter().map(Collector::finish).collect()
            }
            Sinks::Live(outlets) => {
                let outlets = std::mem::take(outlets);
                let dropped = state.queues.iter().map(Queue::dropped).collect();
                for event in self.leave_behind(state.feed.as_deref_mut(), outlets, dropped, outcome, errors.first()) {
                    self.tell(state, event);
                }
                Vec::new()
            }
        };
        let completion = Completion { outcome, sinks, errors, skip_report: std::mem::take(&mut state.skip_report) };
        match &mut state.delivery {
            Delivery::Submitter(place) => *place = Some(completion),
            Delivery::Port => {
                if let Some(port) = self.port.upgrade() {
                    state.ring_later(port.post_completion(self.token, completion));
                }
                // Listed until then: a shutdown waits for those that are, before it closes their ports.
                self.runtime.delist(self.id);
            }
        }
    }
}
