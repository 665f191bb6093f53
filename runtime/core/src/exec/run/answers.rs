//! The host's answers to calls: taken by the thread that brings them, which may take the next call along.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Budget, FollowUp, Phase, Ready, Run, Sinks, State};
use crate::exec::host_call::{Backpressure, HostCall, Reply, ReplyError};
use crate::exec::trace::TraceRecord;

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
    ) -> Result<(Backpressure, Option<HostCall>), ReplyError> {
        let is_last = reply.is_last();
        let mut ready = Ready::new();
        let mut state = self.hold();
        if state.phase != Phase::Active || !state.stages[stage].exchange.expects(call) {
            return Err(ReplyError::Gone { call });
        }
        let links = &self.graph.stages[stage].links;
        if let Some(took) = state.stages[stage].exchange.take(reply, |node| links[node].node) {
            self.note_call(stage, call, took);
        }
        self.schedule_if_runnable(&mut state, stage, &mut ready);
        let is_here = ready.pop().is_some();
        if !is_here {
            self.keep_time(&mut state, &mut ready);
        }
        if is_here && wants_next {
            state.stages[stage].follow_up = FollowUp::Wanted { by: call };
        }
        drop(state);
        let mut next = None;
        if is_here {
            self.run_stage(stage, Budget::quantum(), &mut ready);
            next = self.take_follow_up(stage, call);
        }
        self.dispatch(&mut ready);
        Ok((if is_last { Backpressure::Ready } else { self.flow_behind(stage, call) }, next))
    }

    fn take_follow_up(&self, stage: usize, answered: u64) -> Option<HostCall> {
        let follow_up = &mut self.hold().stages[stage].follow_up;
        match std::mem::take(follow_up) {
            FollowUp::Call { by, call } if by == answered => Some(call),
            FollowUp::Wanted { by } if by == answered => None,
            others => {
                *follow_up = others;
                None
            }
        }
    }

    /// Whether there is room for the next part of an answer; if not, the host is told when there is.
    fn flow_behind(&self, stage: usize, call: u64) -> Backpressure {
        let mut state = self.hold();
        // The next answer to a run or a call that has ended is told so.
        let waits = state.phase == Phase::Active
            && !self.has_room_behind(&state, stage)
            && state.stages[stage].exchange.wait_for_room(call);
        if waits { Backpressure::Full } else { Backpressure::Ready }
    }

    /// Whether there is room behind a host stage, beside that for what is on its way out of it: another thread may be about
    /// to move that, and how far it is makes no difference.
    fn has_room_behind(&self, state: &State, index: usize) -> bool {
        let (stage, exchange) = (&self.graph.stages[index], &state.stages[index].exchange);
        let has_room = |&(port, edge): &(usize, usize)| state.queues[edge].has_credit_behind(exchange.leaving(port));
        stage.outputs.iter().all(has_room)
            && match (&state.sinks, stage.sink) {
                (Sinks::Live(outlets), Some(sink)) => outlets.has_credit_behind(sink, exchange.leaving(0)),
                (Sinks::Collected { bytes, .. }, Some(_)) => {
                    let leaving = exchange.leaving(0).map(|packet| packet.value.weight()).sum::<usize>();
                    bytes.saturating_add(leaving) <= self.output_bytes
                }
                (_, None) => true,
            }
    }

    /// Counts a call that the host has answered to the end.
    fn note_call(&self, stage: usize, call: u64, took: Duration) {
        if let Some(counts) = &self.counts {
            self.graph.stages[stage].links.iter().for_each(|link| counts[link.node].end(took));
        }
        self.record(|recorder| {
            let end = recorder.at(Instant::now());
            let begin = end.saturating_sub(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
            TraceRecord::Call { node: self.first_node(stage), call, begin, end }
        });
    }
}
