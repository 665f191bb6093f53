//! What a node of a chain was working on when it failed: dropped or tried again, by a new instance either way.
//!
//! After an error nobody knows what state a node is in, so none goes on with it. Which errors a manifest lets pass is not
//! decided here.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::{Chain, ChainFailure, Exit, instance, panic_of};
use crate::graph::Graph;
use crate::node::{CancelFlag, Node};
use crate::value::Packet;

/// What a node that tries again is working on.
#[derive(Default)]
pub(super) struct Attempt {
    work: Option<Work>,
    /// How many times it was tried again.
    tried: u32,
    /// What has left the node of this work, in all tries together; a new try does not repeat it.
    given: u64,
    /// What the node has emitted in this try.
    emitted: u64,
}

/// A packet at a port, and the way that it came.
#[derive(Clone)]
struct Work {
    port: usize,
    packet: Packet,
    path: u64,
}

/// A node that is to try again, and not before a moment.
#[derive(Clone, Copy)]
pub(super) struct Again {
    position: usize,
    due: Instant,
}

impl Attempt {
    /// New work.
    pub(super) fn begin(&mut self, port: usize, packet: Packet, path: u64) {
        *self = Self { work: Some(Work { port, packet, path }), ..Self::default() };
    }

    /// Whether what the node emits in a step goes on: not if it did in an earlier try.
    pub(super) fn lets_pass(&mut self, emits: bool, has_more: bool) -> bool {
        if self.work.is_none() {
            return true;
        }
        self.emitted += u64::from(emits);
        let is_new = self.emitted > self.given;
        self.given = self.given.max(self.emitted);
        if !has_more {
            self.work = None;
        }
        is_new
    }
}

impl Chain {
    /// How many times a node has tried again what it is working on; none if that can't be tried again.
    pub(in crate::exec) fn tried(&self, node: usize) -> Option<u32> {
        let attempt = self.slots[self.position_of(node)].attempt.as_deref()?;
        attempt.work.as_ref().map(|_| attempt.tried)
    }

    /// Lets a new instance of a node take over; what the old one held is lost. A source goes on as it is, since only it
    /// knows what it has brought already.
    pub(in crate::exec) fn begin_anew(
        &mut self,
        node: usize,
        graph: &Graph,
        cancel: &CancelFlag,
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
        let_go(old, wants_cleanup).map_err(|payload| panic_of(node, self.item, pts, &*payload))?;
        self.initialize_at(position, graph, cancel)?;
        if self.has_begun {
            self.slots[position].node.begin_item(&self.items.at(self.item));
        }
        Ok(())
    }

    /// Gives up what a node was working on.
    pub(in crate::exec) fn give_up(&mut self, node: usize) {
        let position = self.position_of(node);
        if let Some(attempt) = &mut self.slots[position].attempt {
            attempt.work = None;
        }
    }

    /// Has a node try again what it was working on, from the moment `due`.
    pub(in crate::exec) fn try_again(&mut self, node: usize, due: Instant) {
        let position = self.position_of(node);
        if let Some(attempt) = &mut self.slots[position].attempt {
            attempt.tried += 1;
            attempt.emitted = 0;
            self.again = Some(Again { position, due });
        }
    }

    /// The moment before which there is nothing to do.
    pub(in crate::exec) fn due(&self) -> Option<Instant> {
        self.again.map(|again| again.due)
    }

    /// Does what was to be tried again.
    pub(super) fn again(&mut self, again: Again) -> Result<Option<Exit>, ChainFailure> {
        let Again { position, .. } = again;
        let attempt = self.slots[position].attempt.as_deref();
        let Some(Work { port, packet, path }) = attempt.and_then(|attempt| attempt.work.clone()) else {
            return Ok(None);
        };
        let step = self.step(position, port, packet, path)?;
        self.run_down(position, step)
    }

    fn position_of(&self, node: usize) -> usize {
        self.slots.iter().position(|slot| slot.index == node).unwrap_or(self.current)
    }
}

/// Cleans a node up if its `initialize` succeeded, and drops it; the first panic is the answer.
pub(super) fn let_go(mut node: Box<dyn Node>, wants_cleanup: bool) -> Result<(), Box<dyn Any + Send>> {
    let cleaned = catch_unwind(AssertUnwindSafe(|| {
        if wants_cleanup {
            node.cleanup();
        }
    }));
    cleaned.and(catch_unwind(AssertUnwindSafe(|| drop(node))))
}
