//! The metrics of a session: counts of its nodes, and how long their steps take. The thread that runs a node writes them,
//! any thread reads them, without a lock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::histogram::{Histogram, Percentiles};
use super::trace::{Recorder, TraceRecord, thread_number};
use crate::graph::Graph;
use crate::node::{TimeBreakCounts, TimeBreaks};
use crate::outside::shown;

/// The counts of one node.
#[derive(Debug)]
pub(in crate::exec) struct NodeCounts {
    packets: AtomicU64,
    errors: AtomicU64,
    skipped: AtomicU64,
    retried: AtomicU64,
    late: AtomicU64,
    /// The node writes these itself; see [`Context::time_breaks`](crate::node::Context).
    pub(in crate::exec) time_breaks: TimeBreaks,
    steps: Histogram,
    /// The item of the packet that it took last; `pts` is that packet's time or [`NO_TIME`].
    item: AtomicU64,
    pts: AtomicI64,
    /// Of the first node of a native stage: the position in the stage of the node that is in a step, or was last.
    entered: AtomicUsize,
}

/// The counts of all nodes of a session, by their indices in the manifest, and the recorder if it is traced.
#[derive(Debug)]
pub(in crate::exec) struct Counts {
    nodes: Box<[NodeCounts]>,
    pub(in crate::exec) recorder: Option<Recorder>,
}

/// The metrics of one node of a session.
#[derive(Clone, Debug)]
pub struct NodeMetrics {
    /// Its id in the manifest.
    pub node: Arc<str>,
    /// How many packets it took.
    pub packets: u64,
    /// How often it failed.
    pub errors: u64,
    /// After how many of these errors it dropped the packet in work.
    pub skipped: u64,
    /// After how many of these errors it tried the packet again.
    pub retried: u64,
    /// How many packets were dropped before it, or behind it on the way to an output, because their deadline was over.
    pub late: u64,
    /// Where the times of its input jumped.
    pub time_breaks: TimeBreakCounts,
    /// How long its steps took: a sample of them if they are small; for a node of the host its calls, from the call to the
    /// last reply.
    pub steps: Percentiles,
    /// The position of the packet that it took last.
    pub last: Option<StreamPosition>,
    /// The packets that wait before it.
    pub waiting: Waiting,
    /// What its stage waits for.
    pub waits_for: WaitsFor,
}

/// The position of a packet in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPosition {
    /// The number of the sent packet that it comes from, counted from 0.
    pub item: u64,
    /// When it begins, in nanoseconds.
    pub pts: Option<i64>,
}

/// The packets that wait before a node. Where several nodes are a stage, only the first one has any.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Waiting {
    /// The number of packets.
    pub packets: usize,
    /// The fill level of the fullest of its queues, from 0 to 1: by packets, bytes or media time, whichever is highest. A step
    /// may emit more than there is room for, so it may be above 1.
    pub fill: f64,
    /// How long the oldest packet has been here that has not been processed. A stage takes up to 32 packets at a time, the
    /// oldest of which counts until all of them are done.
    pub oldest: Option<Duration>,
}

/// What a stage waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// Nothing: it is at work, or is about to be.
    Nothing,
    /// Packets to work on.
    Input,
    /// Room in a queue behind it, which is full.
    Room {
        /// The node behind that queue.
        node: Arc<str>,
    },
    /// A reader of its outputs.
    Reader,
    /// A reply of the host.
    Host,
    /// The time of its next try.
    Retry {
        /// The error of the last one.
        cause: String,
    },
    /// Nothing: it has ended.
    End,
}

/// The metrics of the queue between two stages of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeMetrics {
    /// The output that feeds it, as `node.port`.
    pub from: String,
    /// The input that it feeds.
    pub to: String,
    /// How many packets wait.
    pub waiting: usize,
    /// How many packets were dropped because there was no room; see [`crate::manifest::Policy`].
    pub dropped: u64,
}

/// The metrics of one input of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputMetrics {
    /// Its name; empty for the one input of a graph that names none.
    pub name: Arc<str>,
    /// How many packets were sent to it.
    pub sent: u64,
    /// How many of them wait where it comes in.
    pub waiting: usize,
}

/// The metrics of a session.
#[derive(Clone, Debug)]
pub struct SessionMetrics {
    /// The nodes, in the order of the manifest.
    pub nodes: Vec<NodeMetrics>,
    /// The connections that have a queue, in the order of the graph.
    pub edges: Vec<EdgeMetrics>,
    /// The inputs, in the order of the graph.
    pub inputs: Vec<InputMetrics>,
    /// How many packets wait for a reader, for each output that is handed out.
    pub unread: Vec<usize>,
    /// How many packets were sent, to all inputs together.
    pub sent: u64,
    /// How long events waited at the session's port until the host took them, since the session began: how far the
    /// host's event loop is behind.
    pub lag: Percentiles,
}

/// The metrics of all queues between stages; `counts` returns how many packets wait at one, and how many were dropped.
pub(in crate::exec) fn edge_metrics(graph: &Graph, counts: impl Fn(usize) -> (usize, u64)) -> Vec<EdgeMetrics> {
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
            WaitsFor::Retry { cause } => write!(formatter, "its next try, after {}", shown(cause)),
            WaitsFor::End => formatter.write_str("nothing, it has ended"),
        }
    }
}

/// One of this many small steps is timed: reading the clock costs about as much as they do.
const SAMPLE: u64 = 64;

/// Stands for the time of a packet without one.
const NO_TIME: i64 = i64::MIN;

/// Whether sessions are measured. `benchmarks/metrics_cost.py` builds without it, to show what that costs.
pub(in crate::exec) const IS_MEASURED: bool = option_env!("REMOTEMEDIA_WITHOUT_METRICS").is_none();

impl Counts {
    /// Counts for so many nodes, all zero.
    pub(in crate::exec) fn new(nodes: usize, is_traced: bool) -> Arc<Self> {
        let nodes = (0..nodes)
            .map(|_| NodeCounts {
                packets: AtomicU64::new(0),
                errors: AtomicU64::new(0),
                skipped: AtomicU64::new(0),
                retried: AtomicU64::new(0),
                late: AtomicU64::new(0),
                time_breaks: TimeBreaks::default(),
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
    /// Counts a step of a node that was timed from `begin` on and ends now.
    pub(in crate::exec) fn end_step(&self, node: usize, begin: Instant, item: u64, pts: Option<i64>) {
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
    /// Counts a packet. Returns the begin of its step, if that is to be timed. One thread at a time runs a node.
    #[inline]
    pub(in crate::exec) fn begin(&self, is_small: bool, item: u64, pts: Option<i64>) -> Option<Instant> {
        let before = self.packets.load(Ordering::Relaxed);
        self.take(1, item, pts);
        (!is_small || before.is_multiple_of(SAMPLE)).then(Instant::now)
    }

    /// Records how long a step took.
    pub(in crate::exec) fn end(&self, took: Duration) {
        self.steps.record(took);
    }

    /// Counts packets that the node takes; `item` and `pts` are those of the first one.
    #[inline]
    pub(in crate::exec) fn take(&self, packets: u64, item: u64, pts: Option<i64>) {
        self.packets.store(self.packets.load(Ordering::Relaxed) + packets, Ordering::Relaxed);
        self.item.store(item, Ordering::Relaxed);
        self.pts.store(pts.unwrap_or(NO_TIME), Ordering::Relaxed);
    }

    /// Stores which node is in a step of the stage that begins with this one.
    #[inline]
    pub(in crate::exec) fn enter(&self, position: usize) {
        self.entered.store(position, Ordering::Relaxed);
    }

    /// The position in its stage of the node that is in a step, or was last.
    pub(in crate::exec) fn entered(&self) -> usize {
        self.entered.load(Ordering::Relaxed)
    }

    /// Counts a failure.
    pub(in crate::exec) fn fail(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failure after which the node dropped the packet in work.
    pub(in crate::exec) fn skip(&self) {
        self.fail();
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failure after which the node tries the packet again.
    pub(in crate::exec) fn retry(&self) {
        self.fail();
        self.retried.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a packet that came too late.
    pub(in crate::exec) fn be_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    /// The metrics of the node: its counts, and what the scheduler knows.
    pub(in crate::exec) fn read(&self, node: &Arc<str>, waiting: Waiting, waits_for: WaitsFor) -> NodeMetrics {
        let packets = self.packets.load(Ordering::Relaxed);
        let pts = Some(self.pts.load(Ordering::Relaxed)).filter(|&pts| pts != NO_TIME);
        NodeMetrics {
            node: Arc::clone(node),
            packets,
            errors: self.errors.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            retried: self.retried.load(Ordering::Relaxed),
            late: self.late.load(Ordering::Relaxed),
            time_breaks: self.time_breaks.read(),
            steps: self.steps.snapshot().percentiles(),
            last: (packets > 0).then(|| StreamPosition { item: self.item.load(Ordering::Relaxed), pts }),
            waiting,
            waits_for,
        }
    }
}
