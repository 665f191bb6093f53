//! The calls of a port that are open: the host owes their last reply.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::job::Job;
use crate::exec::host::host_call::{HostCall, Reply, ReplyError};

/// The open calls, by their numbers.
#[derive(Default)]
pub(in crate::exec) struct PendingCalls(HashMap<u64, PendingCall>);

/// A call without its last reply.
struct PendingCall {
    /// The host's number for the job.
    token: u64,
    job: Weak<dyn Job>,
    stage: usize,
    entries: usize,
    /// How many output ports the last of its nodes has.
    ports: usize,
    nodes: usize,
    /// The last entry that was replied to; replies come in the order of the entries.
    answered: usize,
}

impl PendingCalls {
    /// Adds a call of a stage of a job.
    pub(in crate::exec) fn insert(&mut self, call: &HostCall, job: Weak<dyn Job>, stage: usize) {
        let (token, entries, ports, nodes) = (call.job, call.entries.len(), call.ports, call.nodes.len());
        self.0.insert(call.id, PendingCall { token, job, stage, entries, ports, nodes, answered: 0 });
    }

    /// The job with this number, if a call of it is open.
    pub(in crate::exec) fn job(&self, token: u64) -> Option<Arc<dyn Job>> {
        self.0.values().find(|call| call.token == token).and_then(|call| call.job.upgrade())
    }

    /// The job and the stage that a reply is for. The last reply ends the call.
    ///
    /// # Errors
    /// If the call is over, or the reply names an entry, port or node that the call does not have.
    pub(in crate::exec) fn target(&mut self, call: u64, reply: &Reply) -> Result<(Arc<dyn Job>, usize), ReplyError> {
        let pending = self.0.get_mut(&call).ok_or(ReplyError::Gone { call })?;
        pending.answered = reply.check(pending.entries, pending.ports, pending.nodes, pending.answered)?;
        let target = (pending.job.upgrade().ok_or(ReplyError::Gone { call })?, pending.stage);
        if reply.is_last() {
            self.0.remove(&call);
        }
        Ok(target)
    }

    /// Removes a call. Returns whether it was open.
    pub(in crate::exec) fn remove(&mut self, call: u64) -> bool {
        self.0.remove(&call).is_some()
    }

    /// Removes all calls.
    pub(in crate::exec) fn clear(&mut self) {
        self.0.clear();
    }
}
