//! The interruption of a session: drops what is on its way to a part of the graph and behind it, and begins a new epoch there.

use std::sync::Arc;

use crate::exec::host::exchange::Dropped;
use crate::exec::host::host_call::HostCall;
use crate::exec::ports::event::Event;
use crate::exec::queues::queue::Queue;
use crate::exec::run::Run;
use crate::exec::run::pacing::Pacing;
use crate::exec::run::scheduling::Ready;
use crate::exec::run::state::{Phase, State};
use crate::graph::{Graph, Part};

/// Drops everything that is on its way to the nodes of a part and behind them, and replaces their instances but those of
/// sources. Returns whether the run has not ended.
pub(in crate::exec) fn interrupt(run: &Arc<Run>, part: &Part) -> bool {
    let mut ready = Ready::new();
    let mut guard = run.lock();
    let state = &mut *guard;
    match state.phase {
        Phase::Active => {}
        Phase::Stopping(_) => {
            clear_outputs(run, state, part);
            return true;
        }
        Phase::Completed => return false,
    }
    if let Some(epochs) = &run.epochs {
        epochs.raise(&run.graph, part);
    }
    interrupt_queues(&run.graph, &mut state.queues, part);
    clear_outputs(run, state, part);
    if let Some(ingress) = state.ingress.as_deref_mut().filter(|_| part.is_whole()) {
        ingress.interrupt();
    }
    let mut dropped = Vec::new();
    for stage in 0..run.graph.stages.len() {
        if part.from(stage).is_some() {
            dropped.push(InterruptedStage::take(run, state, stage, part.is_whole()));
        }
    }
    run.scheduler().schedule_all(state, &mut ready);
    run.notify_room(state);
    Pacing::of(run, state, &mut ready).keep_time();
    drop(guard);
    drop(dropped);
    run.dispatch(&mut ready);
    true
}

/// Drops what waits before the nodes of a part. The ends of items are dropped only if the part is the whole graph; else they
/// would be missing where the part is joined with the rest.
fn interrupt_queues(graph: &Graph, queues: &mut [Queue], part: &Part) {
    for (edge, queue) in graph.edges.iter().zip(queues) {
        if edge.delay.is_some() {
            // What is on its way back belongs to both of its ends.
            if part.has_all_of(edge.to) || edge.from.is_some_and(|from| part.from(from).is_some()) {
                queue.interrupt();
            }
            continue;
        }
        if !part.has_all_of(edge.to) {
            continue;
        }
        if !part.is_whole() {
            queue.drop_packets();
        } else if edge.from.is_some() || !graph.begins_with_source(edge.to) {
            queue.interrupt();
        }
    }
}

/// Drops the outputs of a part that no reader has taken.
fn clear_outputs(run: &Run, state: &mut State, part: &Part) {
    state.egress.clear(|output| run.graph.is_output_of(output, part));
}

/// What an interruption has dropped of a stage: to be freed where no lock is held, since it may be the host's.
struct InterruptedStage {
    _dropped: Dropped,
    _untaken_call: Option<HostCall>,
    _unheard_event: Option<Event>,
}

impl InterruptedStage {
    /// Ends the call that a stage has out and drops what has come of it. A host that has begun with the call is notified,
    /// before it gets another one.
    fn take(run: &Run, state: &mut State, stage: usize, whole: bool) -> Self {
        let (dropped, untaken_call) = state.stages[stage].interrupt(whole);
        let mut unheard_event = None;
        if let (Some(call), Some(port)) = (dropped.call(), run.port.upgrade()) {
            let (was_open, event) = port.forget_call(call);
            if was_open && event.is_none() && untaken_call.is_none() {
                run.notify(state, Event::CallCancelled { call });
            }
            unheard_event = event;
        }
        Self { _dropped: dropped, _untaken_call: untaken_call, _unheard_event: unheard_event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::queues::stream_item::{QueuedPacket, StreamItem};
    use crate::exec::test_graph::test_graph;
    use crate::value::{Packet, Value};

    /// How much waits on each edge after an interruption, of a packet, the end of its item and the end of the stream.
    fn left(graph: &Graph, part: &Part) -> Vec<usize> {
        let mut queues: Vec<Queue> = graph.edges.iter().map(|_| Queue::new(None)).collect();
        for queue in &mut queues {
            let queued = QueuedPacket { packet: Packet::new(Value::Null), item: 0, path: 0, deadline: None };
            queue.push(StreamItem::Packet(queued, 0));
            queue.push(StreamItem::EndOfItem(0));
            queue.push(StreamItem::EndOfStream);
        }
        interrupt_queues(graph, &mut queues, part);
        queues.iter_mut().map(|queue| std::iter::from_fn(|| queue.pop()).count()).collect()
    }

    #[test]
    fn an_interruption_of_all_leaves_the_end_of_the_stream_alone() {
        let graph = test_graph(&["first", "left", "right"], &[("first", "left"), ("first", "right")]);
        assert_eq!(left(&graph, &Part::whole(&graph)), vec![1; graph.edges.len()]);
    }

    #[test]
    fn an_interruption_of_a_part_leaves_the_ends_there_and_all_that_is_elsewhere() {
        let graph = test_graph(&["first", "left", "right"], &[("first", "left"), ("first", "right")]);
        let part = graph.part(1).expect("it has a call of its own");
        let before_left = graph.stages[1].inputs[0];
        let expected: Vec<usize> = (0..graph.edges.len()).map(|edge| if edge == before_left { 2 } else { 3 }).collect();
        assert_eq!(left(&graph, &part), expected);
    }
}
