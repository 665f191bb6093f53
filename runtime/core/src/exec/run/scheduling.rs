//! Decides which stages can run: asked after every change of a queue, and once more under the lock when a stage parks.

use std::sync::Arc;

use super::body::Body;
use super::fan_in::FanIn;
use super::{Phase, Ready, Run, State};
use crate::exec::event::Event;
use crate::exec::host_call::HostCall;
use crate::exec::job::Job;

impl Run {
    /// Schedules the stages that can run at the start.
    pub(super) fn schedule_all(&self) -> Ready {
        let mut ready = Ready::new();
        let mut state = self.lock();
        for stage in 0..self.graph.stages.len() {
            self.schedule_if_runnable(&mut state, stage, &mut ready);
        }
        ready
    }

    /// Adds a stage to `ready` if it is idle and can run.
    pub(super) fn schedule_if_runnable(&self, state: &mut State, index: usize, ready: &mut Ready) {
        if state.stages[index].is_idle() && self.is_runnable(state, index) && state.stages.schedule(index) {
            ready.push(index);
        }
    }

    /// Parks a stage, and schedules it again if it can run by now. A `call` is posted under the same lock: so its host,
    /// however fast it replies, finds the stage parked.
    pub(super) fn park(self: &Arc<Self>, index: usize, body: Box<Body>, call: Option<HostCall>, ready: &mut Ready) {
        let mut state = self.lock();
        if state.phase != Phase::Active {
            drop(state);
            return self.retire(index, Some(body), Ok(()), ready);
        }
        state.stages.park(index, body);
        let interrupted = call.and_then(|call| self.post_call(&mut state, call, index));
        self.schedule_if_runnable(&mut state, index, ready);
        self.keep_time(&mut state, ready);
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

    fn is_runnable(&self, state: &State, index: usize) -> bool {
        let cell = &state.stages[index];
        if cell.is_woken() {
            return true;
        }
        if !state.has_credit(&self.graph, index) {
            return false;
        }
        let has_input = || self.fan_in(index).has_input(&state.queues, &cell.inputs);
        let epoch = self.epochs.as_ref().map_or(0, |epochs| epochs.of_last(&self.graph.stages[index]));
        cell.has_work(epoch, || self.now(), has_input)
    }

    /// The inputs of a stage.
    pub(super) fn fan_in(&self, stage: usize) -> FanIn<'_> {
        FanIn { graph: &self.graph, stage, is_session: self.is_session, clock: &self.clock }
    }
}
