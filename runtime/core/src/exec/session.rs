//! Sessions: a pipeline that runs beside its host, which sends packets and receives outputs meanwhile, bounded at both ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::error::SessionError;
use super::options::SessionOptions;
use super::run::{Budget, FinalState, Run, SendError, SessionIo, interrupt};
use crate::exec::measures::metrics::{Counts, InputMetrics, SessionMetrics, Waiting, WaitsFor, edge_metrics};
use crate::exec::measures::trace::{Recorder, Trace};
use crate::exec::outputs::completion::Outcome;
use crate::exec::outputs::session_outputs::{SessionOutput, TakeLimit};
use crate::exec::ports::job::Job;
use crate::exec::queues::session_packet::EntryPacket;
use crate::graph::{Graph, Part, SharedCall};
use crate::lock::Lock;
use crate::manifest::{Work, did_you_mean, names, plain_params, prepare_again};
use crate::node::{NodeType, Params};
use crate::outside::named_in_full;
use crate::value;

/// A pipeline that works on one stream. It ends in one completion at its port; dropping this handle does not end it.
pub struct Session {
    run: Weak<Run>,
    final_state: Arc<Lock<FinalState>>,
    graph: Arc<Graph>,
    /// The outputs of the graph that are handed out, in the order in which they were chosen.
    chosen: Vec<usize>,
    counts: Arc<Counts>,
    /// The current params of the nodes whose params were changed, by the index of the node.
    params: Lock<BTreeMap<usize, Params>>,
}

/// What a host asks of a session beside sending packets.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    /// See [`Session::flush`].
    Flush,
    /// See [`Session::interrupt`].
    Interrupt,
    /// See [`Session::interrupt_at`].
    InterruptAt {
        /// The id of the node.
        node: String,
    },
    /// See [`Session::set_params`].
    Set {
        /// The id of the node.
        node: String,
        /// The params to change.
        params: value::Map,
    },
}

/// The result of sending packets.
#[derive(Debug)]
pub struct Sent {
    /// How many packets were taken; an event reports when there is room for more.
    pub taken: usize,
    /// Outputs that were ready.
    pub outputs: Vec<SessionOutput>,
}

/// The result of receiving outputs.
#[derive(Debug)]
pub enum Received {
    /// At least one output.
    Outputs(Vec<SessionOutput>),
    /// No outputs yet; an event reports the next ones.
    WouldBlock,
    /// No outputs any more; the completion has the outcome.
    End,
}

impl Session {
    pub(super) fn new(
        run: &Arc<Run>,
        final_state: Arc<Lock<FinalState>>,
        graph: Arc<Graph>,
        chosen: Vec<usize>,
        counts: Arc<Counts>,
    ) -> Self {
        Self { run: Arc::downgrade(run), final_state, graph, chosen, counts, params: Lock::default() }
    }

    /// The outputs that are handed out: their numbers in the order of the graph's outputs. [`SessionOutput::place`] is an
    /// index into this list.
    pub fn outputs(&self) -> &[usize] {
        &self.chosen
    }

    /// The name of an output that is handed out, by its index among the chosen ones.
    pub fn output_name(&self, place: usize) -> &Arc<str> {
        &self.graph.outputs[self.chosen[place]].name
    }

    /// How many inputs there are.
    pub fn input_count(&self) -> usize {
        self.graph.inputs.len()
    }

    /// Takes packets in their order as far as each finds room at its input, and leaves the others; light work is done on this
    /// thread within the budget. Also returns outputs that are ready, at most `most`.
    ///
    /// # Errors
    /// If the session takes no packets any more, or a packet names an input that does not exist; nothing is taken then.
    pub fn send<P: EntryPacket>(
        &self,
        packets: &mut VecDeque<P>,
        packet_bytes: usize,
        budget: Duration,
        most: TakeLimit,
    ) -> Result<Sent, SessionError> {
        let run = self.running()?;
        let inputs = self.input_count();
        if let Some(input) = packets.iter().map(P::input).find(|&input| input > 0 && input >= inputs) {
            let inputs = if inputs == 1 { "1 input".to_owned() } else { format!("{inputs} inputs") };
            return Err(SessionError::NoSuchInput { input, pipeline: Arc::clone(&self.graph.name), inputs });
        }
        let mut outputs = Vec::new();
        let taken = SessionIo(&run).send(packets, Budget::on_caller(budget, packet_bytes), most, &mut outputs);
        let taken = taken.map_err(|refusal| self.refused(refusal))?;
        Ok(Sent { taken, outputs })
    }

    /// Whether a packet would be taken now, at any input. If not, an event reports when there is room.
    ///
    /// # Errors
    /// If the session takes no packets any more.
    pub fn has_room(&self) -> Result<bool, SessionError> {
        SessionIo(&self.running()?).has_room().map_err(|refusal| self.refused(refusal))
    }

    /// Takes packets that are ready, of one chosen output or of all.
    pub fn receive(&self, only: Option<usize>, most: TakeLimit) -> Received {
        let mut outputs = Vec::new();
        if let Some(run) = self.run.upgrade()
            && SessionIo(&run).read(only, most, &mut outputs).is_some()
        {
            return if outputs.is_empty() { Received::WouldBlock } else { Received::Outputs(outputs) };
        }
        self.final_state.lock().outputs.take(only, most, &mut outputs);
        if outputs.is_empty() { Received::End } else { Received::Outputs(outputs) }
    }

    /// Ends the input: what was sent is processed in order, then the session ends. Calling it again does nothing.
    ///
    /// # Errors
    /// If the session has ended before all of its input was processed.
    pub fn finish(&self) -> Result<(), SessionError> {
        if let Some(run) = self.run.upgrade() {
            SessionIo(&run).finish();
        }
        match &self.final_state.lock().ended {
            Some((outcome, cause)) if *outcome != Outcome::Finished => {
                Err(SessionError::Ended { outcome: *outcome, cause: cause.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Ends the stream behind what was sent: nodes emit everything that they hold back, and another stream may begin.
    ///
    /// # Errors
    /// If the session takes no packets any more.
    pub fn flush(&self) -> Result<(), SessionError> {
        SessionIo(&self.running()?).flush().map_err(|refusal| self.refused(refusal))
    }

    /// Drops everything that was sent and has not been received; the instances of all nodes but sources are replaced. The packet that a node
    /// is in the middle of is dropped when its step ends. A session that has ended drops the outputs that were not received:
    /// the caller can't know whether it has just ended.
    pub fn interrupt(&self) {
        self.interrupt_part(&Part::whole(&self.graph));
    }

    /// Interrupts a node and everything behind it: what waits there is dropped, outputs that were not received included, and the
    /// instances are replaced. What is before the node continues undisturbed, and what comes from there afterwards is a new
    /// stream for these nodes. Ends that are on their way stay: those of a flush, and that of the session. Where a branch from
    /// elsewhere joins these nodes, what waits there is dropped as well.
    ///
    /// # Errors
    /// If there is no such node, or the host runs it in one call with the node before it. Nothing is dropped then.
    pub fn interrupt_at(&self, node: &str) -> Result<(), SessionError> {
        let index = self.graph.nodes.iter().position(|known| &*known.id == node).ok_or_else(|| self.no_node(node))?;
        let part = self.graph.part(index);
        self.interrupt_part(&part.map_err(|SharedCall { node, before }| SessionError::SharedCall { node, before })?);
        Ok(())
    }

    fn interrupt_part(&self, part: &Part) {
        if !self.run.upgrade().is_some_and(|run| interrupt(&run, part)) {
            self.final_state.lock().outputs.clear(|output| self.graph.is_output_of(output, part));
        }
    }

    /// Changes live params of a node; the other params stay as they are. Packets that were sent before are processed with the
    /// old values, packets that are sent afterwards with the new ones. A node that no sent packet reaches, such as a source,
    /// takes the new values over at its next step. They outlast an interruption.
    ///
    /// # Errors
    /// If there is no such node, a param is not live or its value is out of range, or the session has ended. Nothing is
    /// changed then.
    pub fn set_params(&self, node: &str, params: &value::Map) -> Result<(), SessionError> {
        let run = self.running()?;
        let index = self.graph.nodes.iter().position(|known| &*known.id == node).ok_or_else(|| self.no_node(node))?;
        let Work::Native { node_type, .. } = &self.graph.nodes[index].work else {
            return Err(SessionError::HostNode { node: Arc::clone(&self.graph.nodes[index].id) });
        };
        if let Some(param) = params.keys().find(|param| is_fixed(node_type, param)) {
            return Err(SessionError::NotLive {
                node: Arc::clone(&self.graph.nodes[index].id),
                node_type: Arc::clone(&self.graph.nodes[index].type_name),
                param: param.to_string(),
                live: match &node_type.live[..] {
                    [] => "none of its params may change while it runs".to_owned(),
                    live => format!("what may change while it runs: {}", names(live)),
                },
            });
        }
        // Locked until the run has them, so that two changes at a time come in the same order in both places.
        let mut changed = self.params.lock();
        let mut all = changed.get(&index).unwrap_or(&self.graph.nodes[index].params).clone();
        all.extend(plain_params(node, params)?);
        let prepared = prepare_again(node, node_type, all.clone())?;
        SessionIo(&run).set_params(index, prepared).map_err(|refusal| self.refused(refusal))?;
        changed.insert(index, all);
        Ok(())
    }

    fn no_node(&self, node: &str) -> SessionError {
        let ids: Vec<&str> = self.graph.nodes.iter().map(|node| &*node.id).collect();
        let near = did_you_mean(node, ids.iter().copied(), named_in_full);
        let cure = near.unwrap_or_else(|| format!("there are {}", names(&ids)));
        SessionError::NoSuchNode { node: node.to_owned(), cure: format!("; {cure}") }
    }

    /// Does what a control document asks for.
    ///
    /// # Errors
    /// If the session can't be flushed because it was finished or has ended, or can't change these params.
    pub fn control(&self, control: Control) -> Result<(), SessionError> {
        match control {
            Control::Flush => self.flush(),
            Control::Interrupt => {
                self.interrupt();
                Ok(())
            }
            Control::InterruptAt { node } => self.interrupt_at(&node),
            Control::Set { node, params } => self.set_params(&node, &params),
        }
    }

    /// What the nodes have done, and what they wait for.
    pub fn metrics(&self) -> SessionMetrics {
        if let Some(metrics) = self.run.upgrade().and_then(|run| SessionIo(&run).metrics()) {
            return metrics;
        }
        let nodes = self.graph.nodes.iter().zip(self.counts.iter());
        let nodes = nodes.map(|(node, counts)| counts.read(&node.id, Waiting::default(), WaitsFor::End)).collect();
        let final_state = self.final_state.lock();
        let sent = |input: usize| final_state.sent.get(input).copied().unwrap_or(0);
        let inputs = self.graph.inputs.iter().enumerate();
        let inputs =
            inputs.map(|(place, input)| InputMetrics { name: Arc::clone(&input.name), sent: sent(place), waiting: 0 });
        let inputs = inputs.collect();
        let edges = edge_metrics(&self.graph, |edge| (0, final_state.dropped.get(edge).copied().unwrap_or(0)));
        SessionMetrics {
            nodes,
            edges,
            inputs,
            unread: final_state.outputs.unread(),
            sent: final_state.sent.iter().sum(),
            lag: final_state.lag,
        }
    }

    /// Takes the records since the last call; none if the session is not traced.
    pub fn trace(&self) -> Trace {
        self.counts.recorder.as_ref().map_or_else(Trace::default, Recorder::take)
    }

    /// The id of a node, by its index in the manifest, which records name.
    pub fn node(&self, place: usize) -> &Arc<str> {
        &self.graph.nodes[place].id
    }

    /// Ends the session now and drops what is on its way. Returns whether it had not ended before.
    pub fn cancel(&self) -> bool {
        self.run.upgrade().is_some_and(Job::cancel)
    }

    fn running(&self) -> Result<Arc<Run>, SessionError> {
        self.run.upgrade().ok_or_else(|| self.refused(SendError::Ended))
    }

    fn refused(&self, refusal: SendError) -> SessionError {
        // A run that was dropped with its port has handed over nothing; it was as good as cancelled.
        let ended = self.final_state.lock().ended.clone();
        match (ended, refusal) {
            (Some((Outcome::Finished, _)) | None, SendError::Finished) => SessionError::Finished,
            (Some((outcome, cause)), _) => SessionError::Ended { outcome, cause },
            (None, SendError::NoTaker) => SessionError::NoTaker { pipeline: Arc::clone(&self.graph.name) },
            (None, SendError::Ended) => SessionError::Ended { outcome: Outcome::Cancelled, cause: String::new() },
        }
    }
}

/// Whether a node has this param and can't change it while it runs. An unknown param is found when the values are checked.
fn is_fixed(node_type: &NodeType, param: &str) -> bool {
    node_type.params_schema["properties"].get(param).is_some() && !node_type.live.contains(&param)
}

/// The indices of the chosen outputs among those of the graph; all if none is chosen.
pub(super) fn chosen_outputs(options: &SessionOptions, graph: &Graph) -> Result<Vec<usize>, SessionError> {
    let known: Vec<&str> = graph.outputs.iter().map(|output| &*output.name).collect();
    if options.outputs.is_empty() {
        return Ok((0..known.len()).collect());
    }
    let mut chosen = Vec::new();
    for (place, name) in options.outputs.iter().enumerate() {
        let found = known.iter().position(|known| *known == name).ok_or_else(|| {
            let near = did_you_mean(name, known.iter().copied(), named_in_full);
            SessionError::NoSuchOutput {
                output: name.clone(),
                pipeline: Arc::clone(&graph.name),
                cure: near.unwrap_or_else(|| match known[..] {
                    [only] => format!("its output is {}", named_in_full(only)),
                    _ => format!("its outputs are {}", names(&known)),
                }),
            }
        })?;
        if chosen.contains(&found) {
            return Err(SessionError::OutputTwice { output: name.clone(), place });
        }
        chosen.push(found);
    }
    Ok(chosen)
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Session({})", self.graph.name)
    }
}
