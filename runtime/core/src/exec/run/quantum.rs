//! One quantum of a stage: as many steps as its input, its credit and its time allow.
//!
//! Nothing here decides how a run begins or ends; it answers how the quantum ended, and the run does the rest.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::failure::{Failure, Fault, native};
use super::travel::REFILL_PACKETS;
use super::{Alarm, FollowUp, Ready, Run, State, Status};
use crate::exec::chain::{Chain, ChainFailure, Exit, panic_text};
use crate::exec::completion::{Outcome, RunError};
use crate::exec::delays;
use crate::exec::host::HostStage;
use crate::exec::host_call::HostCall;
use crate::exec::port::Event;
use crate::exec::queue::Travel;
use crate::exec::trace::{TraceRecord, thread_number};
use crate::graph::Runner;
use crate::node::Cost;

/// A stage of a run that can go on.
pub(in crate::exec) struct Task {
    pub(super) run: Arc<Run>,
    pub(super) stage: usize,
}

/// How long a thread may stay with a run, and with what.
#[derive(Clone, Copy)]
pub(in crate::exec) struct Budget {
    pub(super) from: Instant,
    until: Instant,
    pub(super) most_cost: Cost,
}

/// What a stage carries from one quantum to the next.
pub(super) struct Body {
    pub(super) inbox: VecDeque<Travel>,
    pub(super) work: Work,
    /// How often the session had been interrupted when this last looked.
    pub(super) epoch: u32,
}

#[allow(clippy::large_enum_variant, reason = "it lives in a body, which is boxed as a whole")]
pub(super) enum Work {
    Native(Chain),
    Host(HostStage),
}

/// How a quantum of a stage ended.
enum Quantum {
    /// It can't go on, or its time is up.
    Parked,
    /// It can't go on before the host has answered this call, which is to go out.
    Called(HostCall),
    Finished,
    Stopped,
}

impl Task {
    /// Runs one quantum and puts what can go on because of it in line.
    pub(in crate::exec) fn run(self) {
        let mut ready = Ready::new();
        let budget = Budget::quantum();
        self.run.run_stage(self.stage, budget, &mut ready);
        self.run.dispatch(&mut ready);
        if budget.is_used_up() {
            // Somebody may wait for this core, such as the event loop whose work this is: the system would let this
            // thread go on to the end of its slice, which is longer than a quantum.
            std::thread::yield_now();
        }
    }

    /// Whether it may wait for a disk or a network.
    pub(in crate::exec) fn may_block(&self) -> bool {
        self.run.graph.stages[self.stage].cost == Cost::Blocking
    }
}

impl Budget {
    /// From now, for so long, with stages up to this cost.
    pub(in crate::exec) fn of(time: Duration, most_cost: Cost) -> Self {
        let from = Instant::now();
        Self { from, until: from + time, most_cost }
    }

    /// What a worker gives one stage before the next one's turn.
    pub(super) fn quantum() -> Self {
        Self::of(Duration::from_millis(2), Cost::Blocking)
    }

    /// How many steps of a stage to take before the clock is asked, which costs about as much as a small step. Only small
    /// ones are taken on a caller's thread.
    fn steps_per_look(self, cost: Cost) -> u64 {
        if cost == Cost::Light || self.most_cost <= Cost::Proportional { 16 } else { 1 }
    }

    pub(super) fn is_used_up(self) -> bool {
        Instant::now() >= self.until
    }
}

impl Work {
    /// The moment before which the stage has nothing to do of its own.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Work::Native(chain) => chain.due(),
            Work::Host(host) => host.due(),
        }
    }
}

impl Body {
    fn new(run: &Run, index: usize) -> Result<Box<Self>, ChainFailure> {
        let stage = &run.graph.stages[index];
        let epoch = run.epoch.load(Ordering::Acquire);
        let work = match stage.runner {
            Runner::Native => {
                Work::Native(Chain::new(&run.graph, index, &run.items, run.counts.as_ref(), run.changes.as_ref())?)
            }
            Runner::Host { batch } => Work::Host(HostStage::new(batch, &run.graph, stage)),
        };
        Ok(Box::new(Self { inbox: VecDeque::with_capacity(8), work, epoch }))
    }

    /// Whether packets are in it that are not worked off.
    pub(super) fn holds_packets(&self) -> bool {
        matches!(&self.work, Work::Native(chain) if chain.has_work()) || !self.inbox.is_empty()
    }

    pub(super) fn cleanup(self: Box<Self>) -> Result<(), ChainFailure> {
        match self.work {
            Work::Native(chain) => chain.cleanup(),
            Work::Host(_) => Ok(()),
        }
    }
}

impl Run {
    /// One quantum of a stage that is scheduled. Stages that can go on because of it are added to `ready`.
    pub(super) fn run_stage(self: &Arc<Self>, index: usize, budget: Budget, ready: &mut Ready) {
        let body = {
            let mut state = self.hold();
            state.seen(budget.from);
            let stage = &mut state.stages[index];
            stage.status = Status::Running;
            stage.is_woken = false;
            stage.body.take()
        };
        if self.cancel.is_cancelled() {
            return self.retire(index, body, Ok(()), ready);
        }
        let mut body = match body.map_or_else(|| Body::new(self, index), Ok) {
            Ok(body) => body,
            Err(failure) => {
                self.poison.store(true, Ordering::Release);
                return self.retire(index, None, Err(native(failure)), ready);
            }
        };
        delays::pause();
        let began = if self.is_traced() { Instant::now() } else { budget.from };
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match &mut body.work {
            Work::Native(chain) => self.run_chain(index, chain, &mut body.inbox, &mut body.epoch, budget, ready),
            Work::Host(host) => self.run_host(index, host, &mut body.inbox, &mut body.epoch, ready),
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
        self.record(|recorder| TraceRecord::Stage {
            node: self.first_node(index),
            thread: thread_number(),
            begin: recorder.at(began),
            end: recorder.at(Instant::now()),
        });
        match quantum {
            Ok(Quantum::Parked) => self.park(index, body, None, ready),
            Ok(Quantum::Called(call)) => self.park(index, body, Some(call), ready),
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
        epoch: &mut u32,
        budget: Budget,
        ready: &mut Ready,
    ) -> Result<Quantum, Fault> {
        chain.initialize(&self.graph, &self.cancel).map_err(native)?;
        let mut has_credit = !self.can_wait(index) || self.has_credit(&self.hold(), index);
        let steps_per_look = budget.steps_per_look(self.graph.stages[index].cost);
        for steps in 1u64.. {
            if self.cancel.is_cancelled() {
                return Ok(Quantum::Stopped);
            }
            if !has_credit || (steps.is_multiple_of(steps_per_look) && budget.is_used_up()) {
                return Ok(Quantum::Parked);
            }
            if *epoch != self.epoch.load(Ordering::Acquire) {
                *epoch = self.epoch.load(Ordering::Acquire);
                self.renew(index, chain, inbox).map_err(native)?;
            }
            if chain.due().is_some_and(|due| self.now() < due) {
                return Ok(Quantum::Parked);
            }
            let exit = if chain.has_work() {
                chain.advance()
            } else {
                if inbox.is_empty() {
                    self.refill(index, inbox, REFILL_PACKETS, chain.refused(), *epoch, ready);
                }
                match inbox.pop_front() {
                    None => return Ok(Quantum::Parked),
                    Some(Travel::Packet(routed, _)) if self.is_late(&routed, self.first_node(index)) => Ok(None),
                    Some(Travel::Packet(routed, port)) => chain.feed(port, routed),
                    Some(Travel::InputEnd(port)) => chain.end_input(port),
                    Some(Travel::End(item)) => {
                        chain.end(item);
                        Ok(None)
                    }
                    Some(Travel::Finish) => return Ok(Quantum::Finished),
                }
            };
            match exit {
                Err(failure) => self.recover_chain(index, chain, failure)?,
                Ok(None) => {}
                Ok(Some(Exit::End(item))) => self.forward(index, || Travel::End(item), Some(*epoch), ready),
                Ok(Some(Exit::Packet { port, routed })) => {
                    has_credit = self.emit(index, port, routed, *epoch, ready)?
                }
            }
        }
        Ok(Quantum::Parked)
    }

    fn run_host(
        self: &Arc<Self>,
        index: usize,
        host: &mut HostStage,
        inbox: &mut VecDeque<Travel>,
        epoch: &mut u32,
        ready: &mut Ready,
    ) -> Result<Quantum, Fault> {
        loop {
            if self.cancel.is_cancelled() {
                return Ok(Quantum::Stopped);
            }
            // What follows is one piece: an interruption comes before it or behind it.
            let mut guard = self.hold();
            let state = &mut *guard;
            if *epoch != self.epoch.load(Ordering::Acquire) {
                *epoch = self.epoch.load(Ordering::Acquire);
                host.interrupt(inbox, state.stages[index].exchange.take_owed_finish());
            }
            if !self.has_credit(state, index) {
                return Ok(Quantum::Parked);
            }
            match state.stages[index].exchange.take_exit() {
                Some(Travel::Packet(routed, port)) => {
                    self.emit_in(state, index, port, routed, ready)?;
                    continue;
                }
                Some(Travel::End(item)) => {
                    self.end_item_in(state, index, item, ready);
                    continue;
                }
                Some(Travel::Finish) => return Ok(Quantum::Finished),
                Some(Travel::InputEnd(_)) | None => {}
            }
            if let Some(failed) = state.stages[index].exchange.take_failed() {
                // Dropped behind the lock: an exception of the host rings a bell when it goes.
                let _told = self.recover_host(state, index, host, failed, inbox)?;
                drop(guard);
                continue;
            }
            if state.stages[index].exchange.is_calling() {
                if let Some(call) = state.stages[index].exchange.resume() {
                    self.tell(state, Event::Resume { call });
                }
                return Ok(Quantum::Parked);
            }
            if host.due().is_some_and(|due| self.now() < due) {
                return Ok(Quantum::Parked);
            }
            let mut before = usize::MAX;
            while inbox.len() != before && (before == usize::MAX || host.wants_more(inbox)) {
                before = inbox.len();
                // No more than one call takes, or the inbox would grow beside the bounds of the queues.
                self.refill_in(state, index, inbox, host.room(inbox), ready);
            }
            inbox.retain(|travel| match travel {
                Travel::Packet(routed, _) => !self.is_late(routed, self.first_node(index)),
                Travel::InputEnd(_) | Travel::End(_) | Travel::Finish => true,
            });
            if inbox.is_empty() {
                return Ok(Quantum::Parked);
            }
            let was_waiting = host.is_waiting(self.now());
            if let Some(due) = host.wait_until(inbox, self.now()) {
                if !was_waiting {
                    self.set_alarm(due, Alarm::Wake(index));
                }
                return Ok(Quantum::Parked);
            }
            if let Some(call) = host.call(inbox, &mut state.stages[index].exchange, self.token, *epoch) {
                if let (Some(counts), Some((item, packet))) = (&self.counts, call.first()) {
                    for link in &self.graph.stages[index].links {
                        counts[link.node].take((call.packets() - call.taken_before) as u64, item, packet.pts);
                    }
                }
                // ENDs before its first packet: nothing is left to be done at this stage until the host has answered.
                while let Some(Travel::End(item)) = state.stages[index].exchange.take_exit() {
                    self.end_item_in(state, index, item, ready);
                }
                return Ok(Quantum::Called(call));
            }
        }
    }

    /// After an interruption: drops what a native stage has on its way and lets its nodes begin anew. A source goes on.
    fn renew(&self, index: usize, chain: &mut Chain, inbox: &mut VecDeque<Travel>) -> Result<(), ChainFailure> {
        if self.graph.begins_with_source(index) {
            return Ok(());
        }
        inbox.retain(|travel| matches!(travel, Travel::Finish));
        if self.graph.begins_with_aligning(index) {
            let mut state = self.hold();
            // A node that begins anew has use for everything.
            state.stages[index].refused = 0;
            self.finished_inputs(&state, index).into_iter().for_each(|end| inbox.push_front(end));
        }
        chain.renew(&self.graph, index, &self.cancel)
    }

    /// Hands a call to the thread that has answered the one before, if it wants it, else to the port. Returns one that was
    /// interrupted before.
    pub(super) fn post_call(self: &Arc<Self>, state: &mut State, call: HostCall, stage: usize) -> Option<HostCall> {
        if !state.stages[stage].exchange.expects(call.id) {
            return Some(call);
        }
        let port = self.port.upgrade()?;
        port.expect_reply(&call, Arc::downgrade(self), stage);
        let follow_up = &mut state.stages[stage].follow_up;
        match *follow_up {
            FollowUp::Wanted { by } => *follow_up = FollowUp::Call { by, call },
            _ => state.ring_later(port.post(Event::Call(call))),
        }
        None
    }
}
