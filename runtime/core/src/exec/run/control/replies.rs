//! Replies of the host, taken by the thread that brings them, which may take the next call along.

use std::sync::Arc;

use crate::exec::host::host_call::{Backpressure, HostCall, Reply, ReplyError};
use crate::exec::measures::progress::Progress;
use crate::exec::ports::job::Job;
use crate::exec::run::Run;
use crate::exec::run::pacing::Pacing;
use crate::exec::run::scheduling::Ready;
use crate::exec::run::state::Phase;
use crate::exec::run::time_slice::TimeSlice;
use crate::exec::run::time_slice::budget::Budget;

impl Job for Run {
    fn cancel(self: Arc<Self>) -> bool {
        Run::cancel(&self)
    }

    fn progress(&self) -> Option<Progress> {
        self.view(&self.lock()).progress()
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
            self.meter.end_call(&self.graph, stage, call, took);
        }
        self.scheduler().schedule_if_runnable(&mut state, stage, &mut ready);
        let is_here = ready.pop().is_some();
        if !is_here {
            Pacing::of(&self, &mut state, &mut ready).keep_time();
        }
        if is_here && wants_next {
            state.stages[stage].follow_up.want(call);
        }
        drop(state);
        let mut next = None;
        if is_here {
            TimeSlice { run: &self, stage, ready: &mut ready }.run(Budget::time_slice());
            next = self.lock().stages[stage].follow_up.take(call);
        }
        self.dispatch(&mut ready);
        Ok((if is_last { Backpressure::Ready } else { backpressure(&self, stage, call) }, next))
    }
}

/// Whether there is room for the next part of a reply; if not, the host is notified once there is.
fn backpressure(run: &Arc<Run>, stage: usize, call: u64) -> Backpressure {
    let mut ready = Ready::new();
    let mut state = run.lock();
    // A run or a call that has ended has room: the next reply is refused.
    let waits = state.phase == Phase::Active
        && !state.has_room_behind(&run.graph, stage)
        && state.stages[stage].exchange.wait_for_room(call);
    if !waits {
        return Backpressure::Ready;
    }
    Pacing::of(run, &mut state, &mut ready).keep_time();
    drop(state);
    run.dispatch(&mut ready);
    Backpressure::Full
}
