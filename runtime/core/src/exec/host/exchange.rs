//! The exchange between a host stage and its host: the call that is out, and what its replies have brought that has not
//! left the stage yet.
//!
//! All of it stands behind the lock of the run. A call is one value here: it begins when the host gets it, and is gone once
//! the host has replied to all of it, it has failed or it was interrupted. A reply is taken through the call that it names, in
//! one piece with the check that this call is still out; so a reply to a call that is over changes nothing. That a host waits
//! for room is part of its call, so it can neither outlive the call nor pass to the next one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::host_call::Reply;
use crate::exec::queues::stream_item::{QueuedPacket, StreamItem};
use crate::node::NodeError;
use crate::value::Packet;

/// A failure of the host's code, with the node and the item at which it happened.
pub(in crate::exec) struct HostFault {
    pub(in crate::exec) node: usize,
    pub(in crate::exec) item: u64,
    pub(in crate::exec) error: NodeError,
    /// What `on_error` can do about it.
    pub(in crate::exec) remedy: Remedy,
}

/// What can be done about a failure of the host's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exec) enum Remedy {
    /// The packet can be tried again, or dropped.
    Any,
    /// What the host held back is gone with the end of its item: there is nothing to try again.
    Skip,
    /// The node could not be made ready, or could not end.
    Nothing,
}

/// A call that failed. The failure takes effect once everything before it has left the stage.
pub(in crate::exec) struct Failed {
    pub(in crate::exec) fault: HostFault,
    pub(in crate::exec) call: OpenCall,
}

/// The exchange of one stage; that of a native stage stays empty.
#[derive(Default)]
pub(in crate::exec) struct Exchange {
    call: Option<OpenCall>,
    outbox: VecDeque<StreamItem>,
    /// Comes after the outbox.
    failed: Option<Failed>,
    /// The ends that an interruption has taken from the call that was out, and that the stage must not lose.
    owed_ends: Vec<StreamItem>,
    /// How many packets have left at each output port.
    next_seqs: SmallVec<[u64; 2]>,
}

/// What an interruption dropped; to be freed where no lock is held, since it may be the host's.
pub(in crate::exec) struct Dropped {
    call: Option<OpenCall>,
    _outbox: Vec<StreamItem>,
    _failed: Option<Failed>,
}

/// The tries of a packet so far.
#[derive(Clone, Copy, Default)]
pub(in crate::exec) struct Attempt {
    /// How many times the packet was tried again.
    pub(in crate::exec) retries: u32,
    /// How many values the host has emitted for the packet, in all tries together; a new try does not repeat them.
    pub(in crate::exec) given: usize,
}

/// A call that is out.
pub(in crate::exec) struct OpenCall {
    pub(in crate::exec) id: u64,
    pub(in crate::exec) begun: Instant,
    /// The packets of the call without their values, and the ENDs between them.
    pub(in crate::exec) waiting: VecDeque<PendingItem>,
    /// The tries of the packet that the host replies to.
    pub(in crate::exec) attempt: Attempt,
    /// How many values this call has brought for that packet.
    pub(in crate::exec) emitted: usize,
    /// At which output ports one of them has passed on the jump in time at which the packet came.
    pub(in crate::exec) jumped: SmallVec<[bool; 2]>,
    /// The host waits for [`Event::Resume`](crate::exec::ports::event::Event::Resume) before the next part of its reply.
    pub(in crate::exec) waits_for_room: bool,
}

/// What the host has not replied to yet.
pub(in crate::exec) enum PendingItem {
    Entry {
        index: usize,
        place: EntryPlace,
        /// Kept if the packet may be tried again.
        packet: Option<Packet>,
        /// It is the entry of an end.
        is_end: bool,
    },
    EndOfItem(u64),
    EndOfStream,
}

/// What is known of a packet of a call, without its value.
#[derive(Clone, Copy)]
pub(in crate::exec) struct EntryPlace {
    pub(in crate::exec) item: u64,
    pub(in crate::exec) path: u64,
    pub(in crate::exec) pts: Option<i64>,
    pub(in crate::exec) duration: Option<i64>,
    pub(in crate::exec) discontinuity: bool,
    pub(in crate::exec) deadline: Option<Instant>,
    /// The input port at which the packet came.
    pub(in crate::exec) port: usize,
}

impl Exchange {
    /// Begins a call; the one before it is over.
    pub(in crate::exec) fn begin(&mut self, call: OpenCall) {
        debug_assert!(self.call.is_none() && self.failed.is_none(), "one call at a time");
        self.call = Some(call);
    }

    /// Whether a call is out.
    pub(in crate::exec) fn is_calling(&self) -> bool {
        self.call.is_some()
    }

    /// The call that is out.
    pub(in crate::exec) fn call(&self) -> Option<&OpenCall> {
        self.call.as_ref()
    }

    /// The number of the call that is out.
    pub(in crate::exec) fn open_call(&self) -> Option<u64> {
        self.call.as_ref().map(|call| call.id)
    }

    /// Whether the call with this number is out.
    pub(in crate::exec) fn expects(&self, id: u64) -> bool {
        self.open_call() == Some(id)
    }

    /// Takes a reply to the call that is out. `node` maps a node of the call to its index in the graph. Returns how long the
    /// call was out, if this is its last reply.
    pub(in crate::exec) fn take(&mut self, reply: Reply, node: impl Fn(usize) -> usize) -> Option<Duration> {
        let mut call = self.call.take()?;
        call.waits_for_room = false;
        let is_last = reply.is_last();
        for output in reply.outputs {
            let Some(place) = call.seek(&mut self.outbox, output.entry) else { continue };
            let EntryPlace { item, path, deadline, .. } = place;
            call.emitted += 1;
            let own = Packet::new(output.value);
            let pts = output.pts.or(own.pts).or(place.pts);
            let duration = output.duration.or(own.duration).or(place.duration);
            // What has another time is not what came behind the jump, and further answers follow on the first.
            let discontinuity = place.discontinuity
                && own.can_jump()
                && is_time_of(pts, place.pts)
                && !std::mem::replace(call.has_jumped(output.port), true);
            if call.emitted <= call.attempt.given {
                continue;
            }
            call.attempt.given = call.emitted;
            let packet = Packet { discontinuity, ..own.at(pts, duration) };
            let queued = QueuedPacket { packet, item, path, deadline };
            self.outbox.push_back(StreamItem::Packet(queued, output.port));
        }
        let took = is_last.then(|| call.begun.elapsed());
        if let Some(failure) = reply.failure {
            let entry = call.seek(&mut self.outbox, failure.entry);
            let (item, position) = entry.map_or((0, None), |place| (place.item, place.pts));
            let mut error = NodeError::new(failure.message).at(failure.pts.or(position));
            error.chain = failure.chain;
            error.host_token = failure.token;
            let remedy = if failure.ends_run { Remedy::Nothing } else { call.remedy() };
            self.failed = Some(Failed { fault: HostFault { node: node(failure.node), item, error, remedy }, call });
        } else if is_last {
            self.outbox.extend(call.waiting.into_iter().filter_map(PendingItem::into_stream_item));
        } else {
            self.call = Some(call);
        }
        took
    }

    /// Has the host of this call notified once there is room. Returns whether the call is still out.
    pub(in crate::exec) fn wait_for_room(&mut self, id: u64) -> bool {
        let call = self.call.as_mut().filter(|call| call.id == id);
        call.map(|call| call.waits_for_room = true).is_some()
    }

    /// Whether the host of the call that is out waits for room.
    pub(in crate::exec) fn waits_for_room(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.waits_for_room)
    }

    /// The call whose host waits for room and is to be notified now; once.
    pub(in crate::exec) fn resume(&mut self) -> Option<u64> {
        let call = self.call.as_mut()?;
        std::mem::take(&mut call.waits_for_room).then_some(call.id)
    }

    /// Takes the next item that is to leave the stage.
    pub(in crate::exec) fn take_output(&mut self) -> Option<StreamItem> {
        let mut output = self.outbox.pop_front();
        if let Some(StreamItem::Packet(queued, port)) = &mut output {
            if self.next_seqs.len() <= *port {
                self.next_seqs.resize(*port + 1, 0);
            }
            queued.packet.seq = self.next_seqs[*port];
            self.next_seqs[*port] += 1;
        }
        output
    }

    /// Lets an item leave that needs no reply of the host.
    pub(in crate::exec) fn pass(&mut self, item: StreamItem) {
        self.outbox.push_back(item);
    }

    /// Takes the failure, once everything before it has left.
    pub(in crate::exec) fn take_failed(&mut self) -> Option<Failed> {
        self.failed.take()
    }

    /// Whether anything is to leave the stage.
    pub(in crate::exec) fn has_output(&self) -> bool {
        !self.outbox.is_empty() || self.failed.is_some()
    }

    /// The packets that are to leave the stage at this output port of its last node.
    pub(in crate::exec) fn leaving(&self, port: usize) -> impl Iterator<Item = &Packet> {
        self.outbox.iter().filter_map(move |item| match item {
            StreamItem::Packet(queued, from) if *from == port => Some(&queued.packet),
            _ => None,
        })
    }

    /// Ends the call that is out, and drops everything but ends: of a `whole` interruption also those of items, which have
    /// lost their beginning everywhere.
    pub(in crate::exec) fn interrupt(&mut self, whole: bool) -> Dropped {
        let (call, failed) = (self.call.take(), self.failed.take());
        let calls = call.iter().chain(failed.as_ref().map(|failed| &failed.call));
        self.owed_ends.extend(calls.flat_map(|call| call.waiting.iter().filter_map(PendingItem::end)));
        let mut dropped = Vec::new();
        for item in std::mem::take(&mut self.outbox) {
            match item {
                StreamItem::Packet(..) => dropped.push(item),
                // The host has done its part of it.
                end if !whole => self.outbox.push_back(end),
                end => self.owed_ends.push(end),
            }
        }
        if whole {
            self.owed_ends.retain(|end| matches!(end, StreamItem::EndOfStream));
        }
        Dropped { call, _outbox: dropped, _failed: failed }
    }

    /// The ends that interruptions have taken from a call; the caller gives them back to the stage.
    pub(in crate::exec) fn take_owed_ends(&mut self) -> Vec<StreamItem> {
        std::mem::take(&mut self.owed_ends)
    }
}

impl Dropped {
    /// The number of the call that was out.
    pub(in crate::exec) fn call(&self) -> Option<u64> {
        self.call.as_ref().map(|call| call.id)
    }
}

impl OpenCall {
    /// Lets everything before entry `wanted` leave, and returns the place of that entry; the entry itself stays at the front,
    /// since more may come for it.
    fn seek(&mut self, outbox: &mut VecDeque<StreamItem>, wanted: usize) -> Option<EntryPlace> {
        while let Some(front) = self.waiting.front() {
            match *front {
                PendingItem::Entry { index, place, .. } if index == wanted => return Some(place),
                PendingItem::Entry { index, .. } if index > wanted => return None,
                PendingItem::Entry { .. } => {
                    self.waiting.pop_front();
                    (self.attempt, self.emitted) = (Attempt::default(), 0);
                    self.jumped.clear();
                }
                _ => outbox.extend(self.waiting.pop_front().and_then(PendingItem::into_stream_item)),
            }
        }
        None
    }

    /// Whether a value at this port has passed on the jump of the packet that the host replies to.
    fn has_jumped(&mut self, port: usize) -> &mut bool {
        if self.jumped.len() <= port {
            self.jumped.resize(port + 1, false);
        }
        &mut self.jumped[port]
    }

    /// What can be done about a failure with the entry that is next.
    fn remedy(&self) -> Remedy {
        let mut waiting = self.waiting.iter();
        match (waiting.next(), waiting.next()) {
            (Some(PendingItem::Entry { is_end: true, .. }), Some(PendingItem::EndOfStream)) => Remedy::Nothing,
            (Some(PendingItem::Entry { is_end: true, .. }), _) => Remedy::Skip,
            _ => Remedy::Any,
        }
    }

    /// Puts what has no reply back into the inbox. Returns how many packets that are.
    pub(in crate::exec) fn give_back(self, inbox: &mut VecDeque<StreamItem>) -> usize {
        let mut packets = 0;
        for waiting in self.waiting.into_iter().rev() {
            let item = match waiting {
                PendingItem::Entry { place: EntryPlace { item, path, deadline, port, .. }, packet, .. } => {
                    packet.map(|packet| StreamItem::Packet(QueuedPacket { packet, item, path, deadline }, port))
                }
                other => other.into_stream_item(),
            };
            if let Some(item) = item {
                packets += usize::from(matches!(item, StreamItem::Packet(..)));
                inbox.push_front(item);
            }
        }
        packets
    }
}

/// Whether a reply has the time of its input, which may have been seconds in float64 on its way: some months from the start
/// these no longer tell each nanosecond apart.
fn is_time_of(pts: Option<i64>, input: Option<i64>) -> bool {
    let seconds = |pts: i64| pts as f64 / 1e9;
    let is_near = |(pts, input)| {
        let input = seconds(input);
        (input.next_down()..=input.next_up()).contains(&seconds(pts))
    };
    pts == input || pts.zip(input).is_some_and(is_near)
}

impl PendingItem {
    /// The end, if it is one.
    fn end(&self) -> Option<StreamItem> {
        match self {
            PendingItem::Entry { .. } => None,
            PendingItem::EndOfItem(item) => Some(StreamItem::EndOfItem(*item)),
            PendingItem::EndOfStream => Some(StreamItem::EndOfStream),
        }
    }

    pub(in crate::exec) fn into_stream_item(self) -> Option<StreamItem> {
        self.end()
    }
}
