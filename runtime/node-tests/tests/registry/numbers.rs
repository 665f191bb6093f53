//! Numbers in params that are too large for what computes with them.

use remotemedia_core::manifest::parse;
use serde_json::{Value as Json, json};

/// The places in a schema where a number has the format of float32 and no bounds.
fn unbounded(schema: &Json, place: &str, found: &mut Vec<String>) {
    let has = |bound: &str| schema.get(bound).is_some_and(Json::is_number);
    if schema["format"] == "float" && !(has("minimum") && has("maximum")) {
        found.push(place.to_owned());
    }
    match schema {
        Json::Object(map) => map.iter().for_each(|(key, schema)| unbounded(schema, &format!("{place}.{key}"), found)),
        Json::Array(list) => list.iter().for_each(|schema| unbounded(schema, place, found)),
        _ => {}
    }
}

/// A larger number in the manifest would become infinite when the param is made a float32.
#[test]
fn every_param_of_float32_has_bounds() {
    let mut found = Vec::new();
    for node_type in harness::drive::registry().iter() {
        unbounded(&node_type.params_schema, node_type.name, &mut found);
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn numbers_that_would_become_infinite_are_refused_with_their_place() {
    for (node_type, params, expected) in [
        (
            "AudioConvolve",
            json!({"taps": [[0.5, 1e39]]}),
            "params.taps[0][1]: expected a number from -3.4028234663852886e+38 to 3.4028234663852886e+38, got 1e+39",
        ),
        (
            "TimeFrequencyMask",
            json!({"value": -1e39}),
            "params.value: expected a number from -3.4028234663852886e+38 to 3.4028234663852886e+38, got -1e+39",
        ),
        (
            "AudioMix",
            json!({"channels": 1, "gains": [[1, 1e300]]}),
            "params.gains[0][1]: expected a number from -1000000.0 to 1000000.0, got 1e+300",
        ),
    ] {
        let manifest = json!({"version": "v1", "nodes": [{"id": "a", "node_type": node_type, "params": params}]});
        let refused = parse(manifest.to_string().as_bytes(), harness::drive::registry(), &Default::default());
        let error = refused.map(|_| ()).expect_err(node_type).to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}
