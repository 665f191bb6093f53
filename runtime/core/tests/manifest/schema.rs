//! The JSON Schema of the manifest for a registry. The published one is read by an independent validator in the tests of
//! Python.

use remotemedia_core::manifest::schema;
use serde_json::json;

use crate::node_types::registry;

#[test]
fn every_node_type_has_its_params_in_the_schema() {
    let schema = schema(&registry());
    let params = &schema["$defs"]["params.Calculator"];
    assert_eq!(params["properties"]["times"]["maximum"], json!(8));
    assert_eq!(params["examples"], json!([{ "operation": "add", "operand": 5 }]));
    assert_eq!(params["properties"]["operation"]["$ref"], json!("#/$defs/params.Calculator/$defs/Operation"));
}
