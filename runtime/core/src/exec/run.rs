//! One run of a pipeline: its queues, its stages and who may run them, from the first packet to the one completion.
//!
//! All scheduling state of a run stands behind one lock, which is never held while a node works. A stage is idle,
//! scheduled or running; whoever changes a queue schedules the neighbours that can now go on, so nothing polls, and
//! whoever parks a stage looks once more under the lock, so nothing is forgotten.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};

use super::chain::{Chain, ChainFailure, Exit, panic_text};
use super::completion::{Completion, Outcome, RunError};
use super::host::{HostCall, HostFault, HostStage, Reply, ReplyError};
use super::live::Counted;
use super::port::{Port, WeakPort};
use super::queue::{Bounds, Queue, Routed, Travel};
use super::runtime::Presence;
use super::sink::Collector;
use crate::graph::{Graph, Runner};
use crate::node::{CancelFlag, Cost};
use crate::value::{Packet, Value};

/// A run.
pub(super) struct Run {
    id: u64,
    token: u64,
    graph: Arc<Graph>,
    poison: Arc<AtomicBool>,
    input_names: Box<[Option<Arc<str>>]>,
    output_bytes: usize,
    port: WeakPort,
    cancel: CancelFlag,
    state: Mutex<State>,
    _counted: Counted,
    /// The last field, since it tells the runtime that all others have let go of what they held.
    runtime: Presence,
}

/// A stage of a run that can go on.
pub(super) struct Task {
    run: Arc<Run>,
    stage: usize,
}

/// How long a thread may stay with a run, and with what.
#[derive(Clone, Copy)]
pub(super) struct Budget {
    until: Instant,
    most_cost: Cost,
}

struct State {
    queues: Vec<Queue>,
    stages: Vec<StageState>,
    sinks: Vec<Collector>,
    collected_bytes: usize,
    errors: Vec<RunError>,
    /// Stages that are scheduled or running.
    active: usize,
    /// Stages that have not finished.
    open: usize,
    phase: Phase,
    /// Where the completion goes.
    delivery: Delivery,
}

struct StageState {
    status: Status,
    body: Option<Box<Body>>,
    replies: VecDeque<Reply>,
    /// The input edge that is looked at first, so that a busy edge does not starve the others.
    next_input: usize,
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

enum Delivery {
    /// The submitting thread is still at it and takes the completion itself.
    Submitter(Option<Completion>),
    Port,
}

/// What a stage carries from one quantum to the next.
struct Body {
    inbox: VecDeque<Travel>,
    work: Work,
}

enum Work {
    Native(Chain),
    Host(HostStage),
}

/// How a quantum of a stage ended.
enum Quantum {
    /// It can't go on, or its time is up.
    Parked,
    Finished,
    Stopped,
}

/// Boxed, since every step of a node answers with one or nothing.
type Fault = Box<Failure>;

enum Failure {
    Native(ChainFailure),
    Host(HostFault),
    Run(RunError),
}

/// The most that a stage takes out of its queues at once, which frees credit before the work is done.
const REFILL_PACKETS: usize = 32;
const REFILL_BYTES: usize = 64 << 10;

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
        let input_names = match &inputs {
            Some(inputs) if inputs.iter().any(|input| matches!(input, Value::File(_))) => {
                inputs.iter().map(input_name).collect()
            }
            _ => Box::default(),
        };
        let queues = entry_queues(&graph, inputs);
        let stages = graph
            .stages
            .iter()
            .map(|_| StageState { status: Status::Idle, body: None, replies: VecDeque::new(), next_input: 0 })
            .collect();
        let sinks = graph.sinks.iter().map(|&node| Collector::new(Arc::clone(&graph.nodes[node].id))).collect();
        let open = graph.stages.len();
        Arc::new(Self {
            id,
            token,
            graph,
            poison,
            input_names,
            output_bytes,
            port: port.downgrade(),
            cancel: CancelFlag::default(),
            state: Mutex::new(State {
                queues,
                stages,
                sinks,
                collected_bytes: 0,
                errors: Vec::new(),
                active: 0,
                open,
                phase: Phase::Active,
                delivery: Delivery::Submitter(None),
            }),
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
            self.runtime.timer.watch(deadline, Arc::downgrade(self));
        }
        None
    }

    /// Ends it because the host asks. Answers whether it was still going on.
    pub(super) fn cancel(self: &Arc<Self>) -> bool {
        self.stop_now(Outcome::Cancelled, "the work was cancelled", "")
    }

    /// Ends it because its time is up.
    pub(super) fn time_out(self: &Arc<Self>) {
        self.stop_now(
            Outcome::TimedOut,
            "the work took longer than its timeout",
            "Allow more time, or give it less to do.",
        );
    }

    /// Ends it because the runtime ends.
    pub(super) fn shut_down(self: &Arc<Self>) {
        self.stop_now(Outcome::ShutDown, "the runtime was shut down while the work was going on", "");
    }

    /// Takes an answer of the host to the call that a stage has out.
    pub(super) fn take_reply(self: &Arc<Self>, stage: usize, call: u64, reply: Reply) -> Result<(), ReplyError> {
        let mut ready = Vec::new();
        let mut state = self.state.lock();
        if state.phase != Phase::Active {
            return Err(ReplyError::Gone { call });
        }
        state.stages[stage].replies.push_back(reply);
        self.schedule_if_runnable(&mut state, stage, &mut ready);
        drop(state);
        self.dispatch(&mut ready);
        Ok(())
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

    /// One quantum of a stage that is scheduled. Stages that can go on because of it are added to `ready`.
    fn run_stage(self: &Arc<Self>, index: usize, budget: Budget, ready: &mut Vec<usize>) {
        let body = {
            let mut state = self.state.lock();
            let stage = &mut state.stages[index];
            stage.status = Status::Running;
            stage.body.take()
        };
        if self.cancel.is_cancelled() {
            return self.retire(index, body, Ok(()), ready);
        }
        let mut body = match body.map_or_else(|| Body::new(&self.graph, index), Ok) {
            Ok(body) => body,
            Err(failure) => {
                self.poison.store(true, Ordering::Release);
                return self.retire(index, None, Err(native(failure)), ready);
            }
        };
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match &mut body.work {
            Work::Native(chain) => self.run_chain(index, chain, &mut body.inbox, budget, ready),
            Work::Host(host) => self.run_host(index, host, &mut body.inbox, ready),
        }));
        let quantum = worked.unwrap_or_else(|payload| match &body.work {
            Work::Native(chain) => {
                self.poison.store(true, Ordering::Release);
                Err(native(chain.panicked(&*payload)))
            }
            Work::Host(_) => Err(Box::new(Failure::Run(RunError::of_run(
                Outcome::Panicked,
                format!("the scheduler panicked: {}", panic_text(&*payload)),
                "This is a defect of remotemedia; please report it.",
            )))),
        });
        match quantum {
            Ok(Quantum::Parked) => self.park(index, body, ready),
            Ok(Quantum::Finished) => self.finish(index, body, ready),
            Ok(Quantum::Stopped) => self.retire(index, Some(body), Ok(()), ready),
            Err(fault) => self.retire(index, Some(body), Err(fault), ready),
        }
    }

    fn run_chain(
        self: &Arc<Self>,
        index: usize,
        chain: &mut Chain,
        inbox: &mut VecDeque<Travel>,
        budget: Budget,
        ready: &mut Vec<usize>,
    ) -> Result<Quantum, Fault> {
        chain.initialize(&self.graph, &self.cancel).map_err(native)?;
        let mut has_credit = self.graph.stages[index].outputs.is_empty() || self.has_credit(&self.state.lock(), index);
        // Asking the clock costs about as much as a light step, and little beside any other.
        let steps_per_look = if self.graph.stages[index].cost == Cost::Light { 16 } else { 1 };
        for steps in 1u64.. {
            if self.cancel.is_cancelled() {
                return Ok(Quantum::Stopped);
            }
            if !has_credit || (steps.is_multiple_of(steps_per_look) && budget.is_used_up()) {
                return Ok(Quantum::Parked);
            }
            let exit = if chain.has_work() {
                chain.advance().map_err(native)?
            } else {
                if inbox.is_empty() {
                    self.refill(index, inbox, ready);
                }
                match inbox.pop_front() {
                    None => return Ok(Quantum::Parked),
                    Some(Travel::Packet(routed, port)) => chain.feed(port, routed).map_err(native)?,
                    Some(Travel::End(item)) => {
                        chain.end(item);
                        None
                    }
                    Some(Travel::Finish) => return Ok(Quantum::Finished),
                }
            };
            match exit {
                None => {}
                Some(Exit::End(item)) => self.forward(index, || Travel::End(item), ready),
                Some(Exit::Packet { port, routed }) => has_credit = self.emit(index, port, routed, ready)?,
            }
        }
        Ok(Quantum::Parked)
    }

    fn run_host(
        self: &Arc<Self>,
        index: usize,
        host: &mut HostStage,
        inbox: &mut VecDeque<Travel>,
        ready: &mut Vec<usize>,
    ) -> Result<Quantum, Fault> {
        loop {
            if self.cancel.is_cancelled() {
                return Ok(Quantum::Stopped);
            }
            let (reply, has_credit) = {
                let mut state = self.state.lock();
                let has_credit = self.has_credit(&state, index);
                (state.stages[index].replies.pop_front(), has_credit)
            };
            if let Some(reply) = reply {
                host.apply(reply);
                continue;
            }
            if !has_credit {
                return Ok(Quantum::Parked);
            }
            match host.take_exit() {
                Some(Travel::Packet(routed, port)) => {
                    self.emit(index, port, routed, ready)?;
                    continue;
                }
                Some(Travel::End(item)) => {
                    self.forward(index, || Travel::End(item), ready);
                    continue;
                }
                Some(Travel::Finish) => return Ok(Quantum::Finished),
                None => {}
            }
            if let Some(fault) = host.take_fault() {
                return Err(Box::new(Failure::Host(fault)));
            }
            if host.is_calling() {
                return Ok(Quantum::Parked);
            }
            self.refill(index, inbox, ready);
            if inbox.is_empty() {
                return Ok(Quantum::Parked);
            }
            if let Some(call) = host.call(inbox, self.token) {
                self.post_call(call, index);
            }
        }
    }

    /// Moves what waits on the inputs of a stage into its inbox, as far as item boundaries allow.
    fn refill(&self, index: usize, inbox: &mut VecDeque<Travel>, ready: &mut Vec<usize>) {
        let inputs = &self.graph.stages[index].inputs;
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let (mut packets, mut bytes) = (0, 0);
        while packets < REFILL_PACKETS && bytes < REFILL_BYTES {
            let first = state.stages[index].next_input;
            let Some(turn) =
                (0..inputs.len()).find(|turn| state.queues[inputs[(first + turn) % inputs.len()]].is_ready())
            else {
                break;
            };
            let position = (first + turn) % inputs.len();
            let edge = inputs[position];
            state.stages[index].next_input = (position + 1) % inputs.len();
            let queue = &mut state.queues[edge];
            match queue.pop() {
                None => break,
                Some((Travel::Packet(mut routed, _), weight)) => {
                    routed.path += self.graph.edges[edge].path_offset;
                    inbox.push_back(Travel::Packet(routed, self.graph.edges[edge].port));
                    packets += 1;
                    bytes += weight;
                }
                Some((Travel::End(item), _)) => {
                    queue.has_ended = true;
                    if inputs.iter().all(|&input| state.queues[input].has_ended) {
                        for &input in inputs {
                            state.queues[input].has_ended = false;
                        }
                        inbox.push_back(Travel::End(item));
                    }
                }
                Some((Travel::Finish, _)) => {
                    queue.has_finished = true;
                    if inputs.iter().all(|&input| state.queues[input].has_finished) {
                        inbox.push_back(Travel::Finish);
                    }
                }
            }
        }
        for &input in inputs {
            if let Some(producer) = self.graph.edges[input].from {
                self.schedule_if_runnable(state, producer, ready);
            }
        }
    }

    /// Sends a packet out of a stage: to the sink or to every edge of that port. Answers whether there is credit left.
    fn emit(&self, index: usize, port: usize, routed: Routed, ready: &mut Vec<usize>) -> Result<bool, Fault> {
        let stage = &self.graph.stages[index];
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if let Some(sink) = stage.sink {
            if port == 0 && state.phase == Phase::Active {
                state.collected_bytes += routed.packet.value.weight();
                state.sinks[sink].push(routed);
                if state.collected_bytes > self.output_bytes {
                    return Err(Box::new(Failure::Run(
                        self.limit_error(stage.links.last().map_or(0, |link| link.node)),
                    )));
                }
            }
            return Ok(true);
        }
        let mut edges = stage.outputs.iter().filter(|(from, _)| *from == port).map(|&(_, edge)| edge).peekable();
        let mut routed = Some(routed);
        while let Some(edge) = edges.next() {
            let copy = if edges.peek().is_some() { routed.as_ref().map(Routed::share) } else { routed.take() };
            if let Some(copy) = copy {
                state.queues[edge].push(Travel::Packet(copy, 0));
                self.schedule_if_runnable(state, self.graph.edges[edge].to, ready);
            }
        }
        Ok(self.has_credit(state, index))
    }

    /// Sends a boundary along every edge that a stage feeds.
    fn forward(&self, index: usize, boundary: impl Fn() -> Travel, ready: &mut Vec<usize>) {
        let outputs = &self.graph.stages[index].outputs;
        if outputs.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        for &(_, edge) in outputs {
            state.queues[edge].push(boundary());
            self.schedule_if_runnable(&mut state, self.graph.edges[edge].to, ready);
        }
    }

    fn post_call(self: &Arc<Self>, call: HostCall, stage: usize) {
        if let Some(port) = self.port.upgrade() {
            port.post_call(call, Arc::downgrade(self), stage);
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
        stage.body = Some(body);
        stage.status = Status::Idle;
        state.active -= 1;
        self.schedule_if_runnable(&mut state, index, ready);
    }

    /// A stage has done all its work.
    fn finish(self: &Arc<Self>, index: usize, body: Box<Body>, ready: &mut Vec<usize>) {
        if let Err(failure) = body.cleanup() {
            self.poison.store(true, Ordering::Release);
            return self.retire(index, None, Err(native(failure)), ready);
        }
        self.forward(index, || Travel::Finish, ready);
        let mut state = self.state.lock();
        state.stages[index].status = Status::Finished;
        state.active -= 1;
        state.open -= 1;
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
            let error = self.describe(*fault);
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
        let mut state = self.state.lock();
        match state.phase {
            Phase::Active => {
                state.errors.push(RunError::of_run(outcome, cause, cure));
                self.stop(&mut state, outcome, &mut ready);
                self.complete(&mut state, outcome);
            }
            // It failed before, and only waited for a node that still works: the failure is the better answer.
            Phase::Stopping(earlier) => self.complete(&mut state, earlier),
            Phase::Completed => return false,
        }
        drop(state);
        self.dispatch(&mut ready);
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
            *queue = Queue::new(None);
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
        let sinks = std::mem::take(&mut state.sinks).into_iter().map(Collector::finish).collect();
        let completion = Completion { outcome, sinks, errors: std::mem::take(&mut state.errors) };
        match &mut state.delivery {
            Delivery::Submitter(place) => *place = Some(completion),
            Delivery::Port => {
                self.runtime.delist(self.id);
                if let Some(port) = self.port.upgrade() {
                    port.post_completion(self.token, completion);
                }
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
        if !stage.replies.is_empty() {
            return true;
        }
        if !self.has_credit(state, index) {
            return false;
        }
        let has_input = || self.graph.stages[index].inputs.iter().any(|&input| state.queues[input].is_ready());
        match stage.body.as_deref() {
            None => has_input(),
            Some(Body { inbox, work: Work::Native(chain) }) => chain.has_work() || !inbox.is_empty() || has_input(),
            Some(Body { inbox, work: Work::Host(host) }) => {
                host.has_exit() || (!host.is_calling() && (!inbox.is_empty() || has_input()))
            }
        }
    }

    fn has_credit(&self, state: &State, index: usize) -> bool {
        self.graph.stages[index].outputs.iter().all(|&(_, edge)| state.queues[edge].has_credit())
    }

    fn describe(&self, failure: Failure) -> RunError {
        let (node, item, error, outcome) = match failure {
            Failure::Run(error) => return error,
            Failure::Native(ChainFailure { node, item, error, is_panic }) => {
                (node, item, error, if is_panic { Outcome::Panicked } else { Outcome::Failed })
            }
            Failure::Host(HostFault { node, item, error }) => (node, item, error, Outcome::Failed),
        };
        let node = &self.graph.nodes[node];
        RunError {
            outcome,
            node_id: Some(Arc::clone(&node.id)),
            node_type: Some(Arc::clone(&node.type_name)),
            item: Some(item),
            input_name: usize::try_from(item).ok().and_then(|item| self.input_names.get(item)?.clone()),
            position: error.position,
            cause: error.cause,
            cure: error.cure,
            chain: error.chain,
            host_token: error.host_token,
        }
    }

    fn limit_error(&self, node: usize) -> RunError {
        let cause = format!("the results grew past the limit of {} bytes", self.output_bytes);
        RunError {
            node_id: Some(Arc::clone(&self.graph.nodes[node].id)),
            node_type: Some(Arc::clone(&self.graph.nodes[node].type_name)),
            ..RunError::of_run(
                Outcome::LimitExceeded,
                cause,
                "Reduce them in the graph, or raise limits.output_bytes of the runtime.",
            )
        }
    }
}

impl Task {
    /// Runs one quantum and puts what can go on because of it in line.
    pub(super) fn run(self) {
        let mut ready = Vec::new();
        self.run.run_stage(self.stage, Budget::quantum(), &mut ready);
        self.run.dispatch(&mut ready);
    }
}

impl Budget {
    /// Until this moment, with stages up to this cost.
    pub(super) fn until(until: Instant, most_cost: Cost) -> Self {
        Self { until, most_cost }
    }

    /// What a worker gives one stage before the next one's turn.
    fn quantum() -> Self {
        Self { until: Instant::now() + std::time::Duration::from_millis(2), most_cost: Cost::Blocking }
    }

    fn is_used_up(self) -> bool {
        Instant::now() >= self.until
    }
}

impl Body {
    fn new(graph: &Graph, index: usize) -> Result<Box<Self>, ChainFailure> {
        let stage = &graph.stages[index];
        let work = match stage.runner {
            Runner::Native => Work::Native(Chain::new(graph, stage)?),
            Runner::Host { batch } => Work::Host(HostStage::new(batch, graph, stage)),
        };
        Ok(Box::new(Self { inbox: VecDeque::with_capacity(8), work }))
    }

    fn cleanup(self: Box<Self>) -> Result<(), ChainFailure> {
        match self.work {
            Work::Native(chain) => chain.cleanup(),
            Work::Host(_) => Ok(()),
        }
    }
}

fn native(failure: ChainFailure) -> Fault {
    Box::new(Failure::Native(failure))
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

fn input_name(input: &Value) -> Option<Arc<str>> {
    match input {
        Value::File(file) => file.name().map(Arc::from),
        _ => None,
    }
}

/// The queues of a graph, those of its entries filled with every input, its END, and at last FINISH.
fn entry_queues(graph: &Graph, inputs: Option<Vec<Value>>) -> Vec<Queue> {
    // A packet and its END for each input, and FINISH.
    let entries = inputs.as_ref().map_or(1, |inputs| inputs.len() * 2) + 1;
    let mut queues: Vec<Queue> = graph
        .edges
        .iter()
        .map(|edge| match edge.from {
            None => Queue::with_capacity(None, entries),
            Some(_) => Queue::new(Some(Bounds::DEFAULT)),
        })
        .collect();
    let entries: Vec<usize> =
        graph.edges.iter().enumerate().filter(|(_, edge)| edge.from.is_none()).map(|(index, _)| index).collect();
    match inputs {
        // Sources need no input: one item without a packet lets them begin.
        None => {
            for &entry in &entries {
                queues[entry].push(Travel::End(0));
            }
        }
        Some(inputs) => {
            // Sources beside nodes that take inputs begin anew with each item, but get none.
            let takes_inputs = |entry: &usize| {
                let first = &graph.stages[graph.edges[*entry].to].links[0];
                !graph.nodes[first.node].work.inputs().is_empty()
            };
            let mut takers: Vec<usize> = entries.iter().copied().filter(takes_inputs).collect();
            if takers.is_empty() {
                takers.clone_from(&entries);
            }
            let last_taker = takers.pop();
            for (item, value) in (0..).zip(inputs) {
                let packet = Packet::new(value);
                for &taker in &takers {
                    queues[taker].push(Travel::Packet(Routed { packet: packet.clone(), item, path: 0 }, 0));
                }
                if let Some(taker) = last_taker {
                    queues[taker].push(Travel::Packet(Routed { packet, item, path: 0 }, 0));
                }
                for &entry in &entries {
                    queues[entry].push(Travel::End(item));
                }
            }
        }
    }
    for entry in entries {
        queues[entry].push(Travel::Finish);
    }
    queues
}
