//! The published JSON Schema of manifest v1: the document, and the params of every node type.

use serde_json::{Value as Json, json};

use super::document::ID_PATTERN;
use super::fields;
use crate::node::Registry;

/// The JSON Schema (2020-12) of a manifest, for editors and other tools.
///
/// The params of each node type stand in `$defs` under its name and hold where `node_type` is that name or its alias
/// with `Node` at the end, unless that is a name with params of its own. Other node types are allowed, since a host may
/// declare its own.
pub fn schema(registry: &Registry) -> Json {
    let mut schema = fields::schema().clone();
    // Checked where the ends are resolved, which has better cures.
    for ends in ["inputs", "outputs"] {
        schema["properties"][ends]["minProperties"] = 1.into();
        schema["properties"][ends]["propertyNames"] = json!({ "pattern": ID_PATTERN });
    }
    let mut rules = Vec::new();
    let mut known = Vec::new();
    for node_type in registry.iter() {
        let mut params = node_type.params_schema.clone();
        let name = format!("params.{}", node_type.name);
        rebase(&mut params, &format!("#/$defs/{name}"));
        if let Some(params) = params.as_object_mut() {
            params.remove("$schema");
            params.insert("examples".to_owned(), json!([node_type.example]));
        }
        let requires_params = params["required"].as_array().is_some_and(|required| !required.is_empty());
        let reference = json!({ "$ref": format!("#/$defs/{name}") });
        let then = match requires_params {
            true => json!({ "properties": { "params": reference }, "required": ["params"] }),
            // `params: null` means none.
            false => json!({ "properties": { "params": { "anyOf": [reference, { "type": "null" }] } } }),
        };
        let mut names = vec![node_type.name.to_owned()];
        let alias = format!("{}Node", node_type.name);
        if node_type.alias_of.is_none() && registry.get(&alias).is_some_and(|found| found.name == node_type.name) {
            names.push(alias);
        }
        rules.push(json!({
            "if": { "properties": { "node_type": { "enum": names } }, "required": ["node_type"] },
            "then": then,
        }));
        known.push(json!({ "const": node_type.name, "description": node_type.summary }));
        schema["$defs"][&name] = params;
    }
    let node = &mut schema["$defs"]["NodeEntry"];
    if !known.is_empty() {
        known.push(json!({ "type": "string", "description": "An alias, or a node type that the host declares." }));
        node["properties"]["node_type"]["anyOf"] = known.into();
        node["allOf"] = rules.into();
    }
    schema
}

/// Adapts the references within a schema to its new place.
fn rebase(schema: &mut Json, base: &str) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(|item| rebase(item, base)),
        Json::Object(map) => {
            for (keyword, inner) in map.iter_mut() {
                match inner {
                    Json::String(reference) if keyword == "$ref" => {
                        if let Some(pointer) = reference.strip_prefix('#') {
                            *reference = format!("{base}{pointer}");
                        }
                    }
                    _ => rebase(inner, base),
                }
            }
        }
        _ => {}
    }
}
