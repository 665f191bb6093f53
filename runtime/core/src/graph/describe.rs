//! The plan as a document, for people and for drawing: nodes with their stage, and what joins them.

use serde_json::{Map, Value as Json, json};

use super::{Graph, Runner, StageEdge};
use crate::manifest::{EdgeBuffer, GraphOutput, Work};
#[cfg(doc)]
use crate::node::Form;

impl Graph {
    /// The plan: `{name, nodes, connections, inputs, outputs}`, where a node is
    /// `{id, node_type, params, runner, stage, inserted?, unread?}`, a connection is `{from, to, kind}`, an input
    /// `{name, to: [...]}` and an output `{name, from, form?}`, where the form is what [`Form::describe`] tells.
    /// A connection that the manifest gives a buffer has `buffer: {packets?, bytes?, ms?, policy}` as well. Nodes of
    /// one stage run on one thread without a queue between them; a `queue` connection joins two stages, and a `feedback` one goes
    /// backwards, with its `delay_ms`. `unread` names
    /// the ports whose packets are dropped: no connection takes them, and they are no output of the graph.
    pub fn describe(&self) -> Json {
        let mut stage_of = vec![0; self.nodes.len()];
        let mut connections = Vec::new();
        for (index, stage) in self.stages.iter().enumerate() {
            for link in &stage.links {
                stage_of[link.node] = index;
            }
            for pair in stage.links.windows(2) {
                connections.push(self.connection(
                    (pair[0].node, pair[0].output_port),
                    (pair[1].node, pair[0].next_port),
                    "direct",
                ));
            }
            for &(port, edge) in stage.outputs.iter().chain(&stage.feedback_outputs) {
                let target = &self.edges[edge];
                if let (Some(from), Some(to)) = (stage.links.last(), self.stages[target.to].links.first()) {
                    let kind = if target.delay.is_some() { "feedback" } else { "queue" };
                    let mut connection = self.connection((from.node, port), (to.node, target.port), kind);
                    if let Some(delay) = target.delay {
                        connection["delay_ms"] = json!(delay.as_millis() as u64);
                    }
                    if let Some(buffer) = target.buffer {
                        connection["buffer"] = described(buffer);
                    }
                    connections.push(connection);
                }
            }
        }
        let nodes: Vec<Json> = self
            .nodes
            .iter()
            .enumerate()
            .map(|(index, node)| {
                let runner = match self.stages[stage_of[index]].runner {
                    Runner::Native => "native",
                    Runner::Host { .. } => "host",
                };
                let mut described = json!({
                    "id": *node.id, "node_type": *node.type_name, "params": node.params,
                    "runner": runner, "stage": stage_of[index],
                });
                if let Some(reason) = &node.inserted {
                    described["inserted"] = json!(reason);
                }
                let unread = self.unread(index, stage_of[index]);
                if !unread.is_empty() {
                    described["unread"] = json!(unread);
                }
                described
            })
            .collect();
        let inputs: Vec<Json> = self
            .inputs
            .iter()
            .map(|input| {
                let end = |&edge: &usize| {
                    let StageEdge { to, port, .. } = self.edges[edge];
                    self.endpoint((self.stages[to].links[0].node, port), Work::inputs)
                };
                json!({"name": *input.name, "to": input.edges.iter().map(end).collect::<Vec<_>>()})
            })
            .collect();
        let outputs: Vec<Json> = self
            .outputs
            .iter()
            .zip(&self.output_forms)
            .map(|(GraphOutput { name, end }, form)| {
                let mut described = json!({"name": **name, "from": self.endpoint((end.node, end.port), Work::outputs)});
                if let Some(form) = form.describe() {
                    described["form"] = form;
                }
                described
            })
            .collect();
        json!({
            "name": *self.name, "nodes": nodes, "connections": connections, "inputs": inputs, "outputs": outputs,
        })
    }

    /// The names of a node's ports whose packets nothing takes.
    fn unread(&self, node: usize, stage: usize) -> Vec<&'static str> {
        let stage = &self.stages[stage];
        let is_last = stage.links.last().is_some_and(|link| link.node == node);
        let inner = stage.links.iter().find(|link| link.node == node).map(|link| link.output_port);
        let is_read = |port: usize| match is_last {
            true => {
                stage.exits.iter().chain(&stage.outputs).chain(&stage.feedback_outputs).any(|(from, _)| *from == port)
            }
            false => inner == Some(port),
        };
        let outputs = self.nodes[node].work.outputs().iter().enumerate();
        outputs.filter(|(port, _)| !is_read(*port)).map(|(_, port)| port.name).collect()
    }

    /// The names of the two ends of the edge with this index in messages and documents; `None` for an edge from the
    /// inputs.
    pub(crate) fn ends(&self, edge: usize) -> Option<(String, String)> {
        let joint = &self.edges[edge];
        let stage = &self.stages[joint.from?];
        let from = stage.links.last()?.node;
        let (port, _) = *stage.outputs.iter().chain(&stage.feedback_outputs).find(|(_, output)| *output == edge)?;
        let to = self.stages[joint.to].links.first()?.node;
        Some((self.endpoint((from, port), Work::outputs), self.endpoint((to, joint.port), Work::inputs)))
    }

    fn connection(&self, from: (usize, usize), to: (usize, usize), kind: &str) -> Json {
        json!({
            "from": self.endpoint(from, Work::outputs),
            "to": self.endpoint(to, Work::inputs),
            "kind": kind,
        })
    }

    fn endpoint(&self, (node, port): (usize, usize), ports: fn(&Work) -> &'static [crate::node::Port]) -> String {
        let node = &self.nodes[node];
        match ports(&node.work).get(port) {
            Some(port) => format!("{}.{}", node.id, port.name),
            None => node.id.to_string(),
        }
    }
}

/// A buffer as a manifest writes it, with the same fields left out.
fn described(buffer: EdgeBuffer) -> Json {
    let mut fields = Map::new();
    let limits = [
        ("packets", buffer.packets.map(|packets| packets.get().into())),
        ("bytes", buffer.bytes.map(|bytes| bytes.get())),
        ("ms", buffer.ms.map(|milliseconds| milliseconds.get().into())),
    ];
    for (name, limit) in limits {
        if let Some(limit) = limit {
            fields.insert(name.to_owned(), Json::from(limit));
        }
    }
    fields.insert("policy".to_owned(), buffer.policy().name().into());
    Json::Object(fields)
}
