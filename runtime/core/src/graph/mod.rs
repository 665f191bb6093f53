//! A plan of stages: which nodes run together, which are joined by a queue, and their order.
//!
//! Knows which nodes are native and which are the host's, but runs nothing.

mod describe;
mod part;
mod planning;

use std::sync::Arc;
use std::time::Duration;

pub use self::part::{Part, SharedCall};
use crate::manifest::{BlueprintNode, EdgeBuffer, GraphOutput, Work};
use crate::node::{Cost, Form, HostToken};

/// A validated graph, divided into stages.
#[derive(Debug)]
pub struct Graph {
    /// The name of the pipeline.
    pub name: Arc<str>,
    /// The nodes, in the order of the manifest.
    pub nodes: Vec<BlueprintNode>,
    /// The stages, each after those that feed it.
    pub stages: Vec<Stage>,
    /// The edges between stages.
    pub edges: Vec<StageEdge>,
    /// The inputs, in the order of the manifest; see [`Blueprint::inputs`](crate::manifest::Blueprint::inputs).
    pub inputs: Vec<Input>,
    /// The outputs, in the order of the manifest; see [`Blueprint::outputs`](crate::manifest::Blueprint::outputs).
    pub outputs: Vec<GraphOutput>,
    /// What is known of each output before anything runs.
    pub output_forms: Vec<Form>,
    /// How many stages feed no other one.
    pub last_stages: usize,
    /// The host's numbers of its node types, released with the graph.
    _host_tokens: Vec<Arc<HostToken>>,
}

/// An input of a graph.
#[derive(Debug)]
pub struct Input {
    /// Its name; empty for the one input of a graph whose manifest names none.
    pub name: Arc<str>,
    /// The edges that take its packets.
    pub edges: Vec<usize>,
}

/// Nodes that run one after the other on one thread, without a queue between them.
#[derive(Debug)]
pub struct Stage {
    /// The links, in the order in which a packet passes them.
    pub links: Vec<Link>,
    /// Whether workers of this runtime or the host run it.
    pub runner: Runner,
    /// The edges that feed it, in the order of the connections.
    pub inputs: Vec<usize>,
    /// The edges that feed it and go backwards.
    pub feedback_inputs: Vec<usize>,
    /// The edges that it feeds, with the output port of its last node.
    pub outputs: Vec<(usize, usize)>,
    /// The edges that it feeds and that go backwards, in the same way.
    pub feedback_outputs: Vec<(usize, usize)>,
    /// The outputs of the graph that come out of its last node: the port, and the index among the outputs.
    pub exits: Vec<(usize, usize)>,
    /// The last path number of its packets; see [`StageEdge::path_offset`].
    pub last_path: u64,
    /// The cost of its most expensive step.
    pub cost: Cost,
}

/// One node within a stage.
#[derive(Debug)]
pub struct Link {
    /// Its index among the nodes.
    pub node: usize,
    /// The port of this node that the next link reads from; emissions on others go nowhere.
    pub output_port: usize,
    /// The input port of the next link.
    pub next_port: usize,
}

/// The runner of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    /// The workers of this runtime.
    Native,
    /// The host, in batches of at most this many packets.
    Host {
        /// The most packets of one call.
        batch: usize,
    },
}

/// An edge between two stages, or from an input of the graph to an entry stage.
#[derive(Debug)]
pub struct StageEdge {
    /// The stage that feeds it; none for the inputs of the graph and for the start of a source.
    pub from: Option<usize>,
    /// The input of the graph that feeds it.
    pub input: Option<usize>,
    /// The stage that it feeds.
    pub to: usize,
    /// The input port of the first node there.
    pub port: usize,
    /// The number that is added to the path number of a packet on this edge. Every path through the graph to a node has
    /// a number of its own, counted in the order of the connections, so that results can be put in order.
    pub path_offset: u64,
    /// The limits of the queue, if the manifest gives any.
    pub buffer: Option<EdgeBuffer>,
    /// For an edge that goes backwards: how much later its packets arrive. No end comes by such an edge.
    pub delay: Option<Duration>,
    /// What has to wait if the stage takes nothing from this edge for a while.
    pub upstream: Upstream,
}

/// The nodes that feed an edge, and so have to wait while it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Nodes with other outgoing edges, or with further inputs of their own: others would wait too.
    Shared,
    /// Nodes that feed nothing else, and are fed by inputs of the graph.
    Inputs,
    /// Nodes that feed nothing else, and are fed by inputs of the graph that feed nothing else either, beside which there are
    /// others.
    OwnInputs,
    /// Nodes that feed nothing else, and are fed by sources alone.
    Sources,
}

impl Graph {
    /// Whether the first node of this stage takes no inputs.
    pub fn begins_with_source(&self, stage: usize) -> bool {
        self.nodes[self.stages[stage].links[0].node].work.inputs().is_empty()
    }

    /// The same graph, which keeps the host's numbers of its node types while it lives.
    pub(crate) fn keeping(self, host_tokens: Vec<Arc<HostToken>>) -> Self {
        Self { _host_tokens: host_tokens, ..self }
    }

    /// Whether the first node of this stage makes one stream of several inputs.
    pub fn begins_with_aligning(&self, stage: usize) -> bool {
        let Stage { links, inputs, feedback_inputs, .. } = &self.stages[stage];
        let aligns = |work: &Work| matches!(work, Work::Native { node_type, .. } if node_type.aligns);
        inputs.len() + feedback_inputs.len() > 1 && aligns(&self.nodes[links[0].node].work)
    }

    /// The input ports of the first node of a stage that edges lead to.
    pub fn connected_ports(&self, stage: usize) -> impl Iterator<Item = usize> {
        let Stage { inputs, feedback_inputs, .. } = &self.stages[stage];
        inputs.iter().chain(feedback_inputs).map(|edge| self.edges[*edge].port)
    }

    /// The input ports of an aligning node at the head of a stage that get nothing but what has come around a loop, each with
    /// the least delay on the way.
    pub fn loops_into(&self, stage: usize) -> Vec<(usize, Duration)> {
        if !self.begins_with_aligning(stage) || self.edges.iter().all(|edge| edge.delay.is_none()) {
            return Vec::new();
        }
        // What a stage gets, by the stages before it; none if something comes from outside.
        let mut delays: Vec<Option<Duration>> = Vec::with_capacity(stage);
        for before in 0..stage {
            let Stage { inputs, feedback_inputs, .. } = &self.stages[before];
            // An edge without a beginning brings only ends.
            let brings = |edge: &&usize| self.edges[**edge].from.is_some() || self.edges[**edge].input.is_some();
            let edges = inputs.iter().filter(brings).chain(feedback_inputs).copied();
            let delay = if self.begins_with_source(before) { None } else { self.least_delay(edges, &delays) };
            delays.push(delay);
        }
        let Stage { inputs, feedback_inputs, .. } = &self.stages[stage];
        let mut ports: Vec<usize> = self.connected_ports(stage).collect();
        ports.sort_unstable();
        ports.dedup();
        let delay_of = |port: usize| {
            let edges = inputs.iter().chain(feedback_inputs).copied().filter(|edge| self.edges[*edge].port == port);
            self.least_delay(edges, &delays).map(|delay| (port, delay))
        };
        ports.into_iter().filter_map(delay_of).collect()
    }

    /// The least delay of what some edges bring, if all of it has come around a loop.
    fn least_delay(&self, edges: impl Iterator<Item = usize>, delays: &[Option<Duration>]) -> Option<Duration> {
        let delay_of = |edge: usize| self.edges[edge].delay.or_else(|| *delays.get(self.edges[edge].from?)?);
        edges.map(delay_of).collect::<Option<Vec<Duration>>>()?.into_iter().min()
    }

    /// The id of the first node that the host runs, if there is one.
    pub fn first_host_node(&self) -> Option<Arc<str>> {
        self.nodes.iter().find(|node| matches!(node.work, Work::Host(_))).map(|node| Arc::clone(&node.id))
    }
}
