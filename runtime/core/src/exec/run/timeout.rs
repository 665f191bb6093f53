//! The cause of a timeout: which node is at work, on which inputs, and for how long.

use std::time::{Duration, Instant};

use super::egress::Egress;
use super::stage_cell::Status;
use super::{Run, State};
use crate::exec::exchange::{OpenCall, PendingItem};
use crate::graph::Runner;
use crate::outside::{named_in_full, shown};

/// The stage that has been at work longest.
struct AtWork {
    stage: usize,
    since: Instant,
    /// The first and the last input that it works on.
    inputs: Option<(u64, u64)>,
}

impl Run {
    /// What a run that has not ended within `timeout` was doing.
    pub(super) fn timeout_cause(&self, state: &State, timeout: Duration) -> String {
        let after = format!("timed out after {} s", timeout.as_secs_f64());
        let Some(at_work) = self.longest_at_work(state) else {
            return format!("{after}: {}", self.waits(state));
        };
        let links = &self.graph.stages[at_work.stage].links;
        let node = |place: usize| &self.graph.nodes[links[place].node];
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

    fn longest_at_work(&self, state: &State) -> Option<AtWork> {
        let found = self.graph.stages.iter().enumerate().filter_map(|(index, stage)| {
            let cell = &state.stages[index];
            match stage.runner {
                Runner::Host { .. } => {
                    let call = cell.exchange.call()?;
                    Some(AtWork { stage: index, since: call.begun, inputs: call.items() })
                }
                Runner::Native if cell.status() == Status::Running => {
                    let input = self.first_open_input(state);
                    Some(AtWork { stage: index, since: cell.slice_began()?, inputs: input.map(|input| (input, input)) })
                }
                Runner::Native => None,
            }
        });
        found.min_by_key(|at_work| at_work.since)
    }

    /// The first input whose end has not come to all ends of the graph; none in a session, where an input has no end of its own.
    fn first_open_input(&self, state: &State) -> Option<u64> {
        match &state.egress {
            Egress::Collected { .. } => {
                let ended = self.ended.load(std::sync::atomic::Ordering::Relaxed);
                Some(ended / self.graph.last_stages.max(1) as u64)
            }
            Egress::Live(_) => None,
        }
    }

    /// What a run waits for in which no node is at work.
    fn waits(&self, state: &State) -> String {
        let full = self
            .graph
            .stages
            .iter()
            .enumerate()
            .find(|&(index, stage)| state.stages[index].status() == Status::Idle && !state.has_exit_credit(stage));
        match full {
            Some((_, stage)) => {
                let node = &self.graph.nodes[stage.links[stage.links.len() - 1].node].id;
                format!("node {} waits for a reader of its outputs", named_in_full(node))
            }
            None if state.ingress.as_deref().is_some_and(|ingress| !ingress.is_finished()) => {
                "it waits for more packets, or for its finish".to_owned()
            }
            None => "no node is at work".to_owned(),
        }
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
