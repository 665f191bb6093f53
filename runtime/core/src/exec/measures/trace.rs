//! The trace of a session, for a picture of what it did and when: which thread ran which stage and node, how full queues were,
//! and how long the host took. Recorded only on demand, into a bounded buffer that the host empties while the session runs.

use crate::lock::Lock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// The records of a session since the last call.
#[derive(Debug, Default)]
pub struct Trace {
    /// The records, in the order in which they ended.
    pub records: Vec<TraceRecord>,
    /// How many records were dropped because the buffer was full.
    pub lost: u64,
}

/// One record. Times are nanoseconds from the beginning of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceRecord {
    /// A time slice of a stage.
    Stage {
        /// The first node of the stage, by its index in the manifest, as all nodes here.
        node: usize,
        /// The number of the thread, in the order in which threads first recorded something.
        thread: u32,
        /// When it began.
        begin: u64,
        /// When it ended.
        end: u64,
    },
    /// A step of a node.
    Step {
        /// The node.
        node: usize,
        /// The thread.
        thread: u32,
        /// When it began.
        begin: u64,
        /// When it ended.
        end: u64,
        /// The number of the sent packet that the step began with.
        item: u64,
        /// The time of that packet, in nanoseconds of its stream.
        pts: Option<i64>,
    },
    /// A call of the host.
    Call {
        /// The first node of the call.
        node: usize,
        /// Its number.
        call: u64,
        /// When it was made.
        begin: u64,
        /// When the last reply was taken.
        end: u64,
    },
    /// The packets that waited before a node.
    Fill {
        /// The node.
        node: usize,
        /// When.
        at: u64,
        /// How many.
        packets: usize,
    },
    /// Packets that a full buffer dropped before a node.
    Drop {
        /// The node.
        node: usize,
        /// When.
        at: u64,
        /// How many.
        packets: u64,
    },
}

/// The buffer that a session records into.
#[derive(Debug)]
pub(in crate::exec) struct Recorder {
    begin: Instant,
    recorded: Lock<Trace>,
}

/// About 5 MB. A session that is traced fills it in about a second, ten times as often as it is emptied.
const MOST_RECORDS: usize = 1 << 16;

impl Recorder {
    pub(in crate::exec) fn new() -> Self {
        Self { begin: Instant::now(), recorded: Lock::default() }
    }

    /// Converts a time to that of records.
    pub(in crate::exec) fn at(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.begin).as_nanos()).unwrap_or(u64::MAX)
    }

    pub(in crate::exec) fn note(&self, record: TraceRecord) {
        let mut recorded = self.recorded.lock();
        if recorded.records.len() < MOST_RECORDS {
            recorded.records.push(record);
        } else {
            recorded.lost += 1;
        }
    }

    /// Takes the records since the last call.
    pub(in crate::exec) fn take(&self) -> Trace {
        std::mem::take(&mut self.recorded.lock())
    }
}

/// The number of this thread among all that have recorded something.
pub(in crate::exec) fn thread_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    thread_local! {
        static NUMBER: u32 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_the_rest_is_kept() {
        let recorder = Recorder::new();
        for packets in 0..MOST_RECORDS + 3 {
            recorder.note(TraceRecord::Fill { node: 0, at: 0, packets });
        }
        let trace = recorder.take();
        assert_eq!((trace.records.len(), trace.lost), (MOST_RECORDS, 3));
        assert!(matches!(trace.records[0], TraceRecord::Fill { packets: 0, .. }));
        recorder.note(TraceRecord::Fill { node: 0, at: 1, packets: 7 });
        let trace = recorder.take();
        assert_eq!((trace.records.len(), trace.lost), (1, 0));
    }
}
