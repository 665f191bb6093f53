//! Replies of the host, taken by the thread that brings them, which may take the next call along.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::budget::Budget;
use super::{Phase, Ready, Run, State};
use crate::exec::host_call::{Backpressure, HostCall, Reply, ReplyError};
use crate::exec::job::Job;
use crate::exec::progress::Progress;
use crate::exec::trace::TraceRecord;

impl Job for Run {
    fn cancel(self: Arc<Self>) -> bool {
        Run::cancel(&self)
    }

    fn progress(&self) -> Option<Progress> {
        self.inspect_progress()
    }

    /// Takes a reply and sends it on from this thread: a host stage only moves packets, and so knows at once whether there
    /// is room for more, and what the next call is.
    fn take_reply(
        self: Arc<Self>,
        stage: usize,
        call: u64,
        reply: Reply,
        wants_next: bool,
    ) -> Result<(Backpressure, Option<HostCall>), ReplyError> {
        let is_last = reply.is_last();
        let mut ready = Ready::new();
        let mut state = self.lock();
        if state.phase != Phase::Active {
            return Err(ReplyError::Gone { call });
        }
        let links = &self.graph.stages[stage].links;
        if let Some(took) = state.stages[stage].take_reply(call, reply, |node| links[node].node)? {
            self.note_call(stage, call, took);
        }
        self.schedule_if_runnable(&mut state, stage, &mut ready);
        let is_here = ready.pop().is_some();
        if !is_here {
            self.keep_time(&mut state, &mut ready);
        }
        if is_here && wants_next {
            state.stages[stage].follow_up.want(call);
        }
        drop(state);
        let mut next = None;
        if is_here {
            self.run_stage(stage, Budget::time_slice(), &mut ready);
            next = self.lock().stages[stage].follow_up.take(call);
        }
        self.dispatch(&mut ready);
        Ok((if is_last { Backpressure::Ready } else { self.backpressure(stage, call) }, next))
    }
}

impl Run {
    /// Whether there is room for the next part of a reply; if not, the host is notified once there is.
    fn backpressure(&self, stage: usize, call: u64) -> Backpressure {
        let mut state = self.lock();
        // A run or a call that has ended has room: the next reply is refused.
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
            && stage.sink.is_none_or(|sink| state.egress.has_credit_behind(sink, exchange.leaving(0)))
    }

    /// Counts a call that the host has replied to for the last time.
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
