//! The fields of a manifest: which are unknown, which are missing, which have the wrong type.
//!
//! Knows the form of the document, not what nodes and connections mean.

use std::collections::HashSet;

use once_cell::race::OnceBox;
use serde_json::Value as Json;

use super::document::{Document, ID_PATTERN, is_id};
use super::findings::{Finding, Findings};
use super::nearest::{did_you_mean, nearest};
use super::schema_check::{Fault, check};
use super::tree::{Data, Item, Path, Step, describe, named, quoted};

/// The schema of the document, without the params of nodes. Two threads that come first may both make it. Neither waits
/// for the other, because a child that is forked meanwhile would wait for ever.
pub(super) fn schema() -> &'static Json {
    static SCHEMA: OnceBox<Json> = OnceBox::new();
    SCHEMA.get_or_init(|| Box::new(schemars::schema_for!(Document).to_value()))
}

/// Notes all mistakes in the form of the document.
pub(super) fn check_fields(root: &Item, findings: &mut Findings) {
    let value = root.to_json();
    let faults = check(schema(), &value);
    let misnamed: HashSet<(Path, &str)> = faults.iter().filter_map(misnamed).collect();
    for fault in &faults {
        match fault {
            Fault::Mismatch { path, finding: _ } if findings.is_unreadable(path) => {}
            Fault::Mismatch { path, finding } => {
                let got = value_at(&value, path);
                let finding = special(path, got).unwrap_or_else(|| finding.clone());
                findings.add(root.value_offset(path), path.clone(), finding);
            }
            Fault::Unknown { map, name, known } => {
                let path = map.name(name);
                let finding = Finding::new(format!("{} has no field {}", place(map), named(name)));
                let cure = match meant(map, name, known) {
                    Some(meant) => format!("did you mean '{meant}'?"),
                    None => format!("its fields are {}", names(known)),
                };
                let finding = finding.expected(names(known)).got(named(name)).suggest(cure);
                findings.add(root.name_offset(&path), path, finding);
            }
            Fault::Missing { map, name, .. } if misnamed.contains(&(map.clone(), name.as_str())) => {}
            Fault::Missing { map, name, expected } => {
                let finding = Finding::new(format!("{} has no '{name}'", place(map)));
                let finding = finding.expected(expected.clone()).suggest(missing(map, name));
                findings.add(root.value_offset(map), map.clone(), finding);
            }
        }
    }
}

/// The manifest is no map at all.
pub(super) fn not_a_map(root: &Item) -> Finding {
    let got = match &root.data {
        Data::Null => "nothing".to_owned(),
        _ => describe(&root.to_json()),
    };
    let is_path = root.text().is_some_and(|text| {
        [".yaml", ".yml", ".json"].iter().any(|ending| text.ends_with(ending)) && !text.contains('\n')
    });
    let cure = match is_path {
        true => "pass the text of the manifest, not its path".to_owned(),
        false => {
            r#"a manifest looks like {"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}]}"#.to_owned()
        }
    };
    Finding::mismatch("a map with 'version' and 'nodes'", got).suggest(cure)
}

/// `'a', 'b' and 'c'`
pub(crate) fn names<S: AsRef<str>>(names: &[S]) -> String {
    listed(&names.iter().map(|name| named(name.as_ref())).collect::<Vec<_>>())
}

/// `a, b and c`
pub(super) fn listed(names: &[String]) -> String {
    match names.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

fn place(map: &Path) -> &'static str {
    match map.steps().as_slice() {
        [] => "the manifest",
        [Step::Name(name)] if name == "metadata" => "the metadata",
        [Step::Name(name), Step::Index(_)] if name == "nodes" => "this node",
        [Step::Name(name), Step::Index(_)] if name == "connections" => "this connection",
        [Step::Name(name), Step::Index(_), Step::Name(field)] if name == "connections" && field == "buffer" => {
            "this buffer"
        }
        [.., Step::Name(name)] if name == "on_error" => "'on_error'",
        [.., Step::Name(name), Step::Name(retry)] if name == "on_error" && retry == "retry" => "'retry'",
        _ => "this map",
    }
}

/// The known field that was probably meant by an unknown one: by its spelling, or by its name in other tools.
fn meant<'a>(map: &Path, name: &str, known: &'a [String]) -> Option<&'a str> {
    let synonym = match (place(map), name) {
        ("this node", "type" | "kind" | "class" | "node") => "node_type",
        ("this node", "name") => "id",
        ("this node", "config" | "options" | "args" | "arguments" | "settings" | "parameters") => "params",
        ("this node", "onerror" | "error" | "errors" | "on_failure" | "retry" | "retries" | "skip") => "on_error",
        ("'retry'", "count" | "max" | "attempts" | "tries" | "retries") => "times",
        ("'retry'", "delay_ms" | "wait_ms" | "delay" | "wait") => "backoff_ms",
        ("this connection", "source" | "src" | "output") => "from",
        ("this connection", "target" | "destination" | "dest" | "dst" | "sink" | "input") => "to",
        ("this connection", "queue" | "bounds" | "limits") => "buffer",
        ("this buffer", "size" | "capacity" | "count" | "length" | "items") => "packets",
        ("this buffer", "duration" | "duration_ms" | "time_ms" | "milliseconds" | "media_ms") => "ms",
        ("this buffer", "drop" | "leaky" | "overflow" | "when_full" | "on_full") => "policy",
        ("the manifest", "edges" | "links") => "connections",
        ("the manifest", "name" | "description") => "metadata",
        ("the manifest", "entries") => "inputs",
        ("the manifest", "sinks" | "exits" | "results") => "outputs",
        ("the metadata", "title") => "name",
        _ => "",
    };
    let by_sound = || nearest(name, known.iter().map(String::as_str)).first().copied();
    known.iter().map(String::as_str).find(|known| *known == synonym).or_else(by_sound)
}

fn misnamed(fault: &Fault) -> Option<(Path, &str)> {
    match fault {
        Fault::Unknown { map, name, known } => Some((map.clone(), meant(map, name, known)?)),
        _ => None,
    }
}

/// What to add where a field is missing.
fn missing(map: &Path, name: &str) -> String {
    match (place(map), name) {
        (_, "version") => r#"add "version": "v1""#,
        (_, "nodes") => r#"add "nodes": [{"id": "a", "node_type": "PassThrough"}]"#,
        ("the metadata", "name") => r#"add "name": "...", or leave the metadata out"#,
        (_, "id") => r#"give it a name of its own, such as "id": "a""#,
        (_, "node_type") => r#"say what it is, such as "node_type": "PassThrough""#,
        ("'on_error'", _) => r#"say how often: "retry": {"times": 3}"#,
        ("'retry'", _) => r#"say how often: "times": 3"#,
        (_, "from") => r#"say where it begins: "from": "<id of a node>""#,
        _ => r#"say where it ends: "to": "<id of a node>""#,
    }
    .to_owned()
}

/// Messages of their own for mistakes that the general sentence would not explain.
fn special(path: &Path, got: &Json) -> Option<Finding> {
    match (path.steps().as_slice(), got) {
        ([Step::Name(version)], _) if version == "version" => {
            let finding = Finding::mismatch(r#""v1""#, describe(got));
            Some(finding.suggest(r#"write "version": "v1""#.to_owned()))
        }
        ([Step::Name(nodes)], Json::Array(_)) if nodes == "nodes" => {
            let finding = Finding::mismatch("at least one node", "an empty list");
            Some(finding.suggest(r#"add one, such as {"id": "a", "node_type": "PassThrough"}"#.to_owned()))
        }
        ([Step::Name(list)], Json::Object(_)) if list == "nodes" || list == "connections" => {
            let cure = match list.as_str() {
                "nodes" => r#"write each node as an item of a list: [{"id": ..., "node_type": ...}]"#,
                _ => r#"write each connection as an item of a list: [{"from": ..., "to": ...}]"#,
            };
            Some(Finding::mismatch("a list", describe(got)).suggest(cure.to_owned()))
        }
        ([Step::Name(field)], Json::Array(_)) if field == "inputs" || field == "outputs" => {
            let cure = format!(r#"give each a name: write "{field}": {{"a": "<id of a node>"}}"#);
            Some(Finding::mismatch("a map", describe(got)).suggest(cure))
        }
        ([Step::Name(field), Step::Name(_)], Json::Array(_)) if field == "outputs" => {
            Some(Finding::mismatch("text", describe(got)).suggest("write an output for each".to_owned()))
        }
        ([Step::Name(nodes), Step::Index(_), Step::Name(id)], Json::String(text)) if nodes == "nodes" && id == "id" => {
            Some(bad_id(text))
        }
        ([Step::Name(nodes), Step::Index(_), Step::Name(field), ..], _) if nodes == "nodes" && field == "on_error" => {
            retry_in_short(path, got)
        }
        ([Step::Name(nodes), Step::Index(_), Step::Name(field)], Json::String(text))
            if nodes == "nodes" && field == "isolation" && text == "process" =>
        {
            let finding = Finding::new("no node can run in a process of its own yet".to_owned());
            Some(finding.expected("\"thread\"").got("\"process\"").suggest("leave 'isolation' out".to_owned()))
        }
        ([Step::Name(nodes), Step::Index(index)], Json::String(text)) if nodes == "nodes" => {
            let id = char::from_u32('a' as u32 + u32::try_from(*index).unwrap_or(0) % 26).unwrap_or('a');
            let cure = format!(r#"write {{"id": "{id}", "node_type": {}}}"#, quoted(text));
            Some(Finding::mismatch("a map with 'id' and 'node_type'", describe(got)).suggest(cure))
        }
        ([Step::Name(connections), Step::Index(_)], Json::String(text)) if connections == "connections" => {
            let arrow = text.split_once("->").or_else(|| text.split_once("→"));
            let cure = arrow.filter(|(_, to)| !to.contains("->")).map(|(from, to)| written(from.trim(), to.trim()));
            Some(Finding::mismatch("a map with 'from' and 'to'", describe(got)).suggest(cure))
        }
        ([Step::Name(connections), Step::Index(_)], Json::Array(ends)) if connections == "connections" => {
            let cure = match ends.as_slice() {
                [Json::String(from), Json::String(to)] => Some(written(from, to)),
                _ => None,
            };
            Some(Finding::mismatch("a map with 'from' and 'to'", describe(got)).suggest(cure))
        }
        ([Step::Name(connections), Step::Index(_), Step::Name(buffer)], Json::Number(number))
            if connections == "connections" && buffer == "buffer" =>
        {
            Some(Finding::mismatch("a map", describe(got)).suggest(format!(r#"write {{"packets": {number}}}"#)))
        }
        ([Step::Name(connections), Step::Index(_), Step::Name(buffer)], Json::String(policy))
            if connections == "connections" && buffer == "buffer" =>
        {
            Some(
                Finding::mismatch("a map", describe(got)).suggest(format!(r#"write {{"policy": {}}}"#, quoted(policy))),
            )
        }
        ([Step::Name(connections), Step::Index(_), Step::Name(end)], Json::Array(_))
            if end != "buffer" && connections == "connections" =>
        {
            let finding = Finding::mismatch("text", describe(got));
            Some(finding.suggest("write one connection for each".to_owned()))
        }
        _ => None,
    }
}

/// `retry` and a number alone, written where a map belongs.
fn retry_in_short(path: &Path, got: &Json) -> Option<Finding> {
    let expected = r#""fail", "skip" or {"retry": {"times": ...}}"#;
    match (path.steps().as_slice(), got) {
        ([.., Step::Name(last)], Json::String(text)) if last == "on_error" && nearest(text, ["retry"]).len() == 1 => {
            let cure = r#"say how often: write {"retry": {"times": 3}}"#;
            Some(Finding::mismatch(expected, describe(got)).suggest(cure.to_owned()))
        }
        ([.., Step::Name(last)], Json::String(text)) if last == "on_error" => {
            let cure = did_you_mean(text, ["fail", "skip"], quoted);
            Some(Finding::mismatch(expected, describe(got)).suggest(cure))
        }
        ([.., Step::Name(last)], _) if last == "on_error" => Some(Finding::mismatch(expected, describe(got))),
        ([.., Step::Name(last)], Json::Number(times)) if last == "retry" => {
            let cure = format!(r#"write "retry": {{"times": {times}}}"#);
            Some(Finding::mismatch("a map with 'times'", describe(got)).suggest(cure))
        }
        _ => None,
    }
}

fn written(from: &str, to: &str) -> String {
    format!(r#"write {{"from": {}, "to": {}}}"#, quoted(from), quoted(to))
}

fn bad_id(text: &str) -> Finding {
    let expected = "an id of 1 to 128 letters, digits, '_' and '-'";
    let finding = Finding::mismatch(expected, describe(&Json::from(text)));
    let word = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let mended: String = text.trim().chars().map(word).collect();
    let mended = mended.trim_matches(|c| c == '_' || c == '-');
    debug_assert!(!is_id(text), "{ID_PATTERN} and is_id differ on {text}");
    match text.contains('.') {
        true => finding.suggest(format!("a dot divides a node from its port: write {}", quoted(mended))),
        false => finding.suggest(is_id(mended).then(|| format!("write {}", quoted(mended)))),
    }
}

fn value_at<'a>(value: &'a Json, path: &Path) -> &'a Json {
    path.steps().into_iter().fold(value, |value, step| match step {
        Step::Name(name) => &value[name.as_str()],
        Step::Index(index) => &value[*index],
    })
}
