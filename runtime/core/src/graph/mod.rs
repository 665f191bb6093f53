//! From a checked blueprint to a plan of stages: which nodes run together, which are joined by a queue, and their
//! order.
//!
//! Knows which nodes are native and which are the host's, but runs nothing.

mod describe;
mod part;

use std::sync::Arc;
use std::time::Duration;

pub use self::part::{Part, SharedCall};
use crate::manifest::{
    Blueprint, BlueprintNode, Edge, EdgeBuffer, Endpoint, GraphOutput, ManifestError, OnError, Problem, Work,
};
use crate::node::{Cost, HostToken};

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
    /// The inputs, in the order of the manifest; see [`Blueprint::inputs`].
    pub inputs: Vec<Input>,
    /// The outputs, in the order of the manifest; see [`Blueprint::outputs`].
    pub outputs: Vec<GraphOutput>,
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
    /// Divides a blueprint into stages.
    ///
    /// # Errors
    /// If there are more paths through the graph than can be numbered.
    pub fn plan(blueprint: Blueprint) -> Result<Self, ManifestError> {
        let Blueprint { name, nodes, edges: connections, inputs, outputs, .. } = blueprint;
        let ends = (0..)
            .zip(&inputs)
            .flat_map(|(index, input)| input.ends.iter().map(move |end| (end.node, (index, end.port))));
        let entries: Vec<Vec<(usize, usize)>> = grouped(nodes.len(), ends);
        let ends = (0..).zip(&outputs).map(|(index, GraphOutput { end, .. })| (end.node, (end.port, index)));
        let exits: Vec<Vec<(usize, usize)>> = grouped(nodes.len(), ends);
        let forward = || (0..).zip(&connections).filter(|(_, edge)| edge.delay.is_none());
        let incoming = grouped(nodes.len(), forward().map(|(index, edge)| (edge.to.node, index)));
        let outgoing = grouped(nodes.len(), forward().map(|(index, edge)| (edge.from.node, index)));
        let backward = || connections.iter().filter(|edge| edge.delay.is_some());
        let order = topological_order(nodes.len(), &incoming, |edge| connections[edge].from.node);
        let begins = |node: usize| entries[node].len() as u64;
        let paths = count_paths(&order, &incoming, begins, |edge| connections[edge].from.node);
        let paths = paths.ok_or_else(too_many_paths)?;

        let mut stages: Vec<Stage> = Vec::new();
        let mut stage_of = vec![0; nodes.len()];
        for &node in &order {
            let join = match incoming[node][..] {
                [only] => Some(&connections[only]).filter(|edge| {
                    edge.buffer.is_none()
                        && entries[node].is_empty()
                        && exits[edge.from.node].is_empty()
                        && !backward().any(|back| back.to.node == node || back.from.node == edge.from.node)
                        && outgoing[edge.from.node].len() == 1
                        && can_share_a_stage(&nodes[edge.from.node], &nodes[node])
                }),
                _ => None,
            };
            let link = Link { node, output_port: 0, next_port: 0 };
            let cost = cost(&nodes[node]);
            if let Some(edge) = join {
                stage_of[node] = stage_of[edge.from.node];
                let stage = &mut stages[stage_of[node]];
                if let Some(previous) = stage.links.last_mut() {
                    (previous.output_port, previous.next_port) = (edge.from.port, edge.to.port);
                }
                stage.links.push(link);
                stage.exits = exits[node].clone();
                stage.cost = stage.cost.max(cost);
            } else {
                stage_of[node] = stages.len();
                let runner = match &nodes[node].work {
                    Work::Native { .. } => Runner::Native,
                    Work::Host(host) => Runner::Host { batch: host.batch },
                };
                stages.push(Stage {
                    links: vec![link],
                    runner,
                    inputs: Vec::new(),
                    feedback_inputs: Vec::new(),
                    outputs: Vec::new(),
                    feedback_outputs: Vec::new(),
                    exits: exits[node].clone(),
                    last_path: paths[node] - 1,
                    cost,
                });
            }
        }

        let mut edges = Vec::new();
        let mut graph_inputs: Vec<Input> =
            inputs.iter().map(|input| Input { name: Arc::clone(&input.name), edges: Vec::new() }).collect();
        let edge = |from, to, port, path_offset| StageEdge {
            from,
            input: None,
            to,
            port,
            path_offset,
            buffer: None,
            delay: None,
            upstream: Upstream::Shared,
        };
        for stage in 0..stages.len() {
            let first = stages[stage].links[0].node;
            let mut path_offset = 0;
            for &(input, port) in &entries[first] {
                stages[stage].inputs.push(edges.len());
                graph_inputs[input].edges.push(edges.len());
                edges.push(StageEdge { input: Some(input), ..edge(None, stage, port, path_offset) });
                path_offset += 1;
            }
            if path_offset == 0 && incoming[first].is_empty() {
                stages[stage].inputs.push(edges.len());
                edges.push(edge(None, stage, 0, path_offset));
            }
            for &connection in &incoming[first] {
                let Endpoint { node: source, port } = connections[connection].from;
                let from = stage_of[source];
                stages[stage].inputs.push(edges.len());
                stages[from].outputs.push((port, edges.len()));
                let Edge { to: Endpoint { port, .. }, buffer, .. } = connections[connection];
                edges.push(StageEdge { buffer, ..edge(Some(from), stage, port, path_offset) });
                path_offset += paths[source];
            }
        }
        for &Edge { from, to, buffer, delay } in backward() {
            stages[stage_of[to.node]].feedback_inputs.push(edges.len());
            stages[stage_of[from.node]].feedback_outputs.push((from.port, edges.len()));
            edges.push(StageEdge { buffer, delay, ..edge(Some(stage_of[from.node]), stage_of[to.node], to.port, 0) });
        }
        let last_stages = stages.iter().filter(|stage| stage.outputs.is_empty()).count();
        let _host_tokens = Vec::new();
        let mut graph = Self { name, nodes, stages, edges, inputs: graph_inputs, outputs, last_stages, _host_tokens };
        for edge in 0..graph.edges.len() {
            graph.edges[edge].upstream = graph.upstream(edge);
        }
        Ok(graph)
    }

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

    /// What would have to wait if nothing were taken from an edge.
    fn upstream(&self, edge: usize) -> Upstream {
        if self.edges[edge].delay.is_some() || !self.begins_with_aligning(self.edges[edge].to) {
            return Upstream::Shared;
        }
        let mut waiting: Vec<usize> = self.edges[edge].from.into_iter().collect();
        let mut next = 0;
        while let Some(&stage) = waiting.get(next) {
            for producer in self.stages[stage].inputs.iter().filter_map(|&input| self.edges[input].from) {
                if !waiting.contains(&producer) {
                    waiting.push(producer);
                }
            }
            next += 1;
        }
        let leads_here = |&(_, output): &(usize, usize)| output == edge || waiting.contains(&self.edges[output].to);
        let is_own = |&stage: &usize| self.stages[stage].outputs.iter().all(leads_here);
        if !waiting.iter().all(is_own) {
            return Upstream::Shared;
        }
        let takers = || waiting.iter().flat_map(|&stage| &self.stages[stage].inputs).copied().chain([edge]);
        let is_own = |&input: &usize| self.inputs[input].edges.iter().all(|taker| takers().any(|own| own == *taker));
        let inputs: Vec<usize> = takers().filter_map(|taker| self.edges[taker].input).collect();
        match inputs.is_empty() {
            true => Upstream::Sources,
            false if self.inputs.len() > 1 && inputs.iter().all(is_own) => Upstream::OwnInputs,
            false => Upstream::Inputs,
        }
    }

    /// The id of the first node that the host runs, if there is one.
    pub fn first_host_node(&self) -> Option<Arc<str>> {
        self.nodes.iter().find(|node| matches!(node.work, Work::Host(_))).map(|node| Arc::clone(&node.id))
    }
}

fn can_share_a_stage(upstream_node: &BlueprintNode, downstream_node: &BlueprintNode) -> bool {
    match (&upstream_node.work, &downstream_node.work) {
        (Work::Native { .. }, Work::Native { .. }) => true,
        (Work::Host(upstream), Work::Host(downstream)) => {
            // What runs together fails together: a packet that is tried again, or dropped, would be so for all nodes of
            // the stage. Only the ends of a stage know their ports.
            upstream_node.on_error == OnError::Fail
                && downstream_node.on_error == OnError::Fail
                && upstream.batch == downstream.batch
                && upstream.outputs.len() == 1
                && downstream.inputs.len() == 1
                && upstream.max_wait == downstream.max_wait
        }
        _ => false,
    }
}

fn cost(node: &BlueprintNode) -> Cost {
    match &node.work {
        Work::Native { node_type, .. } => node_type.cost,
        // To make an event of packets is all that happens here.
        Work::Host(_) => Cost::Light,
    }
}

/// The items of each of `count` owners, in order.
fn grouped<T: Clone>(count: usize, items: impl Iterator<Item = (usize, T)>) -> Vec<Vec<T>> {
    let mut groups = vec![Vec::new(); count];
    items.for_each(|(owner, item)| groups[owner].push(item));
    groups
}

/// The nodes, each after those that feed it, otherwise in their order. Validation has made sure that there is no cycle.
fn topological_order(count: usize, incoming: &[Vec<usize>], source: impl Fn(usize) -> usize) -> Vec<usize> {
    let mut order = Vec::with_capacity(count);
    let mut is_placed = vec![false; count];
    while order.len() < count {
        let before = order.len();
        for node in 0..count {
            if !is_placed[node] && incoming[node].iter().all(|&edge| is_placed[source(edge)]) {
                is_placed[node] = true;
                order.push(node);
            }
        }
        assert!(order.len() > before, "the graph has a cycle");
    }
    order
}

/// The number of paths from the inputs to each node, or `None` if some number is too large to count with. `begins` is how many
/// inputs of the graph come in at a node; a source begins a path of its own.
fn count_paths(
    order: &[usize],
    incoming: &[Vec<usize>],
    begins: impl Fn(usize) -> u64,
    source: impl Fn(usize) -> usize,
) -> Option<Vec<u64>> {
    const MOST: u64 = 1 << 53;
    let mut paths = vec![1u64; order.len()];
    for &node in order {
        let mut edges = incoming[node].iter();
        let total = edges.try_fold(begins(node), |total, &edge| total.checked_add(paths[source(edge)]))?;
        paths[node] = Some(total.max(1)).filter(|&total| total <= MOST)?;
    }
    Some(paths)
}

fn too_many_paths() -> ManifestError {
    let problem = Problem {
        path: "connections".to_owned(),
        line: None,
        column: None,
        message: "the branches of this graph join and part so often that there are more than 2^53 ways through it; \
                  divide it into several pipelines"
            .to_owned(),
        expected: None,
        got: None,
        suggestion: None,
    };
    ManifestError { problems: vec![problem] }
}
