//! The time slice of a host stage: sends on what the host has replied, and makes the next call.

use std::collections::VecDeque;
use std::sync::Arc;

use super::failure::Fault;
use super::stage_loop::SliceEnd;
use super::timer_event::TimerEvent;
use super::scheduling::Ready;
use super::{Run, State};
use crate::exec::epochs::StageEpoch;
use crate::exec::event::Event;
use crate::exec::host::HostStage;
use crate::exec::host_call::HostCall;
use crate::exec::stream_item::StreamItem;

/// What was sent on of the host's replies.
enum SentOn {
    Nothing,
    Item,
    EndOfStream,
}

impl Run {
    pub(super) fn run_host(
        self: &Arc<Self>,
        index: usize,
        host: &mut HostStage,
        inbox: &mut VecDeque<StreamItem>,
        epoch: &mut StageEpoch,
        ready: &mut Ready,
    ) -> Result<SliceEnd, Fault> {
        loop {
            if self.cancel.is_cancelled() {
                return Ok(SliceEnd::Stopped);
            }
            // Everything under this lock is one piece: an interruption comes before it or after it.
            let mut guard = self.lock();
            let state = &mut *guard;
            let now = self.epochs.as_ref().map_or(*epoch, |epochs| epochs.of_stage(&self.graph.stages[index]));
            if epoch.last != now.last {
                let is_whole = epoch.whole != now.whole;
                *epoch = now;
                let owed = state.stages[index].exchange.take_owed_ends();
                host.interrupt(inbox, owed, is_whole);
            }
            if !state.has_credit(&self.graph, index) {
                return Ok(SliceEnd::Parked);
            }
            match self.send_on(state, index, ready)? {
                SentOn::Item => continue,
                SentOn::EndOfStream => return Ok(SliceEnd::Finished),
                SentOn::Nothing => {}
            }
            if let Some(failed) = state.stages[index].exchange.take_failed() {
                // Dropped after the lock: releasing an exception of the host notifies an event loop.
                let _unkept = self.recover_host(state, index, host, failed, inbox)?;
                drop(guard);
                continue;
            }
            if state.stages[index].exchange.is_calling() {
                if let Some(call) = state.stages[index].exchange.resume() {
                    self.notify(state, Event::Resume { call });
                }
                return Ok(SliceEnd::Parked);
            }
            if !self.collect(state, index, host, inbox, ready) {
                return Ok(SliceEnd::Parked);
            }
            if let Some(call) = self.make_call(state, index, host, inbox, epoch.last, ready) {
                return Ok(SliceEnd::Called(call));
            }
        }
    }

    /// Sends on the next item that the host's replies have brought.
    fn send_on(self: &Arc<Self>, state: &mut State, index: usize, ready: &mut Ready) -> Result<SentOn, Fault> {
        match state.stages[index].exchange.take_output() {
            Some(StreamItem::Packet(queued, port)) => {
                self.emit_locked(state, index, port, queued, ready)?;
            }
            Some(StreamItem::EndOfItem(item)) => self.end_item_locked(state, index, item, ready),
            Some(StreamItem::EndOfStream) => return Ok(SentOn::EndOfStream),
            Some(StreamItem::EndOfInput(_)) | None => return Ok(SentOn::Nothing),
        }
        Ok(SentOn::Item)
    }

    /// Takes the packets for the next call. Returns whether it is to be made now, rather than to wait for a retry, for input
    /// or for a full batch.
    fn collect(
        self: &Arc<Self>,
        state: &mut State,
        index: usize,
        host: &mut HostStage,
        inbox: &mut VecDeque<StreamItem>,
        ready: &mut Ready,
    ) -> bool {
        if host.due().is_some_and(|due| self.now() < due) {
            return false;
        }
        let mut before = usize::MAX;
        while inbox.len() != before && (before == usize::MAX || host.wants_more(inbox)) {
            before = inbox.len();
            // No more than one call takes, or the inbox would add to the bounds of the queues.
            self.refill_locked(state, index, inbox, host.room(inbox), ready);
        }
        inbox.retain(|item| match item {
            StreamItem::Packet(queued, _) => !self.is_late(queued, self.graph.stages[index].links[0].node),
            StreamItem::EndOfInput(_) | StreamItem::EndOfItem(_) | StreamItem::EndOfStream => true,
        });
        if inbox.is_empty() {
            return false;
        }
        let was_waiting = host.is_waiting(self.now());
        let Some(due) = host.wait_until(inbox, self.now()) else { return true };
        if !was_waiting {
            self.set_timer(due, TimerEvent::Wake(index));
        }
        false
    }

    /// Makes a call of what the inbox holds; `None` if that is only ends that the host does not get.
    fn make_call(
        &self,
        state: &mut State,
        index: usize,
        host: &mut HostStage,
        inbox: &mut VecDeque<StreamItem>,
        epoch: u32,
        ready: &mut Ready,
    ) -> Option<HostCall> {
        let call = host.call(inbox, &mut state.stages[index].exchange, self.token, epoch)?;
        self.meter.begin_call(&self.graph, index, &call);
        // Ends before the first packet of the call: the stage has nothing else to do until the host has replied.
        while let Some(StreamItem::EndOfItem(item)) = state.stages[index].exchange.take_output() {
            self.end_item_locked(state, index, item, ready);
        }
        Some(call)
    }
}
