//! The time slice of a native stage: steps its chain, as far as credit, input and time allow.

use std::collections::VecDeque;

use super::budget::Budget;
use super::end::SliceEnd;
use super::failure::{Fault, native};
use super::recovery::Recovery;
use super::transfer::Transfer;
use crate::exec::chain::{Chain, ChainFailure, ChainOutput};
use crate::exec::epochs::StageEpoch;
use crate::exec::queues::stream_item::{QueuedPacket, StreamItem};
use crate::exec::run::scheduling::Ready;
use crate::exec::run::state::State;

/// The most packets that a stage takes out of its queues at once, which gives credit back before the work is done.
const REFILL_PACKETS: usize = 32;

/// A native stage in its time slice.
pub(super) struct ChainLoop<'slice> {
    pub(super) transfer: Transfer<'slice>,
    pub(super) chain: &'slice mut Chain,
    pub(super) inbox: &'slice mut VecDeque<StreamItem>,
    pub(super) epoch: &'slice mut StageEpoch,
    pub(super) ready: &'slice mut Ready,
    /// There was credit when the slice began, or is after the last packet that has left the stage.
    pub(super) has_credit: bool,
}

impl ChainLoop<'_> {
    /// Steps the chain until it has to wait, its time is up, or its stream has ended.
    pub(super) fn run(mut self, budget: Budget) -> Result<SliceEnd, Fault> {
        let Transfer { run, stage: index } = self.transfer;
        self.chain.initialize(&run.graph, &run.shared).map_err(native)?;
        let stage = &run.graph.stages[index];
        let mut has_looked = false;
        let steps_per_look = budget.steps_per_look(stage.cost);
        for steps in 1u64.. {
            if run.shared.cancel.is_cancelled() {
                return Ok(SliceEnd::Stopped);
            }
            if !self.has_credit || (steps.is_multiple_of(steps_per_look) && budget.is_used_up()) {
                return Ok(SliceEnd::Parked);
            }
            if run.epochs.as_ref().is_some_and(|epochs| epochs.of_last(stage) != self.epoch.last) {
                self.restart().map_err(native)?;
            }
            if self.chain.due().is_some_and(|due| run.now() < due) {
                return Ok(SliceEnd::Parked);
            }
            let output = if self.chain.has_work() {
                self.chain.advance()
            } else {
                // Good for one step: nodes may take all of the inbox without emitting anything.
                let has_just_looked = std::mem::take(&mut has_looked);
                if self.inbox.is_empty() && !has_just_looked {
                    let refused = self.chain.refused();
                    self.refill(&mut run.lock(), refused);
                }
                match self.inbox.pop_front() {
                    None => return Ok(SliceEnd::Parked),
                    Some(StreamItem::EndOfStream) => return Ok(SliceEnd::Finished),
                    Some(item) => self.feed(item),
                }
            };
            match output {
                Err(failure) => Recovery { run, stage: index }.chain(self.chain, failure)?,
                Ok(None) => {}
                Ok(Some(ChainOutput::EndOfItem(item))) => {
                    self.transfer.forward(|| StreamItem::EndOfItem(item), Some(self.epoch.whole), self.ready);
                }
                Ok(Some(ChainOutput::Packet { port, queued })) => {
                    has_looked = self.emit(port, queued)?;
                }
            }
        }
        Ok(SliceEnd::Parked)
    }

    /// Sends a packet out of the stage, unless its epoch is over. If the next step needs input, that is taken under the same lock:
    /// a stage in which one packet is on its way at a time takes the lock three times for it rather than five. Returns
    /// whether that was done.
    fn emit(&mut self, port: usize, queued: QueuedPacket) -> Result<bool, Fault> {
        let Transfer { run, stage } = self.transfer;
        // Asked of the first node where no lock is held.
        let refused = (self.inbox.is_empty() && !self.chain.has_work()).then(|| self.chain.refused());
        let mut state = run.lock();
        self.has_credit = true;
        if run.epochs.as_ref().is_some_and(|epochs| epochs.of_last(&run.graph.stages[stage]) != self.epoch.last) {
            return Ok(false);
        }
        self.has_credit = self.transfer.emit_locked(&mut state, port, queued, self.ready)?;
        let Some(refused) = refused.filter(|_| self.has_credit) else { return Ok(false) };
        self.refill(&mut state, refused);
        Ok(true)
    }

    /// Refills the inbox with what waits before the stage, but for the inputs that the first node refuses.
    fn refill(&mut self, state: &mut State, refused: u64) {
        self.transfer.refill(state, self.inbox, REFILL_PACKETS, refused, self.epoch.first, self.ready);
    }

    /// Gives an item of the inbox to the first node, unless it is a packet that comes too late.
    fn feed(&mut self, item: StreamItem) -> Result<Option<ChainOutput>, ChainFailure> {
        let Transfer { run, stage } = self.transfer;
        match item {
            StreamItem::Packet(queued, port)
                if self.transfer.is_late(&queued, run.graph.stages[stage].links[0].node) =>
            {
                if queued.packet.discontinuity {
                    self.transfer.pass_mark_on(self.inbox.iter_mut(), port, &mut run.lock());
                }
                Ok(None)
            }
            StreamItem::Packet(queued, port) => self.chain.feed(port, queued),
            StreamItem::EndOfInput(port) => self.chain.end_input(port),
            StreamItem::EndOfItem(item) => {
                self.chain.end(item);
                Ok(None)
            }
            StreamItem::EndOfStream => Ok(None),
        }
    }

    /// After an interruption: replaces the interrupted nodes of a native stage and drops what they hold. What waits before the
    /// stage is dropped if that is its first node. A source continues as it is.
    fn restart(&mut self) -> Result<(), ChainFailure> {
        let Transfer { run, stage } = self.transfer;
        let Some(epochs) = &run.epochs else { return Ok(()) };
        let mut state = run.lock();
        let now = epochs.of_stage(&run.graph.stages[stage]);
        let is_whole = now.whole != self.epoch.whole;
        *self.epoch = now;
        let Some(from) = self.chain.enter_epochs() else { return Ok(()) };
        let is_source = run.graph.begins_with_source(stage);
        if from == 0 && !is_source {
            self.drop_from_inbox(&mut state, is_whole);
        }
        drop(state);
        self.chain.restart(from.max(usize::from(is_source)), !is_whole || is_source, &run.graph, &run.shared)
    }

    /// Drops the packets of an inbox; of a `whole` interruption also the ends of items.
    fn drop_from_inbox(&mut self, state: &mut State, whole: bool) {
        let Transfer { run, stage } = self.transfer;
        let has_finished = self.inbox.iter().any(|item| matches!(item, StreamItem::EndOfStream));
        self.inbox.retain(|item| matches!(item, StreamItem::EndOfItem(_)) && !whole);
        if run.graph.begins_with_aligning(stage) {
            // A new instance takes packets at every input, and has not seen which of them have ended.
            state.stages[stage].inputs.refused = 0;
            self.inbox.extend(run.scheduler().fan_in(stage).ended_inputs(&state.queues));
        }
        self.inbox.extend(has_finished.then_some(StreamItem::EndOfStream));
    }
}
