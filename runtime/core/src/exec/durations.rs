//! Many durations in little room: how many there were of each length, within an eighth, and the longest of them.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Durations as they are noted, by any thread, without a lock.
#[derive(Debug)]
pub(super) struct Durations {
    longest_ns: AtomicU64,
    /// How many are so long; see [`bucket_of`].
    counts: [AtomicU32; BUCKETS],
}

/// What was noted up to some moment.
#[derive(Clone, Debug)]
pub(super) struct Noted {
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

/// Eight for each power of two of nanoseconds, up to some minutes.
const BUCKETS: usize = 8 * 40;

impl Durations {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { longest_ns: AtomicU64::new(0), counts: [const { AtomicU32::new(0) }; BUCKETS] }
    }

    /// Notes one.
    pub(super) fn note(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.longest_ns.fetch_max(nanoseconds, Ordering::Relaxed);
        self.counts[bucket_of(nanoseconds)].fetch_add(1, Ordering::Relaxed);
    }

    /// All that were noted so far.
    pub(super) fn noted(&self) -> Noted {
        Noted {
            longest_ns: self.longest_ns.load(Ordering::Relaxed),
            counts: Box::new(std::array::from_fn(|bucket| self.counts[bucket].load(Ordering::Relaxed))),
        }
    }
}

impl Noted {
    /// How they spread.
    pub(super) fn spread(&self) -> Percentiles {
        let total: u64 = self.counts.iter().map(|&count| u64::from(count)).sum();
        let longest = Duration::from_nanos(self.longest_ns);
        let below = |parts: u64| {
            let mut left = (total * parts).div_ceil(100);
            let bucket = self.counts.iter().position(|&count| {
                left = left.saturating_sub(u64::from(count));
                left == 0
            })?;
            (total > 0).then(|| Duration::from_nanos(top_of(bucket)).min(longest))
        };
        Percentiles { median: below(50), p99: below(99), longest: (total > 0).then_some(longest) }
    }

    /// Those that were noted after `before`. If the longest of all is not among them, theirs is known within 12 %.
    pub(super) fn after(&self, before: &Noted) -> Noted {
        let counts = Box::new(std::array::from_fn(|bucket| self.counts[bucket].wrapping_sub(before.counts[bucket])));
        let longest_ns = if self.longest_ns > before.longest_ns {
            self.longest_ns
        } else {
            let highest = counts.iter().rposition(|&count: &u32| count > 0);
            highest.map_or(0, |bucket| top_of(bucket).min(self.longest_ns))
        };
        Noted { longest_ns, counts }
    }
}

fn bucket_of(nanoseconds: u64) -> usize {
    let nanoseconds = nanoseconds.max(8);
    let power = nanoseconds.ilog2();
    let eighth = (nanoseconds >> (power - 3)) & 7;
    (((power - 3) * 8) as usize + eighth as usize).min(BUCKETS - 1)
}

fn top_of(bucket: usize) -> u64 {
    let (power, eighth) = (bucket / 8 + 3, bucket as u64 % 8);
    ((9 + eighth) << (power - 3)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(found: Option<Duration>, micros: f64) {
        let found = found.expect("something was noted").as_secs_f64() * 1e6;
        assert!(found >= micros && found <= micros * 1.126, "{found} is not near {micros}");
    }

    #[test]
    fn quantiles_are_within_an_eighth() {
        let durations = Durations::new();
        assert_eq!(durations.noted().spread(), Percentiles::default());
        for step in 1..=1000u64 {
            durations.note(Duration::from_micros(step));
        }
        let spread = durations.noted().spread();
        is_near(spread.median, 500.0);
        is_near(spread.p99, 990.0);
        assert_eq!(spread.longest, Some(Duration::from_micros(1000)));
    }

    #[test]
    fn what_was_noted_before_can_be_left_out() {
        let durations = Durations::new();
        durations.note(Duration::from_micros(800));
        let before = durations.noted();
        assert_eq!(durations.noted().after(&before).spread(), Percentiles::default());
        durations.note(Duration::from_micros(100));
        let since = durations.noted().after(&before).spread();
        is_near(since.median, 100.0);
        is_near(since.longest, 100.0);
        durations.note(Duration::from_micros(900));
        assert_eq!(durations.noted().after(&before).spread().longest, Some(Duration::from_micros(900)));
    }

    #[test]
    fn every_duration_is_in_a_bucket_that_it_is_not_above() {
        for nanoseconds in [0, 1, 7, 8, 9, 15, 16, 17, 1000, 123_456_789, 1 << 40] {
            assert!(top_of(bucket_of(nanoseconds)) >= nanoseconds, "{nanoseconds}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }
}
