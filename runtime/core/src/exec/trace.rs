//! What a session did and when, for a picture of it: which thread was with which stage and node, how full queues were, and
//! how long the host took. Recorded only where it is asked for, into a bounded buffer that the host empties as it goes.

use crate::lock::Lock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// What a session has done since it was last asked.
#[derive(Debug, Default)]
pub struct Trace {
    /// What was recorded, in the order in which it ended.
    pub records: Vec<TraceRecord>,
    /// How many records found no room.
    pub lost: u64,
}

/// One thing that happened. Times are nanoseconds from the beginning of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceRecord {
    /// A thread was with a stage.
    Stage {
        /// The first node of the stage, by its place in the manifest, as all nodes here.
        node: usize,
        /// The number of the thread, counted in the order in which threads first recorded something.
        thread: u32,
        /// When it began.
        begin: u64,
        /// When it ended.
        end: u64,
    },
    /// A node was in a step.
    Step {
        /// The node.
        node: usize,
        /// The thread.
        thread: u32,
        /// When it began.
        begin: u64,
        /// When it ended.
        end: u64,
        /// The packet that the step began with.
        item: u64,
        /// When that begins, in nanoseconds of its stream.
        pts: Option<i64>,
    },
    /// The host had a call.
    Call {
        /// The first node of the call.
        node: usize,
        /// Its number.
        call: u64,
        /// When it was made.
        begin: u64,
        /// When the last answer was taken.
        end: u64,
    },
    /// So many packets waited before a node.
    Fill {
        /// The node.
        node: usize,
        /// When.
        at: u64,
        /// How many.
        packets: usize,
    },
}

/// Where a session records.
#[derive(Debug)]
pub(super) struct Recorder {
    begin: Instant,
    recorded: Lock<Trace>,
}

/// About 5 MB. A session that is traced fills it in about a second, ten times as often as it is emptied.
const MOST_RECORDS: usize = 1 << 16;

impl Recorder {
    pub(super) fn new() -> Self {
        Self { begin: Instant::now(), recorded: Lock::default() }
    }

    /// A time as records have it.
    pub(super) fn at(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.begin).as_nanos()).unwrap_or(u64::MAX)
    }

    pub(super) fn note(&self, record: TraceRecord) {
        let mut recorded = self.recorded.lock();
        if recorded.records.len() < MOST_RECORDS {
            recorded.records.push(record);
        } else {
            recorded.lost += 1;
        }
    }

    /// All that was recorded since this was last called.
    pub(super) fn take(&self) -> Trace {
        std::mem::take(&mut self.recorded.lock())
    }
}

/// The number of this thread, among those that have ever recorded.
pub(super) fn thread_number() -> u32 {
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
