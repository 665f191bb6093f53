//! A histogram of durations in little memory: buckets that are an eighth wide, and the exact maximum.
//!
//! Any thread may record without a lock, so readings of several counters may be of slightly different times.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// A histogram that threads record into.
#[derive(Debug)]
pub(in crate::exec) struct Histogram {
    longest_ns: AtomicU64,
    /// The number of durations in each bucket; see [`bucket_of`].
    counts: [AtomicU32; BUCKETS],
}

/// The contents of a histogram at one time.
#[derive(Clone, Debug)]
pub(in crate::exec) struct Snapshot {
    longest_ns: u64,
    counts: Box<[u32; BUCKETS]>,
}

/// Percentiles of durations; all are `None` as long as none was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// Half of the durations are below this, within 12 %.
    pub median: Option<Duration>,
    /// 99 of 100 durations are below this, within 12 %.
    pub p99: Option<Duration>,
    /// The longest duration.
    pub longest: Option<Duration>,
}

/// Eight buckets for each power of two of nanoseconds, up to some minutes.
const BUCKETS: usize = 8 * 40;

impl Histogram {
    /// An empty histogram.
    pub(in crate::exec) fn new() -> Self {
        Self { longest_ns: AtomicU64::new(0), counts: [const { AtomicU32::new(0) }; BUCKETS] }
    }

    /// Adds one duration.
    pub(in crate::exec) fn record(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.longest_ns.fetch_max(nanoseconds, Ordering::Relaxed);
        self.counts[bucket_of(nanoseconds)].fetch_add(1, Ordering::Relaxed);
    }

    /// Copies what was recorded so far.
    pub(in crate::exec) fn snapshot(&self) -> Snapshot {
        Snapshot {
            longest_ns: self.longest_ns.load(Ordering::Relaxed),
            counts: Box::new(std::array::from_fn(|bucket| self.counts[bucket].load(Ordering::Relaxed))),
        }
    }
}

impl Snapshot {
    /// The percentiles of what the snapshot holds.
    pub(in crate::exec) fn percentiles(&self) -> Percentiles {
        let total: u64 = self.counts.iter().map(|&count| u64::from(count)).sum();
        let longest = Duration::from_nanos(self.longest_ns);
        let below = |percent: u64| {
            let mut left = (total * percent).div_ceil(100);
            let bucket = self.counts.iter().position(|&count| {
                left = left.saturating_sub(u64::from(count));
                left == 0
            })?;
            (total > 0).then(|| Duration::from_nanos(top_of(bucket)).min(longest))
        };
        Percentiles { median: below(50), p99: below(99), longest: (total > 0).then_some(longest) }
    }

    /// What was recorded after the snapshot `before` was taken. If the longest of all durations is not among it, its own
    /// longest is known within 12 %.
    pub(in crate::exec) fn since(&self, before: &Snapshot) -> Snapshot {
        let counts = Box::new(std::array::from_fn(|bucket| self.counts[bucket].wrapping_sub(before.counts[bucket])));
        let longest_ns = if self.longest_ns > before.longest_ns {
            self.longest_ns
        } else {
            let highest = counts.iter().rposition(|&count: &u32| count > 0);
            highest.map_or(0, |bucket| top_of(bucket).min(self.longest_ns))
        };
        Snapshot { longest_ns, counts }
    }
}

fn bucket_of(nanoseconds: u64) -> usize {
    let nanoseconds = nanoseconds.max(8);
    let power = nanoseconds.ilog2();
    let eighth = (nanoseconds >> (power - 3)) & 7;
    (((power - 3) * 8) as usize + eighth as usize).min(BUCKETS - 1)
}

/// The longest duration that falls into a bucket.
fn top_of(bucket: usize) -> u64 {
    let (power, eighth) = (bucket / 8 + 3, bucket as u64 % 8);
    ((9 + eighth) << (power - 3)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(found: Option<Duration>, micros: f64) {
        let found = found.expect("something was recorded").as_secs_f64() * 1e6;
        assert!(found >= micros && found <= micros * 1.126, "{found} is not near {micros}");
    }

    #[test]
    fn percentiles_are_within_an_eighth() {
        let histogram = Histogram::new();
        assert_eq!(histogram.snapshot().percentiles(), Percentiles::default());
        for step in 1..=1000u64 {
            histogram.record(Duration::from_micros(step));
        }
        let percentiles = histogram.snapshot().percentiles();
        is_near(percentiles.median, 500.0);
        is_near(percentiles.p99, 990.0);
        assert_eq!(percentiles.longest, Some(Duration::from_micros(1000)));
    }

    #[test]
    fn an_earlier_snapshot_can_be_subtracted() {
        let histogram = Histogram::new();
        histogram.record(Duration::from_micros(800));
        let before = histogram.snapshot();
        assert_eq!(histogram.snapshot().since(&before).percentiles(), Percentiles::default());
        histogram.record(Duration::from_micros(100));
        let since = histogram.snapshot().since(&before).percentiles();
        is_near(since.median, 100.0);
        is_near(since.longest, 100.0);
        histogram.record(Duration::from_micros(900));
        assert_eq!(histogram.snapshot().since(&before).percentiles().longest, Some(Duration::from_micros(900)));
    }

    #[test]
    fn every_duration_is_in_a_bucket_whose_top_is_not_below_it() {
        for nanoseconds in [0, 1, 7, 8, 9, 15, 16, 17, 1000, 123_456_789, 1 << 40] {
            assert!(top_of(bucket_of(nanoseconds)) >= nanoseconds, "{nanoseconds}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }
}
