//! The queues with which a run begins: filled with all inputs, or open for packets to come.

use smallvec::SmallVec;

use crate::exec::queues::inputs::Columns;
use crate::exec::queues::queue::{Bounds, Queue};
use crate::exec::queues::stream_item::{QueuedPacket, StreamItem};
use crate::graph::{Graph, StageEdge};
use crate::manifest::{EdgeBuffer, Policy};
use crate::value::{Packet, Value};

/// The queues of a graph, with every input, its end, and the end of the stream in those of the entries.
pub(in crate::exec::run) fn prefilled_queues(graph: &Graph, columns: Option<Columns>) -> Vec<Queue> {
    let items = columns.as_ref().and_then(|columns| columns.first()).map_or(0, Vec::len);
    // A packet and its end for each input, and the end of the stream.
    let capacity = if columns.is_some() { items * 2 + 1 } else { 2 };
    let queue_of = |edge: &StageEdge| match (edge.from, edge.delay) {
        (None, _) => Queue::with_capacity(None, capacity),
        (_, Some(delay)) => Queue::of_feedback(edge.buffer, delay),
        // Nothing is dropped where all inputs are there at the start: nothing live has to wait.
        _ => Queue::of_edge(edge.buffer, Policy::Block),
    };
    let mut queues: Vec<Queue> = graph.edges.iter().map(queue_of).collect();
    let entries: SmallVec<[usize; 4]> = (0..queues.len()).filter(|&edge| graph.edges[edge].from.is_none()).collect();
    match columns {
        Some(columns) => {
            // Sources beside nodes that take inputs start again with each item, but get no packet.
            let is_source = |&&entry: &&usize| graph.edges[entry].input.is_none() && !graph.inputs.is_empty();
            for &source in entries.iter().filter(is_source) {
                (0..items as u64).for_each(|item| queues[source].push(StreamItem::EndOfItem(item)));
            }
            for (place, values) in columns.into_iter().enumerate() {
                let takers = graph.inputs.get(place).map_or(&entries[..], |input| &input.edges);
                fill(&mut queues, takers, values);
            }
        }
        // Sources need no input: one item without a packet lets them begin.
        None => entries.iter().for_each(|&entry| queues[entry].push(StreamItem::EndOfItem(0))),
    }
    for entry in entries {
        queues[entry].push(StreamItem::EndOfStream);
    }
    queues
}

/// The queues of a graph whose inputs come while it runs. Sources begin at once.
pub(in crate::exec::run) fn open_queues(graph: &Graph, bounds: Bounds) -> Vec<Queue> {
    let queue_of = |edge: &StageEdge| {
        if let Some(delay) = edge.delay {
            return Queue::of_feedback(edge.buffer, delay);
        }
        if edge.from.is_some() {
            return Queue::of_edge(edge.buffer, edge.buffer.map_or(Policy::Block, EdgeBuffer::policy));
        }
        let mut queue = Queue::new(Some(bounds));
        if edge.input.is_none() {
            queue.push(StreamItem::EndOfItem(0));
            queue.push(StreamItem::EndOfStream);
        }
        queue
    };
    graph.edges.iter().map(queue_of).collect()
}

/// Queues every value of an input, and its end, at all edges that take them.
fn fill(queues: &mut [Queue], takers: &[usize], values: Vec<Value>) {
    let Some((&last, others)) = takers.split_last() else { return };
    for (item, value) in (0..).zip(values) {
        let queued = QueuedPacket { packet: Packet::new(value), item, path: 0, deadline: None };
        for &taker in others {
            queues[taker].push(StreamItem::Packet(queued.share(), 0));
            queues[taker].push(StreamItem::EndOfItem(item));
        }
        queues[last].push(StreamItem::Packet(queued, 0));
        queues[last].push(StreamItem::EndOfItem(item));
    }
}
