//! Sound with samples that are NaN or infinite: who computes with them refuses them, who hands them on keeps every bit.
//! The tests go over the registry, so that every node that takes sound is one or the other.

use remotemedia_core::node::NodeType;
use remotemedia_core::value::{Audio, Kind, Packet, Value};
use serde_json::{Value as Json, json};

use harness::drive::{prepare, run};

/// The nodes that leave samples as they are, and what they do with them. All others that take sound must refuse.
const HANDING_ON: [(&str, &str); 8] = [
    ("PassThrough", "hands on any value"),
    ("Echo", "hands on any value"),
    ("AudioChunk", "cuts sound"),
    ("AudioConcat", "joins sound"),
    ("AudioPad", "puts silence around sound"),
    ("AudioTrim", "leaves out what is quiet"),
    ("RandomCrop", "cuts sound"),
    ("FileSink", "writes what comes; into a file of float samples as it is"),
];

/// Params with which nodes that compute take another way through their code, beside those of their examples.
fn other_ways() -> Vec<(&'static str, Json)> {
    let mut ways = vec![
        ("AudioMix", json!({"channels": 2, "gains": [[1, 0], [0, 1]]})),
        ("AudioMix", json!({"channels": 1})),
        ("AudioEncode", json!({"format": "wav"})),
        ("AudioEncode", json!({"format": "flac", "sample_format": "s24"})),
        ("AudioEncode", json!({"format": "opus"})),
        ("AudioGain", json!({"gain_db": 0})),
        ("LoudnessNormalize", json!({"mode": "live"})),
        ("AudioResample", json!({"rate": 16000, "quality": "fast"})),
        ("SpeedPerturb", json!({"factors": [1.0]})),
        ("SpeedPerturb", json!({"factors": [1.1]})),
        ("MFCC", json!({})),
        ("AudioResample", json!({"rate": 47999, "quality": "best"})),
    ];
    let filters = ["lowpass", "highpass", "biquad_lowpass", "biquad_highpass", "biquad_bandpass", "notch", "allpass"];
    ways.extend(filters.map(|kind| ("AudioFilter", json!({"kind": kind, "frequency_hz": 1000}))));
    ways.extend(
        ["peaking", "low_shelf", "high_shelf"]
            .map(|kind| ("AudioFilter", json!({"kind": kind, "frequency_hz": 1000, "gain_db": 3}))),
    );
    ways.push(("AudioFilter", json!({"kind": "bandpass", "low_hz": 300, "high_hz": 3400})));
    ways.push(("AudioFilter", json!({"kind": "dc_block"})));
    ways
}

/// A second of sound from 2 s on, in the format that a node needs, with one bad sample at 10 ms in its last channel.
fn sound(node_type: &NodeType, params: &Json, bad: f32) -> Packet {
    let prepared = node_type.prepare(params.as_object().cloned().expect("an object")).expect("valid params");
    let format = prepared.input_format(0).unwrap_or_default();
    let (rate, channels) = (format.rate.unwrap_or(48_000), format.channels.unwrap_or(2));
    let mut samples = vec![0.25; channels * rate as usize];
    samples[(channels - 1) * rate as usize + rate as usize / 100] = bad;
    let audio = Audio::from_planar(samples, channels, rate).expect("it is sound");
    Packet::new(audio.with_pts(Some(2_000_000_000)).into())
}

fn check_refusal(node_type: &NodeType, params: &Json) {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let name = node_type.name;
        let mut node = prepare(name, params.clone()).expect("valid params");
        let Err(error) = run(&mut *node, [sound(node_type, params, bad)]) else {
            panic!("{name} with {params} neither refuses {bad} nor is known to hand it on");
        };
        assert_eq!(
            format!("{}. {}", error.cause, error.cure),
            "the sound has samples that are NaN or infinite. Replace them before this node.",
            "{name} with {params}"
        );
        assert_eq!(error.position, Some(2_010_000_000), "{name} with {params}");
    }
}

#[test]
fn every_node_that_computes_refuses_them_and_says_where() {
    let registry = harness::drive::registry();
    let mut computing = 0;
    for node_type in registry.iter() {
        let takes_sound = node_type.inputs.iter().any(|port| port.kinds.contains(Kind::Audio));
        let name = node_type.alias_of.unwrap_or(node_type.name);
        if takes_sound && HANDING_ON.iter().all(|(other, _)| *other != name) {
            check_refusal(node_type, &node_type.example);
            computing += 1;
        }
    }
    assert!(computing >= 15, "only {computing} nodes were looked at");
    for (name, params) in other_ways() {
        check_refusal(registry.get(name).expect("a built-in node"), &params);
    }
}

#[test]
fn a_node_that_hands_sound_on_keeps_every_bit() {
    let registry = harness::drive::registry();
    let odd = f32::from_bits(0x7fc1_2345);
    let mut ways: Vec<(&str, Json)> = HANDING_ON
        .iter()
        .filter(|(name, _)| *name != "FileSink")
        .map(|(name, _)| (*name, registry.get(name).expect("a built-in node").example.clone()))
        .collect();
    // Where these leave the format as it is, they don't look either.
    ways.push(("AudioResample", json!({"rate": 48000})));
    ways.push(("AudioMix", json!({"channels": 2})));
    for (name, params) in ways {
        let node_type = registry.get(name).expect("a built-in node");
        let mut node = prepare(name, params.clone()).expect("valid params");
        let emitted = run(&mut *node, [sound(node_type, &params, odd)]).expect(name);
        let found = emitted.iter().any(|packet| {
            let audio = match &packet.value {
                Value::Audio(audio) => audio,
                // As `Echo` has it.
                Value::Map(map) => match map.values().find(|value| matches!(value, Value::Audio(_))) {
                    Some(Value::Audio(audio)) => audio,
                    _ => panic!("{name} gave a map without sound"),
                },
                other => panic!("{name} gave {}", other.kind().name()),
            };
            audio.channel(1).iter().any(|sample| sample.to_bits() == odd.to_bits())
        });
        assert!(found, "{name}");
    }
    let params = json!({"format": "wav", "sample_format": "f32"});
    let mut node = prepare("AudioEncode", params.clone()).expect("valid params");
    let packet = sound(registry.get("AudioEncode").expect("a built-in node"), &params, odd);
    let emitted = run(&mut *node, [packet]).expect("floats are written as they are");
    let [Packet { value: Value::Bytes(file), .. }] = &emitted[..] else { panic!("one file") };
    let place = file.len() - (48_000 - 480) * 8 + 4;
    assert_eq!(file.as_slice()[place..place + 4], odd.to_le_bytes());
}
