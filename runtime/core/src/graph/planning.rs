//! From a checked blueprint to a plan: divides the nodes into stages, and joins these by edges.

use std::sync::Arc;

use super::{Graph, Input, Link, Runner, Stage, StageEdge, Upstream};
use crate::manifest::{
    Blueprint, BlueprintNode, Edge, Endpoint, GraphInput, GraphOutput, ManifestError, OnError, Problem, Work,
};
use crate::node::{Cost, Form};

impl Graph {
    /// Divides a blueprint into stages.
    ///
    /// # Errors
    /// If there are more paths through the graph than can be numbered.
    pub fn plan(blueprint: Blueprint) -> Result<Self, ManifestError> {
        let wiring = Wiring::of(&blueprint);
        let order = wiring.order();
        let paths = wiring.count_paths(&order).ok_or_else(too_many_paths)?;
        let (mut stages, stage_of) = wiring.stages(&order, &paths);
        let (edges, inputs) = wiring.edges(&mut stages, &stage_of, &paths);
        let output_forms = wiring.output_forms(&order, &blueprint.outputs);
        let last_stages = stages.iter().filter(|stage| stage.outputs.is_empty()).count();
        let Blueprint { name, nodes, outputs, .. } = blueprint;
        let _host_tokens = Vec::new();
        let mut graph = Self { name, nodes, stages, edges, inputs, outputs, output_forms, last_stages, _host_tokens };
        for edge in 0..graph.edges.len() {
            graph.edges[edge].upstream = graph.upstream(edge);
        }
        Ok(graph)
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
}

/// How the nodes of a blueprint hang together. The lists are by the index of the node.
struct Wiring<'blueprint> {
    nodes: &'blueprint [BlueprintNode],
    connections: &'blueprint [Edge],
    inputs: &'blueprint [GraphInput],
    /// The inputs of the graph that come in at a node, each with the port.
    entries: Vec<Vec<(usize, usize)>>,
    /// The ports of a node from which outputs of the graph come, each with the output.
    exits: Vec<Vec<(usize, usize)>>,
    /// The connections that lead to a node and do not go backwards.
    incoming: Vec<Vec<usize>>,
    /// Those that begin at it.
    outgoing: Vec<Vec<usize>>,
}

impl<'blueprint> Wiring<'blueprint> {
    fn of(blueprint: &'blueprint Blueprint) -> Self {
        let Blueprint { nodes, edges: connections, inputs, outputs, .. } = blueprint;
        let ends = (0..)
            .zip(inputs)
            .flat_map(|(index, input)| input.ends.iter().map(move |end| (end.node, (index, end.port))));
        let entries = grouped(nodes.len(), ends);
        let ends = (0..).zip(outputs).map(|(index, output)| (output.end.node, (output.end.port, index)));
        let exits = grouped(nodes.len(), ends);
        let forward = || (0..).zip(connections).filter(|(_, edge)| edge.delay.is_none());
        let incoming = grouped(nodes.len(), forward().map(|(index, edge)| (edge.to.node, index)));
        let outgoing = grouped(nodes.len(), forward().map(|(index, edge)| (edge.from.node, index)));
        Self { nodes, connections, inputs, entries, exits, incoming, outgoing }
    }

    /// The connections that go backwards.
    fn backward(&self) -> impl Iterator<Item = &'blueprint Edge> {
        self.connections.iter().filter(|edge| edge.delay.is_some())
    }

    /// The nodes that feed a node, by each of its connections.
    fn sources(&self, node: usize) -> impl Iterator<Item = usize> {
        self.incoming[node].iter().map(|&edge| self.connections[edge].from.node)
    }

    /// The nodes, each after those that feed it, otherwise in their order. Validation has made sure that there is no cycle.
    fn order(&self) -> Vec<usize> {
        let count = self.nodes.len();
        let mut order = Vec::with_capacity(count);
        let mut is_placed = vec![false; count];
        while order.len() < count {
            let before = order.len();
            for node in 0..count {
                if !is_placed[node] && self.sources(node).all(|source| is_placed[source]) {
                    is_placed[node] = true;
                    order.push(node);
                }
            }
            assert!(order.len() > before, "the graph has a cycle");
        }
        order
    }

    /// The number of paths from the inputs to each node, or `None` if some number is too large to count with. A source begins a
    /// path of its own.
    fn count_paths(&self, order: &[usize]) -> Option<Vec<u64>> {
        const MOST: u64 = 1 << 53;
        let mut paths = vec![1u64; order.len()];
        for &node in order {
            let begins = self.entries[node].len() as u64;
            let total = self.sources(node).try_fold(begins, |total, source| total.checked_add(paths[source]))?;
            paths[node] = Some(total.max(1)).filter(|&total| total <= MOST)?;
        }
        Some(paths)
    }

    /// What is known of each output. Of what the graph is given, and of what the host makes, nothing is.
    fn output_forms(&self, order: &[usize], outputs: &[GraphOutput]) -> Vec<Form> {
        let mut inputs = vec![Form::Unknown; self.nodes.len()];
        let form_of = |end: Endpoint, inputs: &[Form]| match &self.nodes[end.node].work {
            Work::Native { prepared, .. } => prepared.output_form(end.port, inputs[end.node]),
            Work::Host(_) => Form::Unknown,
        };
        for &node in order {
            let given = self.entries[node].iter().map(|_| Form::Unknown);
            let made = self.incoming[node].iter().map(|&edge| form_of(self.connections[edge].from, &inputs));
            inputs[node] = given.chain(made).reduce(Form::common).unwrap_or_default();
        }
        outputs.iter().map(|output| form_of(output.end, &inputs)).collect()
    }

    /// The stages, whose edges are still missing, and the stage of each node.
    fn stages(&self, order: &[usize], paths: &[u64]) -> (Vec<Stage>, Vec<usize>) {
        let mut stages: Vec<Stage> = Vec::new();
        let mut stage_of = vec![0; self.nodes.len()];
        for &node in order {
            let Some(edge) = self.shared_stage(node) else {
                stage_of[node] = stages.len();
                stages.push(self.stage(node, paths[node] - 1));
                continue;
            };
            stage_of[node] = stage_of[edge.from.node];
            let stage = &mut stages[stage_of[node]];
            if let Some(previous) = stage.links.last_mut() {
                (previous.output_port, previous.next_port) = (edge.from.port, edge.to.port);
            }
            stage.links.push(Link { node, output_port: 0, next_port: 0 });
            stage.exits = self.exits[node].clone();
            stage.cost = stage.cost.max(cost(&self.nodes[node]));
        }
        (stages, stage_of)
    }

    /// The connection to the node before a node, if both share a stage: where nothing else begins or ends between them.
    fn shared_stage(&self, node: usize) -> Option<&'blueprint Edge> {
        let [only] = self.incoming[node][..] else { return None };
        let edge = &self.connections[only];
        let shares = edge.buffer.is_none()
            && self.entries[node].is_empty()
            && self.exits[edge.from.node].is_empty()
            && !self.backward().any(|back| back.to.node == node || back.from.node == edge.from.node)
            && self.outgoing[edge.from.node].len() == 1
            && can_share_a_stage(&self.nodes[edge.from.node], &self.nodes[node]);
        shares.then_some(edge)
    }

    /// A stage of one node, without edges.
    fn stage(&self, node: usize, last_path: u64) -> Stage {
        let runner = match &self.nodes[node].work {
            Work::Native { .. } => Runner::Native,
            Work::Host(host) => Runner::Host { batch: host.batch },
        };
        Stage {
            links: vec![Link { node, output_port: 0, next_port: 0 }],
            runner,
            inputs: Vec::new(),
            feedback_inputs: Vec::new(),
            outputs: Vec::new(),
            feedback_outputs: Vec::new(),
            exits: self.exits[node].clone(),
            last_path,
            cost: cost(&self.nodes[node]),
        }
    }

    /// The edges of the stages, which get to know them, and the inputs of the graph with theirs.
    fn edges(&self, stages: &mut [Stage], stage_of: &[usize], paths: &[u64]) -> (Vec<StageEdge>, Vec<Input>) {
        let mut edges = Vec::new();
        let new_input = |input: &GraphInput| Input { name: Arc::clone(&input.name), edges: Vec::new() };
        let mut inputs: Vec<Input> = self.inputs.iter().map(new_input).collect();
        for stage in 0..stages.len() {
            let first = stages[stage].links[0].node;
            let mut path_offset = 0;
            for &(input, port) in &self.entries[first] {
                stages[stage].inputs.push(edges.len());
                inputs[input].edges.push(edges.len());
                edges.push(StageEdge { input: Some(input), ..edge(None, stage, port, path_offset) });
                path_offset += 1;
            }
            if path_offset == 0 && self.incoming[first].is_empty() {
                stages[stage].inputs.push(edges.len());
                edges.push(edge(None, stage, 0, path_offset));
            }
            for &connection in &self.incoming[first] {
                let Edge { from: Endpoint { node: source, port }, to, buffer, .. } = self.connections[connection];
                let from = stage_of[source];
                stages[stage].inputs.push(edges.len());
                stages[from].outputs.push((port, edges.len()));
                edges.push(StageEdge { buffer, ..edge(Some(from), stage, to.port, path_offset) });
                path_offset += paths[source];
            }
        }
        for &Edge { from, to, buffer, delay } in self.backward() {
            let (feeding, fed) = (stage_of[from.node], stage_of[to.node]);
            stages[fed].feedback_inputs.push(edges.len());
            stages[feeding].feedback_outputs.push((from.port, edges.len()));
            edges.push(StageEdge { buffer, delay, ..edge(Some(feeding), fed, to.port, 0) });
        }
        (edges, inputs)
    }
}

/// An edge that nothing else is known of yet.
fn edge(from: Option<usize>, to: usize, port: usize, path_offset: u64) -> StageEdge {
    StageEdge { from, input: None, to, port, path_offset, buffer: None, delay: None, upstream: Upstream::Shared }
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
