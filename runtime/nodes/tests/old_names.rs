//! The old names of nodes: their params and defaults, and what they stand for now.

mod drive;

use drive::{prepare, refusal, run};
use remotemedia_core::value::{Audio, Packet, Value};
use serde_json::{Value as Json, json};

fn defaults(name: &str) -> Json {
    let registry = remotemedia_nodes::registry();
    let schema = registry.get(name).expect("an old name").params_schema["properties"].clone();
    let params = schema.as_object().expect("params").iter();
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
    let registry = remotemedia_nodes::registry();
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
        json!({"min_utterance_duration_ms": 250, "max_utterance_duration_ms": 30000, "target_samples": null})
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
    assert_eq!(accumulated(json!({"target_samples": 2_000})), [2_000, 2_000, 800]);
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
