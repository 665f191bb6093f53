//! Which stages can go on. Whoever changes a queue asks, and whoever puts a stage to rest asks once more under the lock.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::graph::Upstream;

use super::{Body, Phase, Ready, Run, Sinks, State, Status, Work};
use crate::exec::host_call::HostCall;

impl Run {
    /// Puts a stage that can't go on to rest, or back in line if it can by now. A `call` goes out in one piece with that: so
    /// its host, however fast it answers, finds the stage at rest.
    pub(super) fn park(self: &Arc<Self>, index: usize, body: Box<Body>, call: Option<HostCall>, ready: &mut Ready) {
        let mut state = self.hold();
        if state.phase != Phase::Active {
            drop(state);
            return self.retire(index, Some(body), Ok(()), ready);
        }
        let stage = &mut state.stages[index];
        if !(body.holds_packets() || stage.exchange.is_calling() || stage.exchange.has_exit()) {
            stage.holds_since = None;
        }
        stage.body = Some(body);
        stage.status = Status::Idle;
        state.active -= 1;
        let interrupted = call.and_then(|call| self.post_call(&mut state, call, index));
        self.schedule_if_runnable(&mut state, index, ready);
        self.keep_time(&mut state, ready);
        drop(state);
        drop(interrupted);
    }

    pub(super) fn schedule_if_runnable(&self, state: &mut State, index: usize, ready: &mut Ready) {
        if state.stages[index].status == Status::Idle && self.is_runnable(state, index) {
            state.stages[index].status = Status::Scheduled;
            state.active += 1;
            ready.push(index);
        }
    }

    fn is_runnable(&self, state: &State, index: usize) -> bool {
        let stage = &state.stages[index];
        if stage.is_woken {
            return true;
        }
        if !self.has_credit(state, index) {
            return false;
        }
        let exchange = &stage.exchange;
        let has_input = || self.graph.stages[index].inputs.iter().any(|&input| self.takes_from(state, index, input));
        match stage.body.as_deref() {
            None => has_input(),
            // It waits for an alarm, unless what it waits with was dropped.
            Some(Body { work, epoch, .. }) if work.due().is_some_and(|due| self.now() < due) => {
                *epoch != self.epoch.load(Ordering::Acquire) || exchange.has_exit()
            }
            Some(Body { inbox, work: Work::Native(chain), .. }) => chain.has_work() || !inbox.is_empty() || has_input(),
            Some(Body { inbox, work: Work::Host(host), epoch }) => {
                exchange.has_exit()
                    || exchange.waits_for_room()
                    || (!exchange.is_calling() && (has_input() || !(inbox.is_empty() || host.is_waiting(self.now()))))
                    || *epoch != self.epoch.load(Ordering::Acquire)
            }
        }
    }

    /// Whether a stage takes what waits on an input edge: not where its node has no use for it yet, as long as something else
    /// is to come that it waits for, and nobody waits but those who feed this edge alone.
    pub(super) fn takes_from(&self, state: &State, index: usize, input: usize) -> bool {
        if !state.queues[input].is_ready() {
            return false;
        }
        let refused = state.stages[index].refused;
        let is_refused = |edge: usize| refused >> self.graph.edges[edge].port & 1 == 1;
        let may_wait = match self.graph.edges[input].upstream {
            Upstream::Shared => false,
            // A session sends to all entries at once.
            Upstream::Inputs => !self.is_session,
            Upstream::Sources => true,
        };
        if !may_wait || !is_refused(input) {
            return true;
        }
        let is_to_come = |&edge: &usize| {
            let queue = &state.queues[edge];
            !is_refused(edge) && queue.ended.is_none() && !queue.has_finished
        };
        !self.graph.stages[index].inputs.iter().any(is_to_come)
    }

    pub(super) fn has_credit(&self, state: &State, index: usize) -> bool {
        let stage = &self.graph.stages[index];
        stage.outputs.iter().all(|&(_, edge)| state.queues[edge].has_credit())
            && match (&state.sinks, stage.sink) {
                (Sinks::Live(outlets), Some(sink)) => outlets.has_credit(sink),
                _ => true,
            }
    }

    /// Whether a stage has anything to wait for credit from.
    pub(super) fn can_wait(&self, index: usize) -> bool {
        self.is_session || !self.graph.stages[index].outputs.is_empty()
    }
}
