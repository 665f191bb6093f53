//! A native stage: a chain of nodes stepped one after the other on whichever thread runs it.
//!
//! The deepest node that has more to give goes first, so that nothing piles up between the nodes of a chain: at any
//! moment at most one packet is on its way through it.

mod again;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use self::again::{Again, Attempt, let_go};
use super::changes::Changes;
use super::items::Items;
use super::live::Counted;
use super::metrics::Counts;
use super::queue::Routed;
use crate::graph::Graph;
use crate::manifest::Work;
use crate::node::{CancelFlag, Context, Cost, Emission, Item, Kinds, Node, NodeError, NodeType, Step};
use crate::value::{Kind, Packet};

/// The nodes of a stage, in the middle of their work.
pub(super) struct Chain {
    slots: Vec<Slot>,
    is_initialized: bool,
    item: u64,
    /// When what comes of the packet in work is worth nothing any more.
    deadline: Option<Instant>,
    items: Arc<Items>,
    /// The nodes have heard of the item that is in work.
    has_begun: bool,
    /// The first node is a source that decides how many items there are.
    brings_items: bool,
    last_path: u64,
    /// The ports of the first node, if it aligns what comes there.
    aligned: Vec<usize>,
    ending: Option<Ending>,
    /// Comes before everything else.
    again: Option<Again>,
    /// How many nodes want to be resumed.
    resumable: usize,
    /// The node that was called last, for the report of a panic.
    current: usize,
    /// Where a session counts what its nodes do.
    counts: Option<Arc<Counts>>,
    /// Every step is timed then, also small ones.
    is_traced: bool,
    /// What a session changes about its nodes.
    changes: Option<Arc<Changes>>,
    stage: usize,
}

/// What leaves a chain: a packet on an output port of its last node, or the end of an item.
pub(super) enum Exit {
    Packet { port: usize, routed: Routed },
    End(u64),
}

/// A failure, with the node that it belongs to.
pub(super) struct ChainFailure {
    pub(super) node: usize,
    pub(super) item: u64,
    pub(super) error: NodeError,
    pub(super) is_panic: bool,
}

struct Slot {
    node: Box<dyn Node>,
    index: usize,
    node_type: Arc<NodeType>,
    output_port: usize,
    next_port: usize,
    wants_cleanup: bool,
    has_more: bool,
    path: u64,
    pts: Option<i64>,
    /// The number of the next packet of each output port.
    seqs: Box<[u64]>,
    /// There if what the node fails at is tried again.
    attempt: Option<Box<Attempt>>,
    _counted: Counted,
}

/// An END on its way through the chain: the nodes before `next` have been flushed.
#[derive(Clone, Copy)]
struct Ending {
    item: u64,
    next: usize,
}

impl Chain {
    /// New instances of the nodes of a stage, unless one panics instead.
    pub(super) fn new(
        graph: &Graph,
        index: usize,
        items: &Arc<Items>,
        counts: Option<&Arc<Counts>>,
        changes: Option<&Arc<Changes>>,
    ) -> Result<Self, ChainFailure> {
        let stage = &graph.stages[index];
        let mut slots = Vec::with_capacity(stage.links.len());
        for (position, link) in stage.links.iter().enumerate() {
            let node = &graph.nodes[link.node];
            let Work::Native { node_type, .. } = &node.work else { continue };
            slots.push(Slot {
                node: instance(graph, index, position, changes)?,
                index: link.node,
                node_type: Arc::clone(node_type),
                output_port: link.output_port,
                next_port: link.next_port,
                wants_cleanup: false,
                has_more: false,
                path: 0,
                pts: None,
                seqs: vec![0; node_type.outputs.len()].into(),
                attempt: node.on_error.retry().map(|_| Box::default()),
                _counted: Counted::node(),
            });
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
                stage.inputs.iter().map(|edge| graph.edges[*edge].port).collect()
            } else {
                Vec::new()
            },
            ending: None,
            again: None,
            resumable: 0,
            current: 0,
            counts: counts.cloned(),
            is_traced: counts.is_some_and(|counts| counts.recorder.is_some()),
            changes: changes.cloned(),
            stage: index,
        })
    }

    /// Lets new instances take over, as if nothing had been processed; what the old ones still had to give is lost.
    pub(super) fn renew(&mut self, graph: &Graph, index: usize, cancel: &CancelFlag) -> Result<(), ChainFailure> {
        if !self.is_initialized {
            return Ok(());
        }
        let mut fresh = Self::new(graph, index, &self.items, self.counts.as_ref(), self.changes.as_ref())?;
        for (slot, old) in fresh.slots.iter_mut().zip(&self.slots) {
            slot.seqs.clone_from(&old.seqs);
        }
        std::mem::replace(self, fresh).cleanup()?;
        self.initialize(graph, cancel)
    }

    /// Initializes the nodes, in their order, if that has not been done.
    pub(super) fn initialize(&mut self, graph: &Graph, cancel: &CancelFlag) -> Result<(), ChainFailure> {
        if self.is_initialized {
            return Ok(());
        }
        for position in 0..self.slots.len() {
            self.initialize_at(position, graph, cancel)?;
        }
        self.is_initialized = true;
        Ok(())
    }

    fn initialize_at(&mut self, position: usize, graph: &Graph, cancel: &CancelFlag) -> Result<(), ChainFailure> {
        self.current = position;
        let slot = &mut self.slots[position];
        let context = Context { node_id: Arc::clone(&graph.nodes[slot.index].id), cancel: cancel.clone() };
        match slot.node.initialize(&context) {
            Ok(()) => slot.wants_cleanup = true,
            Err(error) => return Err(self.failure(position, error)),
        }
        Ok(())
    }

    /// Whether there is something to do without new input.
    pub(super) fn has_work(&self) -> bool {
        self.resumable > 0 || self.ending.is_some() || self.again.is_some()
    }

    /// Lets the first node process a packet.
    pub(super) fn feed(&mut self, port: usize, routed: Routed) -> Result<Option<Exit>, ChainFailure> {
        let Routed { packet, item, path, deadline } = routed;
        (self.item, self.deadline) = (item, deadline);
        self.apply_changes();
        self.begin();
        // What is made of several inputs has one order.
        let path = if self.aligned.is_empty() { path } else { self.last_path };
        let step = self.process(0, port, packet, path)?;
        self.run_down(0, step)
    }

    /// The ports that the first node has no use for until something comes at another one, a bit for each.
    pub(super) fn refused(&self) -> u64 {
        let Some(slot) = self.slots.first() else { return 0 };
        self.aligned.iter().filter(|port| !slot.node.wants(**port)).fold(0, |bits, port| bits | 1 << port)
    }

    /// Lets the first node hear that nothing more of this item comes at a port.
    pub(super) fn end_input(&mut self, port: usize) -> Result<Option<Exit>, ChainFailure> {
        self.enter(0);
        self.slots[0].path = self.last_path;
        let step = self.slots[0].node.end_input(port).map_err(|error| self.failure(0, error))?;
        self.run_down(0, step)
    }

    /// Sends the end of an item in after the last packet of it.
    pub(super) fn end(&mut self, item: u64) {
        if self.brings_items {
            let name = self.ask_source(item).and_then(|item| item.name);
            self.items.begin(item, name);
        }
        self.begin_ending(item);
    }

    fn begin_ending(&mut self, item: u64) {
        // What was held back comes when it comes.
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

    /// Tells the nodes of the item that is in work, once.
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

    /// What the source at the head brings next.
    fn ask_source(&mut self, number: u64) -> Option<Item> {
        self.current = 0;
        self.slots.first_mut()?.node.next_item(number)
    }

    /// Goes on without new input until something leaves the chain or a node has more to give.
    pub(super) fn advance(&mut self) -> Result<Option<Exit>, ChainFailure> {
        self.apply_changes();
        if let Some(again) = self.again.take() {
            return self.again(again);
        }
        if self.resumable > 0 {
            return self.resume_deepest();
        }
        while let Some(Ending { item, next }) = self.ending {
            if next == self.slots.len() {
                return Ok(Some(self.end_item(item)));
            }
            // Also if this fails: the END goes on behind what is dropped.
            self.ending = Some(Ending { item, next: next + 1 });
            self.enter(next);
            let slot = &mut self.slots[next];
            slot.path = self.last_path;
            let step = slot.node.flush().map_err(|error| self.failure(next, error))?;
            let exit = self.run_down(next, step)?;
            if exit.is_some() || self.resumable > 0 {
                return Ok(exit);
            }
        }
        Ok(None)
    }

    /// The nodes are through with an item; what begins with the next one, if a source brings it.
    fn end_item(&mut self, item: u64) -> Exit {
        self.ending = None;
        for slot in &mut self.slots {
            slot.pts = None;
        }
        self.has_begun = false;
        let next = if self.brings_items { self.ask_source(item + 1) } else { None };
        if let Some(next) = next {
            self.items.begin(item + 1, next.name);
            self.begin_ending(item + 1);
        }
        Exit::End(item)
    }

    /// Cleans up each node whose `initialize` succeeded, and drops them all. A panic in one does not keep the others
    /// from it; the first one is the answer.
    pub(super) fn cleanup(self) -> Result<(), ChainFailure> {
        let mut result = Ok(());
        for Slot { node, wants_cleanup, index, pts, .. } in self.slots {
            if let Err(payload) = let_go(node, wants_cleanup) {
                result = result.and(Err(panic_of(index, self.item, pts, &*payload)));
            }
        }
        result
    }

    /// The failure that a panic of the node that was called last amounts to.
    pub(super) fn panicked(&self, payload: &(dyn Any + Send)) -> ChainFailure {
        let slot = &self.slots[self.current];
        panic_of(slot.index, self.item, slot.pts, payload)
    }

    /// Remembers which node is in a step, for a panic and for metrics.
    #[inline]
    fn enter(&mut self, position: usize) {
        self.current = position;
        if let Some(counts) = &self.counts {
            counts[self.slots[0].index].enter(position);
        }
    }

    fn resume_deepest(&mut self) -> Result<Option<Exit>, ChainFailure> {
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

    /// Passes what a node answered on to the next ones, until a node emits nothing or the end is reached.
    fn run_down(&mut self, mut position: usize, mut step: Step) -> Result<Option<Exit>, ChainFailure> {
        loop {
            let (emission, has_more) = match step {
                Step::Done(emission) => (emission, false),
                Step::More(emission) => (emission, true),
            };
            let is_last = position + 1 == self.slots.len();
            self.set_more(position, has_more);
            let slot = &mut self.slots[position];
            let lets_pass = match &mut slot.attempt {
                Some(attempt) => attempt.lets_pass(emission.is_some(), has_more),
                None => true,
            };
            let Some(Emission { port, mut packet }) = emission.filter(|_| lets_pass) else { return Ok(None) };
            if let Some(seq) = slot.seqs.get_mut(port) {
                packet.seq = *seq;
                *seq += 1;
            }
            let path = slot.path;
            if is_last {
                return Ok(Some(Exit::Packet {
                    port,
                    routed: Routed { packet, item: self.item, path, deadline: self.deadline },
                }));
            }
            if port != slot.output_port {
                return Ok(None);
            }
            let next_port = slot.next_port;
            position += 1;
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
            Some(input) if !input.kinds.contains(kind) => Err(wrong_kind(input.kinds, kind)),
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

/// A new instance of a node of a stage, unless it panics instead.
fn instance(
    graph: &Graph,
    stage_index: usize,
    position: usize,
    changes: Option<&Arc<Changes>>,
) -> Result<Box<dyn Node>, ChainFailure> {
    let stage = &graph.stages[stage_index];
    let index = stage.links[position].node;
    let changed = changes.and_then(|changes| changes.applied(stage_index, index));
    // The first node takes what the edges bring, every other one what the node before it gives.
    let inputs: Vec<usize> = match position.checked_sub(1) {
        None => stage.inputs.iter().map(|edge| graph.edges[*edge].port).collect(),
        Some(before) => vec![stage.links[before].next_port],
    };
    let made = catch_unwind(AssertUnwindSafe(|| match &graph.nodes[index].work {
        Work::Native { prepared, .. } => {
            let mut node = changed.as_ref().unwrap_or(prepared).instantiate();
            node.connect(&inputs);
            node
        }
        Work::Host(_) => unreachable!("a stage of native nodes holds no other"),
    }));
    made.map_err(|payload| panic_of(index, 0, None, &*payload))
}

/// What is wrong with a value that an input port does not take, and how to make it one that it takes.
fn wrong_kind(accepted: Kinds, kind: Kind) -> NodeError {
    let got = match kind {
        Kind::Null => "null".to_owned(),
        Kind::Str => "text".to_owned(),
        Kind::Bytes => "bytes".to_owned(),
        Kind::Audio => "audio".to_owned(),
        Kind::Int => "an int".to_owned(),
        other => format!("a {}", other.name()),
    };
    let expected = if accepted == Kinds::of(&[Kind::Str]) { "text".to_owned() } else { accepted.describe() };
    let error = NodeError::new(format!("expected {expected}, got {got}"));
    match kind {
        Kind::Bytes if accepted.contains(Kind::Audio) => error.cure(
            "Put an AudioDecode before this node if they are a file; wrap samples: Audio.from_pcm(data, \"s16\", \
             rate=..., channels=...).",
        ),
        Kind::Tensor | Kind::List if accepted.contains(Kind::Audio) => error.cure("Wrap it: Audio(samples, rate=...)."),
        Kind::File if accepted.contains(Kind::Audio) => {
            error.cure("Decode it first: put an AudioDecode before this node.")
        }
        Kind::Str if accepted.contains(Kind::File) => error.cure("Wrap the path: File(path)."),
        _ if accepted.contains(Kind::Audio) => error.cure("Send Audio(samples, rate=...)."),
        _ if accepted.contains(Kind::File) => error.cure("Send File(path)."),
        _ if accepted.contains(Kind::Str) => error.cure("Send text."),
        _ if accepted.contains(Kind::Float) => error.cure("Send a number."),
        _ => error,
    }
}

fn panic_of(node: usize, item: u64, position: Option<i64>, payload: &(dyn Any + Send)) -> ChainFailure {
    let error = NodeError::new(format!("the node panicked: {}", panic_text(payload)))
        .cure("This is a defect of the node, not of your input; please report it.")
        .at(position);
    ChainFailure { node, item, error, is_panic: true }
}

/// What a panic said.
pub fn panic_text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_the_wrong_kind_is_told_what_to_become() {
        let audio = Kinds::of(&[Kind::Audio]);
        let file = Kinds::of(&[Kind::Bytes, Kind::File]);
        let number = Kinds::of(&[Kind::Int, Kind::Float]);
        let text = Kinds::of(&[Kind::Str]);
        let cases = [
            (audio, Kind::Tensor, "expected audio, got a tensor", "Wrap it: Audio(samples, rate=...)."),
            (audio, Kind::File, "expected audio, got a file", "Decode it first: put an AudioDecode before this node."),
            (audio, Kind::Int, "expected audio, got an int", "Send Audio(samples, rate=...)."),
            (
                audio,
                Kind::Bytes,
                "expected audio, got bytes",
                "Put an AudioDecode before this node if they are a file; wrap samples: Audio.from_pcm(data, \"s16\", \
                 rate=..., channels=...).",
            ),
            (file, Kind::Str, "expected bytes or file, got text", "Wrap the path: File(path)."),
            (file, Kind::Null, "expected bytes or file, got null", "Send File(path)."),
            (number, Kind::Audio, "expected int or float, got audio", "Send a number."),
            (text, Kind::Tensor, "expected text, got a tensor", "Send text."),
            (number, Kind::Map, "expected int or float, got a map", "Send a number."),
        ];
        for (accepted, kind, cause, cure) in cases {
            let error = wrong_kind(accepted, kind);
            assert_eq!((error.cause.as_str(), error.cure.as_str()), (cause, cure));
        }
    }
}
