//! The time slice of a native stage: steps its chain, as far as credit, input and time allow.

use std::collections::VecDeque;

use super::budget::Budget;
use super::failure::{Fault, native};
use super::recovery::Recovery;
use super::scheduling::Ready;
use super::slice_end::SliceEnd;
use super::state::State;
use super::transfer::Transfer;
use crate::exec::chain::{Chain, ChainFailure, ChainOutput};
use crate::exec::epochs::StageEpoch;
use crate::exec::stream_item::StreamItem;

/// The most packets that a stage takes out of its queues at once, which gives credit back before the work is done.
const REFILL_PACKETS: usize = 32;

/// A native stage in its time slice.
pub(super) struct ChainLoop<'slice> {
    pub(super) transfer: Transfer<'slice>,
    pub(super) chain: &'slice mut Chain,
    pub(super) inbox: &'slice mut VecDeque<StreamItem>,
    pub(super) epoch: &'slice mut StageEpoch,
    pub(super) ready: &'slice mut Ready,
}

impl ChainLoop<'_> {
    /// Steps the chain until it has to wait, its time is up, or its stream has ended.
    pub(super) fn run(mut self, budget: Budget) -> Result<SliceEnd, Fault> {
        let Transfer { run, stage: index } = self.transfer;
        self.chain.initialize(&run.graph, &run.cancel).map_err(native)?;
        let stage = &run.graph.stages[index];
        let can_wait = run.is_session || !stage.outputs.is_empty();
        let mut has_credit = !can_wait || run.lock().has_credit(&run.graph, index);
        let steps_per_look = budget.steps_per_look(stage.cost);
        for steps in 1u64.. {
            if run.cancel.is_cancelled() {
                return Ok(SliceEnd::Stopped);
            }
            if !has_credit || (steps.is_multiple_of(steps_per_look) && budget.is_used_up()) {
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
                if self.inbox.is_empty() {
                    let (refused, epoch) = (self.chain.refused(), self.epoch.first);
                    self.transfer.refill(self.inbox, REFILL_PACKETS, refused, epoch, self.ready);
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
                    has_credit = self.transfer.emit(port, queued, self.epoch.last, self.ready)?;
                }
            }
        }
        Ok(SliceEnd::Parked)
    }

    /// Gives an item of the inbox to the first node, unless it is a packet that comes too late.
    fn feed(&mut self, item: StreamItem) -> Result<Option<ChainOutput>, ChainFailure> {
        let Transfer { run, stage } = self.transfer;
        match item {
            StreamItem::Packet(queued, _) if self.transfer.is_late(&queued, run.graph.stages[stage].links[0].node) => {
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
        self.chain.restart(from.max(usize::from(is_source)), !is_whole || is_source, &run.graph, &run.cancel)
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
