//! One time slice of a stage: from its start to where the stage parks, calls its host, finishes or fails.
//!
//! What the stage does meanwhile is in [`super::chain_loop`] and [`super::host_loop`].

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::body::{Body, Work};
use super::budget::Budget;
use super::ending::Ending;
use super::failure::{Failure, Fault, native};
use super::pacing::Pacing;
use super::scheduling::Ready;
use super::{Phase, Run, State};
use crate::exec::chain::panic_text;
use crate::exec::completion::{Outcome, RunError};
use crate::exec::delays;
use crate::exec::event::Event;
use crate::exec::executor::Task;
use crate::exec::host_call::HostCall;
use crate::exec::job::Job;
use crate::exec::stream_item::StreamItem;
use crate::graph::Runner;
use crate::node::Cost;

/// How a time slice of a stage ended.
pub(super) enum SliceEnd {
    /// The stage has nothing to do now, or its time is up.
    Parked,
    /// The stage waits for the reply to this call, which is to be sent to the host.
    Called(HostCall),
    Finished,
    Stopped,
}

/// Runs one time slice of a stage on a worker, and schedules what can run because of it.
pub(in crate::exec) fn run_task(task: Task<Run>) {
    let mut ready = Ready::new();
    let budget = Budget::time_slice();
    task.run.run_stage(task.stage, budget, &mut ready);
    task.run.dispatch(&mut ready);
    if budget.is_used_up() {
        // Another thread may wait for this core, such as the event loop whose work this is: the system would let this
        // thread continue to the end of its scheduler slice, which is longer.
        std::thread::yield_now();
    }
}

/// Whether a task may wait for a disk or a network.
pub(in crate::exec) fn may_block(task: &Task<Run>) -> bool {
    task.run.graph.stages[task.stage].cost == Cost::Blocking
}

impl Run {
    /// Runs one time slice of a stage that is scheduled. Stages that can run because of it are added to `ready`.
    pub(super) fn run_stage(self: &Arc<Self>, index: usize, budget: Budget, ready: &mut Ready) {
        let body = {
            let mut state = self.lock();
            state.seen(budget.from);
            state.stages.start(index, budget.from)
        };
        if self.cancel.is_cancelled() {
            return self.retire(index, body, Ok(()), ready);
        }
        let mut body = match body.map_or_else(|| self.new_body(index), Ok) {
            Ok(body) => body,
            Err(fault) => return self.retire(index, None, Err(fault), ready),
        };
        delays::pause();
        let began = if self.meter.is_traced() { Instant::now() } else { budget.from };
        let worked = catch_unwind(AssertUnwindSafe(|| {
            let Body { inbox, work, epoch } = &mut *body;
            match work {
                Work::Native(chain) => self.run_chain(index, chain, inbox, epoch, budget, ready),
                Work::Host(host) => self.run_host(index, host, inbox, epoch, ready),
            }
        }));
        let end = worked.unwrap_or_else(|payload| Err(self.panic_fault(&body, &*payload)));
        self.meter.record_slice(&self.graph, index, began);
        match end {
            Ok(SliceEnd::Parked) => self.park(index, body, None, ready),
            Ok(SliceEnd::Called(call)) => self.park(index, body, Some(call), ready),
            Ok(SliceEnd::Finished) => self.finish(index, body, ready),
            Ok(SliceEnd::Stopped) => self.retire(index, Some(body), Ok(()), ready),
            Err(fault) => self.retire(index, Some(body), Err(fault), ready),
        }
    }

    /// Ends a stage that has done all its work.
    fn finish(self: &Arc<Self>, index: usize, body: Box<Body>, ready: &mut Ready) {
        if let Err(failure) = body.cleanup() {
            self.poison.store(true, Ordering::Release);
            return self.retire(index, None, Err(native(failure)), ready);
        }
        self.forward(index, || StreamItem::EndOfStream, None, ready);
        let mut state = self.lock();
        state.stages.finish(index);
        Pacing::of(self, &mut state, ready).keep_time();
        Ending::of(self, &mut state).complete_if_done();
    }

    /// Ends a stage before its work is done, because it failed or because the run stops.
    fn retire(
        self: &Arc<Self>,
        index: usize,
        body: Option<Box<Body>>,
        mut result: Result<(), Fault>,
        ready: &mut Ready,
    ) {
        if let Some(Err(failure)) = body.map(Body::cleanup) {
            self.poison.store(true, Ordering::Release);
            result = result.and(Err(native(failure)));
        }
        if self.graph.stages[index].runner != Runner::Native {
            // Dropped where no lock is held, since it may be the host's.
            let _exchange = {
                let mut state = self.lock();
                Ending::of(self, &mut state).end_call(index);
                std::mem::take(&mut state.stages[index].exchange)
            };
        }
        let mut state = self.lock();
        state.stages.finish(index);
        let mut ending = Ending::of(self, &mut state);
        if let Err(fault) = result {
            if let Some(counts) = fault.node().and_then(|node| self.meter.node(node)) {
                counts.fail();
            }
            ending.fail(fault.into_error(&self.graph, &self.items), ready);
        }
        ending.complete_if_done();
    }

    /// Parks a stage, and schedules it again if it can run by now. A `call` is posted under the same lock: so its host,
    /// however fast it replies, finds the stage parked.
    fn park(self: &Arc<Self>, index: usize, body: Box<Body>, call: Option<HostCall>, ready: &mut Ready) {
        let mut state = self.lock();
        if state.phase != Phase::Active {
            drop(state);
            return self.retire(index, Some(body), Ok(()), ready);
        }
        state.stages.park(index, body);
        let interrupted = call.and_then(|call| self.post_call(&mut state, call, index));
        self.scheduler().schedule_if_runnable(&mut state, index, ready);
        Pacing::of(self, &mut state, ready).keep_time();
        drop(state);
        drop(interrupted);
    }

    /// Gives a call to the thread that has replied to the one before, if that wants it, else to the port. Returns a call that
    /// was interrupted before.
    fn post_call(self: &Arc<Self>, state: &mut State, call: HostCall, stage: usize) -> Option<HostCall> {
        if !state.stages[stage].exchange.expects(call.id) {
            return Some(call);
        }
        let port = self.port.upgrade()?;
        let job: Arc<dyn Job> = Arc::clone(self) as _;
        port.expect_reply(&call, Arc::downgrade(&job), stage);
        if let Some(call) = state.stages[stage].follow_up.offer(call) {
            state.notify_later(port.post(Event::Call(call)));
        }
        None
    }

    fn new_body(&self, index: usize) -> Result<Box<Body>, Fault> {
        let (counts, changes, epochs) = (self.meter.counts(), self.changes.as_ref(), self.epochs.as_ref());
        let body = Body::new(&self.graph, index, &self.items, counts, changes, epochs);
        let mut body = body.map_err(|failure| {
            self.poison.store(true, Ordering::Release);
            native(failure)
        })?;
        if let Some(epochs) = epochs {
            let _state = self.lock();
            body.epoch = epochs.of_stage(&self.graph.stages[index]);
            if let Work::Native(chain) = &mut body.work {
                chain.enter_epochs();
            }
        }
        Ok(body)
    }

    /// The fault of a panic in a time slice: of a node, or of the scheduler itself.
    fn panic_fault(&self, body: &Body, payload: &(dyn Any + Send)) -> Fault {
        match &body.work {
            Work::Native(chain) => {
                self.poison.store(true, Ordering::Release);
                native(chain.panicked(payload))
            }
            Work::Host(_) => Box::new(Failure::Run(RunError::of_run(
                Outcome::Panicked,
                format!("the scheduler panicked: {}", panic_text(payload)),
                "This is a defect of remotemedia; please report it.",
            ))),
        }
    }
}
