//! The host's answers to calls: taken by the thread that brings them, which may take the next call along.

use std::sync::Arc;

use super::{Budget, FollowUp, Phase, Ready, Run, StageState, Status};
use crate::exec::host_call::{Flow, HostCall, Reply, ReplyError};
use crate::exec::port::Event;

impl Run {
    /// Takes an answer of the host to the call that a stage has out, and sends it on from this thread: a host stage does
    /// nothing but move packets, and so knows at once whether there is room for more, and what the next call is. With
    /// `wants_next` that one is part of the answer, if it is there, and no event tells of it.
    pub(in crate::exec) fn take_reply(
        self: &Arc<Self>,
        stage: usize,
        call: u64,
        reply: Reply,
        wants_next: bool,
    ) -> Result<(Flow, Option<HostCall>), ReplyError> {
        let is_last = reply.is_last();
        let mut ready = Ready::new();
        let mut state = self.hold();
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
        match std::mem::take(&mut self.hold().stages[stage].follow_up) {
            FollowUp::Call(call) => Some(call),
            FollowUp::Unwanted | FollowUp::Wanted => None,
        }
    }

    /// Whether there is room for the next part of an answer; if not, the host is told when there is.
    fn flow_behind(&self, stage: usize, call: u64) -> Flow {
        let mut state = self.hold();
        // The next answer to a run that has ended is told so.
        let is_at_rest = state.stages[stage].status == Status::Idle && state.stages[stage].replies.is_empty();
        if state.phase != Phase::Active || (is_at_rest && self.has_credit(&state, stage)) {
            return Flow::GoOn;
        }
        state.stages[stage].blocked_call = Some(call);
        Flow::Wait
    }

    /// Tells the host that it may go on with the answer that was told to wait, unless more of it has come.
    pub(super) fn resume_call(&self, stage: usize) {
        let mut state = self.hold();
        let StageState { replies, blocked_call, .. } = &mut state.stages[stage];
        if let Some(call) = blocked_call.take_if(|_| replies.is_empty()) {
            self.tell(&mut state, Event::Resume { call });
        }
    }
}
