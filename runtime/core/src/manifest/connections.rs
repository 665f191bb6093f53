//! The connections of a manifest: which ports they join, whether these fit, and that there is no cycle.

use indexmap::IndexMap;

use super::blueprint::Endpoint;
use super::buffer::Policy;
use super::fields::{listed, names};
use super::findings::{Finding, Findings};
use super::nearest::did_you_mean;
use super::nodes::{NodeDraft, NodeDrafts, NodeKind};
use super::tree::{Data, Item, Path, describe, named, shown};
use crate::node::{Kinds, Port, Registry};
use crate::outside::{named_in_full, shown_in_full};

/// One connection, as far as it makes sense.
#[derive(Clone, Copy)]
pub(super) struct ConnectionDraft {
    /// Its index in the manifest.
    pub(super) index: usize,
    from: EndDraft,
    to: EndDraft,
    /// It has a delay, as one that closes a cycle needs.
    pub(super) goes_back: bool,
}

/// A node and a port of it; no port where the type of the node is unknown, or the port is wrong.
pub(super) type EndDraft = (usize, Option<usize>);

/// The side of an edge that a text names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    From,
    To,
}

impl ConnectionDraft {
    /// The two ports, if both are known.
    pub(super) fn ends(&self) -> Option<(Endpoint, Endpoint)> {
        let from = Endpoint { node: self.from.0, port: self.from.1? };
        Some((from, Endpoint { node: self.to.0, port: self.to.1? }))
    }

    /// The node that it leads to.
    pub(super) fn target(&self) -> usize {
        self.to.0
    }
}

/// The path of a connection.
pub(super) fn path_of(index: usize) -> Path {
    Path::root().name("connections").index(index)
}

/// The port that is used where none is named: the only one, the one declared as default, or the one with the usual
/// name.
pub(super) fn default_port(ports: &[Port], usual: &str) -> Option<usize> {
    match ports {
        [_] => Some(0),
        _ => ports.iter().position(|port| port.is_usual || port.name == usual),
    }
}

/// How a message names the end of an edge: `'calc'`, or `'vad.speech'` where there are several ports.
pub(super) fn end_name(id: &str, ports: &[Port], port: usize) -> String {
    match ports {
        [_] => named_in_full(id),
        _ => format!("'{}.{}'", shown_in_full(id), ports.get(port).map_or("?", |port| port.name)),
    }
}

/// Resolves every connection and notes all mistakes.
pub(super) fn check_connections(
    root: &Item,
    nodes: &NodeDrafts<'_>,
    registry: &Registry,
    findings: &mut Findings,
) -> Vec<ConnectionDraft> {
    let mut check = Check { root, nodes, registry, findings, seen: IndexMap::new() };
    let items = root.get("connections").map_or(&[][..], Item::items);
    let mut drafts = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if check.findings.is_full() {
            break;
        }
        drafts.extend(check.connection(index, item));
    }
    let count = check.findings.count();
    check.cycles(&drafts);
    if check.findings.count() == count {
        check.delays(&drafts);
    }
    drafts
}

struct Check<'a, 'f> {
    root: &'a Item,
    nodes: &'a NodeDrafts<'a>,
    registry: &'a Registry,
    findings: &'f mut Findings,
    seen: IndexMap<[EndDraft; 2], usize>,
}

impl Check<'_, '_> {
    fn connection(&mut self, index: usize, item: &Item) -> Option<ConnectionDraft> {
        let path = path_of(index);
        let before = self.findings.count();
        let from = self.endpoint(&path, item, Side::From);
        let to = self.endpoint(&path, item, Side::To);
        let ends_are_right = self.findings.count() == before;
        let draft = ConnectionDraft { index, from: from?, to: to?, goes_back: has_value(item, "delay_ms") };
        let (from, to) = (&self.nodes.list[draft.from.0], &self.nodes.list[draft.to.0]);
        if draft.from.0 == draft.to.0 && !draft.goes_back {
            let finding = Finding::new(format!("{} is connected to itself", named_in_full(from.id)));
            self.note(path, finding.suggest("remove this connection, or give it a delay_ms".to_owned()));
            return None;
        }
        if draft.goes_back {
            self.drop_policy(&path, item);
        }
        if !ends_are_right {
            return Some(draft);
        }
        let ends = [draft.from, draft.to];
        if let Some(first) = self.seen.get(&ends) {
            let message = format!(
                "{} to {} is connected by connections[{first}] already",
                named_in_full(from.id),
                named_in_full(to.id)
            );
            self.note(path, Finding::new(message).suggest("remove one of the two".to_owned()));
            return None;
        }
        self.seen.insert(ends, index);
        if let Some(finding) = draft.ends().and_then(|(from, to)| self.kinds(from, to)) {
            self.note(path, finding);
        }
        Some(draft)
    }

    fn endpoint(&mut self, connection: &Path, item: &Item, side: Side) -> Option<EndDraft> {
        let field = if side == Side::From { "from" } else { "to" };
        let text = item.get(field)?.text()?;
        match resolve(self.nodes, text, side, "turn the connection around or remove it") {
            Ok(endpoint) => Some(endpoint),
            Err((finding, node)) => {
                let path = connection.name(field);
                self.findings.add(self.root.value_offset(&path), path, finding);
                node.map(|node| (node, None))
            }
        }
    }

    /// Whether the output emits a kind that the input accepts.
    fn kinds(&self, output: Endpoint, input: Endpoint) -> Option<Finding> {
        let (from, to) = (&self.nodes.list[output.node], &self.nodes.list[input.node]);
        let (outputs, inputs) = (from.kind.as_ref()?.outputs, to.kind.as_ref()?.inputs);
        let (gives, takes) = (outputs[output.port].kinds, inputs[input.port].kinds);
        if gives.overlaps(takes) {
            return None;
        }
        let (from, to) = (end_name(from.id, outputs, output.port), end_name(to.id, inputs, input.port));
        let (gives, takes) = (gives.describe(), takes.describe());
        let finding = Finding::new(format!("{from} gives {gives}, but {to} takes {takes}"));
        let cure = match self.between(&outputs[output.port], &inputs[input.port]) {
            Some(name) => format!("put a node between them that turns one into the other, such as {name}"),
            None => format!("connect {from} to a node that takes {gives}"),
        };
        Some(finding.expected(takes).got(gives).suggest(cure))
    }

    /// A node type that accepts what one port emits and emits what the other accepts.
    fn between(&self, from: &Port, to: &Port) -> Option<&'static str> {
        let fits = |ports: &[Port], wanted: Kinds| {
            ports.first().is_some_and(|port| port.kinds != Kinds::ANY && port.kinds.overlaps(wanted))
        };
        let mut types = self.registry.iter();
        types.find(|known| fits(known.inputs, from.kinds) && fits(known.outputs, to.kinds)).map(|known| known.name)
    }

    /// Notes one cycle for each connection that closes one (depth-first search, without recursion).
    fn cycles(&mut self, drafts: &[ConnectionDraft]) {
        let count = self.nodes.list.len();
        let mut outgoing: Vec<Vec<&ConnectionDraft>> = vec![Vec::new(); count];
        for draft in drafts.iter().filter(|draft| !draft.goes_back) {
            outgoing[draft.from.0].push(draft);
        }
        let (mut done, mut next, mut depth) = (vec![false; count], vec![0; count], vec![None; count]);
        let mut way: Vec<usize> = Vec::new();
        for start in 0..count {
            if done[start] {
                continue;
            }
            way.push(start);
            depth[start] = Some(0);
            while let Some(&node) = way.last() {
                match outgoing[node].get(next[node]) {
                    Some(draft) => {
                        next[node] += 1;
                        let to = draft.to.0;
                        if let Some(first) = depth[to].filter(|_| !self.findings.is_full()) {
                            self.note(path_of(draft.index), self.cycle(&way[first..]));
                        } else if !done[to] && depth[to].is_none() {
                            depth[to] = Some(way.len());
                            way.push(to);
                        }
                    }
                    None => {
                        (done[node], depth[node]) = (true, None);
                        way.pop();
                    }
                }
            }
        }
    }

    fn cycle(&self, nodes: &[usize]) -> Finding {
        /// A longer cycle is shown without its middle.
        const SHOWN: usize = 12;
        let first = (0..nodes.len()).min_by_key(|at| nodes[*at]).unwrap_or(0);
        let id = |at: usize| self.nodes.list[nodes[(first + at) % nodes.len()]].id;
        let mut ids: Vec<String> = (0..=nodes.len()).map(|at| shown(id(at))).collect();
        if ids.len() > SHOWN {
            ids.splice(SHOWN / 2..ids.len() - SHOWN / 2, ["...".to_owned()]);
        }
        Finding::new(format!("the nodes form a cycle: {}", ids.join(" -> ")))
            .suggest("give the connection that goes backwards a delay_ms, or remove one of these".to_owned())
    }

    /// Notes the connections with a delay that close no cycle: what waits for their packets would not wait for their end.
    fn delays(&mut self, drafts: &[ConnectionDraft]) {
        for draft in drafts.iter().filter(|draft| draft.goes_back) {
            let mut reached = vec![draft.to.0];
            let mut next = 0;
            while let Some(&node) = reached.get(next) {
                let forward = drafts.iter().filter(|draft| !draft.goes_back && draft.from.0 == node);
                let new: Vec<usize> = forward.map(|draft| draft.to.0).filter(|to| !reached.contains(to)).collect();
                reached.extend(new);
                next += 1;
            }
            if !reached.contains(&draft.from.0) {
                let [from, to] = [draft.from.0, draft.to.0].map(|node| named_in_full(self.nodes.list[node].id));
                let finding = Finding::new(format!(
                    "delay_ms is for a connection that goes backwards, and nothing leads from {to} to {from}"
                ));
                self.note(path_of(draft.index).name("delay_ms"), finding.suggest("remove it".to_owned()));
            }
        }
    }

    /// Notes a policy that a connection that goes backwards can't have: a node that waited for room there would wait for itself.
    fn drop_policy(&mut self, connection: &Path, item: &Item) {
        let policy = item.get("buffer").and_then(|buffer| buffer.get("policy")).and_then(Item::text);
        if let Some(policy) = policy.filter(|policy| *policy != Policy::DropOldest.name()) {
            let finding = Finding::new(format!(
                "a connection with delay_ms drops its oldest packets, and can't {}",
                named(policy)
            ));
            let path = connection.name("buffer").name("policy");
            self.note(
                path,
                finding.expected("\"drop_oldest\"").got(named(policy)).suggest("leave the policy out".to_owned()),
            );
        }
    }

    fn note(&mut self, path: Path, finding: Finding) {
        self.findings.add(self.root.value_offset(&path), path, finding);
    }
}

/// The node and the port that a text names; no port for a node of unknown type. `cure` is the advice for a node that has no
/// ports on this side. The error has the node if only the port is wrong.
pub(super) fn resolve(
    nodes: &NodeDrafts<'_>,
    text: &str,
    side: Side,
    cure: &str,
) -> Result<EndDraft, (Finding, Option<usize>)> {
    let (node, port) = nodes.find(text).map_err(|id| (no_node(nodes, id), None))?;
    let NodeDraft { id, kind, .. } = &nodes.list[node];
    let Some(kind) = kind else { return Ok((node, None)) };
    let (ports, usual) = match side {
        Side::From => (kind.outputs, "out"),
        Side::To => (kind.inputs, "in"),
    };
    let index = match port {
        None => default_port(ports, usual),
        Some(name) => ports.iter().position(|port| port.name == name),
    };
    match index {
        Some(index) => Ok((node, Some(index))),
        None => Err((no_port(id, kind, ports, port, side, cure), Some(node))),
    }
}

/// Whether a map has a value of this name other than null.
fn has_value(item: &Item, name: &str) -> bool {
    item.get(name).is_some_and(|value| !matches!(value.data, Data::Null))
}

fn no_node(nodes: &NodeDrafts<'_>, id: &str) -> Finding {
    /// More than these are no help in a message.
    const LISTED: usize = 12;
    let known: Vec<&str> = nodes.by_id.keys().copied().collect();
    let near = did_you_mean(id, known.iter().copied(), named);
    let cure = near.or_else(|| (1..=LISTED).contains(&known.len()).then(|| format!("there are {}", names(&known))));
    let finding = match id {
        "" => Finding::new("the id of a node is missing here"),
        _ => Finding::new(format!("there is no node {}", named(id))),
    };
    finding.expected("the id of a node").got(describe(&id.into())).suggest(cure)
}

fn no_port(id: &str, kind: &NodeKind, ports: &[Port], name: Option<&str>, side: Side, cure: &str) -> Finding {
    let node = format!("{} ({})", named_in_full(id), shown(&kind.type_name));
    let id = shown_in_full(id);
    let (what, other) = match side {
        Side::From => ("output", kind.inputs),
        Side::To => ("input", kind.outputs),
    };
    if ports.is_empty() {
        let role = if side == Side::From { "a sink" } else { "a source" };
        let finding = Finding::new(format!("{node} is {role}: it has no {what}"));
        return finding.suggest(cure.to_owned());
    }
    let full: Vec<String> = ports.iter().map(|port| format!("'{id}.{}'", port.name)).collect();
    let Some(name) = name else {
        let finding = Finding::new(format!("{node} has {} {what}s", ports.len())).expected(listed(&full));
        return finding
            .got(format!("'{id}'"))
            .suggest(format!("say which: {}", listed(&full).replace(" and ", " or ")));
    };
    let finding = Finding::new(format!("{node} has no {what} {}", named(name))).expected(listed(&full));
    let is_other = other.iter().any(|port| port.name == name);
    let near = did_you_mean(name, ports.iter().map(|port| port.name), |name| format!("'{id}.{name}'"));
    let cure = match near {
        Some(near) if !is_other => near,
        _ if ports.len() == 1 => format!("its only {what} is {}", full[0]),
        _ => format!("its {what}s are {}", listed(&full)),
    };
    finding.got(format!("'{id}.{}'", shown(name))).suggest(cure)
}
