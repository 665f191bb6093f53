//! The old names of nodes: their params and defaults, and what they stand for now.

use remotemedia_core::value::{Audio, Packet, Value};
use serde_json::{Value as Json, json};

use harness::drive::{prepare, refusal, run};

fn defaults(name: &str) -> Json {
    let registry = harness::drive::registry();
    let schema = registry.get(name).expect("an old name").params_schema["properties"].clone();
    let params = schema.as_object().expect("params").iter();
    let params = params.filter(|(_, entry)| entry.get("x-spelling-of").is_none());
    Json::Object(params.map(|(param, entry)| (param.clone(), entry["default"].clone())).collect())
}

fn outputs(name: &str, params: Json, inputs: Vec<Value>) -> Vec<Packet> {
    let mut node = prepare(name, params).expect("valid params");
    run(&mut *node, inputs.into_iter().map(Packet::new)).expect("it works")
}

fn tone(amplitude: f32, rate: u32, frames: usize) -> Value {
    let samples = (0..frames).map(|frame| amplitude * (frame as f32 * 0.3).sin()).collect();
    Audio::from_planar(samples, 1, rate).expect("valid sound").into()
}

fn frames(packets: &[Packet]) -> Vec<usize> {
    let frames = |packet: &Packet| if let Value::Audio(audio) = &packet.value { audio.frames() } else { 0 };
    packets.iter().map(frames).collect()
}

#[test]
fn every_old_name_is_known_and_names_its_node() {
    let registry = harness::drive::registry();
    let expected = [
        ("FastResampleNode", "AudioResample"),
        ("AudioChunkerNode", "AudioChunk"),
        ("AudioBufferAccumulatorNode", "AudioConcat"),
        ("AudioLevelNode", "AudioLevel"),
        ("TextCollectorNode", "TextCollector"),
    ];
    for (old, new) in expected {
        let found = registry.get(old).expect("an old name");
        assert_eq!((found.name, found.alias_of), (old, Some(new)));
        assert_eq!(found.describe()["alias_of"], json!(new));
        assert!(found.prepare(found.example.as_object().expect("an object").clone()).is_ok(), "{old}");
    }
    for same in ["SilenceDetector", "ClippingDetector", "ChannelBalance", "PassThrough"] {
        assert_eq!(registry.get(&format!("{same}Node")).map(|found| (found.name, found.alias_of)), Some((same, None)));
    }
    assert!(registry.get("FastResample").is_none(), "a name that never was");
}

#[test]
fn their_defaults_are_the_old_ones() {
    let resample = defaults("FastResampleNode");
    assert_eq!((&resample["target_rate"], resample.as_object().expect("params").len()), (&json!(16000), 4));
    let input = || vec![tone(0.5, 48_000, 4_800)];
    let medium = outputs("AudioResample", json!({"rate": 16000, "quality": "high"}), input());
    assert_eq!(outputs("FastResampleNode", json!({}), input()), medium);
    assert_eq!(defaults("AudioChunkerNode"), json!({"chunk_size": 512}));
    assert_eq!(
        defaults("AudioBufferAccumulatorNode"),
        json!({"min_utterance_duration_ms": null, "max_utterance_duration_ms": 30000, "target_samples": null})
    );
    assert_eq!(
        defaults("AudioLevelNode"),
        json!({"window_ms": 100, "low_volume_threshold_db": -20.0, "silence_threshold_db": -60.0})
    );
    assert_eq!(
        defaults("TextCollectorNode"),
        json!({"split_pattern": "[.!?;\n]", "min_sentence_length": 3, "yield_partial_on_end": true})
    );
}

#[test]
fn a_low_volume_was_below_minus_20() {
    let is_low = |name: &str| {
        let reports = outputs(name, json!({}), vec![tone(0.05, 16_000, 48_000)]);
        let Value::Map(map) = &reports.last().expect("reports").value else { panic!("a map") };
        map["is_low_volume"].clone()
    };
    assert_eq!(is_low("AudioLevelNode"), Value::Bool(true));
    assert_eq!(is_low("AudioLevel"), Value::Bool(false));
}

#[test]
fn sound_goes_through_the_new_nodes() {
    let input = || vec![tone(0.5, 48_000, 4_800)];
    let old =
        outputs("FastResampleNode", json!({"target_rate": 16000, "source_rate": 48000, "quality": "High"}), input());
    assert_eq!(old, outputs("AudioResample", json!({"rate": 16000, "quality": "best"}), input()));
    assert_eq!(frames(&outputs("AudioChunkerNode", json!({}), input()))[..2], [512, 512]);
    let chunks = json!({"chunk_size": 1000});
    assert_eq!(frames(&outputs("AudioChunkerNode", chunks, input())), [1000, 1000, 1000, 1000, 800]);
    let accumulated = |params| frames(&outputs("AudioBufferAccumulatorNode", params, input()));
    assert_eq!(accumulated(json!({})), [0; 0], "100 ms are less than 250");
    assert_eq!(accumulated(json!({"min_utterance_duration_ms": 50})), [4_800]);
    assert_eq!(accumulated(json!({"max_utterance_duration_ms": 60})), [2_880], "a rest of 40 ms is less than 60");
    assert_eq!(accumulated(json!({"max_utterance_duration_ms": 249})), [0; 0]);
    assert_eq!(accumulated(json!({"target_samples": 2_000})), [2_000, 2_000, 800]);
}

#[test]
fn params_may_be_written_in_camel_case() {
    let input = || vec![tone(0.5, 48_000, 4_800)];
    let snake = json!({"target_rate": 8000, "source_rate": 48000});
    let camel = json!({"targetRate": 8000, "sourceRate": "auto"});
    assert_eq!(outputs("FastResampleNode", camel, input()), outputs("FastResampleNode", snake, input()));
    let camel = json!({"minUtteranceDurationMs": 50, "maxUtteranceDurationMs": 60});
    assert_eq!(frames(&outputs("AudioBufferAccumulatorNode", camel, input())), [2_880]);
    assert_eq!(frames(&outputs("AudioBufferAccumulatorNode", json!({"targetSamples": 4_000}), input())), [4_000, 800]);
    assert_eq!(frames(&outputs("AudioChunkerNode", json!({"chunkSize": 2_400}), input())), [2_400, 2_400]);
    let registry = harness::drive::registry();
    for old in registry.iter().filter(|node_type| node_type.alias_of.is_some()) {
        let properties = old.params_schema["properties"].as_object().expect("params");
        for name in properties.keys().filter(|name| name.contains('_')) {
            let spelled = properties.iter().filter(|(_, entry)| entry["x-spelling-of"] == json!(name)).count();
            assert_eq!(spelled, 1, "{}.{name}", old.name);
        }
    }
    let manifest = |params: &str| {
        let text = format!(
            r#"{{"version": "v1", "nodes": [{{"id": "a", "node_type": "FastResampleNode", "params": {params}}}]}}"#
        );
        let blueprint = remotemedia_core::manifest::parse(text.as_bytes(), registry, &Default::default());
        blueprint.map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(manifest(r#"{"targetRate": 8000, "sourceRate": "auto", "quality": "Medium", "channels": 1}"#), Ok(()));
    let error = manifest(r#"{"targetRate": 500}"#).expect_err("too low");
    let expected = "nodes[0].params.targetRate: expected an integer from 1000 to 768000 or \"auto\", got 500";
    assert!(error.ends_with(expected), "{error}");
    let error = manifest(r#"{"targetRate": 8000, "target_rate": 8000}"#).expect_err("twice");
    assert!(error.ends_with("expected one of 'target_rate' and 'targetRate', got both"), "{error}");
}

#[test]
fn the_rate_may_be_left_to_the_planner() {
    let auto = json!({"target_rate": "auto", "source_rate": "auto"});
    let packets = outputs("FastResampleNode", auto, vec![tone(0.5, 44_100, 4_800)]);
    let Value::Audio(audio) = &packets[0].value else { panic!("sound") };
    assert_eq!((audio.rate(), audio.frames()), (44_100, 4_800));
    let text = r#"{"version": "v1", "nodes": [
        {"id": "a", "node_type": "FastResampleNode", "params": {"targetRate": "auto"}}, {"id": "b", "node_type": "VAD"}],
        "connections": [{"from": "a", "to": "b"}]}"#;
    let registry = harness::drive::registry();
    let blueprint =
        remotemedia_core::manifest::parse(text.as_bytes(), registry, &Default::default()).expect("a good manifest");
    let ids: Vec<&str> = blueprint.nodes.iter().map(|node| &*node.id).collect();
    assert_eq!(ids, ["a", "b", "b.mix", "b.resample"]);
}

#[test]
fn text_ends_at_a_semicolon_and_at_an_end_token() {
    let tokens = ["One; two", " and more<|text", "_end|>Three.", " "].map(Value::text).to_vec();
    let texts = |params| outputs("TextCollectorNode", params, tokens.clone()).into_iter().map(|packet| packet.value);
    assert!(texts(json!({})).eq(["One;", "two and more", "Three."].map(Value::text)));
    assert!(texts(json!({"yield_partial_on_end": false})).eq(["One;", "Three."].map(Value::text)));
    assert!(texts(json!({"split_pattern": "[!]+"})).eq(["One; two and more", "Three."].map(Value::text)));
}

#[test]
fn what_is_wrong_is_told_by_the_old_names() {
    assert_eq!(
        refusal("TextCollectorNode", json!({"split_pattern": "(a|b)"})),
        "split_pattern: expected a class of characters such as [.!?;], got \"(a|b)\""
    );
    assert_eq!(
        refusal("AudioBufferAccumulatorNode", json!({"min_utterance_duration_ms": 5, "max_utterance_duration_ms": 4})),
        "min_utterance_duration_ms: expected at most 'max_utterance_duration_ms', which is 4, got 5"
    );
}
