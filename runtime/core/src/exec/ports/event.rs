//! What a port reports to the host.

use crate::exec::host::host_call::{CallEntry, HostCall};
use crate::exec::outputs::completion::{Completion, RunError};

/// Something that happened to work of a port.
#[derive(Debug)]
pub enum Event {
    /// A piece of work ended.
    Completed {
        /// The host's number for it.
        token: u64,
        /// How it ended.
        completion: Completion,
    },
    /// Packets for nodes of the host.
    Call(HostCall),
    /// There is room for the next part of a reply whose last part returned
    /// [`Backpressure::Full`](crate::exec::Backpressure::Full).
    Resume {
        /// The number of the call.
        call: u64,
    },
    /// A call that the host has received is over before its reply: its session was interrupted, or its work has ended.
    CallCancelled {
        /// The number of the call.
        call: u64,
    },
    /// A node has dropped the packet at which it failed. Reported for the errors that the completion will have.
    Skipped {
        /// The host's number for the piece of work.
        token: u64,
        /// The error.
        error: RunError,
        /// Whether it is the first of its node in this piece of work.
        is_first: bool,
    },
    /// A session that refused packets has room again.
    Room {
        /// The host's number for it.
        token: u64,
    },
    /// A session that had no outputs has some, or has ended.
    Outputs {
        /// The host's number for it.
        token: u64,
    },
}

/// The events of one drain of a port.
#[derive(Debug)]
pub struct Batch {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// The port is closed and will never hand out anything again.
    pub is_closed: bool,
}

impl Event {
    /// How many bytes of a document it takes, about and at most; counted no further than `enough`.
    pub(in crate::exec) fn weight(&self, enough: usize) -> usize {
        const FIELDS: usize = 64;
        match self {
            Event::Completed { completion, .. } => {
                let skipped = &completion.skip_report.skipped;
                let errors: usize = completion.errors.iter().chain(skipped).map(RunError::weight).sum();
                let outputs = completion.sinks.iter().flat_map(|sink| &sink.outputs);
                let values = outputs.map(|output| FIELDS + output.value.weight());
                FIELDS + errors + sum_up_to(enough, values)
            }
            Event::Call(call) => {
                let nodes: usize = call.nodes.iter().map(|(_, id)| id.len() + 16).sum();
                let values = call.entries.iter().map(|entry| match entry {
                    CallEntry::Packet { packet, .. } => FIELDS + packet.value.weight(),
                    CallEntry::EndOfItem { .. } | CallEntry::EndOfStream => FIELDS,
                });
                FIELDS + nodes + sum_up_to(enough, values)
            }
            Event::Skipped { error, .. } => FIELDS + error.weight(),
            Event::Resume { .. } | Event::CallCancelled { .. } | Event::Room { .. } | Event::Outputs { .. } => FIELDS,
        }
    }
}

/// The sum of the first values that reach `enough`.
fn sum_up_to(enough: usize, values: impl Iterator<Item = usize>) -> usize {
    let mut sum: usize = 0;
    for value in values {
        sum = sum.saturating_add(value);
        if sum >= enough {
            break;
        }
    }
    sum
}

impl Batch {
    /// Takes the host's numbers for its exceptions out of the errors. Adds those to `ended` that nothing else refers to: the
    /// caller reports them as released.
    pub fn end_tokens(&mut self, ended: &mut Vec<u64>) {
        for event in &mut self.events {
            match event {
                Event::Completed { completion, .. } => completion.end_tokens(ended),
                Event::Skipped { error, .. } => error.end_token(ended),
                _ => {}
            }
        }
    }
}
