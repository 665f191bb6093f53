//! What a host stage and its host have between them: the call that is out, and what has come of it and not left yet.
//!
//! All of it stands behind the lock of the run. A call is one value here: it begins when the host is given it and is gone
//! once it is answered, has failed or was interrupted. A reply is taken through the call that it names, in one piece with
//! the look whether that call is still out, so one to a call that is over changes nothing; and that a host waits for room
//! is part of its call, so it can neither outlive the call nor pass to the next one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::host_call::Reply;
use super::queue::{Routed, Travel};
use crate::node::NodeError;
use crate::value::Packet;

/// A failure of the host's code, with the node that it belongs to.
pub(super) struct HostFault {
    pub(super) node: usize,
    pub(super) item: u64,
    pub(super) error: NodeError,
}

/// A call that failed: told of once everything before the failure has left.
pub(super) struct Failed {
    pub(super) fault: HostFault,
    pub(super) call: OpenCall,
}

/// The state of the exchange of one stage; that of a native one stays empty.
#[derive(Default)]
pub(super) struct Exchange {
    call: Option<OpenCall>,
    outbox: VecDeque<Travel>,
    /// Comes after what is in the outbox.
    failed: Option<Failed>,
    /// An interruption has dropped a FINISH, which no stage may lose.
    owes_finish: bool,
    /// How many packets have left.
    next_seq: u64,
}

/// What an interruption dropped; to be let go of where no lock is held, since it may be the host's.
pub(super) struct Dropped {
    call: Option<OpenCall>,
    _outbox: VecDeque<Travel>,
    _failed: Option<Failed>,
}

/// What is known of a packet that is tried again.
#[derive(Clone, Copy, Default)]
pub(super) struct Attempt {
    /// How many times it was tried again.
    pub(super) tried: u32,
    /// How many values the host has emitted for it, in all tries together; a new try does not repeat them.
    pub(super) given: usize,
}

/// A call that is out.
pub(super) struct OpenCall {
    pub(super) id: u64,
    pub(super) begun: Instant,
    /// The packets of the call without their values, and the ENDs between them.
    pub(super) waiting: VecDeque<Waiting>,
    /// What is known of the packet that is answered.
    pub(super) attempt: Attempt,
    /// How many values this call has brought for it.
    pub(super) emitted: usize,
    /// The host makes the next part of its answer once it is told that there is room.
    pub(super) waits_for_room: bool,
}

/// What a call waits for an answer to.
pub(super) enum Waiting {
    Entry {
        index: usize,
        place: EntryPlace,
        /// Kept if it may be tried again.
        packet: Option<Packet>,
    },
    End(u64),
    Finish,
}

/// A packet of a call without its value.
#[derive(Clone, Copy)]
pub(super) struct EntryPlace {
    pub(super) item: u64,
    pub(super) path: u64,
    pub(super) pts: Option<i64>,
    pub(super) duration: Option<i64>,
    pub(super) deadline: Option<Instant>,
    /// The input at which it came.
    pub(super) port: usize,
}

impl Exchange {
    /// Begins a call. The one before it is over.
    pub(super) fn begin(&mut self, call: OpenCall) {
        debug_assert!(self.call.is_none() && self.failed.is_none(), "one call at a time");
        self.call = Some(call);
    }

    /// Whether a call is out.
    pub(super) fn is_calling(&self) -> bool {
        self.call.is_some()
    }

    /// The number of the call that is out.
    pub(super) fn open_call(&self) -> Option<u64> {
        self.call.as_ref().map(|call| call.id)
    }

    /// Whether the call with this number is out.
    pub(super) fn expects(&self, id: u64) -> bool {
        self.open_call() == Some(id)
    }

    /// Takes a reply to the call that is out. `node` says where a node of the call stands in the graph. Returns how long the
    /// call was out, if this is its end.
    pub(super) fn take(&mut self, reply: Reply, node: impl Fn(usize) -> usize) -> Option<Duration> {
        let mut call = self.call.take()?;
        call.waits_for_room = false;
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
        let took = is_last.then(|| call.begun.elapsed());
        if let Some(failure) = reply.failure {
            let entry = call.seek(&mut self.outbox, failure.entry);
            let (item, position) = entry.map_or((0, None), |place| (place.item, place.pts));
            let mut error = NodeError::new(failure.message).at(position);
            error.chain = failure.chain;
            error.host_token = failure.token;
            self.failed = Some(Failed { fault: HostFault { node: node(failure.node), item, error }, call });
        } else if is_last {
            self.outbox.extend(call.waiting.into_iter().filter_map(Waiting::into_travel));
        } else {
            self.call = Some(call);
        }
        took
    }

    /// Has the host of this call told when there is room, if it is still out. Returns whether it is.
    pub(super) fn wait_for_room(&mut self, id: u64) -> bool {
        let call = self.call.as_mut().filter(|call| call.id == id);
        call.map(|call| call.waits_for_room = true).is_some()
    }

    /// Whether the host of the call that is out waits for room.
    pub(super) fn waits_for_room(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.waits_for_room)
    }

    /// There is room: the call whose host waits for it, and is to be told.
    pub(super) fn resume(&mut self) -> Option<u64> {
        let call = self.call.as_mut()?;
        std::mem::take(&mut call.waits_for_room).then_some(call.id)
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

    /// Lets something leave that needs no answer of the host.
    pub(super) fn pass(&mut self, travel: Travel) {
        self.outbox.push_back(travel);
    }

    /// The failure that is to be told once everything before it has left.
    pub(super) fn take_failed(&mut self) -> Option<Failed> {
        self.failed.take()
    }

    /// Whether something is to leave the stage.
    pub(super) fn has_exit(&self) -> bool {
        !self.outbox.is_empty() || self.failed.is_some()
    }

    /// The packets that are on their way out of the stage at this port of its last node.
    pub(super) fn leaving(&self, port: usize) -> impl Iterator<Item = &Packet> {
        self.outbox.iter().filter_map(move |travel| match travel {
            Travel::Packet(routed, from) if *from == port => Some(&routed.packet),
            _ => None,
        })
    }

    /// Drops everything but FINISH, and ends the call that is out.
    pub(super) fn interrupt(&mut self) -> Dropped {
        let (call, failed) = (self.call.take(), self.failed.take());
        let outbox = std::mem::take(&mut self.outbox);
        let mut calls = call.iter().chain(failed.as_ref().map(|failed| &failed.call));
        self.owes_finish |= calls.any(|call| call.waiting.iter().any(|waiting| matches!(waiting, Waiting::Finish)))
            || outbox.iter().any(|travel| matches!(travel, Travel::Finish));
        Dropped { call, _outbox: outbox, _failed: failed }
    }

    /// Whether an interruption has dropped a FINISH that the stage has not been given back.
    pub(super) fn take_owed_finish(&mut self) -> bool {
        std::mem::take(&mut self.owes_finish)
    }
}

impl Dropped {
    /// The number of the call that was out.
    pub(super) fn call(&self) -> Option<u64> {
        self.call.as_ref().map(|call| call.id)
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
    pub(super) fn give_back(self, inbox: &mut VecDeque<Travel>) -> usize {
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
    pub(super) fn into_travel(self) -> Option<Travel> {
        match self {
            Waiting::Entry { .. } => None,
            Waiting::End(item) => Some(Travel::End(item)),
            Waiting::Finish => Some(Travel::Finish),
        }
    }
}
