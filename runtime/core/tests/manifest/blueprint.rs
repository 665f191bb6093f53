//! What valid manifests come to.

use remotemedia_core::graph::Graph;
use remotemedia_core::manifest::{Blueprint, Endpoint, GraphInput, GraphOutput, OnError, Retry, Then, Work, parse};
use remotemedia_core::node::Port;
use serde_json::{Value as Json, json};

use crate::node_types::{hosts, msgpack, registry};

#[track_caller]
fn accepted(bytes: &[u8]) -> Blueprint {
    match parse(bytes, &registry(), &hosts()) {
        Ok(blueprint) => blueprint,
        Err(error) => panic!("{error}"),
    }
}

fn node(id: &str, node_type: &str) -> Json {
    json!({ "id": id, "node_type": node_type })
}

fn graph(nodes: &[Json], connections: &[(&str, &str)]) -> Blueprint {
    let connections: Vec<_> = connections.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
    let manifest = json!({ "version": "v1", "nodes": nodes, "connections": connections });
    accepted(manifest.to_string().as_bytes())
}

/// `a[0] -> b[1]`, with the ports as numbers.
fn edges(blueprint: &Blueprint) -> Vec<String> {
    let end = |end: Endpoint| format!("{}[{}]", blueprint.nodes[end.node].id, end.port);
    blueprint.edges.iter().map(|edge| format!("{} -> {}", end(edge.from), end(edge.to))).collect()
}

/// `name: a`, or `name: a.port` where the node has several, for each input and the ports that it goes to.
fn entries(blueprint: &Blueprint) -> Vec<String> {
    let shown = |input: &GraphInput| {
        let ends: Vec<String> = input.ends.iter().map(|end| end_name(blueprint, *end, Work::inputs)).collect();
        format!("{}: {}", input.name, ends.join(" "))
    };
    blueprint.inputs.iter().map(shown).collect()
}

/// The same for each output.
fn exits(blueprint: &Blueprint) -> Vec<String> {
    let shown = |output: &GraphOutput| format!("{}: {}", output.name, end_name(blueprint, output.end, Work::outputs));
    blueprint.outputs.iter().map(shown).collect()
}

fn end_name(blueprint: &Blueprint, end: Endpoint, ports: fn(&Work) -> &'static [Port]) -> String {
    let node = &blueprint.nodes[end.node];
    match ports(&node.work) {
        [] | [_] => node.id.to_string(),
        several => format!("{}.{}", node.id, several[end.port].name),
    }
}

fn inserted(blueprint: &Blueprint) -> Vec<String> {
    let nodes = blueprint.nodes.iter().filter(|node| node.inserted.is_some());
    nodes.map(|node| format!("{node:?} {}", Json::Object(node.params.clone()))).collect()
}

#[test]
fn the_smallest_manifest_is_one_node() {
    let blueprint = accepted(br#"{"version":"v1","nodes":[{"id":"pass1","node_type":"PassThrough"}]}"#);
    assert_eq!(&*blueprint.name, "pipeline");
    assert_eq!(blueprint.nodes.len(), 1);
    assert_eq!((&*blueprint.nodes[0].id, &*blueprint.nodes[0].type_name), ("pass1", "PassThrough"));
    assert!(matches!(blueprint.nodes[0].work, Work::Native { .. }));
    assert_eq!((entries(&blueprint), exits(&blueprint)), (vec![": pass1".to_owned()], vec!["pass1: pass1".to_owned()]));
    assert_eq!(blueprint.find("pass1"), Some(0));
}

#[test]
fn the_three_notations_mean_the_same() {
    let yaml = "
# A comment.
version: v1
metadata: {name: speech, description: 'What is said', created_at: 2026-11-23T12:00:00Z}
nodes:
  - id: decode
    node_type: DecoderNode
    params:
  - &gate
    id: gate
    node_type: Gate
    params: {open_db: -30, close_db: -4e1}
    capabilities: {gpu: false}
  - id: whisper
    node_type: Whisper
    params: {model: tiny, beams: [1, 2.5, null], deep: {er: ~}}
  - {<<: *gate, id: gate2}
connections:
  - {from: decode, to: gate}
  - {from: gate.out, to: whisper.in}
  - from: decode
    to: gate2
";
    let json = json!({
        "version": "v1",
        "metadata": { "name": "speech", "description": "What is said", "created_at": "2026-11-23T12:00:00Z" },
        "nodes": [
            { "id": "decode", "node_type": "DecoderNode", "params": null },
            { "id": "gate", "node_type": "Gate", "params": { "open_db": -30, "close_db": -40.0 }, "capabilities": { "gpu": false } },
            { "id": "whisper", "node_type": "Whisper", "params": { "model": "tiny", "beams": [1, 2.5, null], "deep": { "er": null } } },
            { "id": "gate2", "node_type": "Gate", "params": { "open_db": -30, "close_db": -40.0 }, "capabilities": { "gpu": false } },
        ],
        "connections": [
            { "from": "decode", "to": "gate" }, { "from": "gate.out", "to": "whisper.in" }, { "from": "decode", "to": "gate2" },
        ],
    });
    let with_mark = [b"\xef\xbb\xbf \r\n".to_vec(), json.to_string().into_bytes()].concat();
    for bytes in [yaml.as_bytes().to_vec(), json.to_string().into_bytes(), msgpack(&json), with_mark] {
        let blueprint = accepted(&bytes);
        assert_eq!(&*blueprint.name, "speech");
        assert_eq!(blueprint.description.as_deref(), Some("What is said"));
        assert_eq!(blueprint.created_at.as_deref(), Some("2026-11-23T12:00:00Z"));
        let nodes: Vec<String> = blueprint.nodes.iter().map(|node| format!("{node:?}")).collect();
        let expected = [
            "decode (Decoder) Native(Decoder)",
            "gate (Gate) Native(Gate)",
            "whisper (Whisper) Host(7)",
            "gate2 (Gate) Native(Gate)",
        ];
        assert_eq!(nodes, expected);
        for (node, given) in blueprint.nodes.iter().zip(json["nodes"].as_array().expect("nodes")) {
            assert_eq!(&node.params, given["params"].as_object().unwrap_or(&serde_json::Map::new()), "{node:?}");
            assert_eq!(node.capabilities.is_empty(), given["capabilities"].is_null(), "{node:?}");
        }
        let expected = ["decode[0] -> gate[0]", "gate[0] -> whisper[0]", "decode[0] -> gate2[0]"];
        assert_eq!(edges(&blueprint), expected);
        assert_eq!(entries(&blueprint), [": decode"]);
        assert_eq!(exits(&blueprint), ["whisper: whisper", "gate2: gate2"]);
    }
}

#[test]
fn a_node_says_what_its_errors_mean() {
    let retry = |times, backoff_ms, then| OnError::Retry(Retry { times, backoff_ms, then });
    for (written, meant) in [
        (json!("fail"), OnError::Fail),
        (json!("skip"), OnError::Skip),
        (json!({ "retry": { "times": 3 } }), retry(3, 100, Then::Fail)),
        (json!({ "retry": { "times": 1, "backoff_ms": 0, "then": "skip" } }), retry(1, 0, Then::Skip)),
    ] {
        let mut node = node("a", "PassThrough");
        (node["on_error"], node["isolation"]) = (written, "thread".into());
        assert_eq!(graph(&[node], &[]).nodes[0].on_error, meant);
    }
    assert_eq!(graph(&[node("a", "PassThrough")], &[]).nodes[0].on_error, OnError::Fail);
}

#[test]
fn a_converter_does_with_errors_what_its_node_does() {
    let mut narrow = node("detect", "Detector");
    narrow["on_error"] = "skip".into();
    let blueprint = graph(&[narrow], &[]);
    let converters = blueprint.nodes.iter().filter(|node| node.inserted.is_some());
    assert!(converters.map(|node| node.on_error).eq([OnError::Skip; 2]));
}

#[test]
fn integers_stay_exact_and_floats_stay_floats() {
    for (written, kept) in [
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("9007199254740993", json!(9_007_199_254_740_993_i64)),
        ("5.0", json!(5.0)),
        ("1e3", json!(1000.0)),
        ("-0", json!(0)),
        ("-0.5", json!(-0.5)),
    ] {
        let text = format!(
            r#"{{"version": "v1", "nodes": [{{"id": "a", "node_type": "Whisper", "params": {{"x": {written}}}}}]}}"#
        );
        assert_eq!(accepted(text.as_bytes()).nodes[0].params["x"], kept, "{written} in JSON");
        let text = format!("version: v1\nnodes:\n- {{id: a, node_type: Whisper, params: {{x: {written}}}}}\n");
        assert_eq!(accepted(text.as_bytes()).nodes[0].params["x"], kept, "{written} in YAML");
        let value =
            json!({ "version": "v1", "nodes": [{ "id": "a", "node_type": "Whisper", "params": { "x": kept } }] });
        assert_eq!(accepted(&msgpack(&value)).nodes[0].params["x"], kept, "{written} in msgpack");
    }
}

#[test]
fn text_is_unescaped_in_full() {
    let text = r#"{"version": "\u0076\u0031", "metadata": {"name": "\ud83d\ude00 \"q\" \\ \/ \b\f\n\r\t é"},
        "nodes": [{"id": "a", "node_type": "PassThrough"}]}"#;
    assert_eq!(&*accepted(text.as_bytes()).name, "😀 \"q\" \\ / \u{8}\u{c}\n\r\t é");
}

#[test]
fn yaml_has_the_types_of_its_core_schema() {
    let text = "version: v1\nnodes:\n- id: a\n  node_type: Whisper\n  params: {no: no, hex: 0x1F, oct: 0o17, plus: +5, \
                half: .5, quoted: '5', tilde: ~, yes: True, tag: !!str 5, date: 2026-11-23, under: 1_000, 7: seven}\n";
    let expected = json!({
        "no": "no", "hex": 31, "oct": 15, "plus": 5, "half": 0.5, "quoted": "5", "tilde": null, "yes": true, "tag": "5",
        "date": "2026-11-23", "under": "1_000", "7": "seven",
    });
    assert_eq!(Json::Object(accepted(text.as_bytes()).nodes[0].params.clone()), expected);
}

/// By the forms that section 10.3.2 of YAML 1.2.2 gives each tag; of texts in quotes too.
#[test]
fn a_tag_of_the_core_schema_decides_on_the_type() {
    for (written, kept) in [
        ("!!float 5", json!(5.0)),
        ("!!float '5'", json!(5.0)),
        ("!!float -0", json!(-0.0)),
        ("!!float +5.", json!(5.0)),
        ("!!float .5e1", json!(5.0)),
        ("!!float 18446744073709551616", json!(18_446_744_073_709_551_616.0)),
        ("!!int 5", json!(5)),
        ("!!int '5'", json!(5)),
        ("!!int 0x1F", json!(31)),
        ("!!int 0o17", json!(15)),
        ("!!str 5", json!("5")),
        ("!!str true", json!("true")),
        ("!!str", json!("")),
        ("! 5", json!("5")),
        ("!!bool True", json!(true)),
        ("!!bool 'false'", json!(false)),
        ("!!null ~", json!(null)),
        ("!!null", json!(null)),
        ("!!null ''", json!(null)),
    ] {
        let text = format!("version: v1\nnodes:\n- id: a\n  node_type: Whisper\n  params: {{x: {written} }}\n");
        let read = &accepted(text.as_bytes()).nodes[0].params["x"];
        assert_eq!((read, read.is_f64()), (&kept, kept.is_f64()), "{written}");
    }
    for (written, expected) in [
        ("!!float 0x1F", "a value of type !!float, got \"0x1F\""),
        ("!!float five", "a value of type !!float, got \"five\""),
        ("!!float ''", "a value of type !!float, got \"\""),
        ("!!float .inf", "a finite number, got .inf"),
        ("!!float 1e999", "a number that fits a 64-bit float, got 1e999"),
        ("!!int 5.0", "a value of type !!int, got \"5.0\""),
        ("!!int 18446744073709551616", "an integer from -2^63 to 2^64 - 1, got 18446744073709551616"),
        ("!!bool yes", "a value of type !!bool, got \"yes\""),
        ("!!null 0", "a value of type !!null, got \"0\""),
    ] {
        let text = format!("version: v1\nnodes:\n- id: a\n  node_type: Whisper\n  params: {{x: {written} }}\n");
        let error = parse(text.as_bytes(), &registry(), &hosts()).expect_err(written).to_string();
        assert!(error.ends_with(&format!("nodes[0].params.x: expected {expected}")), "{written}: {error}");
    }
}

/// What PyYAML 6 and ruamel.yaml 0.18 read of it, however far its second line is indented.
#[test]
fn quoted_text_of_several_lines_may_be_indented_as_one_likes() {
    for quote in ["'", "\""] {
        for indent in (0..8).map(|columns| " ".repeat(columns)) {
            for name in [
                format!("metadata: {{name: {quote}x\n{indent}y{quote}}}\n"),
                format!("metadata:\n  name: {quote}x\n{indent}y{quote}\n"),
                format!("metadata:\n  name:\n    {quote}x\n{indent}y{quote}\n"),
                format!("metadata:\n name: {quote}x\n{indent}y{quote}\n"),
            ] {
                let yaml = format!("version: v1\n{name}nodes:\n- id: a\n  node_type: PassThrough\n");
                assert_eq!(&*accepted(yaml.as_bytes()).name, "x y", "{yaml}");
            }
        }
    }
}

#[test]
fn every_type_has_its_alias_and_a_declared_host_node_wins() {
    let mut hosts = hosts();
    hosts.insert("Log".to_owned(), hosts["Whisper"]);
    let nodes = [node("a", "PassThroughNode"), node("b", "WhisperNode"), node("c", "Log"), node("d", "LogNode")];
    let manifest = json!({ "version": "v1", "nodes": nodes });
    let blueprint = parse(manifest.to_string().as_bytes(), &registry(), &hosts).expect("valid");
    let found: Vec<String> = blueprint.nodes.iter().map(|node| format!("{node:?}")).collect();
    let expected = ["a (PassThrough) Native(PassThrough)", "b (Whisper) Host(7)", "c (Log) Host(7)", "d (Log) Host(7)"];
    assert_eq!(found, expected);
}

#[test]
fn fan_out_fan_in_and_diamonds_are_fine() {
    let nodes = ["a", "b", "c", "d"].map(|id| node(id, "PassThrough"));
    let blueprint = graph(&nodes, &[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("a", "d")]);
    assert_eq!(blueprint.edges.len(), 5);
    assert!(inserted(&blueprint).is_empty());
}

#[test]
fn ports_are_found_by_name() {
    let nodes = [node("mic", "Microphone"), node("mic2", "Microphone"), node("merge", "Merge"), node("log", "Log")];
    let blueprint = graph(&nodes, &[("mic", "merge.right"), ("mic2", "merge.left"), ("merge", "log")]);
    assert_eq!(edges(&blueprint), ["mic[0] -> merge[1]", "mic2[0] -> merge[0]", "merge[0] -> log[0]"]);
}

#[test]
fn the_plan_names_the_outputs_that_nothing_takes() {
    let unread = |connections: &[(&str, &str)]| -> Vec<(Json, Json)> {
        let nodes = [node("vad", "Detector"), node("log", "PassThrough"), node("other", "PassThrough")];
        let planned = Graph::plan(graph(&nodes, connections)).expect("a graph that can be planned").describe();
        let nodes = planned["nodes"].as_array().expect("nodes are a list").clone();
        nodes.into_iter().filter_map(|mut node| Some((node["id"].clone(), node.get_mut("unread")?.take()))).collect()
    };
    assert_eq!(unread(&[("vad.speech", "log"), ("vad.event", "other")]), []);
    assert_eq!(unread(&[("vad.speech", "log")]), [(json!("vad"), json!(["event"]))]);
    assert_eq!(unread(&[("vad.event", "log"), ("vad.event", "other")]), [(json!("vad"), json!(["speech"]))]);
    // A sink gives what comes out of its first output.
    assert_eq!(unread(&[("log", "other")]), [(json!("vad"), json!(["event"]))]);
}

#[test]
fn the_plan_tells_what_is_known_of_an_output() {
    let form = |nodes: &[Json], connections: &[(&str, &str)]| {
        let planned = Graph::plan(graph(nodes, connections)).expect("a graph that can be planned").describe();
        planned["outputs"][0].get("form").cloned()
    };
    let mono = json!({"kind": "audio", "rate": 48_000, "channels": 1});
    assert_eq!(form(&[node("mic", "Microphone")], &[]), Some(mono.clone()));
    let passed = [node("pass", "PassThrough"), node("mic", "Microphone")];
    assert_eq!(form(&passed, &[("mic", "pass")]), Some(mono.clone()));
    let both = [node("mic", "Microphone"), node("mic2", "Microphone"), node("merge", "Merge")];
    assert_eq!(form(&both, &[("mic", "merge.left"), ("mic2", "merge.right")]), Some(json!({"kind": "audio"})));
    // What the graph is given is not known, nor is what the host makes of anything.
    assert_eq!(form(&[node("pass", "PassThrough")], &[]), None);
}

/// The connections of the plan.
fn planned(nodes: &[Json], connections: Json) -> Json {
    let manifest = json!({ "version": "v1", "nodes": nodes, "connections": connections });
    Graph::plan(accepted(manifest.to_string().as_bytes())).expect("a graph that can be planned").describe()["connections"]
        .take()
}

#[test]
fn a_connection_with_a_buffer_is_a_queue_and_the_plan_shows_it() {
    let nodes = [node("a", "PassThrough"), node("b", "PassThrough")];
    let plan = |buffer: Json| planned(&nodes, json!([{ "from": "a", "to": "b", "buffer": buffer }]));
    assert_eq!(plan(Json::Null), json!([{ "from": "a.out", "to": "b.in", "kind": "direct" }]));
    let queue = |buffer: Json| json!([{ "from": "a.out", "to": "b.in", "kind": "queue", "buffer": buffer }]);
    assert_eq!(plan(json!({})), queue(json!({ "policy": "block" })));
    let full = json!({ "packets": 8, "bytes": 1_000_000, "ms": 200, "policy": "drop_oldest" });
    assert_eq!(plan(full.clone()), queue(full));
}

#[test]
fn converters_stand_before_the_buffer_of_their_connection() {
    let connections = json!([{ "from": "mic", "to": "vad", "buffer": { "packets": 1, "policy": "drop_newest" } }]);
    let expected = json!([
        { "from": "mic.out", "to": "vad.resample.in", "kind": "direct" },
        { "from": "vad.resample.out", "to": "vad.in", "kind": "queue", "buffer": { "packets": 1, "policy": "drop_newest" } },
    ]);
    assert_eq!(planned(&[node("mic", "Microphone"), node("vad", "Detector")], connections), expected);
}

#[test]
fn a_converter_is_put_in_where_the_promise_differs() {
    let blueprint = graph(&[node("mic", "Microphone"), node("vad", "Detector")], &[("mic", "vad")]);
    let expected =
        [r#"vad.resample (AudioResample) Native(AudioResample) because 'vad' needs 16000 Hz {"rate":16000}"#];
    assert_eq!(inserted(&blueprint), expected);
    assert_eq!(edges(&blueprint), ["mic[0] -> vad.resample[0]", "vad.resample[0] -> vad[0]"]);
}

#[test]
fn converters_are_put_in_where_nothing_is_promised() {
    let blueprint = graph(&[node("decode", "Decoder"), node("vad", "Detector")], &[("decode", "vad")]);
    let expected = [
        r#"vad.mix (AudioMix) Native(AudioMix) because 'vad' needs 1 channel {"channels":1}"#,
        r#"vad.resample (AudioResample) Native(AudioResample) because 'vad' needs 16000 Hz {"rate":16000}"#,
    ];
    assert_eq!(inserted(&blueprint), expected);
    assert_eq!(
        edges(&blueprint),
        ["decode[0] -> vad.mix[0]", "vad.mix[0] -> vad.resample[0]", "vad.resample[0] -> vad[0]"]
    );
}

fn with_ends(nodes: &[Json], connections: &[(&str, &str)], inputs: &Json, outputs: &Json) -> Blueprint {
    let connections: Vec<_> = connections.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
    let manifest = json!({
        "version": "v1", "nodes": nodes, "connections": connections, "inputs": inputs, "outputs": outputs,
    });
    accepted(manifest.to_string().as_bytes())
}

#[test]
fn named_ends_come_in_and_out_at_their_ports_in_the_order_of_the_manifest() {
    let nodes = [node("m", "Merge"), node("vad", "Detector"), node("log", "Log"), node("mic", "Microphone")];
    let inputs = json!({ "right": "m.right", "left": ["m.left", "log"] });
    let outputs = json!({ "event": "vad.event", "sum": "m", "live": "mic", "again": "m" });
    let blueprint = with_ends(&nodes, &[("m", "vad")], &inputs, &outputs);
    assert_eq!(entries(&blueprint), ["right: m.right", "left: m.left log"]);
    assert_eq!(exits(&blueprint), ["event: vad.event", "sum: m", "live: mic", "again: m"]);
    // With one of the two, the other is as without.
    let only = with_ends(&nodes[..2], &[("m", "vad")], &json!({ "x": ["m.left", "m.right"] }), &Json::Null);
    assert_eq!(
        (entries(&only), exits(&only)),
        (vec!["x: m.left m.right".to_owned()], vec!["vad: vad.speech".to_owned()])
    );
    let only = with_ends(&nodes[2..3], &[], &Json::Null, &Json::Null);
    assert_eq!((entries(&only), exits(&only)), (vec![": log".to_owned()], vec!["log: log".to_owned()]));
}

#[test]
fn converters_are_put_in_before_each_end_that_needs_them() {
    let nodes = [node("mic", "Microphone"), node("vad", "Detector")];
    let blueprint = with_ends(&nodes, &[("mic", "vad")], &json!({ "far": "vad" }), &json!({ "speech": "vad.speech" }));
    assert_eq!(entries(&blueprint), ["far: vad.mix"]);
    let expected = [
        "mic[0] -> vad.resample[0]",
        "vad.resample[0] -> vad[0]",
        "vad.mix[0] -> vad.resample2[0]",
        "vad.resample2[0] -> vad[0]",
    ];
    assert_eq!(edges(&blueprint), expected);
}

#[test]
fn converters_are_put_in_before_a_node_that_takes_the_inputs_of_the_graph() {
    let blueprint = graph(&[node("vad", "Detector"), node("log", "Log")], &[("vad.event", "log")]);
    assert_eq!(inserted(&blueprint).len(), 2);
    assert_eq!(edges(&blueprint), ["vad[1] -> log[0]", "vad.mix[0] -> vad.resample[0]", "vad.resample[0] -> vad[0]"]);
    assert_eq!(entries(&blueprint), [": vad.mix"]);
}

#[test]
fn no_converter_is_put_in_where_the_promise_suffices() {
    let resample = json!({ "id": "to16k", "node_type": "AudioResample", "params": { "rate": 16_000 } });
    let nodes = [node("mic", "Microphone"), resample, node("vad", "Detector")];
    let blueprint = graph(&nodes, &[("mic", "to16k"), ("to16k", "vad")]);
    assert_eq!(
        inserted(&blueprint),
        [r#"vad.mix (AudioMix) Native(AudioMix) because 'vad' needs 1 channel {"channels":1}"#]
    );
}

#[test]
fn each_edge_has_converters_of_its_own() {
    let nodes = [node("mic", "Microphone"), node("mic2", "Microphone"), node("vad", "Detector")];
    let blueprint = graph(&nodes, &[("mic", "vad"), ("mic2", "vad")]);
    let expected = [
        "mic[0] -> vad.resample[0]",
        "vad.resample[0] -> vad[0]",
        "mic2[0] -> vad.resample2[0]",
        "vad.resample2[0] -> vad[0]",
    ];
    assert_eq!(edges(&blueprint), expected);
}
