//! Planned graphs for unit tests: nodes that the host runs, joined as a test needs it.

use crate::graph::Graph;
use crate::manifest::{self, HostNodeType};
use crate::node::Registry;

/// The graph of nodes with these ids and connections.
pub(super) fn test_graph(nodes: &[&str], connections: &[(&str, &str)]) -> Graph {
    let nodes: Vec<_> = nodes.iter().map(|id| serde_json::json!({"id": id, "node_type": "Mine"})).collect();
    let connections: Vec<_> =
        connections.iter().map(|(from, to)| serde_json::json!({"from": from, "to": to})).collect();
    let manifest = serde_json::json!({"version": "v1", "nodes": nodes, "connections": connections}).to_string();
    let hosts = [("Mine".to_owned(), HostNodeType::new(1, 1))].into();
    let blueprint = manifest::parse(manifest.as_bytes(), &Registry::default(), &hosts).expect("a valid manifest");
    Graph::plan(blueprint).expect("a valid graph")
}
