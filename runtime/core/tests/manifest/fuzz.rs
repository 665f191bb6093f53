//! Whatever the bytes are, reading them ends with a blueprint or with problems, never with a panic.

use std::sync::LazyLock;

use proptest::prelude::*;
use remotemedia_core::manifest::{HostNodes, parse};
use remotemedia_core::node::Registry;
use serde_json::{Value as Json, json};

use crate::node_types::{hosts, msgpack, registry};

static REGISTRY: LazyLock<Registry> = LazyLock::new(registry);
static HOSTS: LazyLock<HostNodes> = LazyLock::new(hosts);

fn sample() -> Json {
    json!({
        "version": "v1",
        "metadata": { "name": "speech é" },
        "nodes": [
            { "id": "calc", "node_type": "Calculator", "params": { "operation": "add", "operand": 5, "times": 2 } },
            { "id": "f", "node_type": "Filter", "params": { "shape": { "kind": "low_pass", "cutoff_hz": 1.5 } } },
            { "id": "vad", "node_type": "Detector", "params": { "smoothing": { "window": 3 }, "segment_ms": [1, 2] } },
            { "id": "w", "node_type": "Whisper", "params": { "x": [null, true, -3] } },
        ],
        "connections": [{ "from": "f", "to": "vad" }, { "from": "vad.speech", "to": "w" }],
    })
}

const YAML: &str = "version: v1\nmetadata: {name: \"a\\tb\"}\nnodes:\n  - &a {id: a, node_type: PassThrough}\n  - <<: *a\n    id: b\n    \
                    params: {}\n  - id: c # last\n    node_type: 'Whisper'\n    params: {x: .5, y: |\n      text\n      }\nconnections: [{from: a, to: b}]\n";

/// Reads the bytes; problems must name a place within the text and a message.
fn read(bytes: &[u8]) {
    if let Err(error) = parse(bytes, &REGISTRY, &HOSTS) {
        assert!(!error.problems.is_empty());
        assert!(!error.to_string().is_empty());
        for problem in &error.problems {
            assert!(!problem.message.is_empty());
            assert_eq!(problem.line.is_some(), problem.column.is_some());
        }
    }
}

/// Replaces, inserts or removes some bytes.
fn mutate(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    for (place, kind, byte) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = place.index(bytes.len());
        match kind % 4 {
            0 => bytes[at] = *byte,
            1 => bytes.insert(at, *byte),
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// serde_json takes `-0` for a float, so that its sign stays; here it is an integer like all without a point or exponent, as
/// it is in Python.
fn unsigned_zeros(value: Json) -> Json {
    match value {
        Json::Array(items) => items.into_iter().map(unsigned_zeros).collect(),
        Json::Object(entries) => entries.into_iter().map(|(key, value)| (key, unsigned_zeros(value))).collect(),
        Json::Number(number) if number.as_f64() == Some(0.0) => json!(0),
        other => other,
    }
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    let marks = prop::sample::select(b"{}[]:,\"'\\\n\t -&*!|>#%@.0159eaz\xff\xc4\xd9".to_vec());
    prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, prop_oneof![marks, any::<u8>()]), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read(&bytes);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[\\[\\]{}:,\"'\\\\a-f0-9 \n.#&*!|>-]{0,120}") {
        read(text.as_bytes());
        read(format!("{{{text}").as_bytes());
    }

    #[test]
    fn mutated_json_never_panics(changes in changes()) {
        let text = serde_json::to_string_pretty(&sample()).expect("plain values");
        read(&mutate(text.into_bytes(), &changes));
    }

    #[test]
    fn mutated_yaml_never_panics(changes in changes()) {
        read(&mutate(YAML.as_bytes().to_vec(), &changes));
    }

    #[test]
    fn mutated_msgpack_never_panics(changes in changes()) {
        read(&mutate(msgpack(&sample()), &changes));
    }

    /// A value put anywhere in a right manifest is either right or named with its place.
    #[test]
    fn a_wrong_value_anywhere_is_named(
        place in any::<prop::sample::Index>(),
        value in prop::sample::select(vec![json!(null), json!(-1), json!(1.5), json!("x"), json!([]), json!({"k": 1})]),
    ) {
        let mut manifest = sample();
        let mut pointers = Vec::new();
        list_pointers(&manifest, String::new(), &mut pointers);
        let pointer = &pointers[place.index(pointers.len())];
        *manifest.pointer_mut(pointer).expect("it was listed") = value;
        read(manifest.to_string().as_bytes());
        read(&msgpack(&manifest));
    }

    /// What serde_json takes for JSON is read as JSON with the same values, and nothing else is.
    #[test]
    fn json_is_read_as_serde_json_reads_it(changes in changes()) {
        let params = r#"{"a": [1, -2.5e3, "\u00e9\n", true, null], "b": {"c": "\ud83d\ude00", "d": 0}}"#;
        let Ok(params) = String::from_utf8(mutate(params.as_bytes().to_vec(), &changes)) else { return Ok(()) };
        let text = format!(r#"{{"version": "v1", "nodes": [{{"id": "a", "node_type": "Whisper", "params": {params}}}]}}"#);
        let theirs: Result<Json, _> = serde_json::from_str(&text);
        match (parse(text.as_bytes(), &REGISTRY, &HOSTS), theirs) {
            (Ok(blueprint), Ok(theirs)) => {
                let ours = Json::Object(blueprint.nodes[0].params.clone());
                prop_assert_eq!(unsigned_zeros(ours), unsigned_zeros(theirs["nodes"][0]["params"].clone()));
            }
            (Ok(blueprint), Err(error)) => prop_assert!(false, "{blueprint:?} but {error}"),
            // Right JSON may be a wrong manifest: the mutation can end the params, or repeat a name.
            (Err(error), Ok(_)) => {
                let message = error.to_string();
                let syntax = ["comma", "quote", "escape", "JSON", "got the end"];
                prop_assert!(!syntax.iter().any(|word| message.contains(word)), "{message} in {params}");
            }
            (Err(_), Err(_)) => {}
        }
    }
}

fn list_pointers(value: &Json, pointer: String, found: &mut Vec<String>) {
    match value {
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| list_pointers(item, format!("{pointer}/{index}"), found));
        }
        Json::Object(map) => {
            map.iter().for_each(|(name, item)| list_pointers(item, format!("{pointer}/{name}"), found))
        }
        _ => {}
    }
    found.push(pointer);
}
