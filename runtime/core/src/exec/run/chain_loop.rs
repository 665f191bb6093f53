//! The time slice of a native stage: steps its chain, as far as credit, input and time allow.

use std::collections::VecDeque;
use std::sync::Arc;

use super::budget::Budget;
use super::failure::{Fault, native};
use super::stage_loop::SliceEnd;
use super::scheduling::Ready;
use super::{Run, State};
use crate::exec::chain::{Chain, ChainFailure, ChainOutput};
use crate::exec::epochs::StageEpoch;
use crate::exec::stream_item::StreamItem;

/// The most packets that a stage takes out of its queues at once, which gives credit back before the work is done.
const REFILL_PACKETS: usize = 32;

impl Run {
    pub(super) fn run_chain(
        self: &Arc<Self>,
        index: usize,
        chain: &mut Chain,
        inbox: &mut VecDeque<StreamItem>,
        epoch: &mut StageEpoch,
        budget: Budget,
        ready: &mut Ready,
    ) -> Result<SliceEnd, Fault> {
        chain.initialize(&self.graph, &self.cancel).map_err(native)?;
        let stage = &self.graph.stages[index];
        let can_wait = self.is_session || !stage.outputs.is_empty();
        let mut has_credit = !can_wait || self.lock().has_credit(&self.graph, index);
        let steps_per_look = budget.steps_per_look(stage.cost);
        for steps in 1u64.. {
            if self.cancel.is_cancelled() {
                return Ok(SliceEnd::Stopped);
            }
            if !has_credit || (steps.is_multiple_of(steps_per_look) && budget.is_used_up()) {
                return Ok(SliceEnd::Parked);
            }
            if self.epochs.as_ref().is_some_and(|epochs| epochs.of_last(stage) != epoch.last) {
                self.restart_chain(index, chain, inbox, epoch).map_err(native)?;
            }
            if chain.due().is_some_and(|due| self.now() < due) {
                return Ok(SliceEnd::Parked);
            }
            let output = if chain.has_work() {
                chain.advance()
            } else {
                if inbox.is_empty() {
                    self.refill(index, inbox, REFILL_PACKETS, chain.refused(), epoch.first, ready);
                }
                match inbox.pop_front() {
                    None => return Ok(SliceEnd::Parked),
                    Some(StreamItem::EndOfStream) => return Ok(SliceEnd::Finished),
                    Some(item) => self.feed_chain(index, chain, item),
                }
            };
            match output {
                Err(failure) => self.recover_chain(index, chain, failure)?,
                Ok(None) => {}
                Ok(Some(ChainOutput::EndOfItem(item))) => {
                    self.forward(index, || StreamItem::EndOfItem(item), Some(epoch.whole), ready);
                }
                Ok(Some(ChainOutput::Packet { port, queued })) => {
                    has_credit = self.emit(index, port, queued, epoch.last, ready)?;
                }
            }
        }
        Ok(SliceEnd::Parked)
    }

    /// Gives an item of the inbox to the first node, unless it is a packet that comes too late.
    fn feed_chain(
        &self,
        index: usize,
        chain: &mut Chain,
        item: StreamItem,
    ) -> Result<Option<ChainOutput>, ChainFailure> {
        match item {
            StreamItem::Packet(queued, _) if self.is_late(&queued, self.graph.stages[index].links[0].node) => Ok(None),
            StreamItem::Packet(queued, port) => chain.feed(port, queued),
            StreamItem::EndOfInput(port) => chain.end_input(port),
            StreamItem::EndOfItem(item) => {
                chain.end(item);
                Ok(None)
            }
            StreamItem::EndOfStream => Ok(None),
        }
    }

    /// After an interruption: replaces the interrupted nodes of a native stage and drops what they hold. What waits before the
    /// stage is dropped if that is its first node. A source continues as it is.
    fn restart_chain(
        &self,
        index: usize,
        chain: &mut Chain,
        inbox: &mut VecDeque<StreamItem>,
        epoch: &mut StageEpoch,
    ) -> Result<(), ChainFailure> {
        let Some(epochs) = &self.epochs else { return Ok(()) };
        let mut state = self.lock();
        let now = epochs.of_stage(&self.graph.stages[index]);
        let is_whole = now.whole != epoch.whole;
        *epoch = now;
        let Some(from) = chain.enter_epochs() else { return Ok(()) };
        let is_source = self.graph.begins_with_source(index);
        if from == 0 && !is_source {
            self.drop_from_inbox(&mut state, index, inbox, is_whole);
        }
        drop(state);
        chain.restart(from.max(usize::from(is_source)), !is_whole || is_source, &self.graph, &self.cancel)
    }

    /// Drops the packets of an inbox; of a `whole` interruption also the ends of items.
    fn drop_from_inbox(&self, state: &mut State, index: usize, inbox: &mut VecDeque<StreamItem>, whole: bool) {
        let has_finished = inbox.iter().any(|item| matches!(item, StreamItem::EndOfStream));
        inbox.retain(|item| matches!(item, StreamItem::EndOfItem(_)) && !whole);
        if self.graph.begins_with_aligning(index) {
            // A new instance takes packets at every input, and has not seen which of them have ended.
            state.stages[index].inputs.refused = 0;
            inbox.extend(self.scheduler().fan_in(index).ended_inputs(&state.queues));
        }
        inbox.extend(has_finished.then_some(StreamItem::EndOfStream));
    }
}
