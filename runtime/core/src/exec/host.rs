//! A host stage: packets go out to the host in batches, its answers come back in order.
//!
//! One call is out at a time, so order is kept; ENDs never leave the runtime, they wait in their place of the batch.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::host_call::{CallEntry, HostCall, Reply};
use super::queue::{Routed, Travel};
use crate::graph::{Graph, Link, Stage};
use crate::manifest::{OnError, Work};
use crate::node::NodeError;
use crate::value::Packet;

/// A failure of the host's code, with the node that it belongs to.
pub(super) struct HostFault {
    pub(super) node: usize,
    pub(super) item: u64,
    pub(super) error: NodeError,
}

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
    /// Where these nodes stand in the graph.
    indices: Vec<usize>,
    /// How many outputs the last node has.
    ports: usize,
    outbox: VecDeque<Travel>,
    call: Option<OpenCall>,
    /// Comes after what is in the outbox.
    fault: Option<HostFault>,
    /// Whether packets are kept until they are answered, since an error may not be the end.
    keeps: bool,
    /// What is known of the next packet, if it was tried before.
    next: Attempt,
    /// The moment before which there is no call.
    due: Option<Instant>,
    /// How many packets have left.
    next_seq: u64,
    /// How many of the packets in line were in a call before, and had no answer.
    taken_before: usize,
}

/// What is known of a packet that is tried again.
#[derive(Clone, Copy, Default)]
struct Attempt {
    /// How many times it was tried again.
    tried: u32,
    /// How many values the host has emitted for it, in all tries together; a new try does not repeat them.
    given: usize,
}

struct OpenCall {
    id: u64,
    begun: Instant,
    /// The packets of the call without their values, and the ENDs between them.
    waiting: VecDeque<Waiting>,
    /// What is known of the packet that is answered.
    attempt: Attempt,
    /// How many values this call has brought for it.
    emitted: usize,
}

enum Waiting {
    Entry {
        index: usize,
        place: EntryPlace,
        /// Kept if it may be tried again.
        packet: Option<Packet>,
    },
    End(u64),
    Finish,
}

impl HostStage {
    pub(super) fn new(batch: usize, graph: &Graph, stage: &Stage) -> Self {
        let (mut nodes, mut indices, mut ends, mut max_wait, mut ports) = (Vec::new(), Vec::new(), false, None, 1);
        for link in &stage.links {
            let node = &graph.nodes[link.node];
            let Work::Host(host) = &node.work else { continue };
            nodes.push((host.token, Arc::clone(&node.id)));
            indices.push(link.node);
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
            indices,
            ports,
            outbox: VecDeque::new(),
            call: None,
            fault: None,
            keeps: !stage.links.iter().all(fails),
            next: Attempt::default(),
            due: None,
            next_seq: 0,
            taken_before: 0,
        }
    }

    /// What is to leave the stage next.
    pub(super) fn take_exit(&mut self) -> Option<Travel> {
        let mut exit = self.outbox.pop_front();
        if let Some(Travel::Packet(routed, _)) = &mut exit {
            routed.packet.seq = self.next_seq;
            self.next_seq += 1;
        }
        exit
    }

    /// The failure that is to be told once everything before it has left.
    pub(super) fn take_fault(&mut self) -> Option<HostFault> {
        self.fault.take()
    }

    /// Whether something is to leave the stage.
    pub(super) fn has_exit(&self) -> bool {
        !self.outbox.is_empty() || self.fault.is_some()
    }

    /// How many packets the next call takes beside those that wait for it.
    pub(super) fn room(&self, inbox: &VecDeque<Travel>) -> usize {
        self.batch.saturating_sub(inbox.iter().filter(|travel| matches!(travel, Travel::Packet(..))).count())
    }

    /// Whether a call is out.
    pub(super) fn is_calling(&self) -> bool {
        self.call.is_some()
    }

    /// Where the nodes of this stage stand in the graph.
    pub(super) fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// The number of the call that is out.
    pub(super) fn open_call(&self) -> Option<u64> {
        self.call.as_ref().map(|call| call.id)
    }

    /// How long the call with this number is out.
    pub(super) fn calls_for(&self, call: u64) -> Option<Duration> {
        self.call.as_ref().filter(|open| open.id == call).map(|open| open.begun.elapsed())
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
    pub(super) fn call(&mut self, inbox: &mut VecDeque<Travel>, job: u64, epoch: u32) -> Option<HostCall> {
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
                Some(other) if entries.is_empty() => self.outbox.push_back(other),
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
        self.call = Some(OpenCall { id, begun: Instant::now(), waiting, attempt, emitted: 0 });
        let mut call =
            HostCall { id, job, nodes: self.nodes.clone(), entries, ports: self.ports, epoch, taken_before: 0 };
        call.taken_before = self.taken_before.min(call.packets());
        self.taken_before -= call.taken_before;
        Some(call)
    }

    /// Drops what is on its way, and the call that is out, whose number is the answer; FINISH stays.
    pub(super) fn interrupt(&mut self, inbox: &mut VecDeque<Travel>) -> Option<u64> {
        let call = self.call.take();
        let waits = |waiting: &Waiting| matches!(waiting, Waiting::Finish);
        let was_finishing = call.iter().any(|call| call.waiting.iter().any(waits))
            || self.outbox.iter().chain(inbox.iter()).any(|travel| matches!(travel, Travel::Finish));
        self.outbox.clear();
        self.fault = None;
        self.next = Attempt::default();
        self.due = None;
        self.full_by = None;
        self.taken_before = 0;
        inbox.clear();
        inbox.extend(was_finishing.then_some(Travel::Finish));
        call.map(|call| call.id)
    }

    /// Takes an answer to the call that is out; one to an earlier call is too late.
    pub(super) fn apply(&mut self, id: u64, reply: Reply) {
        let Some(call) = self.call.as_mut().filter(|call| call.id == id) else { return };
        let is_last = reply.is_last();
        for output in reply.outputs {
            let Some(place) = call.seek(&mut self.outbox, output.entry) else { continue };
            let EntryPlace { item, path, deadline, .. } = place;
            call.emitted += 1;
            if call.emitted <= call.attempt.given {
                continue;
            }
            call.attempt.given = call.emitted;
            let own = Packet::new(output.value);
            let pts = output.pts.or(own.pts).or(place.pts);
            let duration = output.duration.or(own.duration).or(place.duration);
            let routed = Routed { packet: own.at(pts, duration), item, path, deadline };
            self.outbox.push_back(Travel::Packet(routed, output.port));
        }
        if let Some(failure) = reply.failure {
            let entry = call.seek(&mut self.outbox, failure.entry);
            let (item, position) = entry.map_or((0, None), |place| (place.item, place.pts));
            let mut error = NodeError::new(failure.message).at(position);
            error.chain = failure.chain;
            error.host_token = failure.token;
            self.fault = Some(HostFault { node: self.indices[failure.node], item, error });
            return;
        }
        if let Some(call) = self.call.take_if(|_| is_last) {
            self.outbox.extend(call.waiting.into_iter().filter_map(Waiting::into_travel));
        }
    }
}

/// A packet of a call without its value.
#[derive(Clone, Copy)]
struct EntryPlace {
    item: u64,
    path: u64,
    pts: Option<i64>,
    duration: Option<i64>,
    deadline: Option<Instant>,
    /// The input at which it came.
    port: usize,
}

impl HostStage {
    /// How many times the packet that failed was tried again.
    pub(super) fn tried(&self) -> u32 {
        self.call.as_ref().map_or(0, |call| call.attempt.tried)
    }

    /// The moment before which there is nothing to call for.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// After a failure: puts what has no answer back in line, without the packet that failed.
    pub(super) fn skip(&mut self, inbox: &mut VecDeque<Travel>) {
        if let Some(mut call) = self.call.take() {
            call.waiting.pop_front();
            // An end behind it goes on by itself: to give it back would be to call for it once more.
            while let Some(Waiting::End(_) | Waiting::Finish) = call.waiting.front() {
                self.outbox.extend(call.waiting.pop_front().and_then(Waiting::into_travel));
            }
            self.taken_before += call.give_back(inbox);
        }
    }

    /// After a failure: puts what has no answer back in line, to be called for again from the moment `due`.
    pub(super) fn try_again(&mut self, inbox: &mut VecDeque<Travel>, due: Instant) {
        if let Some(call) = self.call.take() {
            self.next = Attempt { tried: call.attempt.tried + 1, ..call.attempt };
            self.due = Some(due);
            // The one that is tried again counts once more.
            self.taken_before += call.give_back(inbox).saturating_sub(1);
        }
    }
}

impl OpenCall {
    /// Lets everything before entry `wanted` leave, and answers the entry's place in the graph; the entry itself stays
    /// at the front, since more may come for it.
    fn seek(&mut self, outbox: &mut VecDeque<Travel>, wanted: usize) -> Option<EntryPlace> {
        while let Some(front) = self.waiting.front() {
            match *front {
                Waiting::Entry { index, place, .. } if index == wanted => return Some(place),
                Waiting::Entry { index, .. } if index > wanted => return None,
                Waiting::Entry { .. } => {
                    self.waiting.pop_front();
                    (self.attempt, self.emitted) = (Attempt::default(), 0);
                }
                _ => outbox.extend(self.waiting.pop_front().and_then(Waiting::into_travel)),
            }
        }
        None
    }

    /// Puts what has no answer back in line; answers how many packets.
    fn give_back(self, inbox: &mut VecDeque<Travel>) -> usize {
        let mut packets = 0;
        for waiting in self.waiting.into_iter().rev() {
            let travel = match waiting {
                Waiting::Entry { place: EntryPlace { item, path, deadline, port, .. }, packet, .. } => {
                    packet.map(|packet| Travel::Packet(Routed { packet, item, path, deadline }, port))
                }
                other => other.into_travel(),
            };
            if let Some(travel) = travel {
                packets += usize::from(matches!(travel, Travel::Packet(..)));
                inbox.push_front(travel);
            }
        }
        packets
    }
}

impl Waiting {
    fn into_travel(self) -> Option<Travel> {
        match self {
            Waiting::Entry { .. } => None,
            Waiting::End(item) => Some(Travel::End(item)),
            Waiting::Finish => Some(Travel::Finish),
        }
    }
}
