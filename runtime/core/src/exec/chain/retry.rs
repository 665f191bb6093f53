//! A chain after the failure of one of its nodes: a new instance takes over, and the packet in work is dropped or tried
//! again.
//!
//! After an error the state of a node is unknown, so that instance is not used again. Which errors a manifest lets pass
//! is not decided here.

use std::time::Instant;

use super::attempt::{PendingRetry, Work};
use super::instance::{ChainFailure, drop_node, instance, panic_failure};
use super::{Chain, ChainOutput};
use crate::graph::Graph;
use crate::node::Shared;

impl Chain {
    /// How many times a node has retried the packet in work; none if that can't be retried.
    pub(in crate::exec) fn retries(&self, node: usize) -> Option<u32> {
        let attempt = self.slots[self.position_of(node)].attempt.as_deref()?;
        attempt.work().map(|_| attempt.retries)
    }

    /// Replaces the instance of a node; what the old one held is lost. A source keeps its instance, since only that knows
    /// what it has emitted already.
    pub(in crate::exec) fn reinstantiate(
        &mut self,
        node: usize,
        graph: &Graph,
        shared: &Shared,
    ) -> Result<(), ChainFailure> {
        let position = self.position_of(node);
        self.enter(position);
        self.set_more(position, false);
        if self.slots[position].node_type.inputs.is_empty() {
            return Ok(());
        }
        let fresh = instance(graph, self.stage, position, self.changes.as_ref())?;
        let slot = &mut self.slots[position];
        let old = std::mem::replace(&mut slot.node, fresh);
        let wants_cleanup = std::mem::replace(&mut slot.wants_cleanup, false);
        let pts = slot.pts;
        slot.has_lost.fill(true);
        drop_node(old, wants_cleanup).map_err(|payload| panic_failure(node, self.item, pts, &*payload))?;
        self.initialize_at(position, graph, shared)?;
        if self.has_begun {
            self.slots[position].node.begin_item(&self.items.at(self.item));
        }
        Ok(())
    }

    /// Gives up the packet that a node was working on.
    pub(in crate::exec) fn give_up(&mut self, node: usize) {
        let position = self.position_of(node);
        if let Some(attempt) = &mut self.slots[position].attempt {
            attempt.give_up();
        }
    }

    /// Has a node retry the packet that it was working on, once it is `due`.
    pub(in crate::exec) fn schedule_retry(&mut self, node: usize, due: Instant) {
        let position = self.position_of(node);
        if let Some(attempt) = &mut self.slots[position].attempt {
            attempt.retry();
            self.pending_retry = Some(PendingRetry { position, due });
        }
    }

    /// The time of the next retry, before which the chain has nothing to do.
    pub(in crate::exec) fn due(&self) -> Option<Instant> {
        self.pending_retry.map(|retry| retry.due)
    }

    /// Retries a packet.
    pub(super) fn retry(&mut self, pending: PendingRetry) -> Result<Option<ChainOutput>, ChainFailure> {
        let position = pending.position;
        let attempt = self.slots[position].attempt.as_deref();
        let Some(Work { port, packet, path }) = attempt.and_then(|attempt| attempt.work().cloned()) else {
            return Ok(None);
        };
        let step = self.step(position, port, packet, path)?;
        self.run_down(position, step)
    }

    fn position_of(&self, node: usize) -> usize {
        self.slots.iter().position(|slot| slot.index == node).unwrap_or(self.current)
    }
}
