//! The queues with which a run begins: filled with all inputs, or open for packets to come.

use crate::exec::queue::{Bounds, Queue};
use crate::exec::stream_item::{QueuedPacket, StreamItem};
use crate::graph::{Graph, StageEdge};
use crate::manifest::{EdgeBuffer, Policy};
use crate::value::{Packet, Value};

/// The queues of a graph, with every input, its end, and the end of the stream in those of the entries.
pub(super) fn prefilled_queues(graph: &Graph, inputs: Option<Vec<Value>>) -> Vec<Queue> {
    // A packet and its end for each input, and the end of the stream.
    let capacity = inputs.as_ref().map_or(1, |inputs| inputs.len() * 2) + 1;
    let queue_of = |edge: &StageEdge| match edge.from {
        None => Queue::with_capacity(None, capacity),
        // Nothing is dropped where all inputs are there at the start: nothing live has to wait.
        Some(_) => Queue::of_edge(edge.buffer, Policy::Block),
    };
    let mut queues: Vec<Queue> = graph.edges.iter().map(queue_of).collect();
    let entries: Vec<usize> = (0..queues.len()).filter(|&edge| graph.edges[edge].from.is_none()).collect();
    match inputs {
        Some(inputs) => fill(&mut queues, graph, &entries, inputs),
        // Sources need no input: one item without a packet lets them begin.
        None => entries.iter().for_each(|&entry| queues[entry].push(StreamItem::EndOfItem(0))),
    }
    for entry in entries {
        queues[entry].push(StreamItem::EndOfStream);
    }
    queues
}

/// The queues of a graph whose inputs come while it runs, and the edges that take those inputs. Sources begin at once.
pub(super) fn open_queues(graph: &Graph, bounds: Bounds) -> (Vec<Queue>, Vec<usize>) {
    let mut entry_edges = Vec::new();
    let queue_of = |(index, edge): (usize, &StageEdge)| {
        if edge.from.is_some() {
            return Queue::of_edge(edge.buffer, edge.buffer.map_or(Policy::Block, EdgeBuffer::policy));
        }
        let mut queue = Queue::new(Some(bounds));
        if takes_inputs(graph, index) {
            entry_edges.push(index);
        } else {
            queue.push(StreamItem::EndOfItem(0));
            queue.push(StreamItem::EndOfStream);
        }
        queue
    };
    let queues = graph.edges.iter().enumerate().map(queue_of).collect();
    (queues, entry_edges)
}

/// Queues every input at all entries that take inputs, and its end at all entries.
fn fill(queues: &mut [Queue], graph: &Graph, entries: &[usize], inputs: Vec<Value>) {
    // Sources beside nodes that take inputs start again with each item, but get no packet.
    let mut takers: Vec<usize> = entries.iter().copied().filter(|&entry| takes_inputs(graph, entry)).collect();
    if takers.is_empty() {
        takers = entries.to_vec();
    }
    let last_taker = takers.pop();
    for (item, value) in (0..).zip(inputs) {
        let queued = QueuedPacket { packet: Packet::new(value), item, path: 0, deadline: None };
        for &taker in &takers {
            queues[taker].push(StreamItem::Packet(queued.share(), 0));
        }
        if let Some(taker) = last_taker {
            queues[taker].push(StreamItem::Packet(queued, 0));
        }
        for &entry in entries {
            queues[entry].push(StreamItem::EndOfItem(item));
        }
    }
}

fn takes_inputs(graph: &Graph, entry: usize) -> bool {
    !graph.begins_with_source(graph.edges[entry].to)
}
