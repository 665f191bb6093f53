//! The time slice of a native stage: steps its chain, as far as credit, input and time allow.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::budget::Budget;
use super::failure::{Fault, native};
use super::stage_loop::SliceEnd;
use super::{Ready, Run};
use crate::exec::chain::{Chain, ChainFailure, ChainOutput};
use crate::exec::stream_item::StreamItem;

/// The most packets that a stage takes out of its queues at once, which gives credit back before the work is done.
const REFILL_PACKETS: usize = 32;

impl Run {
    pub(super) fn run_chain(
        self: &Arc<Self>,
        index: usize,
        chain: &mut Chain,
        inbox: &mut VecDeque<StreamItem>,
        epoch: &mut u32,
        budget: Budget,
        ready: &mut Ready,
    ) -> Result<SliceEnd, Fault> {
        chain.initialize(&self.graph, &self.cancel).map_err(native)?;
        let can_wait = self.is_session || !self.graph.stages[index].outputs.is_empty();
        let mut has_credit = !can_wait || self.lock().has_credit(&self.graph, index);
        let steps_per_look = budget.steps_per_look(self.graph.stages[index].cost);
        for steps in 1u64.. {
            if self.cancel.is_cancelled() {
                return Ok(SliceEnd::Stopped);
            }
            if !has_credit || (steps.is_multiple_of(steps_per_look) && budget.is_used_up()) {
                return Ok(SliceEnd::Parked);
            }
            if *epoch != self.epoch.load(Ordering::Acquire) {
                *epoch = self.epoch.load(Ordering::Acquire);
                self.restart_chain(index, chain, inbox).map_err(native)?;
            }
            if chain.due().is_some_and(|due| self.now() < due) {
                return Ok(SliceEnd::Parked);
            }
            let output = if chain.has_work() {
                chain.advance()
            } else {
                if inbox.is_empty() {
                    self.refill(index, inbox, REFILL_PACKETS, chain.refused(), *epoch, ready);
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
                    self.forward(index, || StreamItem::EndOfItem(item), Some(*epoch), ready);
                }
                Ok(Some(ChainOutput::Packet { port, queued })) => {
                    has_credit = self.emit(index, port, queued, *epoch, ready)?;
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

    /// After an interruption: drops what a native stage holds and replaces its instances of nodes. A source continues as it is.
    fn restart_chain(
        &self,
        index: usize,
        chain: &mut Chain,
        inbox: &mut VecDeque<StreamItem>,
    ) -> Result<(), ChainFailure> {
        if self.graph.begins_with_source(index) {
            return Ok(());
        }
        inbox.retain(|item| matches!(item, StreamItem::EndOfStream));
        if self.graph.begins_with_aligning(index) {
            let mut state = self.lock();
            // A new instance takes packets at every input.
            state.stages[index].inputs.refused = 0;
            let ends = self.fan_in(index).finished_inputs(&state.queues);
            ends.into_iter().for_each(|end| inbox.push_front(end));
        }
        chain.restart(&self.graph, index, &self.cancel)
    }
}
