//! A native stage: a chain of nodes that one thread steps one after the other.
//!
//! The deepest node that has more to give goes first, so that nothing piles up between the nodes of a chain: at most one
//! packet is on its way through it at a time.

mod attempt;
mod held_packet;
mod instance;
mod interruption;
mod kind_error;
mod retry;
mod slot;

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use self::attempt::PendingRetry;
use self::held_packet::HeldPacket;
pub(super) use self::instance::ChainFailure;
pub use self::instance::panic_text;
use self::instance::{drop_node, panic_failure};
use self::kind_error::kind_error;
use self::slot::NodeSlot;
use super::epochs::Epochs;
use super::param_changes::ParamChanges;
use crate::exec::measures::metrics::Counts;
use crate::exec::queues::items::Items;
use crate::exec::queues::stream_item::QueuedPacket;
use crate::graph::Graph;
use crate::node::{Context, Cost, Emission, Item, NodeError, Shared, Step};
use crate::value::Packet;

/// The nodes of a stage, in the middle of their work.
pub(super) struct Chain {
    slots: Vec<NodeSlot>,
    is_initialized: bool,
    /// The item in work.
    item: u64,
    /// The deadline of the packet in work, which holds for everything that comes of it.
    deadline: Option<Instant>,
    items: Arc<Items>,
    /// `begin_item` was called for the item in work.
    has_begun: bool,
    /// The first node is a source that decides how many items there are.
    brings_items: bool,
    last_path: u64,
    /// The input ports of the first node, if it aligns them.
    aligned: Vec<usize>,
    ending: Option<Ending>,
    /// Goes before everything else.
    held: Option<HeldPacket>,
    /// Goes before everything but that.
    pending_retry: Option<PendingRetry>,
    /// How many nodes want to be resumed.
    resumable: usize,
    /// The position of the node that was called last, for the report of a panic.
    current: usize,
    /// Where a session counts what its nodes do.
    counts: Option<Arc<Counts>>,
    /// Every step is timed, also small ones.
    is_traced: bool,
    /// Changes of params while a session runs.
    changes: Option<Arc<ParamChanges>>,
    /// The epochs of the nodes of a session.
    epochs: Option<Arc<Epochs>>,
    stage: usize,
}

/// What leaves a chain: a packet on an output port of its last node, or the end of an item.
pub(super) enum ChainOutput {
    Packet { port: usize, queued: QueuedPacket },
    EndOfItem(u64),
}

/// The end of an item on its way through the chain: the nodes before position `next` have been flushed.
#[derive(Clone, Copy)]
struct Ending {
    item: u64,
    next: usize,
}

impl Chain {
    /// A chain of new instances of the nodes of a stage; fails if one panics.
    pub(super) fn new(
        graph: &Graph,
        index: usize,
        items: &Arc<Items>,
        counts: Option<&Arc<Counts>>,
        changes: Option<&Arc<ParamChanges>>,
        epochs: Option<&Arc<Epochs>>,
    ) -> Result<Self, ChainFailure> {
        let stage = &graph.stages[index];
        let mut slots = Vec::with_capacity(stage.links.len());
        for position in 0..stage.links.len() {
            slots.push(NodeSlot::new(graph, index, position, changes)?);
        }
        Ok(Self {
            slots,
            is_initialized: false,
            item: 0,
            deadline: None,
            items: Arc::clone(items),
            has_begun: false,
            brings_items: items.come_from(index),
            last_path: stage.last_path,
            aligned: if graph.begins_with_aligning(index) {
                graph.connected_ports(index).collect()
            } else {
                Vec::new()
            },
            ending: None,
            held: None,
            pending_retry: None,
            resumable: 0,
            current: 0,
            counts: counts.cloned(),
            is_traced: counts.is_some_and(|counts| counts.recorder.is_some()),
            changes: changes.cloned(),
            epochs: epochs.cloned(),
            stage: index,
        })
    }

    /// Initializes the nodes in their order, unless that has been done.
    pub(super) fn initialize(&mut self, graph: &Graph, shared: &Shared) -> Result<(), ChainFailure> {
        if self.is_initialized {
            return Ok(());
        }
        for position in 0..self.slots.len() {
            self.initialize_at(position, graph, shared)?;
        }
        self.is_initialized = true;
        Ok(())
    }

    fn initialize_at(&mut self, position: usize, graph: &Graph, shared: &Shared) -> Result<(), ChainFailure> {
        self.current = position;
        let slot = &mut self.slots[position];
        let time_breaks = self.counts.as_ref().map(|counts| counts[slot.index].time_breaks.clone()).unwrap_or_default();
        let node_id = Arc::clone(&graph.nodes[slot.index].id);
        let Shared { cancel, paths } = shared;
        let context = Context { node_id, cancel: cancel.clone(), paths: paths.clone(), time_breaks };
        match slot.node.initialize(&context) {
            Ok(()) => slot.wants_cleanup = true,
            Err(error) => return Err(self.failure(position, error)),
        }
        Ok(())
    }

    /// Whether there is work without new input.
    pub(super) fn has_work(&self) -> bool {
        self.resumable > 0 || self.ending.is_some() || self.pending_retry.is_some() || self.held.is_some()
    }

    /// Lets the first node process a packet.
    pub(super) fn feed(&mut self, port: usize, queued: QueuedPacket) -> Result<Option<ChainOutput>, ChainFailure> {
        let QueuedPacket { packet, item, path, deadline } = queued;
        (self.item, self.deadline) = (item, deadline);
        self.apply_changes();
        self.begin();
        // What is made of several inputs has one order.
        let path = if self.aligned.is_empty() { path } else { self.last_path };
        let step = self.process(0, port, packet, path)?;
        self.run_down(0, step)
    }

    /// The input ports at which the first node wants nothing until something comes at another one: a bit for each.
    pub(super) fn refused(&self) -> u64 {
        let Some(slot) = self.slots.first() else { return 0 };
        self.aligned.iter().filter(|port| !slot.node.wants(**port)).fold(0, |bits, port| bits | 1 << port)
    }

    /// Ends one input port of the first node for this item.
    pub(super) fn end_input(&mut self, port: usize) -> Result<Option<ChainOutput>, ChainFailure> {
        self.enter(0);
        self.slots[0].path = self.last_path;
        let step = self.slots[0].node.end_input(port).map_err(|error| self.failure(0, error))?;
        self.run_down(0, step)
    }

    /// Feeds the end of an item, behind its last packet.
    pub(super) fn end(&mut self, item: u64) {
        if self.brings_items {
            let first = self.ask_source(item).unwrap_or(Item::unnamed(item));
            self.items.begin(Item { number: item, ..first });
        }
        self.begin_ending(item);
    }

    fn begin_ending(&mut self, item: u64) {
        // What a node holds back belongs to no packet with a deadline.
        (self.item, self.deadline) = (item, None);
        self.begin();
        self.ending = Some(Ending { item, next: 0 });
    }

    /// Sets the live params that hold from the packet in work on.
    fn apply_changes(&mut self) {
        let Some(changes) = &self.changes else { return };
        for (node, prepared) in changes.take_due(self.stage, self.item) {
            if let Some(position) = self.slots.iter().position(|slot| slot.index == node) {
                self.current = position;
                prepared.set_live_params(&mut *self.slots[position].node);
            }
        }
    }

    /// Calls `begin_item` of all nodes, once for each item.
    fn begin(&mut self) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let item = self.items.at(self.item);
        for (position, slot) in self.slots.iter_mut().enumerate() {
            self.current = position;
            slot.node.begin_item(&item);
        }
    }

    /// The next item of the source at the head.
    fn ask_source(&mut self, number: u64) -> Option<Item> {
        self.current = 0;
        self.slots.first_mut()?.node.next_item(number)
    }

    /// Works without new input until something leaves the chain or a node has more to give.
    pub(super) fn advance(&mut self) -> Result<Option<ChainOutput>, ChainFailure> {
        self.apply_changes();
        if let Some(HeldPacket { position, port, packet, path, .. }) = self.held.take() {
            let step = self.process(position, port, packet, path)?;
            return self.run_down(position, step);
        }
        if let Some(retry) = self.pending_retry.take() {
            return self.retry(retry);
        }
        if self.resumable > 0 {
            return self.resume_deepest();
        }
        while let Some(Ending { item, next }) = self.ending {
            if next == self.slots.len() {
                return Ok(Some(self.end_item(item)));
            }
            // Moved on before the call: if that fails, the end still follows what is dropped.
            self.ending = Some(Ending { item, next: next + 1 });
            self.enter(next);
            let slot = &mut self.slots[next];
            slot.path = self.last_path;
            let step = slot.node.flush().map_err(|error| self.failure(next, error))?;
            let exit = self.run_down(next, step)?;
            if exit.is_some() || self.resumable > 0 || self.held.is_some() {
                return Ok(exit);
            }
        }
        Ok(None)
    }

    /// Ends an item after all nodes were flushed; a source may begin the next one at once.
    fn end_item(&mut self, item: u64) -> ChainOutput {
        self.ending = None;
        for slot in &mut self.slots {
            slot.pts = None;
            slot.has_lost.fill(false);
        }
        self.has_begun = false;
        let next = if self.brings_items { self.ask_source(item + 1) } else { None };
        if let Some(next) = next {
            self.items.begin(Item { number: item + 1, ..next });
            self.begin_ending(item + 1);
        }
        ChainOutput::EndOfItem(item)
    }

    /// Cleans up each node whose `initialize` succeeded, and drops them all. A panic in one does not keep the others
    /// from it. Returns the first panic.
    pub(super) fn cleanup(self) -> Result<(), ChainFailure> {
        cleanup(self.slots, self.item)
    }

    /// The failure for a panic of the node that was called last.
    pub(super) fn panicked(&self, payload: &(dyn Any + Send)) -> ChainFailure {
        let slot = &self.slots[self.current];
        panic_failure(slot.index, self.item, slot.pts, payload)
    }

    /// Remembers which node is in a step, for a panic and for metrics.
    #[inline]
    fn enter(&mut self, position: usize) {
        self.current = position;
        if let Some(counts) = &self.counts {
            counts[self.slots[0].index].enter(position);
        }
    }

    fn resume_deepest(&mut self) -> Result<Option<ChainOutput>, ChainFailure> {
        let Some(position) = self.slots.iter().rposition(|slot| slot.has_more) else { return Ok(None) };
        self.enter(position);
        let slot = &mut self.slots[position];
        let is_timed = self.counts.is_some() && (slot.node_type.cost > Cost::Proportional || self.is_traced);
        let begin = is_timed.then(Instant::now);
        let step = slot.node.resume();
        if let (Some(begin), Some(counts)) = (begin, &self.counts) {
            counts.end_step(slot.index, begin, self.item, slot.pts);
        }
        let step = step.map_err(|error| self.failure(position, error))?;
        self.run_down(position, step)
    }

    /// Passes what a node emitted on to the next ones, until one emits nothing or the end of the chain is reached.
    fn run_down(&mut self, mut position: usize, mut step: Step) -> Result<Option<ChainOutput>, ChainFailure> {
        loop {
            let has_more = matches!(step, Step::More(_));
            let (Step::Done(emission) | Step::More(emission)) = step;
            let is_last = position + 1 == self.slots.len();
            self.set_more(position, has_more);
            let slot = &mut self.slots[position];
            let lets_pass = match &mut slot.attempt {
                Some(attempt) => attempt.step(emission.is_some(), has_more),
                None => true,
            };
            if !lets_pass {
                return Ok(None);
            }
            let Some(Emission { port, mut packet }) = emission else { return Ok(None) };
            if let Some(seq) = slot.seqs.get_mut(port) {
                packet.seq = *seq;
                *seq += 1;
            }
            if let Some(has_lost) = slot.has_lost.get_mut(port)
                && *has_lost
                && packet.can_jump()
            {
                (packet.discontinuity, *has_lost) = (true, false);
            }
            let path = slot.path;
            if is_last {
                return Ok(Some(ChainOutput::Packet {
                    port,
                    queued: QueuedPacket { packet, item: self.item, path, deadline: self.deadline },
                }));
            }
            if port != slot.output_port {
                return Ok(None);
            }
            let next_port = slot.next_port;
            position += 1;
            if self.is_interrupted_before(position) {
                self.hold(HeldPacket { position, epoch: 0, port: next_port, packet, path });
                return Ok(None);
            }
            step = self.process(position, next_port, packet, path)?;
        }
    }

    fn set_more(&mut self, position: usize, has_more: bool) {
        if std::mem::replace(&mut self.slots[position].has_more, has_more) != has_more {
            self.resumable = if has_more { self.resumable + 1 } else { self.resumable - 1 };
        }
    }

    #[inline]
    fn process(&mut self, position: usize, port: usize, packet: Packet, path: u64) -> Result<Step, ChainFailure> {
        if let Some(attempt) = &mut self.slots[position].attempt {
            attempt.begin(port, packet.clone(), path);
        }
        self.step(position, port, packet, path)
    }

    #[inline]
    fn step(&mut self, position: usize, port: usize, packet: Packet, path: u64) -> Result<Step, ChainFailure> {
        self.enter(position);
        let slot = &mut self.slots[position];
        slot.path = path;
        slot.pts = packet.pts;
        let kind = packet.value.kind();
        let is_small = slot.node_type.cost <= Cost::Proportional && !self.is_traced;
        let begin = self.counts.as_ref().and_then(|counts| counts[slot.index].begin(is_small, self.item, packet.pts));
        let step = match slot.node_type.inputs.get(port) {
            Some(input) if !input.kinds.contains(kind) => Err(kind_error(input.kinds, kind)),
            _ => slot.node.process(port, packet),
        };
        if let (Some(begin), Some(counts)) = (begin, &self.counts) {
            counts.end_step(slot.index, begin, self.item, slot.pts);
        }
        step.map_err(|error| self.failure(position, error))
    }

    fn failure(&self, position: usize, mut error: NodeError) -> ChainFailure {
        let slot = &self.slots[position];
        error.position = error.position.or(slot.pts);
        ChainFailure { node: slot.index, item: self.item, error, is_panic: false }
    }
}

/// Cleans up each node whose `initialize` succeeded, and drops them all; see [`Chain::cleanup`].
fn cleanup(slots: Vec<NodeSlot>, item: u64) -> Result<(), ChainFailure> {
    let mut result = Ok(());
    for NodeSlot { node, wants_cleanup, index, pts, .. } in slots {
        if let Err(payload) = drop_node(node, wants_cleanup) {
            result = result.and(Err(panic_failure(index, item, pts, &*payload)));
        }
    }
    result
}
