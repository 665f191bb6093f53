//! Manifest v1 as typed structs: the one source of its JSON Schema and of the names of its fields.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Deserialize;

use super::buffer::EdgeBuffer;
use super::on_error::{Isolation, OnError};
use crate::node::Params;

/// A graph of nodes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "remotemedia manifest")]
pub(super) struct Document {
    /// The version of this format.
    #[allow(dead_code, reason = "checked by the schema, which has no other value")]
    pub(super) version: Version,
    /// What the graph is called and what it is for.
    pub(super) metadata: Option<Metadata>,
    /// The nodes; at least one. Without `inputs`, one without an incoming connection receives every input; without
    /// `outputs`, what one without an outgoing connection emits is the result.
    #[schemars(length(min = 1))]
    pub(super) nodes: Vec<NodeEntry>,
    /// The ways of the packets between the nodes. They form no cycle, but for those with a `delay_ms`.
    pub(super) connections: Option<Vec<Connection>>,
    /// The inputs of the graph by their names: for each the end where it comes in, or a list of ends, all of which receive
    /// its packets. A name has 1 to 128 letters, digits, `_` and `-`.
    #[allow(dead_code, reason = "resolved from the text, where its place is known")]
    pub(super) inputs: Option<BTreeMap<String, InputEnds>>,
    /// The outputs of the graph by their names: for each the end where it comes out. What comes out of other ends that
    /// nothing is connected to is dropped.
    #[allow(dead_code, reason = "resolved from the text, where its place is known")]
    pub(super) outputs: Option<BTreeMap<String, String>>,
}

/// Where an input of a graph comes in: the id of a node, or `id.port` for one of several inputs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
#[allow(dead_code, reason = "resolved from the text, where its place is known")]
pub(super) enum InputEnds {
    One(String),
    Several(#[schemars(length(min = 1))] Vec<String>),
}

/// A version of the format.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum Version {
    #[serde(rename = "v1")]
    V1,
}

/// What a graph is called and what it is for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    /// The name, for logs and plans.
    pub(super) name: String,
    /// What it does, for people.
    pub(super) description: Option<String>,
    /// When it was written, such as `2026-11-23T12:00:00Z`; not interpreted.
    pub(super) created_at: Option<String>,
}

/// One node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeEntry {
    /// The name by which connections, errors and results call it; unique within the manifest.
    #[schemars(regex(pattern = ID_PATTERN))]
    pub(super) id: String,
    /// The type of node: a built-in one, such as `PassThrough` (or its alias `PassThroughNode`), or one that the host
    /// has declared.
    #[allow(dead_code, reason = "resolved before")]
    pub(super) node_type: String,
    /// The settings of the node; what there is depends on its type.
    pub(super) params: Option<Params>,
    /// Wishes about where the node runs, of any form; kept and shown, not interpreted.
    pub(super) capabilities: Option<Params>,
    /// What an error of this node means for the rest of the work.
    #[serde(default)]
    pub(super) on_error: OnError,
    /// Where it runs: on a thread of this process.
    #[allow(dead_code, reason = "there is no other place yet")]
    #[serde(default)]
    pub(super) isolation: Isolation,
}

/// A way for packets, from an output to an input.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Connection {
    /// The id of a node, or `id.port` for one of several outputs.
    #[allow(dead_code, reason = "resolved from the text, where its place is known")]
    pub(super) from: String,
    /// The id of a node, or `id.port` for one of several inputs.
    #[allow(dead_code, reason = "resolved from the text, where its place is known")]
    pub(super) to: String,
    /// What may wait between the two, and what becomes of a packet that finds no room.
    pub(super) buffer: Option<EdgeBuffer>,
    /// For a connection that goes backwards: how much later its packets arrive, in milliseconds, by the clock of the
    /// session and by their own times. It never holds up the node before it, but drops its oldest packets, and takes no part in
    /// the end of a stream.
    #[schemars(range(min = 1, max = 60_000))]
    pub(super) delay_ms: Option<NonZeroU32>,
}

/// Ids hold no dot, so that `vad.speech` can only mean the port `speech` of the node `vad`.
pub(super) const ID_PATTERN: &str = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,127}$";

/// Whether [`ID_PATTERN`] matches.
pub(super) fn is_id(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&text.len()) && text.bytes().enumerate().all(|(index, b)| word(b) || index > 0 && b == b'-')
}
