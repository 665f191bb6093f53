//! The JSON Schema of the manifest: valid itself, and of one mind with the checks.

mod manifest_nodes;

use manifest_nodes::{hosts, registry};
use remotemedia_core::manifest::{parse, schema};
use remotemedia_core::node::Registry;
use serde_json::{Value as Json, json};

fn manifest(node: Json) -> Json {
    json!({ "version": "v1", "nodes": [node] })
}

#[test]
fn the_schema_is_a_valid_schema() {
    for registry in [Registry::new(), registry()] {
        assert_eq!(jsonschema::meta::validate(&schema(&registry)).map_err(|error| error.to_string()), Ok(()));
    }
}

#[test]
fn the_schema_takes_what_is_right_and_refuses_what_is_wrong() {
    let validator = jsonschema::validator_for(&schema(&registry())).expect("a valid schema");
    let low_pass = json!({ "kind": "low_pass", "cutoff_hz": 100 });
    for (is_right, manifest) in [
        (true, manifest(json!({ "id": "a", "node_type": "PassThrough" }))),
        (true, manifest(json!({ "id": "a", "node_type": "PassThroughNode", "params": null }))),
        (true, manifest(json!({ "id": "a", "node_type": "Whisper", "params": { "anything": 1 } }))),
        (true, manifest(json!({ "id": "a", "node_type": "Filter", "params": { "shape": low_pass } }))),
        (false, manifest(json!({ "id": "a", "node_type": "Filter", "params": { "shape": { "kind": "low_pass" } } }))),
        (false, manifest(json!({ "id": "a", "node_type": "FilterNode" }))),
        (false, manifest(json!({ "id": "a", "node_type": "PassThrough", "params": { "x": 1 } }))),
        (false, manifest(json!({ "id": "a.b", "node_type": "PassThrough" }))),
        (false, manifest(json!({ "id": "a", "node_type": "PassThrough", "type": "x" }))),
        (false, json!({ "version": "v1", "nodes": [] })),
        (false, json!({ "version": "v2", "nodes": [{ "id": "a", "node_type": "PassThrough" }] })),
    ] {
        let result = parse(manifest.to_string().as_bytes(), &registry(), &hosts());
        assert_eq!(result.is_ok(), is_right, "{manifest}: {result:?}");
        assert_eq!(validator.is_valid(&manifest), is_right, "{manifest}");
    }
}

#[test]
fn every_node_type_has_its_params_in_the_schema() {
    let schema = schema(&registry());
    let params = &schema["$defs"]["params.Calculator"];
    assert_eq!(params["properties"]["times"]["maximum"], json!(8));
    assert_eq!(params["examples"], json!([{ "operation": "add", "operand": 5 }]));
    assert_eq!(params["properties"]["operation"]["$ref"], json!("#/$defs/params.Calculator/$defs/Operation"));
}
