//! What the nodes of a session have done: counts, and how long their steps take. Written by whoever runs a node, read by
//! anybody, without a lock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::histogram::{Histogram, Percentiles};
use super::trace::{Recorder, TraceRecord, thread_number};
use crate::graph::Graph;

/// The counts of one node.
#[derive(Debug)]
pub(super) struct NodeCounts {
    packets: AtomicU64,
    errors: AtomicU64,
    skipped: AtomicU64,
    retried: AtomicU64,
    late: AtomicU64,
    steps: Histogram,
    /// The packet that it took last: the item, and its time or [`NO_TIME`].
    item: AtomicU64,
    pts: AtomicI64,
    /// Of the first node of a native stage: which of the stage's nodes is in a step, or was last.
    entered: AtomicUsize,
}

/// The counts of all nodes of a session, by their places in the manifest, and the recorder of one that is traced.
#[derive(Debug)]
pub(super) struct Counts {
    nodes: Box<[NodeCounts]>,
    pub(super) recorder: Option<Recorder>,
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
    /// How many of these errors dropped what it was working on.
    pub skipped: u64,
    /// After how many of these errors it tried again.
    pub retried: u64,
    /// How many packets were dropped before it, or behind it where it is a sink, because their deadline was over.
    pub late: u64,
    /// How long its steps took: a sample of them where steps are small; of a node of the host its calls, from the call to
    /// the last answer.
    pub steps: Percentiles,
    /// The packet that it took last.
    pub last: Option<StreamPosition>,
    /// What waits before it.
    pub waiting: Waiting,
    /// What its stage waits for.
    pub waits_for: WaitsFor,
}

/// The position of a packet in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPosition {
    /// The number of the packet sent that it comes from, counted from 0.
    pub item: u64,
    /// When it begins, in nanoseconds.
    pub pts: Option<i64>,
}

/// What waits before a node. Of nodes that are a stage together it is told of the first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Waiting {
    /// How many packets.
    pub packets: usize,
    /// How full the fullest of its queues is, from 0 to 1: by packets, bytes or media time, whichever is most. A step may
    /// give more than there is room for, so it may be above 1.
    pub fill: f64,
    /// How long the oldest packet has been here that has not been worked off. A stage takes up to 32 packets at a time,
    /// the oldest of which counts until all of them are done.
    pub oldest: Option<Duration>,
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
    /// How long events waited at the session's port until the host took them, since the session began: how far the
    /// host's event loop is behind.
    pub lag: Percentiles,
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

/// Small steps are timed once in so many: the clock costs about as much as they do.
const SAMPLE: u64 = 64;

/// A packet without a time.
const NO_TIME: i64 = i64::MIN;

/// Whether sessions are measured. `benchmarks/metrics_cost.py` builds without it, to show what that costs.
pub(super) const IS_MEASURED: bool = option_env!("REMOTEMEDIA_WITHOUT_METRICS").is_none();

impl Counts {
    /// No counts yet, for each node of a graph.
    pub(super) fn new(nodes: usize, is_traced: bool) -> Arc<Self> {
        let nodes = (0..nodes)
            .map(|_| NodeCounts {
                packets: AtomicU64::new(0),
                errors: AtomicU64::new(0),
                skipped: AtomicU64::new(0),
                retried: AtomicU64::new(0),
                late: AtomicU64::new(0),
                steps: Histogram::new(),
                item: AtomicU64::new(0),
                pts: AtomicI64::new(NO_TIME),
                entered: AtomicUsize::new(0),
            })
            .collect();
        Arc::new(Self { nodes, recorder: is_traced.then(Recorder::new) })
    }
}

impl Counts {
    /// Notes that a step of a node ends, which was timed.
    pub(super) fn end_step(&self, node: usize, begin: Instant, item: u64, pts: Option<i64>) {
        let took = begin.elapsed();
        self.nodes[node].end(took);
        if let Some(recorder) = &self.recorder {
            let (begin, end) = (recorder.at(begin), recorder.at(begin + took));
            recorder.note(TraceRecord::Step { node, thread: thread_number(), begin, end, item, pts });
        }
    }
}

impl std::ops::Deref for Counts {
    type Target = [NodeCounts];

    fn deref(&self) -> &[NodeCounts] {
        &self.nodes
    }
}

impl NodeCounts {
    /// Counts a packet. Answers when its step began, if that is to be timed. One thread at a time runs a node.
    #[inline]
    pub(super) fn begin(&self, is_small: bool, item: u64, pts: Option<i64>) -> Option<Instant> {
        let before = self.packets.load(Ordering::Relaxed);
        self.take(1, item, pts);
        (!is_small || before.is_multiple_of(SAMPLE)).then(Instant::now)
    }

    /// Notes how long a step took.
    pub(super) fn end(&self, took: Duration) {
        self.steps.record(took);
    }

    /// Counts packets that the node takes, the first of which stands there.
    #[inline]
    pub(super) fn take(&self, packets: u64, item: u64, pts: Option<i64>) {
        self.packets.store(self.packets.load(Ordering::Relaxed) + packets, Ordering::Relaxed);
        self.item.store(item, Ordering::Relaxed);
        self.pts.store(pts.unwrap_or(NO_TIME), Ordering::Relaxed);
    }

    /// Notes which node of the stage that this one begins is in a step.
    #[inline]
    pub(super) fn enter(&self, position: usize) {
        self.entered.store(position, Ordering::Relaxed);
    }

    /// The place in its stage of the node that is in a step, if one is.
    pub(super) fn entered(&self) -> usize {
        self.entered.load(Ordering::Relaxed)
    }

    /// Counts a failure.
    pub(super) fn fail(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failure that dropped what the node was working on.
    pub(super) fn skip(&self) {
        self.fail();
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failure after which the node tries again.
    pub(super) fn retry(&self) {
        self.fail();
        self.retried.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a packet that came too late.
    pub(super) fn be_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    /// What there is to tell, with what the scheduler knows beside it.
    pub(super) fn read(&self, node: &Arc<str>, waiting: Waiting, waits_for: WaitsFor) -> NodeMetrics {
        let packets = self.packets.load(Ordering::Relaxed);
        let pts = Some(self.pts.load(Ordering::Relaxed)).filter(|&pts| pts != NO_TIME);
        NodeMetrics {
            node: Arc::clone(node),
            packets,
            errors: self.errors.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            retried: self.retried.load(Ordering::Relaxed),
            late: self.late.load(Ordering::Relaxed),
            steps: self.steps.snapshot().percentiles(),
            last: (packets > 0).then(|| StreamPosition { item: self.item.load(Ordering::Relaxed), pts }),
            waiting,
            waits_for,
        }
    }
}
