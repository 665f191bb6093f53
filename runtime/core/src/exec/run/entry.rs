//! What a run begins with: the inputs in the queues of the entry nodes.

use crate::exec::queue::{Bounds, Queue, Routed, Travel};
use crate::graph::Graph;
use crate::manifest::{EdgeBuffer, Policy};
use crate::value::{Packet, Value};

/// The queues of a graph, those of its entries filled with every input, its END, and at last FINISH.
pub(super) fn entry_queues(graph: &Graph, inputs: Option<Vec<Value>>) -> Vec<Queue> {
    // A packet and its END for each input, and FINISH.
    let entries = inputs.as_ref().map_or(1, |inputs| inputs.len() * 2) + 1;
    let mut queues: Vec<Queue> = graph
        .edges
        .iter()
        .map(|edge| match edge.from {
            None => Queue::with_capacity(None, entries),
            // Nothing is lost where everything is there: to wait costs nobody anything.
            Some(_) => Queue::of_edge(edge.buffer, Policy::Block),
        })
        .collect();
    let entries: Vec<usize> =
        graph.edges.iter().enumerate().filter(|(_, edge)| edge.from.is_none()).map(|(index, _)| index).collect();
    match inputs {
        // Sources need no input: one item without a packet lets them begin.
        None => {
            for &entry in &entries {
                queues[entry].push(Travel::End(0));
            }
        }
        Some(inputs) => {
            // Sources beside nodes that take inputs begin anew with each item, but get none.
            let mut takers: Vec<usize> = entries.iter().copied().filter(|&entry| takes_inputs(graph, entry)).collect();
            if takers.is_empty() {
                takers.clone_from(&entries);
            }
            let last_taker = takers.pop();
            for (item, value) in (0..).zip(inputs) {
                let packet = Packet::new(value);
                for &taker in &takers {
                    queues[taker]
                        .push(Travel::Packet(Routed { packet: packet.clone(), item, path: 0, deadline: None }, 0));
                }
                if let Some(taker) = last_taker {
                    queues[taker].push(Travel::Packet(Routed { packet, item, path: 0, deadline: None }, 0));
                }
                for &entry in &entries {
                    queues[entry].push(Travel::End(item));
                }
            }
        }
    }
    for entry in entries {
        queues[entry].push(Travel::Finish);
    }
    queues
}

/// The queues of a graph whose inputs come while it runs, and which of them take those inputs. Sources begin at once.
pub(super) fn open_queues(graph: &Graph, bounds: Bounds) -> (Vec<Queue>, Vec<usize>) {
    let mut takers = Vec::new();
    let queues = graph
        .edges
        .iter()
        .enumerate()
        .map(|(index, edge)| {
            if edge.from.is_some() {
                return Queue::of_edge(edge.buffer, edge.buffer.map_or(Policy::Block, EdgeBuffer::policy));
            }
            let mut queue = Queue::new(Some(bounds));
            if takes_inputs(graph, index) {
                takers.push(index);
            } else {
                queue.push(Travel::End(0));
                queue.push(Travel::Finish);
            }
            queue
        })
        .collect();
    (queues, takers)
}

fn takes_inputs(graph: &Graph, entry: usize) -> bool {
    !graph.begins_with_source(graph.edges[entry].to)
}
