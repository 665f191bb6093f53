//! The packet that a node of a chain is working on, kept for as long as it may be tried again.

use std::time::Instant;

use crate::value::Packet;

/// The work of a node whose errors are retried, and what has come of it.
#[derive(Default)]
pub(super) struct Attempt {
    work: Option<Work>,
    /// How many times the work was tried again.
    pub(super) retries: u32,
    /// How many packets have left the node for this work, in all tries together; a new try does not repeat them.
    given: u64,
    /// How many packets the node has emitted in this try.
    emitted: u64,
}

/// A packet at an input port, and the path that it took.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) port: usize,
    pub(super) packet: Packet,
    pub(super) path: u64,
}

/// A node that is to try again at a time.
#[derive(Clone, Copy)]
pub(super) struct PendingRetry {
    pub(super) position: usize,
    pub(super) due: Instant,
}

impl Attempt {
    /// Starts with a new packet.
    pub(super) fn begin(&mut self, port: usize, packet: Packet, path: u64) {
        *self = Self { work: Some(Work { port, packet, path }), ..Self::default() };
    }

    /// Counts a step. Returns whether what it emits is passed on: not if an earlier try has emitted the same.
    pub(super) fn step(&mut self, emits: bool, has_more: bool) -> bool {
        if self.work.is_none() {
            return true;
        }
        self.emitted += u64::from(emits);
        let is_new = self.emitted > self.given;
        self.given = self.given.max(self.emitted);
        if !has_more {
            self.work = None;
        }
        is_new
    }

    /// The packet in work; none once it is done or given up.
    pub(super) fn work(&self) -> Option<&Work> {
        self.work.as_ref()
    }

    /// Starts the next try.
    pub(super) fn retry(&mut self) {
        self.retries += 1;
        self.emitted = 0;
    }

    /// Gives the packet up.
    pub(super) fn give_up(&mut self) {
        self.work = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn a_new_try_passes_on_only_what_no_try_before_has_emitted() {
        let mut attempt = Attempt::default();
        assert!(attempt.step(true, false), "what belongs to no packet is passed on");
        attempt.begin(0, Packet::new(Value::Int(1)), 0);
        assert_eq!([attempt.step(true, true), attempt.step(true, true)], [true, true]);
        attempt.retry();
        assert_eq!([attempt.step(true, true), attempt.step(true, true)], [false, false]);
        assert!(attempt.step(true, false), "the third is new");
        assert!(attempt.work().is_none() && attempt.retries == 1);
    }

    #[test]
    fn a_packet_that_is_given_up_is_not_tried_again() {
        let mut attempt = Attempt::default();
        attempt.begin(2, Packet::new(Value::Int(1)), 7);
        assert!(attempt.work().is_some_and(|work| (work.port, work.path) == (2, 7)));
        attempt.give_up();
        assert!(attempt.work().is_none());
    }
}
