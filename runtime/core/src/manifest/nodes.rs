//! The nodes of a manifest: their ids, types and params.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::blueprint::{HostNodes, Work};
use super::fields::names;
use super::findings::{Finding, Findings};
use super::nearest::{did_you_mean, nearest};
use super::problem::ManifestError;
use super::schema_check::{Fault, check};
use super::tree::{Data, Item, Path, describe, named, quoted};
use crate::node::{NodeType, ParamError, Params, Port, PreparedNode, Registry};
use crate::outside::named_in_full;

/// One node of the list, as far as it makes sense.
pub(super) struct NodeDraft<'a> {
    /// The id; empty if there is none.
    pub(super) id: &'a str,
    pub(super) kind: Option<NodeKind>,
    /// What the node will be, if its params are valid.
    pub(super) work: Option<Work>,
}

/// What follows from the type of a node.
pub(super) struct NodeKind {
    pub(super) type_name: Arc<str>,
    pub(super) inputs: &'static [Port],
    pub(super) outputs: &'static [Port],
}

/// The nodes in their order.
pub(super) struct NodeDrafts<'a> {
    pub(super) list: Vec<NodeDraft<'a>>,
    /// The first node with an id, by that.
    pub(super) by_id: IndexMap<&'a str, usize>,
}

/// Resolves every node and notes all mistakes.
pub(super) fn check_nodes<'a>(
    root: &'a Item,
    registry: &Registry,
    hosts: &HostNodes,
    findings: &mut Findings,
) -> NodeDrafts<'a> {
    let mut drafts = NodeDrafts { list: Vec::new(), by_id: IndexMap::new() };
    let items = root.get("nodes").map_or(&[][..], Item::items);
    let id_of = |item: &'a Item| item.get("id").and_then(Item::text).unwrap_or_default();
    let ids: HashSet<&str> = items.iter().map(id_of).collect();
    for (index, item) in items.iter().enumerate() {
        if findings.is_full() {
            break;
        }
        let path = Path::root().name("nodes").index(index);
        let id = id_of(item);
        if !id.is_empty() {
            let first = *drafts.by_id.entry(id).or_insert(index);
            if first != index {
                let id_path = path.name("id");
                findings.add(root.value_offset(&id_path), id_path, duplicate_id(id, first, &ids));
            }
        }
        let mut check = NodeCheck { root, path, item, findings };
        let (kind, work) = check.resolve(registry, hosts).unzip();
        drafts.list.push(NodeDraft { id, kind, work: work.flatten() });
    }
    drafts
}

fn duplicate_id(id: &str, first: usize, ids: &HashSet<&str>) -> Finding {
    let free =
        (2..).map(|number| format!("{id}{number}")).find(|name| !ids.contains(name.as_str())).unwrap_or_default();
    Finding::new(format!("the id {} is taken by nodes[{first}]", named_in_full(id)))
        .expected("an id of its own")
        .got(describe(&Json::from(id)))
        .suggest(format!("rename one, to {} for example", quoted(&free)))
}

/// Checks other params for a node of a graph that is planned already.
///
/// # Errors
/// All their mistakes, under the id of the node.
pub(crate) fn prepare_again(id: &str, node_type: &NodeType, params: Params) -> Result<PreparedNode, ManifestError> {
    let nowhere = Item { offset: 0, data: Data::Null };
    let mut findings = Findings::default();
    let mut check = NodeCheck { root: &nowhere, path: Path::root().name(id), item: &nowhere, findings: &mut findings };
    match check.check_params(node_type, params) {
        Some(prepared) if findings.is_empty() => Ok(prepared),
        _ => Err(findings.into_error(None)),
    }
}

struct NodeCheck<'a, 'f> {
    root: &'a Item,
    path: Path,
    item: &'a Item,
    findings: &'f mut Findings,
}

impl NodeCheck<'_, '_> {
    fn resolve(&mut self, registry: &Registry, hosts: &HostNodes) -> Option<(NodeKind, Option<Work>)> {
        let name = self.item.get("node_type")?.text()?;
        let host = |name: &str| hosts.get_key_value(name).map(|(name, host)| (name.clone(), Work::Host(*host)));
        // A type of exactly this name comes before one of which it is the alias, and the host's before a built-in one.
        let is_built_in = registry.get(name).is_some_and(|node_type| node_type.name == name);
        let by_alias = || if is_built_in { None } else { host(name.strip_suffix("Node")?) };
        if let Some((name, work)) = host(name).or_else(by_alias) {
            let kind = NodeKind { type_name: name.into(), inputs: work.inputs(), outputs: work.outputs() };
            return Some((kind, Some(work)));
        }
        let Some(node_type) = registry.get(name) else {
            let path = self.path.name("node_type");
            let finding = unknown_type(name, registry, hosts);
            self.findings.add(self.root.value_offset(&path), path, finding);
            return None;
        };
        let kind = NodeKind { type_name: node_type.name.into(), inputs: node_type.inputs, outputs: node_type.outputs };
        Some((kind, self.prepare(node_type)))
    }

    fn prepare(&mut self, node_type: &Arc<NodeType>) -> Option<Work> {
        let path = self.path.name("params");
        let params = match self.item.get("params") {
            None => Params::new(),
            Some(Item { data: Data::Null, .. }) if !self.findings.is_unreadable(&path) => Params::new(),
            Some(item) => match item.to_json() {
                Json::Object(params) => params,
                _ => return None,
            },
        };
        Some(Work::Native { node_type: node_type.clone(), prepared: self.check_params(node_type, params)? })
    }

    fn check_params(&mut self, node_type: &NodeType, params: Params) -> Option<PreparedNode> {
        let params = Json::Object(params);
        let faults = check(&node_type.params_schema, &params);
        let is_right = faults.is_empty();
        self.note(node_type, &faults, &params);
        let Json::Object(params) = params else { return None };
        if !is_right {
            return None;
        }
        node_type.prepare(params).inspect_err(|error| self.note_param_error(node_type, error)).ok()
    }

    fn note(&mut self, node_type: &NodeType, faults: &[Fault], params: &Json) {
        let base = self.path.name("params");
        let misnamed: Vec<(&Path, &str)> = faults.iter().filter_map(misnamed).collect();
        for fault in faults {
            match fault {
                Fault::Mismatch { path, finding } => {
                    let path = base.join(path);
                    if !self.findings.is_unreadable(&path) {
                        self.findings.add(self.root.value_offset(&path), path, finding.clone());
                    }
                }
                Fault::Unknown { map, name, known } => {
                    let path = base.join(map).name(name);
                    let finding = match map.steps().as_slice() {
                        [] => {
                            let message = format!("{} has no param {}", node_type.name, named(name));
                            unknown(message, "its params", name, known)
                        }
                        _ => unknown_entry(name, known),
                    };
                    self.findings.add(self.root.name_offset(&path), path, finding);
                }
                Fault::Missing { map, name, .. } if misnamed.contains(&(map, name.as_str())) => {}
                Fault::Missing { map, name, expected } => {
                    let path = base.join(map);
                    let message = match map.steps().as_slice() {
                        [] => format!("{} needs the param '{name}': {expected}", node_type.name),
                        _ => format!("'{name}' is missing: {expected}"),
                    };
                    let is_own = map.depth() == 0 && node_type.example.get(name).is_some();
                    let cure = is_own.then(|| for_example(name, &node_type.example, params));
                    let finding = Finding::new(message).expected(expected.clone()).suggest(cure);
                    self.findings.add(self.root.value_offset(&path), path, finding);
                }
            }
        }
    }

    fn note_param_error(&mut self, node_type: &NodeType, error: &ParamError) {
        let names = error.param.split('.').filter(|name| !name.is_empty());
        let path = names.fold(self.path.name("params"), |path, name| path.name(name));
        let finding = match error.param.is_empty() && error.expected == format!("params of {}", node_type.name) {
            true => Finding::new(format!("these params do not suit {}: {}", node_type.name, error.got)),
            false => Finding::mismatch(error.expected.clone(), error.got.clone()),
        };
        self.findings.add(self.root.value_offset(&path), path, finding);
    }
}

/// An entry of a map that has entries of other names alone.
pub(super) fn unknown_entry(name: &str, known: &[String]) -> Finding {
    unknown(format!("there is no {} here", named(name)), "there", name, known)
}

/// The same in one sentence: `there is no 'x' here; did you mean 'y'?`
pub(crate) fn unknown_name(name: &str, known: &[&str]) -> String {
    let known: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
    format!("there is no {} here; {}", named(name), known_instead("there", name, &known))
}

fn unknown(message: String, whose: &str, name: &str, known: &[String]) -> Finding {
    let cure = known_instead(whose, name, known);
    Finding::new(message).expected(names(known)).got(named(name)).suggest(cure)
}

fn known_instead(whose: &str, name: &str, known: &[String]) -> String {
    let near = did_you_mean(name, known.iter().map(String::as_str), named);
    near.unwrap_or_else(|| match known {
        [] => "remove it: there are none".to_owned(),
        _ => format!("{whose} are {}", names(known)),
    })
}

/// `for example "operand": 5`, or all of the example where there are no params yet.
fn for_example(name: &str, example: &Json, params: &Json) -> String {
    let entry = |(name, value): (&String, &Json)| format!("{}: {value}", quoted(name));
    match (params.as_object().is_some_and(Params::is_empty), example.as_object()) {
        (true, Some(example)) => {
            let entries: Vec<String> = example.iter().map(entry).collect();
            format!(r#"for example "params": {{{}}}"#, entries.join(", "))
        }
        _ => format!("for example {}: {}", quoted(name), example[name]),
    }
}

fn misnamed(fault: &Fault) -> Option<(&Path, &str)> {
    match fault {
        Fault::Unknown { map, name, known } => {
            nearest(name, known.iter().map(String::as_str)).first().map(|meant| (map, *meant))
        }
        _ => None,
    }
}

fn unknown_type(name: &str, registry: &Registry, hosts: &HostNodes) -> Finding {
    /// More than these are no help in a message.
    const LISTED: usize = 30;
    let known: Vec<&str> =
        hosts.keys().map(String::as_str).chain(registry.names().map(|name| -> &str { name })).collect();
    let near = did_you_mean(name, known.iter().copied(), named)
        .or_else(|| did_you_mean(name.strip_suffix("Node")?, known.iter().copied(), named));
    let own = "if it is your own, declare it as a host node";
    let cure = near.unwrap_or_else(|| match known.len() {
        0 => own.to_owned(),
        1..=LISTED => format!("there are {}; {own}", names(&known)),
        more => format!("it is none of the {more} that there are; {own}"),
    });
    let message = match name {
        "" => "the node type is an empty text".to_owned(),
        _ => format!("there is no node type {}", named(name)),
    };
    Finding::new(message).expected("a node type").got(describe(&Json::from(name))).suggest(cure)
}

impl NodeDrafts<'_> {
    /// The node to which the text of a connection refers, and the name of the port, if it gives one.
    pub(super) fn find<'t>(&self, text: &'t str) -> Result<(usize, Option<&'t str>), &'t str> {
        if let Some(node) = self.by_id.get(text) {
            return Ok((*node, None));
        }
        let (id, port) = text.split_once('.').map_or((text, None), |(id, port)| (id, Some(port)));
        self.by_id.get(id).map(|node| (*node, port)).ok_or(id)
    }
}
