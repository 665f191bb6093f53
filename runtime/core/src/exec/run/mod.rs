//! One run of a pipeline: its queues, its stages and who may run them, from the first packet to the one completion.
//!
//! All scheduling state of a run stands behind one lock, which is never held while a node works. A stage is idle,
//! scheduled or running; whoever changes a queue schedules the neighbours that can now go on, so nothing polls, and
//! whoever parks a stage looks once more under the lock, so nothing is forgotten.

mod alarm;
mod clock;
mod entry;
mod failure;
mod look;
mod quantum;
mod record;
mod recovery;
mod streaming;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};

pub(super) use self::alarm::Alarm;
use self::clock::Clock;
use self::entry::entry_queues;
use self::failure::{Fault, native};
use self::quantum::{Body, Work};
pub(super) use self::quantum::{Budget, Task};
use self::streaming::Feed;
pub(super) use self::streaming::{Opening, Refusal, Rest};
use super::changes::Changes;
use super::completion::{Completion, Outcome, Passed, RunError};
use super::host::{Flow, HostCall, Reply, ReplyError};
use super::items::Items;
use super::live::Counted;
use super::metrics::{Counts, IS_MEASURED};
use super::outlet::Outlets;
use super::port::{Event, Port, WeakPort};
use super::queue::{Queue, Travel};
use super::runtime::Presence;
use super::sink::Collector;
use crate::graph::Graph;
use crate::node::CancelFlag;
use crate::value::Value;

/// A run.
pub(super) struct Run {
    id: u64,
    token: u64,
    graph: Arc<Graph>,
    poison: Arc<AtomicBool>,
    items: Arc<Items>,
    output_bytes: usize,
    port: WeakPort,
    cancel: CancelFlag,
    clock: Clock,
    /// Whether outputs are handed out while it runs, so that a stage before a sink may have to wait.
    is_session: bool,
    /// How many ENDs have come to the end of the graph: one for each item and sink.
    ended: AtomicU64,
    /// How often a session was interrupted; a stage that has seen fewer begins anew.
    epoch: AtomicU32,
    /// What the nodes of a session have done.
    counts: Option<Arc<Counts>>,
    /// What a session changes about its nodes while it runs.
    changes: Option<Arc<Changes>>,
    state: Mutex<State>,
    _counted: Counted,
    /// The last field, since it tells the runtime that all others have let go of what they held.
    runtime: Presence,
}

struct State {
    queues: Vec<Queue>,
    stages: Vec<StageState>,
    sinks: Sinks,
    /// How packets come in while it runs; none if all were there at the start.
    feed: Option<Box<Feed>>,
    errors: Vec<RunError>,
    passed: Passed,
    /// The nodes that have skipped something.
    skipping: Vec<usize>,
    /// Stages that are scheduled or running.
    active: usize,
    /// Stages that have not finished.
    open: usize,
    phase: Phase,
    /// Where the completion goes.
    delivery: Delivery,
    /// The time when somebody last looked at a clock for another reason: at most a quantum or a step ago.
    now_about: Option<Instant>,
}

/// Where results go.
enum Sinks {
    /// They wait for the completion.
    Collected { collectors: Vec<Collector>, bytes: usize },
    /// The host takes them while the run goes on.
    Live(Outlets),
}

struct StageState {
    status: Status,
    body: Option<Box<Body>>,
    /// Answers of the host, with the calls that they answer.
    replies: VecDeque<(u64, Reply)>,
    /// The input edge that is looked at first, so that a busy edge does not starve the others.
    next_input: usize,
    /// A moment has come that it waited for.
    is_woken: bool,
    /// The call whose next part the host makes only once it is told that there is room.
    blocked_call: Option<u64>,
    /// Since when the oldest packet is here that it has taken and not worked off.
    holds_since: Option<Instant>,
    /// Whether the next call goes to the thread that has just answered one, rather than to the port.
    follow_up: FollowUp,
}

/// What the thread that answers a call takes with it.
#[derive(Default)]
enum FollowUp {
    #[default]
    Unwanted,
    Wanted,
    Call(HostCall),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Idle,
    Scheduled,
    Running,
    Finished,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Active,
    /// It ends for this reason once no stage is active.
    Stopping(Outcome),
    Completed,
}

impl State {
    fn new(graph: &Graph, queues: Vec<Queue>, sinks: Sinks, feed: Option<Box<Feed>>, delivery: Delivery) -> Self {
        let stages = graph
            .stages
            .iter()
            .map(|_| StageState {
                status: Status::Idle,
                body: None,
                replies: VecDeque::new(),
                next_input: 0,
                is_woken: false,
                blocked_call: None,
                holds_since: None,
                follow_up: FollowUp::Unwanted,
            })
            .collect();
        let open = graph.stages.len();
        Self {
            queues,
            stages,
            sinks,
            feed,
            errors: Vec::new(),
            passed: Passed::default(),
            skipping: Vec::new(),
            active: 0,
            open,
            phase: Phase::Active,
            delivery,
            now_about: None,
        }
    }

    /// Packets that are put in line from now on wait since `now`.
    fn seen(&mut self, now: Instant) {
        if IS_MEASURED {
            self.now_about = Some(now);
        }
    }
}

enum Delivery {
    /// The submitting thread is still at it and takes the completion itself.
    Submitter(Option<Completion>),
    Port,
}

impl Run {
    /// A run over inputs that are in memory; nothing runs yet.
    #[allow(clippy::too_many_arguments, reason = "one call site; a struct of the same fields would say nothing more")]
    pub(super) fn new(
        id: u64,
        token: u64,
        graph: Arc<Graph>,
        poison: Arc<AtomicBool>,
        inputs: Option<Vec<Value>>,
        runtime: Presence,
        port: &Port,
        output_bytes: usize,
    ) -> Arc<Self> {
        let items = match &inputs {
            Some(inputs) => Items::given(inputs),
            None => Items::begun(&graph),
        };
        let collectors = graph.sinks.iter().map(|&node| Collector::new(Arc::clone(&graph.nodes[node].id))).collect();
        let state = State::new(
            &graph,
            entry_queues(&graph, inputs),
            Sinks::Collected { collectors, bytes: 0 },
            None,
            Delivery::Submitter(None),
        );
        Arc::new(Self {
            id,
            token,
            graph,
            poison,
            items: Arc::new(items),
            output_bytes,
            port: port.downgrade(),
            cancel: CancelFlag::default(),
            clock: Clock::Real,
            is_session: false,
            ended: AtomicU64::new(0),
            epoch: AtomicU32::new(0),
            counts: None,
            changes: None,
            state: Mutex::new(state),
            _counted: Counted::run(),
            runtime,
        })
    }

    /// Starts it. Stages that the budget allows run on this thread until the budget is used up, everything else on the workers.
    /// Answers the completion if it is there already; else it goes to the port.
    pub(super) fn start(self: &Arc<Self>, budget: Option<Budget>, deadline: Option<Instant>) -> Option<Completion> {
        let mut ready = Vec::with_capacity(self.graph.stages.len());
        let mut state = self.state.lock();
        for stage in 0..self.graph.stages.len() {
            self.schedule_if_runnable(&mut state, stage, &mut ready);
        }
        drop(state);
        match budget {
            None => self.dispatch(&mut ready),
            Some(budget) => self.run_here(budget, ready),
        }
        let mut state = self.state.lock();
        if state.phase != Phase::Completed {
            if !self.runtime.enlist(self.id, self) {
                drop(state);
                self.shut_down();
                state = self.state.lock();
            } else if !self.port.upgrade().is_some_and(|port| port.enlist(self.token, self)) {
                drop(state);
                self.runtime.delist(self.id);
                self.cancel();
                state = self.state.lock();
            }
        }
        if let Delivery::Submitter(Some(completion)) = std::mem::replace(&mut state.delivery, Delivery::Port) {
            return Some(completion);
        }
        drop(state);
        if let Some(deadline) = deadline {
            self.set_alarm(deadline, Alarm::TimeOut);
        }
        None
    }

    /// Ends it because the host asks. Answers whether it was still going on.
    pub(super) fn cancel(self: &Arc<Self>) -> bool {
        self.stop_now(Outcome::Cancelled, "the work was cancelled", "")
    }

    /// Ends it because the runtime ends.
    pub(super) fn shut_down(self: &Arc<Self>) {
        self.stop_now(Outcome::ShutDown, "the runtime was shut down while the work was going on", "");
    }

    /// Takes an answer of the host to the call that a stage has out, and sends it on from this thread: a host stage does
    /// nothing but move packets, and so knows at once whether there is room for more, and what the next call is. With
    /// `wants_next` that one is part of the answer, if it is there, and no event tells of it.
    pub(super) fn take_reply(
        self: &Arc<Self>,
        stage: usize,
        call: u64,
        reply: Reply,
        wants_next: bool,
    ) -> Result<(Flow, Option<HostCall>), ReplyError> {
        let is_last = reply.is_last();
        let mut ready = Vec::new();
        let mut state = self.state.lock();
        if state.phase != Phase::Active {
            return Err(ReplyError::Gone { call });
        }
        state.stages[stage].replies.push_back((call, reply));
        state.stages[stage].blocked_call = None;
        self.schedule_if_runnable(&mut state, stage, &mut ready);
        let is_here = ready.pop().is_some();
        if is_here && wants_next {
            state.stages[stage].follow_up = FollowUp::Wanted;
        }
        drop(state);
        let mut next = None;
        if is_here {
            self.run_stage(stage, Budget::quantum(), &mut ready);
            self.dispatch(&mut ready);
            next = self.take_follow_up(stage);
        }
        Ok((if is_last { Flow::GoOn } else { self.flow_behind(stage, call) }, next))
    }

    fn take_follow_up(&self, stage: usize) -> Option<HostCall> {
        match std::mem::take(&mut self.state.lock().stages[stage].follow_up) {
            FollowUp::Call(call) => Some(call),
            FollowUp::Unwanted | FollowUp::Wanted => None,
        }
    }

    /// Whether there is room for the next part of an answer; if not, the host is told when there is.
    fn flow_behind(&self, stage: usize, call: u64) -> Flow {
        let mut state = self.state.lock();
        // The next answer to a run that has ended is told so.
        let is_at_rest = state.stages[stage].status == Status::Idle && state.stages[stage].replies.is_empty();
        if state.phase != Phase::Active || (is_at_rest && self.has_credit(&state, stage)) {
            return Flow::GoOn;
        }
        state.stages[stage].blocked_call = Some(call);
        Flow::Wait
    }

    /// Tells the host that it may go on with the answer that was told to wait, unless more of it has come.
    fn resume_call(&self, stage: usize) {
        let mut state = self.state.lock();
        let StageState { replies, blocked_call, .. } = &mut state.stages[stage];
        if let Some(call) = blocked_call.take_if(|_| replies.is_empty()) {
            self.tell(Event::Resume { call });
        }
    }

    /// Runs stages that the budget allows on this thread while there is time; hands the others to the workers.
    fn run_here(self: &Arc<Self>, budget: Budget, ready: Vec<usize>) {
        let mut here: VecDeque<usize> = ready.into();
        let mut ready = Vec::new();
        while let Some(stage) = here.pop_front() {
            if self.graph.stages[stage].cost <= budget.most_cost && !budget.is_used_up() {
                self.run_stage(stage, budget, &mut ready);
                here.extend(ready.drain(..));
            } else {
                self.runtime.pool.push(Task { run: Arc::clone(self), stage });
            }
        }
    }

    fn dispatch(self: &Arc<Self>, ready: &mut Vec<usize>) {
        for stage in ready.drain(..) {
            self.runtime.pool.push(Task { run: Arc::clone(self), stage });
        }
    }

    /// Puts a stage that can't go on to rest, or back in line if it can by now.
    fn park(self: &Arc<Self>, index: usize, body: Box<Body>, ready: &mut Vec<usize>) {
        let mut state = self.state.lock();
        if state.phase != Phase::Active {
            drop(state);
            return self.retire(index, Some(body), Ok(()), ready);
        }
        let stage = &mut state.stages[index];
        if !body.holds_packets() {
            stage.holds_since = None;
        }
        stage.body = Some(body);
        stage.status = Status::Idle;
        state.active -= 1;
        self.schedule_if_runnable(&mut state, index, ready);
        self.keep_time(&mut state, ready);
    }

    /// A stage has done all its work.
    fn finish(self: &Arc<Self>, index: usize, body: Box<Body>, ready: &mut Vec<usize>) {
        if let Err(failure) = body.cleanup() {
            self.poison.store(true, Ordering::Release);
            return self.retire(index, None, Err(native(failure)), ready);
        }
        self.forward(index, || Travel::Finish, None, ready);
        let mut state = self.state.lock();
        state.stages[index].status = Status::Finished;
        state.active -= 1;
        state.open -= 1;
        self.keep_time(&mut state, ready);
        self.complete_if_done(state);
    }

    /// A stage will not work again in this run, because it failed or because the run stops.
    fn retire(
        self: &Arc<Self>,
        index: usize,
        body: Option<Box<Body>>,
        result: Result<(), Fault>,
        ready: &mut Vec<usize>,
    ) {
        let mut result = result;
        let open_call = body.as_ref().and_then(|body| match &body.work {
            Work::Host(host) => host.open_call(),
            Work::Native(_) => None,
        });
        if let Some(Err(failure)) = body.map(Body::cleanup) {
            self.poison.store(true, Ordering::Release);
            result = result.and(Err(native(failure)));
        }
        if let (Some(call), Some(port)) = (open_call, self.port.upgrade()) {
            port.forget_call(call);
        }
        let mut state = self.state.lock();
        state.stages[index].status = Status::Finished;
        state.stages[index].replies.clear();
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
    fn stop_now(self: &Arc<Self>, outcome: Outcome, cause: &str, cure: &str) -> bool {
        let mut ready = Vec::new();
        let is_stopped = self.stop_in(&mut self.state.lock(), outcome, cause, cure, &mut ready);
        self.dispatch(&mut ready);
        is_stopped
    }

    /// Does so under the lock. Answers whether the run was still going on.
    fn stop_in(&self, state: &mut State, outcome: Outcome, cause: &str, cure: &str, ready: &mut Vec<usize>) -> bool {
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
    fn stop(&self, state: &mut State, outcome: Outcome, ready: &mut Vec<usize>) {
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

    fn complete_if_done(&self, mut state: MutexGuard<'_, State>) {
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
                self.leave_behind(state.feed.as_deref_mut(), outlets, dropped, outcome, errors.first());
                Vec::new()
            }
        };
        let completion = Completion { outcome, sinks, errors, passed: std::mem::take(&mut state.passed) };
        match &mut state.delivery {
            Delivery::Submitter(place) => *place = Some(completion),
            Delivery::Port => {
                if let Some(port) = self.port.upgrade() {
                    port.post_completion(self.token, completion);
                }
                // Listed until then: a shutdown waits for those that are, before it closes their ports.
                self.runtime.delist(self.id);
            }
        }
    }

    fn schedule_if_runnable(&self, state: &mut State, index: usize, ready: &mut Vec<usize>) {
        if state.stages[index].status == Status::Idle && self.is_runnable(state, index) {
            state.stages[index].status = Status::Scheduled;
            state.active += 1;
            ready.push(index);
        }
    }

    fn is_runnable(&self, state: &State, index: usize) -> bool {
        let stage = &state.stages[index];
        if !stage.replies.is_empty() || stage.is_woken {
            return true;
        }
        if !self.has_credit(state, index) {
            return false;
        }
        let has_input = || self.graph.stages[index].inputs.iter().any(|&input| state.queues[input].is_ready());
        match stage.body.as_deref() {
            None => has_input(),
            // It waits for an alarm, unless what it waits with was dropped.
            Some(Body { work, epoch, .. }) if work.due().is_some_and(|due| self.now() < due) => {
                *epoch != self.epoch.load(Ordering::Acquire) || work.has_exit()
            }
            Some(Body { inbox, work: Work::Native(chain), .. }) => chain.has_work() || !inbox.is_empty() || has_input(),
            Some(Body { inbox, work: Work::Host(host), epoch }) => {
                host.has_exit()
                    || (host.is_calling() && stage.blocked_call.is_some())
                    || (!host.is_calling() && (has_input() || !(inbox.is_empty() || host.is_waiting(self.now()))))
                    || (host.is_calling() && *epoch != self.epoch.load(Ordering::Acquire))
            }
        }
    }

    fn has_credit(&self, state: &State, index: usize) -> bool {
        let stage = &self.graph.stages[index];
        stage.outputs.iter().all(|&(_, edge)| state.queues[edge].has_credit())
            && match (&state.sinks, stage.sink) {
                (Sinks::Live(outlets), Some(sink)) => outlets.has_credit(sink),
                _ => true,
            }
    }

    /// Whether a stage has anything to wait for credit from.
    fn can_wait(&self, index: usize) -> bool {
        self.is_session || !self.graph.stages[index].outputs.is_empty()
    }
}

impl Drop for Run {
    /// A run whose port is dropped while a host owes it an answer ends here, and its nodes are cleaned up like any.
    fn drop(&mut self) {
        for body in self.state.get_mut().stages.iter_mut().filter_map(|stage| stage.body.take()) {
            // Nobody is left to tell of a panic.
            let _ = body.cleanup();
        }
    }
}
