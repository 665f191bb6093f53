//! Sessions: a pipeline that runs beside its host, fed and read while it goes on, bounded at both ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::completion::Outcome;
use super::metrics::{Counts, SessionMetrics, Waiting, WaitsFor, edge_metrics};
use super::outlet::{SessionOutput, TakeLimit};
use super::queue::Bounds;
use super::run::{Refusal, Rest, Run};
use super::trace::{Recorder, Trace};
use crate::graph::Graph;
use crate::lock::Lock;
use crate::manifest::{ManifestError, Work, did_you_mean, names, prepare_again};
use crate::node::{NodeType, Params};
use crate::outside::{named, named_in_full, shown};
use crate::value::Packet;

/// A pipeline at work on one stream. Its end arrives as one completion at its port; dropping it does not end it.
pub struct Session {
    run: Weak<Run>,
    rest: Arc<Lock<Rest>>,
    graph: Arc<Graph>,
    /// The sinks of the graph that are handed out, in the order in which they were chosen.
    sinks: Vec<usize>,
    counts: Arc<Counts>,
    /// The params of the nodes for which they were changed, by the place of the node.
    params: Lock<BTreeMap<usize, Params>>,
}

/// How a session is set up.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// The ids of the sinks to hand out; all if none is named. What reaches the others is dropped.
    pub sinks: Vec<String>,
    /// What may wait at each entry and at each sink.
    pub buffer: BufferOptions,
    /// How long the session may last, by its own clock.
    pub deadline: Option<Duration>,
    /// How long a packet may take from when it is taken to its sinks; what comes later is dropped and counted.
    pub packet_deadline: Option<Duration>,
    /// What time it goes by.
    pub clock: SessionClock,
    /// Whether it records what it does, for [`Session::trace`].
    pub is_traced: bool,
}

/// What time a session goes by: what it waits for, deadlines, pauses before another try, batches that are not full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionClock {
    /// That of the machine.
    #[default]
    Real,
    /// What has arrived: a packet arrives when it has sounded, once all that came before it is worked off. So a session
    /// for live sound can be tested at full speed, with the same results each time.
    Virtual,
}

/// What may wait in one place; what is not said is as it is by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct BufferOptions {
    /// Packets: 64 by default.
    pub packets: Option<usize>,
    /// Bytes: 8 MiB by default.
    pub bytes: Option<usize>,
    /// Media time: 5 s by default.
    pub media: Option<Duration>,
}

/// What a host wants of a session beside packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// See [`Session::flush`].
    Flush,
    /// See [`Session::interrupt`].
    Interrupt,
    /// See [`Session::set_params`].
    Set {
        /// The id of the node.
        node: String,
        /// The params to change.
        params: Params,
    },
}

/// What became of packets that were sent.
#[derive(Debug)]
pub struct Sent {
    /// How many were taken; an event says when there is room for more.
    pub taken: usize,
    /// Outputs that were there.
    pub outputs: Vec<SessionOutput>,
}

/// What there is to read.
#[derive(Debug)]
pub enum Received {
    /// At least one output.
    Outputs(Vec<SessionOutput>),
    /// None yet; an event says when there are some.
    WouldBlock,
    /// None ever again; the completion says how it ended.
    End,
}

/// Why a session does not take something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// A sink was chosen that is none.
    #[error("{} is no sink of pipeline {}; its sinks are {sinks}", named(sink), named(pipeline))]
    NoSuchSink {
        /// What was chosen.
        sink: String,
        /// The name of the pipeline.
        pipeline: Arc<str>,
        /// What could have been chosen.
        sinks: String,
    },
    /// All nodes bring their own data.
    #[error("pipeline {} has only sources, which take no packets; read its outputs", named(pipeline))]
    NoTaker {
        /// The name of the pipeline.
        pipeline: Arc<str>,
    },
    /// A node is named that the graph does not have.
    #[error("there is no node {}{cure}", named(node))]
    NoSuchNode {
        /// What was named.
        node: String,
        /// What may be meant, behind a semicolon.
        cure: String,
    },
    /// A param is to be changed that a running node can't change.
    #[error("{} ({}) has {} from its start to its end; {live}", named_in_full(node), shown(node_type), named(param))]
    NotLive {
        /// The id of the node.
        node: Arc<str>,
        /// Its type.
        node_type: Arc<str>,
        /// The param.
        param: String,
        /// Which ones can be changed.
        live: String,
    },
    /// Params of a node that the host runs are to be changed.
    #[error(
        "{} is run by the host, which alone could change its params; only those of built-in nodes are live",
        named_in_full(node)
    )]
    HostNode {
        /// The id of the node.
        node: Arc<str>,
    },
    /// A param can't have this value.
    #[error(transparent)]
    Params(#[from] ManifestError),
    /// The host said that nothing more comes.
    #[error("the session was finished before; it takes no more packets")]
    Finished,
    /// It is over.
    #[error("the session has ended{}{cause}", if cause.is_empty() { "" } else { ": " })]
    Ended {
        /// How.
        outcome: Outcome,
        /// Why, if it did not simply finish.
        cause: String,
    },
}

impl Session {
    pub(super) fn new(
        run: &Arc<Run>,
        rest: Arc<Lock<Rest>>,
        graph: Arc<Graph>,
        sinks: Vec<usize>,
        counts: Arc<Counts>,
    ) -> Self {
        Self { run: Arc::downgrade(run), rest, graph, sinks, counts, params: Lock::default() }
    }

    /// How many sinks are handed out.
    pub fn sink_count(&self) -> usize {
        self.sinks.len()
    }

    /// The id of a sink that is handed out, by its place in the choice, which is how outputs name it.
    pub fn sink(&self, place: usize) -> &Arc<str> {
        &self.graph.nodes[self.graph.sinks[self.sinks[place]]].id
    }

    /// Takes as many of the packets as there is room for and leaves the others; light work is done on this thread within
    /// the budget. Outputs that are there come along, at most `most`.
    ///
    /// # Errors
    /// If it takes no packets any more.
    pub fn send(
        &self,
        packets: &mut VecDeque<Packet>,
        packet_bytes: usize,
        budget: Duration,
        most: TakeLimit,
    ) -> Result<Sent, SessionError> {
        let run = self.running()?;
        let mut outputs = Vec::new();
        let taken = run.offer(packets, super::runtime::budget_on_caller(budget, packet_bytes), most, &mut outputs);
        let taken = taken.map_err(|refusal| self.refused(refusal))?;
        Ok(Sent { taken, outputs })
    }

    /// Whether a packet would be taken now. If not, an event says when.
    ///
    /// # Errors
    /// If it takes no packets any more.
    pub fn has_room(&self) -> Result<bool, SessionError> {
        self.running()?.has_room().map_err(|refusal| self.refused(refusal))
    }

    /// Takes outputs that are there, of one chosen sink or of all.
    pub fn receive(&self, only: Option<usize>, most: TakeLimit) -> Received {
        let mut outputs = Vec::new();
        if let Some(run) = self.run.upgrade()
            && run.read(only, most, &mut outputs).is_some()
        {
            return if outputs.is_empty() { Received::WouldBlock } else { Received::Outputs(outputs) };
        }
        self.rest.lock().outlets.take(only, most, &mut outputs);
        if outputs.is_empty() { Received::End } else { Received::Outputs(outputs) }
    }

    /// Says that no more packets come: what was sent is worked off in order, then the session ends. To say it again does
    /// nothing.
    ///
    /// # Errors
    /// If it has ended before its time.
    pub fn finish(&self) -> Result<(), SessionError> {
        if let Some(run) = self.run.upgrade() {
            run.finish_feed();
        }
        match &self.rest.lock().ended {
            Some((outcome, cause)) if *outcome != Outcome::Finished => {
                Err(SessionError::Ended { outcome: *outcome, cause: cause.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Ends the stream behind what was sent: everything that nodes hold back comes out, and another stream may begin.
    ///
    /// # Errors
    /// If it takes no packets any more.
    pub fn flush(&self) -> Result<(), SessionError> {
        self.running()?.flush().map_err(|refusal| self.refused(refusal))
    }

    /// Drops everything that was sent and has not been received; nodes begin anew, sources go on. What a node is in the
    /// middle of is dropped when its step ends. Of a session that has ended, what nobody has received is dropped: whoever
    /// interrupts can't know whether it has just ended.
    pub fn interrupt(&self) {
        if !self.run.upgrade().is_some_and(|run| run.interrupt()) {
            self.rest.lock().outlets.clear();
        }
    }

    /// Changes live params of a node; the other params stay as they are. What was sent before is worked on as it was, what
    /// is sent afterwards with the new values. A node that no packet reaches that is sent, such as a source, takes them over
    /// at its next step. They outlast an interruption.
    ///
    /// # Errors
    /// If there is no such node, a param is not live or has a value that it can't have, or the session has ended. Nothing
    /// is changed then.
    pub fn set_params(&self, node: &str, params: Params) -> Result<(), SessionError> {
        let run = self.running()?;
        let index = self.graph.nodes.iter().position(|known| &*known.id == node).ok_or_else(|| self.no_node(node))?;
        let Work::Native { node_type, .. } = &self.graph.nodes[index].work else {
            return Err(SessionError::HostNode { node: Arc::clone(&self.graph.nodes[index].id) });
        };
        if let Some(param) = params.keys().find(|param| is_fixed(node_type, param)) {
            return Err(SessionError::NotLive {
                node: Arc::clone(&self.graph.nodes[index].id),
                node_type: Arc::clone(&self.graph.nodes[index].type_name),
                param: param.clone(),
                live: match &node_type.live[..] {
                    [] => "none of its params may change while it runs".to_owned(),
                    live => format!("what may change while it runs: {}", names(live)),
                },
            });
        }
        // Held until the run has them, so that of two changes at a time one comes after the other in both places.
        let mut changed = self.params.lock();
        let mut all = changed.get(&index).unwrap_or(&self.graph.nodes[index].params).clone();
        all.extend(params);
        let prepared = prepare_again(node, node_type, all.clone())?;
        run.set_params(index, prepared).map_err(|refusal| self.refused(refusal))?;
        changed.insert(index, all);
        Ok(())
    }

    fn no_node(&self, node: &str) -> SessionError {
        let ids: Vec<&str> = self.graph.nodes.iter().map(|node| &*node.id).collect();
        let near = did_you_mean(node, ids.iter().copied(), named_in_full);
        let cure = near.unwrap_or_else(|| format!("there are {}", names(&ids)));
        SessionError::NoSuchNode { node: node.to_owned(), cure: format!("; {cure}") }
    }

    /// Does what the host wants.
    ///
    /// # Errors
    /// If it was finished or has ended and is to be flushed, or has no such params to change.
    pub fn control(&self, control: Control) -> Result<(), SessionError> {
        match control {
            Control::Flush => self.flush(),
            Control::Interrupt => {
                self.interrupt();
                Ok(())
            }
            Control::Set { node, params } => self.set_params(&node, params),
        }
    }

    /// What its nodes have done and wait for.
    pub fn metrics(&self) -> SessionMetrics {
        if let Some(metrics) = self.run.upgrade().and_then(|run| run.metrics()) {
            return metrics;
        }
        let nodes = self.graph.nodes.iter().zip(self.counts.iter());
        let nodes = nodes.map(|(node, counts)| counts.read(&node.id, Waiting::default(), WaitsFor::End)).collect();
        let rest = self.rest.lock();
        let edges = edge_metrics(&self.graph, |edge| (0, rest.dropped.get(edge).copied().unwrap_or(0)));
        SessionMetrics { nodes, edges, unread: rest.outlets.unread(), sent: rest.sent, lag: rest.lag }
    }

    /// What it has recorded since this was last called; nothing if it is not traced.
    pub fn trace(&self) -> Trace {
        self.counts.recorder.as_ref().map_or_else(Trace::default, Recorder::take)
    }

    /// The id of a node, by its place in the manifest, which is how records name it.
    pub fn node(&self, place: usize) -> &Arc<str> {
        &self.graph.nodes[place].id
    }

    /// Ends it now and drops what is on its way. Answers whether it was still going on.
    pub fn cancel(&self) -> bool {
        self.run.upgrade().is_some_and(|run| run.cancel())
    }

    fn running(&self) -> Result<Arc<Run>, SessionError> {
        self.run.upgrade().ok_or_else(|| self.refused(Refusal::Ended))
    }

    fn refused(&self, refusal: Refusal) -> SessionError {
        // A run that was dropped with its port has left nothing; it was as good as cancelled.
        let ended = self.rest.lock().ended.clone();
        match (ended, refusal) {
            (Some((Outcome::Finished, _)) | None, Refusal::Finished) => SessionError::Finished,
            (Some((outcome, cause)), _) => SessionError::Ended { outcome, cause },
            (None, Refusal::NoTaker) => SessionError::NoTaker { pipeline: Arc::clone(&self.graph.name) },
            (None, Refusal::Ended) => SessionError::Ended { outcome: Outcome::Cancelled, cause: String::new() },
        }
    }
}

/// Whether a node has this param and can't change it while it runs. What it does not have is found with its values.
fn is_fixed(node_type: &NodeType, param: &str) -> bool {
    node_type.params_schema["properties"].get(param).is_some() && !node_type.live.contains(&param)
}

impl SessionOptions {
    /// The places of the chosen sinks among those of the graph.
    pub(super) fn sinks_of(&self, graph: &Graph) -> Result<Vec<usize>, SessionError> {
        let ids: Vec<&Arc<str>> = graph.sinks.iter().map(|&node| &graph.nodes[node].id).collect();
        if self.sinks.is_empty() {
            return Ok((0..ids.len()).collect());
        }
        let mut chosen = Vec::new();
        for sink in &self.sinks {
            let found = ids.iter().position(|id| ***id == **sink).ok_or_else(|| SessionError::NoSuchSink {
                sink: sink.clone(),
                pipeline: Arc::clone(&graph.name),
                sinks: ids.iter().map(|id| named_in_full(id)).collect::<Vec<_>>().join(", "),
            })?;
            if !chosen.contains(&found) {
                chosen.push(found);
            }
        }
        Ok(chosen)
    }
}

impl BufferOptions {
    pub(super) fn bounds(self) -> Bounds {
        let default = Bounds::DEFAULT;
        let nanoseconds = |media: Duration| i64::try_from(media.as_nanos()).unwrap_or(i64::MAX);
        Bounds {
            packets: self.packets.unwrap_or(default.packets),
            bytes: self.bytes.unwrap_or(default.bytes),
            media_nanoseconds: self.media.map_or(default.media_nanoseconds, nanoseconds),
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Session({})", self.graph.name)
    }
}
