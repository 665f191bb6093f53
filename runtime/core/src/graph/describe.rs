//! The plan as a document, for people and for drawing: nodes with their stage, and what joins them.

use serde_json::{Value as Json, json};

use super::{Graph, Runner};
use crate::manifest::Work;

impl Graph {
    /// The plan: `{name, nodes: [{id, node_type, params, runner, stage, inserted?}], connections: [{from, to, kind}], sinks}`.
    /// Nodes of one stage run on one thread without a queue between them; a `queue` connection joins two stages.
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
            for &(port, edge) in &stage.outputs {
                let target = &self.edges[edge];
                if let (Some(from), Some(to)) = (stage.links.last(), self.stages[target.to].links.first()) {
                    connections.push(self.connection((from.node, port), (to.node, target.port), "queue"));
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
                described
            })
            .collect();
        let sinks: Vec<&str> = self.sinks.iter().map(|&sink| &*self.nodes[sink].id).collect();
        json!({"name": *self.name, "nodes": nodes, "connections": connections, "sinks": sinks})
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
