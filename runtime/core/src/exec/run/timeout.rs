//! The cause of a timeout: which node is at work, on which inputs, and for how long.

use std::time::{Duration, Instant};

use super::inspect::RunView;
use crate::exec::host::exchange::{OpenCall, PendingItem};
use crate::exec::run::state::stage_cell::Status;
use crate::graph::Runner;
use crate::outside::{named_in_full, shown};

/// What a run that has not ended within `timeout` was doing.
pub(super) fn timeout_cause(run: RunView<'_>, timeout: Duration) -> String {
    let after = format!("timed out after {} s", timeout.as_secs_f64());
    if timeout.is_zero() {
        return format!("{after}: no time was left when it began");
    }
    let Some(at_work) = AtWork::longest(run) else {
        return format!("{after}: {}", waits(run));
    };
    let links = &run.graph.stages[at_work.stage].links;
    let node = |place: usize| &run.graph.nodes[links[place].node];
    let (first, last) = (node(0), node(links.len() - 1));
    let nodes = if links.len() == 1 {
        format!("node {} ({}) has", named_in_full(&first.id), shown(&first.type_name))
    } else {
        format!("nodes {} to {} have", named_in_full(&first.id), named_in_full(&last.id))
    };
    let inputs = match at_work.inputs {
        Some((first, last)) if first < last => format!(" on inputs {first} to {last}"),
        Some((input, _)) => format!(" on input {input}"),
        None => String::new(),
    };
    format!("{after}: {nodes} worked{inputs} for {:.2} s", at_work.since.elapsed().as_secs_f64())
}

/// The stage that has been at work longest.
struct AtWork {
    stage: usize,
    since: Instant,
    /// The first and the last input that it works on.
    inputs: Option<(u64, u64)>,
}

impl AtWork {
    fn longest(run: RunView<'_>) -> Option<Self> {
        let found = run.graph.stages.iter().enumerate().filter_map(|(stage, planned)| {
            let cell = &run.state.stages[stage];
            match planned.runner {
                Runner::Host { .. } => {
                    let call = cell.exchange.call()?;
                    Some(Self { stage, since: call.begun, inputs: call.items() })
                }
                Runner::Native => {
                    let input = run.first_open_input();
                    Some(Self { stage, since: cell.works_since()?, inputs: input.map(|input| (input, input)) })
                }
            }
        });
        found.min_by_key(|at_work| at_work.since)
    }
}

/// What a run waits for in which no node is at work.
fn waits(run: RunView<'_>) -> String {
    let now = Instant::now();
    if let Some((wait, failed)) = (0..run.graph.stages.len()).find_map(|stage| run.state.stages[stage].next_try(now)) {
        let node = &run.graph.nodes[failed.node];
        return format!(
            "node {} ({}) waits {:.2} s for its next try, after {}",
            named_in_full(&node.id),
            shown(&node.type_name),
            wait.as_secs_f64(),
            shown(&failed.cause)
        );
    }
    let is_full = |&(index, stage): &(usize, _)| {
        run.state.stages[index].status() == Status::Idle && !run.state.has_exit_credit(stage)
    };
    match run.graph.stages.iter().enumerate().find(is_full) {
        Some((_, stage)) => {
            let node = &run.graph.nodes[stage.links[stage.links.len() - 1].node].id;
            format!("node {} waits for a reader of its outputs", named_in_full(node))
        }
        None if run.state.ingress.as_deref().is_some_and(|ingress| !ingress.is_finished()) => {
            "it waits for more packets, or for its finish".to_owned()
        }
        None => "no node is at work".to_owned(),
    }
}

impl OpenCall {
    /// The items of the first and the last packet that the host has not replied to.
    fn items(&self) -> Option<(u64, u64)> {
        let mut items = self.waiting.iter().filter_map(|waiting| match waiting {
            PendingItem::Entry { place, .. } => Some(place.item),
            PendingItem::EndOfItem(item) => Some(*item),
            PendingItem::EndOfStream => None,
        });
        let first = items.next()?;
        Some((first, items.next_back().unwrap_or(first)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exec::measures::histogram::Histogram;
    use crate::exec::outputs::session_outputs::SessionOutputs;
    use crate::exec::queues::queue::Bounds;
    use crate::exec::queues::stream_item::QueuedPacket;
    use crate::exec::run::control::entry_queues::open_queues;
    use crate::exec::run::state::State;
    use crate::exec::run::state::delivery::Delivery;
    use crate::exec::run::state::egress::Egress;
    use crate::exec::run::state::ingress::Ingress;
    use crate::exec::test_graph::test_graph;
    use crate::value::{Packet, Value};

    #[test]
    fn a_run_that_waits_names_the_output_that_no_reader_takes_or_what_it_lacks() {
        let graph = test_graph(&["n"], &[]);
        let bounds = Bounds { packets: 1, ..Bounds::DEFAULT };
        let egress = Egress::Live(SessionOutputs::new(1, &[0], bounds));
        let mut state = State::new(&graph, open_queues(&graph, bounds), egress, Delivery::to_port());
        let cause =
            |state: &State| timeout_cause(RunView { graph: &graph, state, ended: 0 }, Duration::from_millis(1500));
        assert_eq!(cause(&state), "timed out after 1.5 s: no node is at work");
        let ingress = Ingress::new(graph.inputs.len(), None, Arc::default(), Histogram::new().snapshot());
        state.ingress = Some(Box::new(ingress));
        assert_eq!(cause(&state), "timed out after 1.5 s: it waits for more packets, or for its finish");
        let queued = QueuedPacket { packet: Packet::new(Value::Null), item: 0, path: 0, deadline: None };
        state.egress.push(0, queued).expect("a session has no limit");
        assert_eq!(cause(&state), "timed out after 1.5 s: node 'n' waits for a reader of its outputs");
    }
}
