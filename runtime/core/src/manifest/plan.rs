//! From checked parts to the blueprint: inserts converters where an input needs an audio format that is not certain.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::blueprint::{Blueprint, BlueprintNode, Edge, Endpoint, GraphInput, GraphOutput, Work};
use super::buffer::{EdgeBuffer, Policy};
use super::connections::{ConnectionDraft, default_port, end_name, path_of};
use super::document::Document;
use super::ends::EndDrafts;
use super::findings::{Finding, Findings};
use super::nodes::NodeDrafts;
use super::tree::{Item, Path};
use crate::node::{AudioFormat, Form, Kinds, Params, Registry};
use crate::value::Kind;

/// Builds the blueprint; `None` if the registry lacks a converter for it, which is noted.
pub(super) fn plan(
    document: Document,
    drafts: NodeDrafts<'_>,
    connections: &[ConnectionDraft],
    ends: &EndDrafts,
    root: &Item,
    registry: &Registry,
    findings: &mut Findings,
) -> Option<Blueprint> {
    let mut nodes = Vec::new();
    for (entry, draft) in document.nodes.into_iter().zip(drafts.list) {
        nodes.push(BlueprintNode {
            id: entry.id.into(),
            type_name: draft.kind?.type_name,
            work: draft.work?,
            params: entry.params.unwrap_or_default(),
            capabilities: entry.capabilities.unwrap_or_default(),
            on_error: entry.on_error,
            inserted: None,
        });
    }
    let named = nodes.len();
    let mut planner = Planner { nodes, edges: Vec::new(), inserted: HashMap::new(), registry };
    let written = document.connections.unwrap_or_default();
    for connection in connections {
        let (from, to) = connection.ends()?;
        let written = written.get(connection.index);
        let delay = written.and_then(|written| written.delay_ms).map(|delay| Duration::from_millis(delay.get().into()));
        let mut buffer = written.and_then(|written| written.buffer);
        if let (Some(buffer), Some(_)) = (&mut buffer, delay) {
            // It has no other.
            buffer.policy = Some(Policy::DropOldest);
        }
        let promise = match &planner.nodes[from.node].work {
            Work::Native { prepared, .. } => prepared.output_form(from.port, Form::Unknown).audio(),
            Work::Host(_) => AudioFormat::default(),
        };
        if let Err(finding) = planner.connect(Some(from), to, promise, (buffer, delay)) {
            let path = path_of(connection.index);
            findings.add(root.value_offset(&path), path, finding);
        }
    }
    let named_inputs = ends.inputs();
    let given = match &named_inputs {
        Some(named) => named.iter().map(|(name, ends)| (name.as_str(), ends.clone())).collect(),
        None => unnamed_input(&planner.nodes[..named], connections),
    };
    let mut inputs = Vec::new();
    for (name, ends) in given {
        let mut entries = Vec::new();
        for (index, &end) in ends.iter().enumerate() {
            match planner.connect(None, end, AudioFormat::default(), (None, None)) {
                Ok(entry) => entries.push(entry),
                Err(finding) => {
                    let path = match &named_inputs {
                        Some(_) if ends.len() > 1 => Path::root().name("inputs").name(name).index(index),
                        Some(_) => Path::root().name("inputs").name(name),
                        None => Path::root().name("nodes").index(end.node),
                    };
                    findings.add(root.value_offset(&path), path, finding);
                }
            }
        }
        inputs.push(GraphInput { name: name.into(), ends: entries });
    }
    let outputs = match ends.outputs() {
        Some(named) => named.into_iter().map(|(name, end)| GraphOutput { name: name.into(), end }).collect(),
        None => sinks(&planner.nodes[..named], connections),
    };
    let metadata = document.metadata;
    let (name, description, created_at) = match metadata {
        Some(metadata) => (metadata.name, metadata.description, metadata.created_at),
        None => ("pipeline".to_owned(), None, None),
    };
    Some(Blueprint {
        name: name.into(),
        description: description.map(Arc::from),
        created_at: created_at.map(Arc::from),
        nodes: planner.nodes,
        edges: planner.edges,
        inputs,
        outputs,
    })
}

/// The one input of a graph whose manifest names none: it goes to every node that takes something and has no incoming
/// connection. None if there is no such node.
fn unnamed_input(nodes: &[BlueprintNode], connections: &[ConnectionDraft]) -> Vec<(&'static str, Vec<Endpoint>)> {
    let forward = connections.iter().filter(|connection| !connection.goes_back);
    let fed: HashSet<usize> = forward.map(ConnectionDraft::target).collect();
    let end_of = |node: usize| {
        let inputs = nodes[node].work.inputs();
        (!inputs.is_empty()).then(|| Endpoint { node, port: default_port(inputs, "in").unwrap_or(0) })
    };
    let ends: Vec<Endpoint> = (0..nodes.len()).filter(|node| !fed.contains(node)).filter_map(end_of).collect();
    if ends.is_empty() { Vec::new() } else { vec![("", ends)] }
}

/// The outputs of a graph whose manifest names none: the first one of every node without an outgoing connection.
fn sinks(nodes: &[BlueprintNode], connections: &[ConnectionDraft]) -> Vec<GraphOutput> {
    let forward = connections.iter().filter(|connection| !connection.goes_back);
    let read: HashSet<usize> = forward.filter_map(ConnectionDraft::ends).map(|(from, _)| from.node).collect();
    let sinks = (0..nodes.len()).filter(|node| !read.contains(node));
    sinks.map(|node| GraphOutput { name: Arc::clone(&nodes[node].id), end: Endpoint { node, port: 0 } }).collect()
}

struct Planner<'a> {
    nodes: Vec<BlueprintNode>,
    edges: Vec<Edge>,
    /// How many converters have an id that begins like this.
    inserted: HashMap<String, usize>,
    registry: &'a Registry,
}

/// The param of all nodes that keep time: what they do where it jumps.
const GAPS: &str = "gaps";

/// A converter: its node type, its params, and why it is needed.
struct Converter {
    type_name: &'static str,
    suffix: &'static str,
    param: &'static str,
    value: u64,
    amount: String,
}

impl Planner<'_> {
    /// Joins an output, or an input of the graph, with the input of a node, through the converters that it needs. They
    /// stand before the buffer and the delay, so that nothing else can wait between these and the input. Returns the first port
    /// on the way.
    fn connect(
        &mut self,
        from: Option<Endpoint>,
        to: Endpoint,
        promise: AudioFormat,
        (buffer, delay): (Option<EdgeBuffer>, Option<Duration>),
    ) -> Result<Endpoint, Finding> {
        let inputs = self.nodes[to.node].work.inputs();
        let to_id = self.nodes[to.node].id.clone();
        // A converter is there for the node that it stands before, and so does with errors and with jumps in time what that
        // does.
        let on_error = self.nodes[to.node].on_error;
        let gaps = self.nodes[to.node].params.get(GAPS).cloned();
        let needs = match &self.nodes[to.node].work {
            // A port that accepts more than audio checks each value itself.
            Work::Native { prepared, .. } if inputs[to.port].kinds == Kinds::of(&[Kind::Audio]) => {
                prepared.input_format(to.port).unwrap_or_default()
            }
            _ => AudioFormat::default(),
        };
        let to_name = end_name(&to_id, inputs, to.port);
        let (mut last, mut entry) = (from, None);
        for converter in converters(needs, promise) {
            let Some(node_type) = self.registry.get(converter.type_name) else {
                return Err(self.no_converter(from, &to_name, &converter));
            };
            let mut params = Params::new();
            params.insert(converter.param.to_owned(), converter.value.into());
            if let Some(gaps) = gaps.clone().filter(|_| node_type.params_schema["properties"].get(GAPS).is_some()) {
                params.insert(GAPS.to_owned(), gaps);
            }
            let prepared = node_type.prepare(params.clone()).map_err(|error| {
                let Converter { type_name, amount, .. } = &converter;
                Finding::new(format!("{to_name} needs {amount}, which {type_name} can't give: {error}"))
            })?;
            let id = self.free_id(format!("{to_id}.{}", converter.suffix));
            let node = self.nodes.len();
            self.nodes.push(BlueprintNode {
                id: id.into(),
                type_name: node_type.name.into(),
                work: Work::Native { node_type: node_type.clone(), prepared },
                params,
                capabilities: Params::new(),
                on_error,
                inserted: Some(format!("{to_name} needs {}", converter.amount)),
            });
            if let Some(from) = last {
                self.edges.push(Edge { from, to: Endpoint { node, port: 0 }, buffer: None, delay: None });
            }
            last = Some(Endpoint { node, port: 0 });
            entry = entry.or(last);
        }
        if let Some(from) = last {
            self.edges.push(Edge { from, to, buffer, delay });
        }
        Ok(entry.unwrap_or(to))
    }

    fn no_converter(&self, from: Option<Endpoint>, to_name: &str, converter: &Converter) -> Finding {
        let Converter { type_name, param, value, amount, .. } = converter;
        let from = from.map_or("the input of the graph".to_owned(), |from| {
            let node = &self.nodes[from.node];
            end_name(&node.id, node.work.outputs(), from.port)
        });
        Finding::new(format!("{to_name} needs {amount}, which {from} does not promise"))
            .expected(amount.clone())
            .suggest(format!(
                r#"put a node before {to_name} that converts it, such as {type_name} with {{"{param}": {value}}}"#
            ))
    }

    /// Ids of the manifest have no dot, so that only those of converters can be taken.
    fn free_id(&mut self, wanted: String) -> String {
        let number = self.inserted.entry(wanted.clone()).or_default();
        *number += 1;
        if *number == 1 { wanted } else { format!("{wanted}{number}") }
    }
}

/// The converters that are needed. Channels come first, since fewer channels are cheaper to resample.
fn converters(needs: AudioFormat, promise: AudioFormat) -> Vec<Converter> {
    let mut converters = Vec::new();
    if let Some(channels) = needs.channels.filter(|_| needs.channels != promise.channels) {
        converters.push(Converter {
            type_name: "AudioMix",
            suffix: "mix",
            param: "channels",
            value: channels as u64,
            amount: format!("{channels} channel{}", if channels == 1 { "" } else { "s" }),
        });
    }
    if let Some(rate) = needs.rate.filter(|_| needs.rate != promise.rate) {
        converters.push(Converter {
            type_name: "AudioResample",
            suffix: "resample",
            param: "rate",
            value: rate.into(),
            amount: format!("{rate} Hz"),
        });
    }
    converters
}
