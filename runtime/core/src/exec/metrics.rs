//! What the nodes of a session have done: counts, and how long their steps take. Written by whoever runs a node, read by
//! anybody, without a lock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::graph::Graph;

/// The counts of one node.
#[derive(Debug)]
pub(super) struct NodeCounts {
    packets: AtomicU64,
    errors: AtomicU64,
    longest_ns: AtomicU64,
    /// How many steps took so long; see [`bucket_of`].
    steps: [AtomicU32; BUCKETS],
}

/// What one node of a session has done, and what goes on with it.
#[derive(Clone, Debug)]
pub struct NodeMetrics {
    /// Its id in the manifest.
    pub node: Arc<str>,
    /// How many packets it took.
    pub packets: u64,
    /// How often it failed.
    pub errors: u64,
    /// The time that half of its steps stay below, if steps were timed: within 12 %, from a sample where steps are small.
    pub median: Option<Duration>,
    /// The time that 99 of 100 steps stay below.
    pub p99: Option<Duration>,
    /// The longest step that was timed.
    pub longest: Option<Duration>,
    /// How many packets wait before it.
    pub waiting: usize,
    /// What its stage waits for.
    pub waits_for: WaitsFor,
}

/// Why a stage does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// It is at work, or is about to be.
    Nothing,
    /// Nothing is there to work on.
    Input,
    /// What comes after it is full.
    Room {
        /// The node that is behind.
        node: Arc<str>,
    },
    /// Nobody reads what it gave.
    Reader,
    /// The host has not answered.
    Host,
    /// Nothing ever again.
    End,
}

/// What waits between two stages of a session, and what was dropped there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeMetrics {
    /// The output that feeds it, as `node.port`.
    pub from: String,
    /// The input that it feeds.
    pub to: String,
    /// How many packets wait.
    pub waiting: usize,
    /// How many were dropped because there was no room; see [`crate::manifest::Policy`].
    pub dropped: u64,
}

/// What is going on in a session.
#[derive(Clone, Debug)]
pub struct SessionMetrics {
    /// The nodes, in the order of the manifest.
    pub nodes: Vec<NodeMetrics>,
    /// The connections that have a queue, each after those before it in the graph.
    pub edges: Vec<EdgeMetrics>,
    /// How many outputs nobody has read, for each sink that is handed out.
    pub unread: Vec<usize>,
    /// How many packets were sent.
    pub sent: u64,
}

/// The metrics of all joints of a graph, by how many packets wait and were dropped at each one.
pub(super) fn edge_metrics(graph: &Graph, counts: impl Fn(usize) -> (usize, u64)) -> Vec<EdgeMetrics> {
    let of = |index| {
        let (from, to) = graph.ends(index)?;
        let (waiting, dropped) = counts(index);
        Some(EdgeMetrics { from, to, waiting, dropped })
    };
    (0..graph.edges.len()).filter_map(of).collect()
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitsFor::Nothing => formatter.write_str("nothing"),
            WaitsFor::Input => formatter.write_str("input"),
            WaitsFor::Room { node } => write!(formatter, "room before '{node}'"),
            WaitsFor::Reader => formatter.write_str("a reader"),
            WaitsFor::Host => formatter.write_str("the host"),
            WaitsFor::End => formatter.write_str("nothing, it has ended"),
        }
    }
}

/// Eight for each power of two of nanoseconds, up to some minutes.
const BUCKETS: usize = 8 * 40;

/// Small steps are timed once in so many: the clock costs about as much as they do.
const SAMPLE: u64 = 64;

impl NodeCounts {
    /// No counts yet, for each node of a graph.
    pub(super) fn of(nodes: usize) -> Arc<[Self]> {
        (0..nodes)
            .map(|_| Self {
                packets: AtomicU64::new(0),
                errors: AtomicU64::new(0),
                longest_ns: AtomicU64::new(0),
                steps: [const { AtomicU32::new(0) }; BUCKETS],
            })
            .collect()
    }

    /// Counts a packet. Answers when its step began, if that is to be timed. One thread at a time runs a node.
    pub(super) fn begin(&self, is_small: bool) -> Option<Instant> {
        let before = self.packets.load(Ordering::Relaxed);
        self.packets.store(before + 1, Ordering::Relaxed);
        (!is_small || before.is_multiple_of(SAMPLE)).then(Instant::now)
    }

    /// Notes how long a step took.
    pub(super) fn end(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.longest_ns.fetch_max(nanoseconds, Ordering::Relaxed);
        self.steps[bucket_of(nanoseconds)].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts packets that the host took.
    pub(super) fn add(&self, packets: u64) {
        self.packets.fetch_add(packets, Ordering::Relaxed);
    }

    /// Counts a failure.
    pub(super) fn fail(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// What there is to tell, with what the scheduler knows beside it.
    pub(super) fn read(&self, node: &Arc<str>, waiting: usize, waits_for: WaitsFor) -> NodeMetrics {
        let steps: Vec<u32> = self.steps.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let total: u64 = steps.iter().map(|&count| u64::from(count)).sum();
        let below = |parts: u64| {
            let mut left = (total * parts).div_ceil(100);
            let bucket = steps.iter().position(|&count| {
                left = left.saturating_sub(u64::from(count));
                left == 0
            })?;
            (total > 0).then(|| Duration::from_nanos(top_of(bucket)))
        };
        let longest = Duration::from_nanos(self.longest_ns.load(Ordering::Relaxed));
        NodeMetrics {
            node: Arc::clone(node),
            packets: self.packets.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            median: below(50).map(|median| median.min(longest)),
            p99: below(99).map(|p99| p99.min(longest)),
            longest: (total > 0).then_some(longest),
            waiting,
            waits_for,
        }
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

    #[test]
    fn quantiles_are_within_an_eighth() {
        let counts = &NodeCounts::of(1)[0];
        for step in 1..=1000u64 {
            counts.end(Duration::from_micros(step));
        }
        let read = counts.read(&"node".into(), 0, WaitsFor::Nothing);
        let is_near = |found: Option<Duration>, micros: f64| {
            let found = found.expect("steps were timed").as_secs_f64() * 1e6;
            assert!(found >= micros && found <= micros * 1.126, "{found} is not near {micros}");
        };
        is_near(read.median, 500.0);
        is_near(read.p99, 990.0);
        assert_eq!(read.longest, Some(Duration::from_micros(1000)));
    }

    #[test]
    fn every_time_is_in_a_bucket_that_it_is_not_above() {
        for nanoseconds in [0, 1, 7, 8, 9, 15, 16, 17, 1000, 123_456_789, 1 << 40] {
            assert!(top_of(bucket_of(nanoseconds)) >= nanoseconds, "{nanoseconds}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }
}
