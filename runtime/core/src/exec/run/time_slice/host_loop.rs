//! The time slice of a host stage: sends on what the host has replied, and makes the next call.

use std::collections::VecDeque;

use super::end::SliceEnd;
use super::failure::Fault;
use super::recovery::Recovery;
use super::transfer::Transfer;
use crate::exec::epochs::StageEpoch;
use crate::exec::host::host_call::HostCall;
use crate::exec::host::stage::HostStage;
use crate::exec::ports::event::Event;
use crate::exec::queues::stream_item::StreamItem;
use crate::exec::run::scheduling::Ready;
use crate::exec::run::state::State;
use crate::exec::run::timer_event::TimerEvent;

/// A host stage in its time slice.
pub(super) struct HostLoop<'slice> {
    pub(super) transfer: Transfer<'slice>,
    pub(super) host: &'slice mut HostStage,
    pub(super) inbox: &'slice mut VecDeque<StreamItem>,
    pub(super) epoch: &'slice mut StageEpoch,
    pub(super) ready: &'slice mut Ready,
}

/// What was sent on of the host's replies.
enum SentOn {
    Nothing,
    Item,
    EndOfStream,
}

impl HostLoop<'_> {
    /// Sends on replies until the next call can be made, or the stage has to wait.
    pub(super) fn run(mut self) -> Result<SliceEnd, Fault> {
        let Transfer { run, stage } = self.transfer;
        loop {
            if run.shared.cancel.is_cancelled() {
                return Ok(SliceEnd::Stopped);
            }
            // Everything under this lock is one piece: an interruption comes before it or after it.
            let mut guard = run.lock();
            let state = &mut *guard;
            self.enter_epoch(state);
            if !state.has_credit(&run.graph, stage) {
                return Ok(SliceEnd::Parked);
            }
            match self.send_on(state)? {
                SentOn::Item => continue,
                SentOn::EndOfStream => return Ok(SliceEnd::Finished),
                SentOn::Nothing => {}
            }
            if let Some(failed) = state.stages[stage].exchange.take_failed() {
                // Dropped after the lock: releasing an exception of the host notifies an event loop.
                let _unkept = Recovery { run, stage }.host(state, self.host, failed, self.inbox)?;
                drop(guard);
                continue;
            }
            if state.stages[stage].exchange.is_calling() {
                if let Some(call) = state.stages[stage].exchange.resume() {
                    run.notify(state, Event::Resume { call });
                }
                return Ok(SliceEnd::Parked);
            }
            if !self.collect(state) {
                return Ok(SliceEnd::Parked);
            }
            if let Some(call) = self.make_call(state) {
                return Ok(SliceEnd::Called(call));
            }
        }
    }

    /// After an interruption: drops what waits for the next call.
    fn enter_epoch(&mut self, state: &mut State) {
        let Transfer { run, stage } = self.transfer;
        let now = run.epochs.as_ref().map_or(*self.epoch, |epochs| epochs.of_stage(&run.graph.stages[stage]));
        if self.epoch.last != now.last {
            let is_whole = self.epoch.whole != now.whole;
            *self.epoch = now;
            let owed = state.stages[stage].exchange.take_owed_ends();
            self.host.interrupt(self.inbox, owed, is_whole);
        }
    }

    /// Sends on the next item that the host's replies have brought.
    fn send_on(&mut self, state: &mut State) -> Result<SentOn, Fault> {
        match state.stages[self.transfer.stage].exchange.take_output() {
            Some(StreamItem::Packet(queued, port)) => {
                self.transfer.emit_locked(state, port, queued, self.ready)?;
            }
            Some(StreamItem::EndOfItem(item)) => self.transfer.end_item_locked(state, item, self.ready),
            Some(StreamItem::EndOfStream) => return Ok(SentOn::EndOfStream),
            Some(StreamItem::EndOfInput(_)) | None => return Ok(SentOn::Nothing),
        }
        Ok(SentOn::Item)
    }

    /// Takes the packets for the next call. Returns whether it is to be made now, rather than to wait for a retry, for input
    /// or for a full batch.
    fn collect(&mut self, state: &mut State) -> bool {
        let Transfer { run, stage } = self.transfer;
        if self.host.due().is_some_and(|due| run.now() < due) {
            return false;
        }
        let transfer = self.transfer;
        loop {
            let mut before = usize::MAX;
            while self.inbox.len() != before && (before == usize::MAX || self.host.wants_more(self.inbox)) {
                before = self.inbox.len();
                // No more than one call takes, or the inbox would add to the bounds of the queues.
                transfer.refill_locked(state, self.inbox, self.host.room(self.inbox), self.ready);
            }
            if !self.leave_late_out(state) {
                break;
            }
        }
        if self.inbox.is_empty() {
            return false;
        }
        let was_waiting = self.host.is_waiting(run.now());
        let Some(due) = self.host.wait_until(self.inbox, run.now(), run.is_session) else { return true };
        if !was_waiting {
            run.set_timer(due, TimerEvent::Wake(stage));
        }
        false
    }

    /// Leaves packets out of the inbox that come too late. Returns whether there were any.
    fn leave_late_out(&mut self, state: &mut State) -> bool {
        let Transfer { run, stage } = self.transfer;
        let (node, before) = (run.graph.stages[stage].links[0].node, self.inbox.len());
        let mut place = 0;
        while let Some(item) = self.inbox.get(place) {
            match item {
                StreamItem::Packet(queued, port) if self.transfer.is_late(queued, node) => {
                    let (port, is_marked) = (*port, queued.packet.discontinuity);
                    self.inbox.remove(place);
                    if is_marked {
                        self.transfer.pass_mark_on(self.inbox.range_mut(place..), port, state);
                    }
                }
                _ => place += 1,
            }
        }
        self.inbox.len() < before
    }

    /// Makes a call of what the inbox holds; `None` if that is only ends that the host does not get.
    fn make_call(&mut self, state: &mut State) -> Option<HostCall> {
        let Transfer { run, stage } = self.transfer;
        let call = self.host.call(self.inbox, &mut state.stages[stage].exchange, run.token, self.epoch.last)?;
        run.meter.begin_call(&run.graph, stage, &call);
        // Ends before the first packet of the call: the stage has nothing else to do until the host has replied.
        while let Some(StreamItem::EndOfItem(item)) = state.stages[stage].exchange.take_output() {
            self.transfer.end_item_locked(state, item, self.ready);
        }
        Some(call)
    }
}
