//! One time slice of a stage: from its start to where the stage parks, calls its host, finishes or fails.
//!
//! What the stage does meanwhile is in [`self::chain_loop`] and [`self::host_loop`].

pub(super) mod budget;
mod chain_loop;
mod end;
mod failure;
mod host_loop;
mod recovery;
mod transfer;

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use self::budget::Budget;
use self::chain_loop::ChainLoop;
use self::end::SliceEnd;
use self::failure::{Failure, Fault, native};
use self::host_loop::HostLoop;
use self::transfer::Transfer;
use crate::exec::chain::panic_text;
use crate::exec::host::host_call::HostCall;
use crate::exec::outputs::completion::{Outcome, RunError};
use crate::exec::ports::event::Event;
use crate::exec::ports::job::Job;
use crate::exec::queues::stream_item::StreamItem;
use crate::exec::run::Run;
use crate::exec::run::ending::Ending;
use crate::exec::run::pacing::Pacing;
use crate::exec::run::scheduling::Ready;
use crate::exec::run::state::body::{Body, Work};
use crate::exec::run::state::ingress::Ingress;
use crate::exec::run::state::{Phase, State};
use crate::exec::workers::delays;
use crate::exec::workers::executor::Task;
use crate::graph::Runner;
use crate::node::Cost;

/// Runs one time slice of a stage on a worker, and schedules what can run because of it.
pub(in crate::exec) fn run_task(task: Task<Run>) {
    let mut ready = Ready::new();
    let budget = Budget::time_slice();
    TimeSlice { run: &task.run, stage: task.stage, ready: &mut ready }.run(budget);
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

/// Runs the stages `here` on this thread that the budget allows, while there is time; gives the others to the workers. There
/// is time for the first one: the caller has just looked.
///
/// # Errors
/// If the system gives no workers; the others are still `here` then.
pub(super) fn run_here(run: &Arc<Run>, budget: Budget, here: &mut Ready) -> io::Result<()> {
    let mut place = 0;
    while let Some(&stage) = here.get(place) {
        let has_time = place == 0 || !budget.is_used_up();
        if has_time && run.graph.stages[stage].cost <= budget.most_cost {
            TimeSlice { run, stage, ready: here }.run(budget);
        } else {
            if let Err(error) = run.guard.start_threads() {
                here.drain(..place);
                return Err(error);
            }
            run.guard.push(Task { run: Arc::clone(run), stage });
        }
        place += 1;
    }
    here.clear();
    Ok(())
}

/// A time slice of a stage that is scheduled. Stages that can run because of it are added to `ready`.
pub(super) struct TimeSlice<'run> {
    pub(super) run: &'run Arc<Run>,
    pub(super) stage: usize,
    pub(super) ready: &'run mut Ready,
}

impl TimeSlice<'_> {
    /// Runs the stage on this thread.
    pub(super) fn run(self, budget: Budget) {
        let Self { run, stage, .. } = self;
        let (body, has_credit) = {
            let mut state = run.lock();
            state.seen(budget.from);
            let ended = run.ended.load(Ordering::Relaxed);
            (state.stages.start(stage, budget.from, ended), state.has_credit(&run.graph, stage))
        };
        if run.shared.cancel.is_cancelled() {
            return self.retire(body, Ok(()));
        }
        let mut body = match body.map_or_else(|| self.new_body(), Ok) {
            Ok(body) => body,
            Err(fault) => return self.retire(None, Err(fault)),
        };
        delays::pause();
        let began = if run.meter.is_traced() { Instant::now() } else { budget.from };
        let worked = catch_unwind(AssertUnwindSafe(|| {
            let (transfer, ready) = (Transfer { run, stage }, &mut *self.ready);
            let Body { inbox, work, epoch } = &mut *body;
            match work {
                Work::Native(chain) => ChainLoop { transfer, chain, inbox, epoch, ready, has_credit }.run(budget),
                Work::Host(host) => HostLoop { transfer, host, inbox, epoch, ready }.run(),
            }
        }));
        let end = worked.unwrap_or_else(|payload| Err(self.panic_fault(&body, &*payload)));
        run.meter.record_slice(&run.graph, stage, began);
        match end {
            Ok(SliceEnd::Parked) => self.park(body, None),
            Ok(SliceEnd::Called(call)) => self.park(body, Some(call)),
            Ok(SliceEnd::Finished) => self.finish(body),
            Ok(SliceEnd::Stopped) => self.retire(Some(body), Ok(())),
            Err(fault) => self.retire(Some(body), Err(fault)),
        }
    }

    fn new_body(&self) -> Result<Box<Body>, Fault> {
        let Self { run, stage, .. } = self;
        let (counts, changes, epochs) = (run.meter.counts(), run.changes.as_ref(), run.epochs.as_ref());
        let body = Body::new(&run.graph, *stage, &run.items, counts, changes, epochs);
        let mut body = body.map_err(|failure| {
            run.poison.store(true, Ordering::Release);
            native(failure)
        })?;
        if let Some(epochs) = epochs {
            let state = run.lock();
            body.epoch = epochs.of_stage(&run.graph.stages[*stage]);
            let has_packet_timeout = state.ingress.as_deref().is_some_and(Ingress::has_packet_timeout);
            match &mut body.work {
                Work::Native(chain) => _ = chain.enter_epochs(),
                Work::Host(host) if has_packet_timeout => host.take_singly(),
                Work::Host(_) => {}
            }
        }
        Ok(body)
    }

    /// The fault of a panic in a time slice: of a node, or of the scheduler itself.
    fn panic_fault(&self, body: &Body, payload: &(dyn Any + Send)) -> Fault {
        match &body.work {
            Work::Native(chain) => {
                self.run.poison.store(true, Ordering::Release);
                native(chain.panicked(payload))
            }
            Work::Host(_) => Box::new(Failure::Run(RunError::of_run(
                Outcome::Panicked,
                format!("the scheduler panicked: {}", panic_text(payload)),
                "This is a defect of remotemedia; please report it.",
            ))),
        }
    }

    /// Parks the stage, and schedules it again if it can run by now. A `call` is posted under the same lock: so its host,
    /// however fast it replies, finds the stage parked.
    fn park(self, body: Box<Body>, call: Option<HostCall>) {
        let mut state = self.run.lock();
        if state.phase != Phase::Active {
            drop(state);
            return self.retire(Some(body), Ok(()));
        }
        state.stages.park(self.stage, body);
        let interrupted = call.and_then(|call| self.post_call(&mut state, call));
        self.run.scheduler().schedule_if_runnable(&mut state, self.stage, self.ready);
        state.stages.rest(self.stage);
        Pacing::of(self.run, &mut state, self.ready).keep_time();
        drop(state);
        drop(interrupted);
    }

    /// Gives a call to the thread that has replied to the one before, if that wants it, else to the port. Returns a call that
    /// was interrupted before.
    fn post_call(&self, state: &mut State, call: HostCall) -> Option<HostCall> {
        let stage = &mut state.stages[self.stage];
        if !stage.exchange.expects(call.id) {
            return Some(call);
        }
        let port = self.run.port.upgrade()?;
        let job: Arc<dyn Job> = Arc::clone(self.run) as _;
        port.expect_reply(&call, Arc::downgrade(&job), self.stage);
        if let Some(call) = stage.follow_up.offer(call) {
            state.notify_later(port.post(Event::Call(call)));
        }
        None
    }

    /// Ends a stage that has done all its work.
    fn finish(self, body: Box<Body>) {
        let Self { run, stage, .. } = self;
        if let Err(failure) = body.cleanup() {
            run.poison.store(true, Ordering::Release);
            return self.retire(None, Err(native(failure)));
        }
        Transfer { run, stage }.forward(|| StreamItem::EndOfStream, None, self.ready);
        let mut state = run.lock();
        state.stages.finish(stage);
        Pacing::of(run, &mut state, self.ready).keep_time();
        Ending::of(run, &mut state).complete_if_done();
    }

    /// Ends a stage before its work is done, because it failed or because the run stops.
    fn retire(self, body: Option<Box<Body>>, mut result: Result<(), Fault>) {
        let Self { run, stage, ready } = self;
        if let Some(Err(failure)) = body.map(Body::cleanup) {
            run.poison.store(true, Ordering::Release);
            result = result.and(Err(native(failure)));
        }
        if run.graph.stages[stage].runner != Runner::Native {
            // Dropped where no lock is held, since it may be the host's.
            let _exchange = {
                let mut state = run.lock();
                Ending::of(run, &mut state).end_call(stage);
                std::mem::take(&mut state.stages[stage].exchange)
            };
        }
        let mut state = run.lock();
        state.stages.finish(stage);
        let mut ending = Ending::of(run, &mut state);
        if let Err(fault) = result {
            if let Some(counts) = fault.node().and_then(|node| run.meter.node(node)) {
                counts.fail();
            }
            ending.fail(fault.into_error(&run.graph, &run.items), ready);
        }
        ending.complete_if_done();
    }
}
