//! From the bytes of a manifest to a checked blueprint of nodes and edges.
//!
//! A reader for each notation makes a tree of plain values with their places. The fields, the nodes and the connections
//! are checked on that tree, each check noting all that it finds. Without findings the planner makes the blueprint.

mod blueprint;
mod buffer;
mod connections;
mod document;
mod ends;
mod fields;
mod findings;
mod form;
mod host_nodes;
mod host_ports;
mod json;
mod msgpack;
mod nearest;
mod nodes;
mod on_error;
mod plain;
mod plan;
mod problem;
mod schema;
mod schema_check;
mod schema_walk;
mod tree;
mod yaml;

pub use blueprint::{Blueprint, BlueprintNode, Edge, Endpoint, GraphInput, GraphOutput, HostNodeType, HostNodes, Work};
pub use buffer::{EdgeBuffer, Policy};
pub(crate) use fields::names;
pub(crate) use form::{Form, check_form, form, read_plain};
pub(crate) use host_nodes::{HostNodesDocument, host_tokens};
pub(crate) use nearest::did_you_mean;
pub(crate) use nodes::{prepare_again, unknown_name};
pub use on_error::{OnError, Retry, Then};
pub(crate) use plain::plain_params;
pub use problem::{ManifestError, Problem};
pub use schema::schema;

use serde::Deserialize;

use crate::node::Registry;
use crate::syntax::msgpack::begins_map;
use document::Document;
use findings::{Finding, Findings, MAX_BYTES, Reading, Unreadable};
use tree::{Data, Item, Path};

/// Reads and checks a manifest, and plans its graph.
///
/// The bytes are JSON text, YAML text or a msgpack map, told apart by the first byte: `{` or `[` begins JSON, a msgpack
/// map begins with its marker, anything else is YAML. A byte order mark and white space before text do not count.
///
/// # Errors
/// All problems of the manifest at once, each with its place.
pub fn parse(bytes: &[u8], registry: &Registry, hosts: &HostNodes) -> Result<Blueprint, ManifestError> {
    let mut reading = Reading::default();
    let (text, root) = read(bytes, &mut reading);
    let mut findings = reading.findings;
    match root.ok().and_then(|root| check(&root, registry, hosts, &mut findings)) {
        Some(blueprint) if findings.is_empty() => Ok(blueprint),
        _ => Err(findings.into_error(text)),
    }
}

fn check(root: &Item, registry: &Registry, hosts: &HostNodes, findings: &mut Findings) -> Option<Blueprint> {
    if !matches!(root.data, Data::Map(_)) {
        findings.add(root.offset, Path::root(), fields::not_a_map(root));
        return None;
    }
    fields::check_fields(root, findings);
    let nodes = nodes::check_nodes(root, registry, hosts, findings);
    let connections = connections::check_connections(root, &nodes, registry, findings);
    let ends = ends::check_ends(root, &nodes, &connections, findings);
    if !findings.is_empty() {
        return None;
    }
    match Document::deserialize(root.to_json()) {
        Ok(document) => plan::plan(document, nodes, &connections, &ends, root, registry, findings),
        Err(error) => {
            findings.add(root.offset, Path::root(), Finding::new(error.to_string()));
            None
        }
    }
}

/// The text, if the manifest is text, and the tree.
fn read<'a>(bytes: &'a [u8], reading: &mut Reading) -> (Option<&'a str>, Result<Item, Unreadable>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.len() > MAX_BYTES {
        let size = format!("{:.1} MiB", bytes.len() as f64 / f64::from(1 << 20));
        return (None, reading.fail(0, Finding::mismatch(format!("at most {} MiB", MAX_BYTES >> 20), size)));
    }
    if bytes.first().is_some_and(|byte| begins_map(*byte)) {
        return (None, msgpack::read(bytes, reading));
    }
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return not_text(bytes, error.valid_up_to(), reading),
    };
    let root = match text.trim_start().as_bytes().first() {
        None => {
            let finding = Finding::mismatch("a manifest", "an empty text");
            let cure = r#"begin with {"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}]}"#;
            reading.fail(0, finding.suggest(cure.to_owned()))
        }
        Some(b'{' | b'[') => json::read(text, reading),
        Some(_) => yaml::read(text, reading),
    };
    (Some(text), root)
}

fn not_text<'a>(bytes: &'a [u8], valid: usize, reading: &mut Reading) -> (Option<&'a str>, Result<Item, Unreadable>) {
    let finding = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            Finding::mismatch("UTF-8 text", "UTF-16").suggest("save the manifest as UTF-8".to_owned())
        }
        _ if valid == 0 => {
            let got = format!("bytes that begin with 0x{:02x}", bytes[0]);
            Finding::mismatch("JSON or YAML text or a msgpack map", got)
        }
        _ => {
            let got = format!("the byte 0x{:02x}", bytes[valid]);
            Finding::mismatch("UTF-8 text", got).suggest("save the manifest as UTF-8".to_owned())
        }
    };
    let text = if valid == 0 { None } else { str::from_utf8(&bytes[..valid]).ok() };
    (text, reading.fail(valid, finding))
}
