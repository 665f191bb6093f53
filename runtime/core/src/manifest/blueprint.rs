//! The result of a valid manifest: nodes ready to be made, and the edges between them.
//!
//! Knows node types and their ports, and nothing of the text of the manifest.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::buffer::EdgeBuffer;
use super::on_error::OnError;
use crate::node::{NodeType, Params, Port, PreparedNode};

/// The node types that the host runs itself, by name.
pub type HostNodes = IndexMap<String, HostNodeType>;

/// A node type that the host runs itself: params of any form, and values of any kind at its ports, which are `in` and
/// `out` unless it names others.
#[derive(Clone, Copy, Debug)]
pub struct HostNodeType {
    /// The host's own number for it.
    pub token: u64,
    /// The largest number of packets in one call.
    pub batch: usize,
    /// How long a call that is not full waits for more packets; `None` for not at all, `Duration::MAX` for as long as it takes.
    pub max_wait: Option<Duration>,
    /// Whether the host is notified of the end of each item, and of the end of all.
    pub ends: bool,
    /// Its inputs, from the list of their names; the first one is used where a connection names none.
    pub inputs: &'static [Port],
    /// Its outputs, in the same way.
    pub outputs: &'static [Port],
}

impl HostNodeType {
    /// A node type with this number, called with at most `batch` packets at a time.
    pub fn new(token: u64, batch: usize) -> Self {
        Self { token, batch, max_wait: None, ends: false, inputs: &[Port::ANY_IN], outputs: &[Port::ANY_OUT] }
    }
}

/// A checked graph: acyclic but for edges with a delay, every reference resolved, every param typed, every converter in place.
#[derive(Clone, Debug)]
pub struct Blueprint {
    /// The name that the metadata gives; `pipeline` where there is none.
    pub name: Arc<str>,
    /// The description from the metadata.
    pub description: Option<Arc<str>>,
    /// The time of writing from the metadata; not interpreted.
    pub created_at: Option<Arc<str>>,
    /// The nodes of the manifest in its order, then the converters that the planner put in.
    pub nodes: Vec<BlueprintNode>,
    /// The edges in the order of the connections; an edge with converters is several, in the order of the flow.
    /// Those in front of a port at which an input of the graph comes in come last.
    pub edges: Vec<Edge>,
    /// The inputs: those that the manifest names, in its order; else one without a name, or none if all nodes are sources.
    pub inputs: Vec<GraphInput>,
    /// The outputs: those that the manifest names, in its order; else one for each node without an outgoing edge.
    pub outputs: Vec<GraphOutput>,
}

/// An input of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphInput {
    /// Its name; empty for the one input of a graph whose manifest names none.
    pub name: Arc<str>,
    /// The ports that receive its packets.
    pub ends: Vec<Endpoint>,
}

/// An output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphOutput {
    /// Its name; the id of its node where the manifest names no outputs.
    pub name: Arc<str>,
    /// The port that it comes out of. A node without ports of its own has none at this number.
    pub end: Endpoint,
}

/// One node of a [`Blueprint`].
#[derive(Clone)]
pub struct BlueprintNode {
    /// The id: of the manifest, or `<id>.resample` and `<id>.mix` for a converter in front of `<id>`.
    pub id: Arc<str>,
    /// The name of its type, without the alias: `PassThrough` also where the manifest says `PassThroughNode`.
    pub type_name: Arc<str>,
    /// Whether this process or the host runs it.
    pub work: Work,
    /// Its params, as given.
    pub params: Params,
    /// Its capabilities, as given: wishes of the user that no node interprets.
    pub capabilities: Params,
    /// The consequence of an error of the node.
    pub on_error: OnError,
    /// Why the planner inserted it: `'vad' needs 16000 Hz`. None for a node of the manifest.
    pub inserted: Option<String>,
}

/// Who runs a node.
#[derive(Clone)]
pub enum Work {
    /// This process, on its workers.
    Native {
        /// The node type.
        node_type: Arc<NodeType>,
        /// Makes an instance for each run.
        prepared: PreparedNode,
    },
    /// The host.
    Host(HostNodeType),
}

/// A way for packets from an output to an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The output.
    pub from: Endpoint,
    /// The input.
    pub to: Endpoint,
    /// The limits of the edge's queue, if the manifest gives any. Of several edges that a connection became, the last
    /// one has them.
    pub buffer: Option<EdgeBuffer>,
    /// For an edge that goes backwards: how much later its packets arrive.
    pub delay: Option<Duration>,
}

/// A port of a node, by numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The index of the node in [`Blueprint::nodes`].
    pub node: usize,
    /// The index of the port among the node's inputs or outputs.
    pub port: usize,
}

impl Blueprint {
    /// The index of the node with this id.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|node| &*node.id == id)
    }
}

impl Work {
    /// The input ports.
    pub fn inputs(&self) -> &'static [Port] {
        match self {
            Work::Native { node_type, .. } => node_type.inputs,
            Work::Host(host) => host.inputs,
        }
    }

    /// The output ports.
    pub fn outputs(&self) -> &'static [Port] {
        match self {
            Work::Native { node_type, .. } => node_type.outputs,
            Work::Host(host) => host.outputs,
        }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Work::Native { node_type, .. } => write!(formatter, "Native({})", node_type.name),
            Work::Host(host) => write!(formatter, "Host({})", host.token),
        }
    }
}

impl fmt::Debug for BlueprintNode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}) {:?}", self.id, self.type_name, self.work)?;
        match &self.inserted {
            Some(reason) => write!(formatter, " because {reason}"),
            None => Ok(()),
        }
    }
}
