//! Calls of the host's nodes, and the replies to them.

use std::sync::Arc;

use crate::node::HostToken;
use crate::value::{Packet, Value};

/// Packets for a chain of nodes that the host runs.
#[derive(Debug)]
pub struct HostCall {
    /// The number that a reply names; unique in this process.
    pub id: u64,
    /// The host's number for the piece of work.
    pub job: u64,
    /// The nodes that each packet passes, in order: the host's number and the id in the manifest.
    pub nodes: Vec<(u64, Arc<str>)>,
    /// The packets, oldest first, and the ends between them.
    pub entries: Vec<CallEntry>,
    /// How many output ports the last of the nodes has.
    pub ports: usize,
    /// How often these nodes were interrupted before: what they have kept from earlier epochs is void.
    pub epoch: u32,
    /// How many of its packets were in an earlier call that ended before the reply to them.
    pub(in crate::exec) taken_before: usize,
}

impl HostCall {
    /// The number of packets.
    pub fn packets(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry, CallEntry::Packet { .. })).count()
    }

    /// The first packet, with the number of the input that it comes from.
    pub fn first(&self) -> Option<(u64, &Packet)> {
        self.entries.iter().find_map(|entry| match entry {
            CallEntry::Packet { item, packet, .. } => Some((*item, packet)),
            CallEntry::EndOfItem { .. } | CallEntry::EndOfStream => None,
        })
    }
}

/// One entry of a call.
#[derive(Debug)]
pub enum CallEntry {
    /// A packet.
    Packet {
        /// The input that it comes from, counted from 0.
        item: u64,
        /// The packet.
        packet: Packet,
        /// The input of the first node at which it came, counted from 0.
        port: usize,
    },
    /// An item ends; the host emits what it holds back of it. Sent to nodes that asked for ends.
    EndOfItem {
        /// The item.
        item: u64,
    },
    /// Nothing comes any more. Sent to nodes that asked for ends.
    EndOfStream,
}

/// A reply of the host, or a part of one.
#[derive(Debug)]
pub struct Reply {
    /// The values that the nodes emitted, in the order of the entries.
    pub outputs: Vec<HostOutput>,
    /// Whether nothing more comes for this call.
    pub is_final: bool,
    /// An exception; ends the call.
    pub failure: Option<HostFailure>,
}

/// One value that the host's nodes emitted.
#[derive(Debug)]
pub struct HostOutput {
    /// The entry that it comes from.
    pub entry: usize,
    /// The value.
    pub value: Value,
    /// When it begins; the entry's own time if neither this nor the value says.
    pub pts: Option<i64>,
    /// How long it lasts; the entry's own if neither this nor the value says.
    pub duration: Option<i64>,
    /// The output port of the last node, counted from 0.
    pub port: usize,
}

/// An exception of the host's code.
#[derive(Debug)]
pub struct HostFailure {
    /// The entry that it happened with.
    pub entry: usize,
    /// Which of the call's nodes.
    pub node: usize,
    /// When the value begins that this node was at work on, in nanoseconds; `None` is the time of the entry.
    pub pts: Option<i64>,
    /// The type and message, such as `ValueError: negative gain`.
    pub message: String,
    /// Its causes, nearest first.
    pub chain: Vec<String>,
    /// The host's number for the exception object.
    pub token: Option<Arc<HostToken>>,
    /// It ends the run, whatever `on_error` says: the node could not be made ready for any packet.
    pub ends_run: bool,
}

/// Whether the host may produce the next part of a reply, or has to wait until there is room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backpressure {
    /// There is room: the next part may be produced.
    Ready,
    /// Downstream is full: wait until [`Event::Resume`](crate::exec::Event::Resume) names the call.
    Full,
}

/// Why a reply was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The call has had its last reply, or its work has ended.
    #[error("call {call} is over: its work has ended or it was answered before")]
    Gone {
        /// The number of the call.
        call: u64,
    },
    /// The reply names an entry that the call does not have.
    #[error("outputs[{output}] answers entry {entry}, the call has {entries}")]
    NoSuchEntry {
        /// The output at fault.
        output: usize,
        /// The entry that it names.
        entry: usize,
        /// How many there are.
        entries: usize,
    },
    /// The outputs are not in the order of the entries.
    #[error("outputs[{output}] answers entry {entry} after entry {previous}; answer the entries in their order")]
    OutOfOrder {
        /// The output at fault.
        output: usize,
        /// The entry that it names.
        entry: usize,
        /// The entry before it.
        previous: usize,
    },
    /// An output names a port that the last node does not have.
    #[error("outputs[{output}] comes at port {port}, the last node of the call has {ports}, counted from 0")]
    NoSuchPort {
        /// The output at fault.
        output: usize,
        /// The port that it names.
        port: usize,
        /// How many there are.
        ports: usize,
    },
    /// The failure names a node that the call does not have.
    #[error("the error names node {node} of entry {entry}, the call has {nodes} nodes and {entries} entries")]
    NoSuchNode {
        /// The node that it names.
        node: usize,
        /// The entry that it names.
        entry: usize,
        /// How many nodes there are.
        nodes: usize,
        /// How many entries there are.
        entries: usize,
    },
}

impl Reply {
    /// Whether the call is over with this reply.
    pub(in crate::exec) fn is_last(&self) -> bool {
        self.is_final || self.failure.is_some()
    }

    /// Checks that the call has the entries, ports and nodes that the reply names, and that no entry is before `previous`.
    /// Returns the last entry that it names.
    pub(in crate::exec) fn check(
        &self,
        entries: usize,
        ports: usize,
        nodes: usize,
        mut previous: usize,
    ) -> Result<usize, ReplyError> {
        for (output, HostOutput { entry, port, .. }) in self.outputs.iter().enumerate() {
            if *port >= ports {
                return Err(ReplyError::NoSuchPort { output, port: *port, ports });
            }
            if *entry >= entries {
                return Err(ReplyError::NoSuchEntry { output, entry: *entry, entries });
            }
            if *entry < previous {
                return Err(ReplyError::OutOfOrder { output, entry: *entry, previous });
            }
            previous = *entry;
        }
        match &self.failure {
            Some(failure) if failure.entry >= entries || failure.node >= nodes => {
                Err(ReplyError::NoSuchNode { node: failure.node, entry: failure.entry, nodes, entries })
            }
            _ => Ok(previous),
        }
    }
}
