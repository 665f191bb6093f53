//! The named inputs and outputs of a manifest: their names, the ports at which they come in and out, and nodes that nothing
//! reaches.

use super::blueprint::Endpoint;
use super::connections::{ConnectionDraft, EndDraft, Side, resolve};
use super::document::is_id;
use super::findings::{Finding, Findings};
use super::nodes::NodeDrafts;
use super::tree::{Data, Item, Map, Path, describe, named, quoted};
use crate::outside::named_in_full;

/// The named ends of a graph, as far as they make sense; none where the manifest names none.
pub(super) struct EndDrafts {
    inputs: Option<Vec<(String, Vec<EndDraft>)>>,
    outputs: Option<Vec<(String, EndDraft)>>,
}

/// The inputs or outputs, each with its ports.
pub(super) type NamedEnds<T> = Option<Vec<(String, T)>>;

impl EndDrafts {
    /// The inputs in the order of the manifest, if it names any and all ports are known.
    pub(super) fn inputs(&self) -> NamedEnds<Vec<Endpoint>> {
        let ends = |ends: &[EndDraft]| ends.iter().map(endpoint).collect::<Option<Vec<_>>>();
        self.inputs.as_ref()?.iter().map(|(name, given)| Some((name.clone(), ends(given)?))).collect()
    }

    /// The outputs in the order of the manifest, if it names any and all ports are known.
    pub(super) fn outputs(&self) -> NamedEnds<Endpoint> {
        self.outputs.as_ref()?.iter().map(|(name, end)| Some((name.clone(), endpoint(end)?))).collect()
    }
}

fn endpoint(&(node, port): &EndDraft) -> Option<Endpoint> {
    Some(Endpoint { node, port: port? })
}

/// Resolves the ends and notes all mistakes.
pub(super) fn check_ends(
    root: &Item,
    nodes: &NodeDrafts<'_>,
    connections: &[ConnectionDraft],
    findings: &mut Findings,
) -> EndDrafts {
    let mut check = Check { root, nodes, findings };
    let inputs = root.get("inputs").and_then(map).map(|entries| check.inputs(entries));
    let outputs = root.get("outputs").and_then(map).map(|entries| check.outputs(entries));
    if let Some(inputs) = inputs.as_ref().filter(|_| check.findings.is_empty()) {
        check.unreached(inputs, connections);
    }
    EndDrafts { inputs, outputs }
}

fn map(item: &Item) -> Option<&Map> {
    match &item.data {
        Data::Map(entries) => Some(entries),
        _ => None,
    }
}

struct Check<'a, 'f> {
    root: &'a Item,
    nodes: &'a NodeDrafts<'a>,
    findings: &'f mut Findings,
}

impl Check<'_, '_> {
    fn inputs(&mut self, entries: &Map) -> Vec<(String, Vec<EndDraft>)> {
        self.not_empty("inputs", "input", entries);
        let mut inputs = Vec::new();
        for (name, entry) in entries {
            let path = Path::root().name("inputs").name(name);
            self.name(&path, name, "an input");
            let mut ends: Vec<EndDraft> = Vec::new();
            let places = match &entry.value.data {
                Data::List(items) => items.iter().enumerate().map(|(index, item)| (path.index(index), item)).collect(),
                _ => vec![(path.clone(), &entry.value)],
            };
            for (path, item) in places {
                let Some(end) = self.end(&path, item, Side::To) else { continue };
                if end.1.is_some() && ends.contains(&end) {
                    let finding = Finding::new(format!("{} stands in this list twice", self.text(item)));
                    self.note(path, finding.suggest("remove one of the two".to_owned()));
                } else {
                    ends.push(end);
                }
            }
            inputs.push((name.clone(), ends));
        }
        inputs
    }

    fn outputs(&mut self, entries: &Map) -> Vec<(String, EndDraft)> {
        self.not_empty("outputs", "output", entries);
        let mut outputs = Vec::new();
        for (name, entry) in entries {
            let path = Path::root().name("outputs").name(name);
            self.name(&path, name, "an output");
            outputs.extend(self.end(&path, &entry.value, Side::From).map(|end| (name.clone(), end)));
        }
        outputs
    }

    fn not_empty(&mut self, field: &str, what: &str, entries: &Map) {
        if entries.is_empty() {
            let finding = Finding::mismatch(format!("at least one {what}"), "an empty map");
            self.note(Path::root().name(field), finding.suggest(format!("leave '{field}' out")));
        }
    }

    fn name(&mut self, path: &Path, name: &str, what: &str) {
        if is_id(name) {
            return;
        }
        let expected = format!("{what} with a name of 1 to 128 letters, digits, '_' and '-'");
        let word = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        let mended: String = name.trim().chars().map(word).collect();
        let mended = mended.trim_matches(|c| c == '_' || c == '-');
        let cure = is_id(mended).then(|| format!("write {}", quoted(mended)));
        let finding = Finding::mismatch(expected, describe(&name.into())).suggest(cure);
        self.findings.add(self.root.name_offset(path), path.clone(), finding);
    }

    fn end(&mut self, path: &Path, item: &Item, side: Side) -> Option<EndDraft> {
        let cure = match side {
            Side::From => "name an output of another node, or leave this one out",
            Side::To => "name an input of another node, or leave this one out",
        };
        match resolve(self.nodes, item.text()?, side, cure) {
            Ok(end) => Some(end),
            Err((finding, _)) => {
                self.note(path.clone(), finding);
                None
            }
        }
    }

    /// Notes the nodes at which nothing comes in: without this, a node that was forgotten would do nothing in silence.
    fn unreached(&mut self, inputs: &[(String, Vec<EndDraft>)], connections: &[ConnectionDraft]) {
        for (node, draft) in self.nodes.list.iter().enumerate() {
            let is_source = draft.kind.as_ref().is_none_or(|kind| kind.inputs.is_empty());
            let is_named = inputs.iter().flat_map(|(_, ends)| ends).any(|end| end.0 == node);
            if is_source
                || is_named
                || connections.iter().any(|connection| connection.target() == node && !connection.goes_back)
            {
                continue;
            }
            let id = named_in_full(draft.id);
            let finding =
                Finding::new(format!("nothing comes to {id}: no input names it, and no connection leads to it"));
            let cure = format!("add {} to 'inputs', connect it, or remove it", named(draft.id));
            self.note(Path::root().name("nodes").index(node), finding.suggest(cure));
        }
    }

    fn text(&self, item: &Item) -> String {
        item.text().map_or_else(String::new, named)
    }

    fn note(&mut self, path: Path, finding: Finding) {
        self.findings.add(self.root.value_offset(&path), path, finding);
    }
}
