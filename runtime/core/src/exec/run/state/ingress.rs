//! How the packets of a session come in: each into the queues of all edges of its input at once, numbered, and as one stream
//! from one flush to the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::final_state::FinalState;
use crate::exec::measures::histogram::Snapshot;
use crate::exec::queues::items::Items;
use crate::exec::queues::queue::Queue;
use crate::exec::queues::stream_item::{QueuedPacket, StreamItem};
use crate::graph::{Graph, Input};
use crate::lock::Lock;
use crate::value::Packet;

/// The state of the inputs of a session.
pub(in crate::exec::run) struct Ingress {
    /// The inputs, as the graph has them.
    inputs: Box<[Entry]>,
    /// The number of the next packet.
    next_item: u64,
    /// A packet was sent since the last end, or none has been sent yet.
    has_open_stream: bool,
    is_finished: bool,
    /// How long a packet may take to the outputs.
    packet_timeout: Option<Duration>,
    /// Where the session finds what the run leaves.
    pub(in crate::exec::run) final_state: Arc<Lock<FinalState>>,
    /// The lag of the port before the session began.
    pub(in crate::exec::run) lag_before: Snapshot,
}

/// The state of one input.
#[derive(Clone, Copy, Default)]
struct Entry {
    /// How many packets were sent to it.
    sent: u64,
    /// A sender found no room and is to be notified.
    is_awaited: bool,
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
    /// The ingress of a session whose graph has so many inputs.
    pub(in crate::exec::run) fn new(
        inputs: usize,
        packet_timeout: Option<Duration>,
        final_state: Arc<Lock<FinalState>>,
        lag_before: Snapshot,
    ) -> Self {
        Self {
            inputs: vec![Entry::default(); inputs].into(),
            next_item: 0,
            has_open_stream: true,
            is_finished: inputs == 0,
            packet_timeout,
            final_state,
            lag_before,
        }
    }

    /// Checks that more packets may be sent.
    pub(super) fn check(&self) -> Result<(), SendError> {
        match self.is_finished {
            false => Ok(()),
            true if self.inputs.is_empty() => Err(SendError::NoTaker),
            true => Err(SendError::Finished),
        }
    }

    /// Queues a packet at all edges of an input. The time at which media are sent is their own: unlike that of what a function
    /// returns, which has the time of the function's input, it was meant for them. `now` is only asked if packets have a timeout; `since` is when the packet was
    /// queued, if that is measured.
    pub(in crate::exec::run) fn push(
        &mut self,
        (graph, input): (&Graph, usize),
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
        let queued = QueuedPacket { packet: packet.with_own_time(), item: self.next_item, path: 0, deadline };
        self.next_item += 1;
        self.inputs[input].sent += 1;
        self.has_open_stream = true;
        if let Some((&last, others)) = graph.inputs[input].edges.split_last() {
            for &edge in others {
                queues[edge].push_at(StreamItem::Packet(queued.share(), 0), since);
            }
            queues[last].push_at(StreamItem::Packet(queued, 0), since);
        }
    }

    /// Ends the stream behind what was sent; another one may begin.
    pub(in crate::exec::run) fn flush(&mut self, graph: &Graph, queues: &mut [Queue]) {
        if self.next_item > 0 && std::mem::take(&mut self.has_open_stream) {
            for &edge in graph.inputs.iter().flat_map(|input| &input.edges) {
                queues[edge].push(StreamItem::EndOfItem(self.next_item - 1));
            }
        }
    }

    /// Ends all inputs. Returns whether they had not been ended before.
    pub(in crate::exec::run) fn finish(&mut self, graph: &Graph, queues: &mut [Queue]) -> bool {
        if std::mem::replace(&mut self.is_finished, true) {
            return false;
        }
        for &edge in graph.inputs.iter().flat_map(|input| &input.edges) {
            if self.has_open_stream {
                queues[edge].push(StreamItem::EndOfItem(self.next_item.saturating_sub(1)));
            }
            queues[edge].push(StreamItem::EndOfStream);
        }
        true
    }

    /// After an interruption: what is sent next begins a stream, which needs an end even if no packet comes.
    pub(in crate::exec::run) fn interrupt(&mut self) {
        self.has_open_stream = true;
    }

    /// Has the sender notified once there is room at one input, or at any.
    pub(in crate::exec::run) fn wait_for_room(&mut self, only: Option<usize>) {
        for (input, entry) in self.inputs.iter_mut().enumerate() {
            entry.is_awaited |= only.is_none_or(|only| only == input);
        }
    }

    /// The inputs for whose room a sender waits.
    pub(in crate::exec::run) fn awaited(&self) -> impl Iterator<Item = usize> {
        self.inputs.iter().enumerate().filter(|(_, entry)| entry.is_awaited).map(|(input, _)| input)
    }

    /// Whether a sender waits for room at one of the inputs that `has_room` names; it is notified once.
    pub(in crate::exec::run) fn take_waiter(&mut self, has_room: impl Fn(usize) -> bool) -> bool {
        let mut any = false;
        for (input, entry) in self.inputs.iter_mut().enumerate() {
            if entry.is_awaited && has_room(input) {
                entry.is_awaited = false;
                any = true;
            }
        }
        any
    }

    /// Whether packets are dropped that take too long.
    pub(in crate::exec::run) fn has_packet_timeout(&self) -> bool {
        self.packet_timeout.is_some()
    }

    /// Whether no more packets come.
    pub(in crate::exec::run) fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// How many packets were sent.
    pub(in crate::exec::run) fn sent(&self) -> u64 {
        self.next_item
    }

    /// How many packets were sent to each input.
    pub(in crate::exec::run) fn sent_to_each(&self) -> Vec<u64> {
        self.inputs.iter().map(|entry| entry.sent).collect()
    }

    /// How many of the sent packets the first nodes have taken.
    pub(in crate::exec::run) fn taken(&self, graph: &Graph, queues: &[Queue]) -> u64 {
        let waiting: usize = graph.inputs.iter().map(|input| waiting_at(input, queues)).sum();
        self.next_item.saturating_sub(waiting as u64)
    }

    /// Whether packets that are sent can reach a stage.
    pub(in crate::exec::run) fn feeds(&self, graph: &Graph, stage: usize) -> bool {
        let mut is_fed = vec![false; stage + 1];
        // Stages come after those that feed them.
        for before in 0..=stage {
            is_fed[before] = graph.stages[before].inputs.iter().any(|input| match graph.edges[*input].from {
                Some(from) => is_fed[from],
                None => graph.edges[*input].input.is_some() && !self.is_finished,
            });
        }
        is_fed[stage]
    }
}

/// Whether all queues of an input have room for a packet.
pub(super) fn has_room_at(input: &Input, queues: &[Queue]) -> bool {
    input.edges.iter().all(|&edge| queues[edge].has_credit())
}

/// How many packets wait at an input, where it comes in.
pub(in crate::exec::run) fn waiting_at(input: &Input, queues: &[Queue]) -> usize {
    input.edges.iter().map(|&edge| queues[edge].packets()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::measures::histogram::Histogram;
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
        let bounds = crate::exec::queues::queue::Bounds { packets: 2, ..crate::exec::queues::queue::Bounds::DEFAULT };
        let queues = graph.edges.iter().map(|_| Queue::new(Some(bounds))).collect();
        let ingress = Ingress::new(graph.inputs.len(), packet_timeout, Arc::default(), Histogram::new().snapshot());
        Test { items: Items::begun(&graph), graph, queues, ingress }
    }

    impl Test {
        fn push(&mut self, value: Value, now: Instant) {
            let (graph, packet) = (&self.graph, Packet::new(value));
            self.ingress.push((graph, 0), packet, || now, None, &mut self.queues, &self.items);
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
        test.ingress.flush(&test.graph, &mut test.queues);
        test.push(Value::Int(1), Instant::now());
        test.push(Value::Int(2), Instant::now());
        assert!(!has_room_at(&test.graph.inputs[0], &test.queues));
        test.ingress.flush(&test.graph, &mut test.queues);
        test.ingress.flush(&test.graph, &mut test.queues);
        assert!(test.ingress.finish(&test.graph, &mut test.queues));
        assert_eq!(test.ingress.taken(&test.graph, &test.queues), 0);
        for edge in 0..2 {
            assert_eq!(test.queued(edge), ["0", "1", "-1", "-"], "one end for a stream, none for an empty one");
        }
        assert_eq!((test.ingress.sent(), test.ingress.taken(&test.graph, &test.queues)), (2, 2));
        assert_eq!(test.ingress.check(), Err(SendError::Finished));
        assert!(!test.ingress.finish(&test.graph, &mut test.queues) && test.queued(0).is_empty(), "it ends once");
    }

    #[test]
    fn a_finish_ends_a_stream_that_is_open_also_an_interrupted_one() {
        let mut test = session(None);
        test.push(Value::Int(1), Instant::now());
        test.ingress.flush(&test.graph, &mut test.queues);
        test.queues.iter_mut().for_each(Queue::interrupt);
        test.ingress.interrupt();
        test.ingress.finish(&test.graph, &mut test.queues);
        assert_eq!(test.queued(0), ["-0", "-"]);
    }

    #[test]
    fn the_first_packet_of_a_stream_names_its_item() {
        let mut test = session(None);
        test.push(Value::from(File::from_path("a.wav")), Instant::now());
        test.push(Value::Int(1), Instant::now());
        test.ingress.flush(&test.graph, &mut test.queues);
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
        let ingress = &mut test.ingress;
        assert!(!ingress.take_waiter(|_| true));
        ingress.wait_for_room(Some(0));
        assert!(!ingress.take_waiter(|_| false) && ingress.awaited().eq([0]));
        assert!(ingress.take_waiter(|_| true) && !ingress.take_waiter(|_| true) && ingress.awaited().next().is_none());
    }

    #[test]
    fn a_sender_waits_for_the_input_at_which_it_found_no_room() {
        let mut ingress = Ingress::new(3, None, Arc::default(), Histogram::new().snapshot());
        ingress.wait_for_room(Some(0));
        ingress.wait_for_room(Some(2));
        assert!(!ingress.take_waiter(|input| input == 1) && ingress.take_waiter(|input| input == 2));
        assert!(ingress.awaited().eq([0]), "the other one still waits");
        ingress.wait_for_room(None);
        assert!(ingress.awaited().eq([0, 1, 2]));
    }

    #[test]
    fn packets_reach_what_is_behind_the_inputs_until_they_are_finished() {
        let mut graph = test_graph(&["a", "b", "join"], &[("a", "join"), ("b", "join")]);
        let mut queues: Vec<Queue> = graph.edges.iter().map(|_| Queue::new(None)).collect();
        let mut ingress = Ingress::new(1, None, Arc::default(), Histogram::new().snapshot());
        let fed = |ingress: &Ingress, graph: &Graph| [0, 1, 2].map(|stage| ingress.feeds(graph, stage));
        assert_eq!(fed(&ingress, &graph), [true, true, true]);
        let start = graph.inputs[0].edges[1];
        let node = graph.edges[start].to;
        graph.edges[start].input = None;
        assert_eq!(fed(&ingress, &graph), [node != 0, node != 1, true], "a source gets nothing");
        ingress.finish(&graph, &mut queues);
        assert_eq!(fed(&ingress, &graph), [false, false, false]);
    }
}
