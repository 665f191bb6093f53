//! Counts of the places at which the times of a node's input did not continue. The node writes them, whoever reads the
//! metrics of a session reads them, without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Where the times of a node's input jumped. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct TimeBreaks(Arc<Counts>);

/// What [`TimeBreaks`] has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeBreakCounts {
    /// How often a packet began later than the one before it ended, or so much earlier that it belongs to a new timeline.
    pub gaps: u64,
    /// How much was missing in these gaps, in nanoseconds.
    pub missing: i64,
    /// How many packets began before the end of the one before them, or before what a node that aligns its inputs has
    /// emitted.
    pub overlaps: u64,
    /// How much of those was left out, in nanoseconds.
    pub trimmed: i64,
}

#[derive(Debug, Default)]
struct Counts {
    gaps: AtomicU64,
    missing: AtomicI64,
    overlaps: AtomicU64,
    trimmed: AtomicI64,
}

impl TimeBreaks {
    /// Counts a gap in which so many nanoseconds are missing.
    pub fn count_gap(&self, missing: i64) {
        self.0.gaps.fetch_add(1, Ordering::Relaxed);
        self.0.missing.fetch_add(missing, Ordering::Relaxed);
    }

    /// Counts a packet of which so many nanoseconds are left out.
    pub fn count_overlap(&self, trimmed: i64) {
        self.0.overlaps.fetch_add(1, Ordering::Relaxed);
        self.0.trimmed.fetch_add(trimmed, Ordering::Relaxed);
    }

    /// The counts so far.
    pub fn read(&self) -> TimeBreakCounts {
        TimeBreakCounts {
            gaps: self.0.gaps.load(Ordering::Relaxed),
            missing: self.0.missing.load(Ordering::Relaxed),
            overlaps: self.0.overlaps.load(Ordering::Relaxed),
            trimmed: self.0.trimmed.load(Ordering::Relaxed),
        }
    }
}
