//! A host stage: makes calls of packets, in batches.
//!
//! One call is out at a time, so order is kept; ENDs never leave the runtime, they wait in their place of the batch. What
//! comes of a call is dealt with in [`super::exchange`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::exchange::{Attempt, EntryPlace, Exchange, OpenCall, Waiting};
use super::host_call::{CallEntry, HostCall};
use super::queue::{Routed, Travel};
use crate::graph::{Graph, Link, Stage};
use crate::manifest::{OnError, Work};

/// The state of a host stage within one run.
pub(super) struct HostStage {
    batch: usize,
    /// How long a call that is not full waits for more packets.
    max_wait: Option<Duration>,
    /// The moment until which the next call waits to be full.
    full_by: Option<Instant>,
    /// Whether the host hears of ends.
    ends: bool,
    /// The item that ended last.
    ended: u64,
    last_path: u64,
    nodes: Vec<(u64, Arc<str>)>,
    /// How many outputs the last node has.
    ports: usize,
    /// Whether packets are kept until they are answered, since an error may not be the end.
    keeps: bool,
    /// What is known of the next packet, if it was tried before.
    next: Attempt,
    /// The moment before which there is no call.
    due: Option<Instant>,
    /// How many of the packets in line were in a call before, and had no answer.
    taken_before: usize,
}

impl HostStage {
    pub(super) fn new(batch: usize, graph: &Graph, stage: &Stage) -> Self {
        let (mut nodes, mut ends, mut max_wait, mut ports) = (Vec::new(), false, None, 1);
        for link in &stage.links {
            let node = &graph.nodes[link.node];
            let Work::Host(host) = &node.work else { continue };
            nodes.push((host.token, Arc::clone(&node.id)));
            ends |= host.ends;
            max_wait = host.max_wait;
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

    /// How many packets the next call takes beside those that wait for it.
    pub(super) fn room(&self, inbox: &VecDeque<Travel>) -> usize {
        self.batch.saturating_sub(inbox.iter().filter(|travel| matches!(travel, Travel::Packet(..))).count())
    }

    /// Whether more packets fit in a call that waits for them.
    pub(super) fn wants_more(&self, inbox: &VecDeque<Travel>) -> bool {
        self.max_wait.is_some() && self.room(inbox) > 0
    }

    /// The moment until which the next call waits for more packets; none if it is full or its time is up.
    pub(super) fn wait_until(&mut self, inbox: &VecDeque<Travel>, now: Instant) -> Option<Instant> {
        let is_last = || matches!(inbox.back(), Some(Travel::Finish));
        self.full_by = match self.max_wait {
            Some(wait) if self.wants_more(inbox) && !is_last() => Some(self.full_by.unwrap_or(now + wait)),
            _ => None,
        };
        self.full_by.filter(|&moment| now < moment)
    }

    /// Whether the next call waits for more packets.
    pub(super) fn is_waiting(&self, now: Instant) -> bool {
        self.full_by.is_some_and(|moment| now < moment)
    }

    /// Makes a call of what waits, as far as the batch goes. To hosts that don't hear of them, ENDs that nothing comes
    /// before leave at once, and there is no call if nothing but ENDs waits.
    pub(super) fn call(
        &mut self,
        inbox: &mut VecDeque<Travel>,
        exchange: &mut Exchange,
        job: u64,
        epoch: u32,
    ) -> Option<HostCall> {
        static NEXT_CALL: AtomicU64 = AtomicU64::new(1);
        let mut entries = Vec::new();
        let mut waiting = VecDeque::new();
        while entries.len() < self.batch {
            match inbox.pop_front() {
                None => break,
                Some(Travel::Packet(Routed { packet, item, path, deadline }, port)) => {
                    let place = EntryPlace { item, path, pts: packet.pts, duration: packet.duration, deadline, port };
                    let kept = self.keeps.then(|| packet.clone());
                    waiting.push_back(Waiting::Entry { index: entries.len(), place, packet: kept });
                    entries.push(CallEntry::Packet { item, packet, port });
                }
                // Ports of hosts end together.
                Some(Travel::InputEnd(_)) => {}
                Some(end) if self.ends => {
                    let index = entries.len();
                    if let Travel::End(item) = end {
                        self.ended = item;
                    }
                    let (item, path) = (self.ended, self.last_path);
                    let place = EntryPlace { item, path, pts: None, duration: None, deadline: None, port: 0 };
                    waiting.push_back(Waiting::Entry { index, place, packet: None });
                    if let Travel::End(item) = end {
                        waiting.push_back(Waiting::End(item));
                        entries.push(CallEntry::End { item });
                    } else {
                        waiting.push_back(Waiting::Finish);
                        entries.push(CallEntry::Finish);
                    }
                }
                Some(other) if entries.is_empty() => exchange.pass(other),
                Some(Travel::End(item)) => waiting.push_back(Waiting::End(item)),
                Some(Travel::Finish) => waiting.push_back(Waiting::Finish),
            }
        }
        if entries.is_empty() {
            return None;
        }
        self.full_by = None;
        let id = NEXT_CALL.fetch_add(1, Ordering::Relaxed);
        let attempt = std::mem::take(&mut self.next);
        self.due = None;
        exchange.begin(OpenCall { id, begun: Instant::now(), waiting, attempt, emitted: 0, waits_for_room: false });
        let mut call =
            HostCall { id, job, nodes: self.nodes.clone(), entries, ports: self.ports, epoch, taken_before: 0 };
        call.taken_before = self.taken_before.min(call.packets());
        self.taken_before -= call.taken_before;
        Some(call)
    }

    /// Drops what waits for a call; FINISH stays, and comes back if it was in a call or on its way out.
    pub(super) fn interrupt(&mut self, inbox: &mut VecDeque<Travel>, owes_finish: bool) {
        let was_finishing = owes_finish || inbox.iter().any(|travel| matches!(travel, Travel::Finish));
        self.next = Attempt::default();
        self.due = None;
        self.full_by = None;
        self.taken_before = 0;
        inbox.clear();
        inbox.extend(was_finishing.then_some(Travel::Finish));
    }

    /// The moment before which there is nothing to call for.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// After a failure: puts what has no answer back in line, without the packet that failed.
    pub(super) fn skip(&mut self, mut call: OpenCall, inbox: &mut VecDeque<Travel>, exchange: &mut Exchange) {
        call.waiting.pop_front();
        // An end behind it goes on by itself: to give it back would be to call for it once more.
        while let Some(Waiting::End(_) | Waiting::Finish) = call.waiting.front() {
            if let Some(end) = call.waiting.pop_front().and_then(Waiting::into_travel) {
                exchange.pass(end);
            }
        }
        self.taken_before += call.give_back(inbox);
    }

    /// After a failure: puts what has no answer back in line, to be called for again from the moment `due`.
    pub(super) fn try_again(&mut self, call: OpenCall, inbox: &mut VecDeque<Travel>, due: Instant) {
        self.next = Attempt { tried: call.attempt.tried + 1, ..call.attempt };
        self.due = Some(due);
        // The one that is tried again counts once more.
        self.taken_before += call.give_back(inbox).saturating_sub(1);
    }
}
