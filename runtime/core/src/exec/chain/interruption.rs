//! A chain whose session is interrupted from one of its nodes on: that node and those behind it are replaced, those before it
//! continue as they are, and a packet that comes to the first replaced node meanwhile waits for the new instance.

use super::held_packet::HeldPacket;
use super::instance::ChainFailure;
use super::slot::NodeSlot;
use super::{Chain, cleanup};
use crate::graph::Graph;
use crate::node::Shared;

impl Chain {
    /// Takes over the current epochs of the nodes. Returns the position of the first node that was interrupted since this was
    /// called last, after which all others were too. The caller holds the lock of the run.
    pub(in crate::exec) fn enter_epochs(&mut self) -> Option<usize> {
        let epochs = self.epochs.as_ref()?;
        let mut first = None;
        for (position, slot) in self.slots.iter_mut().enumerate() {
            let epoch = epochs.of(slot.index);
            if std::mem::replace(&mut slot.epoch, epoch) != epoch {
                first = first.or(Some(position));
            }
        }
        first
    }

    /// Replaces the instances from a position on, as if they had processed nothing; what the old ones held is lost. The end of
    /// an item that is on its way through the chain stays there, if it is to be kept.
    pub(in crate::exec) fn restart(
        &mut self,
        from: usize,
        keeps_ending: bool,
        graph: &Graph,
        shared: &Shared,
    ) -> Result<(), ChainFailure> {
        if !self.is_initialized || from >= self.slots.len() {
            return Ok(());
        }
        let mut fresh = Vec::with_capacity(self.slots.len() - from);
        for (position, old) in self.slots.iter().enumerate().skip(from) {
            let mut slot = NodeSlot::new(graph, self.stage, position, self.changes.as_ref())?;
            slot.seqs.clone_from(&old.seqs);
            slot.epoch = old.epoch;
            fresh.push(slot);
        }
        let old: Vec<NodeSlot> = self.slots.splice(from.., fresh).collect();
        self.resumable = self.slots.iter().filter(|slot| slot.has_more).count();
        self.pending_retry = self.pending_retry.filter(|retry| retry.position < from);
        // What was emitted before the latest interruption of the node it is for is void too.
        self.held =
            self.held.take().filter(|held| held.epoch == self.slots[held.position].epoch && held.position <= from);
        self.ending = self.ending.filter(|_| keeps_ending);
        self.has_begun &= from > 0 || self.ending.is_some();
        self.current = from;
        cleanup(old, self.item)?;
        for position in from..self.slots.len() {
            self.initialize_at(position, graph, shared)?;
        }
        self.begin_from(from.max(self.ending.map_or(0, |ending| ending.next)));
        Ok(())
    }

    /// Calls `begin_item` of the nodes from a position on, if the item in work has begun.
    fn begin_from(&mut self, from: usize) {
        if !self.has_begun {
            return;
        }
        let item = self.items.at(self.item);
        for (position, slot) in self.slots.iter_mut().enumerate().skip(from) {
            self.current = position;
            slot.node.begin_item(&item);
        }
    }

    /// Whether the node at this position was interrupted, so that its instance is to be replaced before it gets anything.
    #[inline]
    pub(super) fn is_interrupted_before(&self, position: usize) -> bool {
        let slot = &self.slots[position];
        self.epochs.as_ref().is_some_and(|epochs| epochs.of(slot.index) != slot.epoch)
    }

    /// Keeps a packet for the new instance of an interrupted node, unless the node that emitted it was interrupted as well: then
    /// it belongs to what is dropped.
    #[cold]
    pub(super) fn hold(&mut self, mut held: HeldPacket) {
        // In this order: whoever sees the new epoch of a node also sees that of the node before it.
        held.epoch = self.epochs.as_ref().map_or(0, |epochs| epochs.of(self.slots[held.position].index));
        if !self.is_interrupted_before(held.position - 1) {
            self.held = Some(held);
        }
    }
}
