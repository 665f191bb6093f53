//! A host stage: gathers packets into calls for nodes that the host runs.
//!
//! One call is out at a time, so order is kept. Ends of items stay in the runtime, at their place between the packets of the
//! call, unless the host asked for them. Replies are taken by [`super::exchange`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::exchange::{Attempt, EntryPlace, Exchange, OpenCall, PendingItem};
use super::host_call::{CallEntry, HostCall};
use crate::exec::queues::stream_item::{QueuedPacket, StreamItem};
use crate::graph::{Graph, Link, Stage};
use crate::manifest::{OnError, Work};
use crate::value::Packet;

/// The longest wait, 136 years: any time of the clock can still be added to it.
const WITHOUT_END: Duration = Duration::from_secs(u32::MAX as u64);

/// The state of a host stage within one run.
pub(in crate::exec) struct HostStage {
    batch: usize,
    /// How long a call that is not full waits for more packets.
    max_wait: Option<Duration>,
    /// The time until which the next call waits to be full.
    full_by: Option<Instant>,
    /// The host asked for the ends of items.
    ends: bool,
    /// The last item that ended.
    ended: u64,
    last_path: u64,
    nodes: Vec<(u64, Arc<str>)>,
    /// How many output ports the last node has.
    ports: usize,
    /// Packets are kept until the host has replied to them, since an error need not end the run.
    keeps: bool,
    /// The earlier tries of the next packet.
    next: Attempt,
    /// The time before which no call is made, because the packet waits to be tried again.
    due: Option<Instant>,
    /// How many packets of the inbox were in an earlier call and had no reply.
    taken_before: usize,
}

impl HostStage {
    pub(in crate::exec) fn new(batch: usize, graph: &Graph, stage: &Stage) -> Self {
        let (mut nodes, mut ends, mut max_wait, mut ports) = (Vec::new(), false, None, 1);
        for link in &stage.links {
            let node = &graph.nodes[link.node];
            let Work::Host(host) = &node.work else { continue };
            nodes.push((host.token, Arc::clone(&node.id)));
            ends |= host.ends;
            max_wait = host.max_wait.map(|wait| wait.min(WITHOUT_END));
            ports = host.outputs.len();
        }
        let fails = |link: &Link| graph.nodes[link.node].on_error == OnError::Fail;
        Self {
            batch: batch.max(1),
            max_wait,
            full_by: None,
            ends,
            ended: 0,
            last_path: stage.last_path,
            nodes,
            ports,
            keeps: !stage.links.iter().all(fails),
            next: Attempt::default(),
            due: None,
            taken_before: 0,
        }
    }

    /// From here on a call takes one packet, so that the next one is looked at when its turn comes; but not where the host takes
    /// packets together, as a type with a wait does.
    pub(in crate::exec) fn take_singly(&mut self) {
        if self.max_wait.is_none() {
            self.batch = 1;
        }
    }

    /// How many packets the next call takes beside those of the inbox.
    pub(in crate::exec) fn room(&self, inbox: &VecDeque<StreamItem>) -> usize {
        self.batch.saturating_sub(inbox.iter().filter(|item| matches!(item, StreamItem::Packet(..))).count())
    }

    /// Whether more packets fit in a call that waits for them.
    pub(in crate::exec) fn wants_more(&self, inbox: &VecDeque<StreamItem>) -> bool {
        self.max_wait.is_some() && self.room(inbox) > 0
    }

    /// The time until which the next call waits for more packets; none if it is full, its time is up or an end has come. In a
    /// session that is the end of an item too, which a flush is: a list of inputs is one stream of many items.
    pub(in crate::exec) fn wait_until(
        &mut self,
        inbox: &VecDeque<StreamItem>,
        now: Instant,
        is_session: bool,
    ) -> Option<Instant> {
        let ends = |item: &StreamItem| match item {
            StreamItem::EndOfStream => true,
            StreamItem::EndOfItem(_) => is_session,
            StreamItem::Packet(..) | StreamItem::EndOfInput(_) => false,
        };
        self.full_by = match self.max_wait {
            Some(wait) if self.wants_more(inbox) && !inbox.iter().any(ends) => Some(self.full_by.unwrap_or(now + wait)),
            _ => None,
        };
        self.full_by.filter(|&time| now < time)
    }

    /// Whether the next call waits for more packets.
    pub(in crate::exec) fn is_waiting(&self, now: Instant) -> bool {
        self.full_by.is_some_and(|time| now < time)
    }

    /// Makes a call of what the inbox holds, up to a batch. Ends that the host did not ask for leave at once if no packet is
    /// before them; there is no call if the inbox holds nothing else.
    pub(in crate::exec) fn call(
        &mut self,
        inbox: &mut VecDeque<StreamItem>,
        exchange: &mut Exchange,
        job: u64,
        epoch: u32,
    ) -> Option<HostCall> {
        static NEXT_CALL: AtomicU64 = AtomicU64::new(1);
        let (entries, waiting) = self.take_batch(inbox, exchange);
        if entries.is_empty() {
            return None;
        }
        self.full_by = None;
        let id = NEXT_CALL.fetch_add(1, Ordering::Relaxed);
        let attempt = std::mem::take(&mut self.next);
        self.due = None;
        exchange.begin(OpenCall {
            id,
            begun: Instant::now(),
            waiting,
            attempt,
            emitted: 0,
            jumped: SmallVec::new(),
            waits_for_room: false,
        });
        let mut call =
            HostCall { id, job, nodes: self.nodes.clone(), entries, ports: self.ports, epoch, taken_before: 0 };
        call.taken_before = self.taken_before.min(call.packets());
        self.taken_before -= call.taken_before;
        Some(call)
    }

    /// Takes the entries of a call, and what it waits for with them: the packets, and the ends between them.
    fn take_batch(
        &mut self,
        inbox: &mut VecDeque<StreamItem>,
        exchange: &mut Exchange,
    ) -> (Vec<CallEntry>, VecDeque<PendingItem>) {
        let (mut entries, mut waiting) = (Vec::new(), VecDeque::new());
        while entries.len() < self.batch {
            match inbox.pop_front() {
                None => break,
                Some(StreamItem::Packet(QueuedPacket { packet, item, path, deadline }, port)) => {
                    let Packet { pts, duration, discontinuity, .. } = packet;
                    let place = EntryPlace { item, path, pts, duration, discontinuity, deadline, port };
                    let kept = self.keeps.then(|| packet.clone());
                    waiting.push_back(PendingItem::Entry { index: entries.len(), place, packet: kept, is_end: false });
                    entries.push(CallEntry::Packet { item, packet, port });
                }
                // The input ports of host nodes end together.
                Some(StreamItem::EndOfInput(_)) => {}
                Some(StreamItem::EndOfItem(item)) if self.ends => {
                    self.ended = item;
                    waiting.extend([self.end_entry(entries.len()), PendingItem::EndOfItem(item)]);
                    entries.push(CallEntry::EndOfItem { item });
                }
                Some(StreamItem::EndOfStream) if self.ends => {
                    waiting.extend([self.end_entry(entries.len()), PendingItem::EndOfStream]);
                    entries.push(CallEntry::EndOfStream);
                }
                Some(other) if entries.is_empty() => exchange.pass(other),
                Some(StreamItem::EndOfItem(item)) => waiting.push_back(PendingItem::EndOfItem(item)),
                Some(StreamItem::EndOfStream) => waiting.push_back(PendingItem::EndOfStream),
            }
        }
        (entries, waiting)
    }

    /// The entry of an end, for which the host may emit what it holds back.
    fn end_entry(&self, index: usize) -> PendingItem {
        let (item, path) = (self.ended, self.last_path);
        let place = EntryPlace { item, path, pts: None, duration: None, discontinuity: false, deadline: None, port: 0 };
        PendingItem::Entry { index, place, packet: None, is_end: true }
    }

    /// Drops the packets that wait for a call; of a `whole` interruption also the ends of items. `owed` are the ends that the
    /// exchange has taken from a call: they come before those of the inbox.
    pub(in crate::exec) fn interrupt(&mut self, inbox: &mut VecDeque<StreamItem>, owed: Vec<StreamItem>, whole: bool) {
        self.next = Attempt::default();
        self.due = None;
        self.full_by = None;
        self.taken_before = 0;
        inbox.retain(|item| match item {
            StreamItem::Packet(..) | StreamItem::EndOfInput(_) => false,
            StreamItem::EndOfItem(_) => !whole,
            StreamItem::EndOfStream => true,
        });
        owed.into_iter().rev().for_each(|end| inbox.push_front(end));
    }

    /// The time of the next retry, before which no call is made.
    pub(in crate::exec) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// After a failure: puts what has no reply back into the inbox, without the packet that failed.
    pub(in crate::exec) fn skip(
        &mut self,
        mut call: OpenCall,
        inbox: &mut VecDeque<StreamItem>,
        exchange: &mut Exchange,
    ) {
        call.waiting.pop_front();
        // The ends behind it leave by themselves: in the inbox they would lead to one more call.
        while let Some(PendingItem::EndOfItem(_) | PendingItem::EndOfStream) = call.waiting.front() {
            if let Some(end) = call.waiting.pop_front().and_then(PendingItem::into_stream_item) {
                exchange.pass(end);
            }
        }
        self.taken_before += call.give_back(inbox);
    }

    /// After a failure: puts what has no reply back into the inbox, to be called for again once it is `due`.
    pub(in crate::exec) fn retry_at(&mut self, call: OpenCall, inbox: &mut VecDeque<StreamItem>, due: Instant) {
        self.next = Attempt { retries: call.attempt.retries + 1, ..call.attempt };
        self.due = Some(due);
        // The packet that is tried again counts once more.
        self.taken_before += call.give_back(inbox).saturating_sub(1);
    }
}
