//! How the packets of a session come in: into the queues of all entry edges at once, numbered, and as one stream from one
//! flush to the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::final_state::FinalState;
use crate::exec::histogram::Snapshot;
use crate::exec::items::Items;
use crate::exec::queue::Queue;
use crate::exec::stream_item::{QueuedPacket, StreamItem};
use crate::graph::Graph;
use crate::lock::Lock;
use crate::value::Packet;

/// The state of the input of a session.
pub(super) struct Ingress {
    /// The edges that take packets. None once no more packets come.
    entry_edges: Vec<usize>,
    /// The number of the next packet.
    next_item: u64,
    /// A packet was sent since the last end, or none has been sent yet.
    has_open_stream: bool,
    is_finished: bool,
    /// A sender found no room and is to be notified.
    is_awaited: bool,
    /// How long a packet may take to the sinks.
    packet_timeout: Option<Duration>,
    /// Where the session finds what the run leaves.
    pub(super) final_state: Arc<Lock<FinalState>>,
    /// The lag of the port before the session began.
    pub(super) lag_before: Snapshot,
}

/// Why a run takes no packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exec) enum SendError {
    /// The session was finished.
    Finished,
    /// The run has ended.
    Ended,
    /// The graph has only sources.
    NoTaker,
}

impl Ingress {
    /// The input of a session whose packets go to these edges.
    pub(super) fn new(
        entry_edges: Vec<usize>,
        packet_timeout: Option<Duration>,
        final_state: Arc<Lock<FinalState>>,
        lag_before: Snapshot,
    ) -> Self {
        let is_finished = entry_edges.is_empty();
        Self {
            entry_edges,
            next_item: 0,
            has_open_stream: true,
            is_finished,
            is_awaited: false,
            packet_timeout,
            final_state,
            lag_before,
        }
    }

    /// Checks that more packets may be sent.
    pub(super) fn check(&self, graph: &Graph) -> Result<(), SendError> {
        if !self.is_finished {
            return Ok(());
        }
        let is_empty = self.next_item == 0 && self.entry_edges.is_empty();
        Err(if is_empty && !graph.takes_inputs() { SendError::NoTaker } else { SendError::Finished })
    }

    /// Whether all entry queues have room for a packet.
    pub(super) fn has_room(&self, queues: &[Queue]) -> bool {
        self.entry_edges.iter().all(|&edge| queues[edge].has_credit())
    }

    /// Queues a packet at all entry edges. `now` is only asked if packets have a timeout; `since` is when the packet was
    /// queued, if that is measured.
    pub(super) fn push(
        &mut self,
        packet: Packet,
        now: impl Fn() -> Instant,
        since: Option<Instant>,
        queues: &mut [Queue],
        items: &Items,
    ) {
        let deadline = self.packet_timeout.and_then(|timeout| now().checked_add(timeout));
        if self.next_item == 0 || !self.has_open_stream {
            items.begin_stream(self.next_item, &packet.value);
        }
        let queued = QueuedPacket { packet, item: self.next_item, path: 0, deadline };
        self.next_item += 1;
        self.has_open_stream = true;
        if let Some((&last, others)) = self.entry_edges.split_last() {
            for &edge in others {
                queues[edge].push_at(StreamItem::Packet(queued.share(), 0), since);
            }
            queues[last].push_at(StreamItem::Packet(queued, 0), since);
        }
    }

    /// Ends the stream behind what was sent; another one may begin.
    pub(super) fn flush(&mut self, queues: &mut [Queue]) {
        if self.next_item > 0 && std::mem::take(&mut self.has_open_stream) {
            for &edge in &self.entry_edges {
                queues[edge].push(StreamItem::EndOfItem(self.next_item - 1));
            }
        }
    }

    /// Ends the input. Returns the edges that it came from; none if it had been ended before.
    pub(super) fn finish(&mut self, queues: &mut [Queue]) -> Vec<usize> {
        if std::mem::replace(&mut self.is_finished, true) {
            return Vec::new();
        }
        let edges = std::mem::take(&mut self.entry_edges);
        for &edge in &edges {
            if self.has_open_stream {
                queues[edge].push(StreamItem::EndOfItem(self.next_item.saturating_sub(1)));
            }
            queues[edge].push(StreamItem::EndOfStream);
        }
        edges
    }

    /// After an interruption: what is sent next begins a stream, which needs an end even if no packet comes.
    pub(super) fn interrupt(&mut self) {
        self.has_open_stream = true;
    }

    /// Has the sender notified once there is room.
    pub(super) fn wait_for_room(&mut self) {
        self.is_awaited = true;
    }

    /// Whether a sender waits for room.
    pub(super) fn is_awaited(&self) -> bool {
        self.is_awaited
    }

    /// Whether a sender waits for room; it is notified once.
    pub(super) fn take_waiter(&mut self) -> bool {
        std::mem::take(&mut self.is_awaited)
    }

    /// Whether no more packets come.
    pub(super) fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// How many packets were sent.
    pub(super) fn sent(&self) -> u64 {
        self.next_item
    }

    /// How many of the sent packets the first nodes have taken.
    pub(super) fn taken(&self, graph: &Graph, queues: &[Queue]) -> u64 {
        let entries = graph.edges.iter().zip(queues).filter(|(edge, _)| edge.from.is_none());
        let waiting = entries.map(|(_, queue)| queue.packets()).max().unwrap_or(0);
        self.next_item.saturating_sub(waiting as u64)
    }

    /// The edges that take packets.
    pub(super) fn entry_edges(&self) -> &[usize] {
        &self.entry_edges
    }

    /// Whether packets that are sent can reach a stage.
    pub(super) fn feeds(&self, graph: &Graph, stage: usize) -> bool {
        let mut is_fed = vec![false; stage + 1];
        // Stages come after those that feed them.
        for before in 0..=stage {
            is_fed[before] = graph.stages[before].inputs.iter().any(|input| match graph.edges[*input].from {
                Some(from) => is_fed[from],
                None => self.entry_edges.contains(input),
            });
        }
        is_fed[stage]
    }
}

/// Whether any node takes inputs of the run.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::histogram::Histogram;
    use crate::exec::test_graph::test_graph;
    use crate::value::{File, Value};

    struct Test {
        graph: Graph,
        queues: Vec<Queue>,
        items: Items,
        ingress: Ingress,
    }

    /// A session of two nodes that take its packets.
    fn session(packet_timeout: Option<Duration>) -> Test {
        let graph = test_graph(&["a", "b"], &[]);
        let bounds = crate::exec::queue::Bounds { packets: 2, ..crate::exec::queue::Bounds::DEFAULT };
        let queues = graph.edges.iter().map(|_| Queue::new(Some(bounds))).collect();
        let entries = (0..graph.edges.len()).collect();
        let ingress = Ingress::new(entries, packet_timeout, Arc::default(), Histogram::new().snapshot());
        Test { items: Items::begun(&graph), graph, queues, ingress }
    }

    impl Test {
        fn push(&mut self, value: Value, now: Instant) {
            self.ingress.push(Packet::new(value), || now, None, &mut self.queues, &self.items);
        }

        /// What waits at an entry: the number of a packet, `-` for an end.
        fn queued(&mut self, edge: usize) -> Vec<String> {
            let shown = |(item, _)| match item {
                StreamItem::Packet(queued, _) => queued.item.to_string(),
                StreamItem::EndOfItem(item) => format!("-{item}"),
                StreamItem::EndOfInput(_) | StreamItem::EndOfStream => "-".to_owned(),
            };
            std::iter::from_fn(|| self.queues[edge].pop().map(shown)).collect()
        }
    }

    #[test]
    fn every_entry_gets_every_packet_and_every_end() {
        let mut test = session(None);
        test.ingress.flush(&mut test.queues);
        test.push(Value::Int(1), Instant::now());
        test.push(Value::Int(2), Instant::now());
        assert!(!test.ingress.has_room(&test.queues));
        test.ingress.flush(&mut test.queues);
        test.ingress.flush(&mut test.queues);
        assert_eq!(test.ingress.finish(&mut test.queues), [0, 1]);
        assert_eq!(test.ingress.taken(&test.graph, &test.queues), 0);
        for edge in 0..2 {
            assert_eq!(test.queued(edge), ["0", "1", "-1", "-"], "one end for a stream, none for an empty one");
        }
        assert_eq!((test.ingress.sent(), test.ingress.taken(&test.graph, &test.queues)), (2, 2));
        assert_eq!(test.ingress.check(&test.graph), Err(SendError::Finished));
        assert!(test.ingress.finish(&mut test.queues).is_empty() && test.queued(0).is_empty(), "it ends once");
    }

    #[test]
    fn a_finish_ends_a_stream_that_is_open_also_an_interrupted_one() {
        let mut test = session(None);
        test.push(Value::Int(1), Instant::now());
        test.ingress.flush(&mut test.queues);
        test.queues.iter_mut().for_each(Queue::interrupt);
        test.ingress.interrupt();
        test.ingress.finish(&mut test.queues);
        assert_eq!(test.queued(0), ["-0", "-"]);
    }

    #[test]
    fn the_first_packet_of_a_stream_names_its_item() {
        let mut test = session(None);
        test.push(Value::from(File::from_path("a.wav")), Instant::now());
        test.push(Value::Int(1), Instant::now());
        test.ingress.flush(&mut test.queues);
        test.push(Value::from(File::from_path("b.wav")), Instant::now());
        let names = [0, 1, 2].map(|item| test.items.at(item).name.expect("it is named").to_string());
        assert_eq!(names, ["a.wav", "a.wav", "b.wav"]);
    }

    #[test]
    fn a_packet_has_its_timeout_from_the_time_when_it_is_taken() {
        let mut test = session(Some(Duration::from_millis(5)));
        let now = Instant::now();
        test.push(Value::Int(1), now);
        let Some((StreamItem::Packet(queued, _), _)) = test.queues[0].pop() else { panic!("a packet") };
        assert_eq!(queued.deadline, Some(now + Duration::from_millis(5)));
    }

    #[test]
    fn a_sender_that_waits_is_notified_once() {
        let mut test = session(None);
        assert!(!test.ingress.take_waiter());
        test.ingress.wait_for_room();
        assert!(test.ingress.is_awaited() && test.ingress.take_waiter() && !test.ingress.take_waiter());
    }

    #[test]
    fn packets_reach_what_is_behind_the_entries_that_take_them() {
        let graph = test_graph(&["a", "b", "join"], &[("a", "join"), ("b", "join")]);
        let ingress = |edges| Ingress::new(edges, None, Arc::default(), Histogram::new().snapshot());
        let entries: Vec<usize> = (0..graph.edges.len()).filter(|&edge| graph.edges[edge].from.is_none()).collect();
        let fed = |ingress: &Ingress| [0, 1, 2].map(|stage| ingress.feeds(&graph, stage));
        assert_eq!(fed(&ingress(entries.clone())), [true, true, true]);
        assert_eq!(fed(&ingress(vec![entries[0]])), [true, false, true]);
        assert_eq!(fed(&ingress(Vec::new())), [false, false, false]);
    }
}
