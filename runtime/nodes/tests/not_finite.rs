//! Sound with samples that are NaN or infinite: who computes with them refuses them, who hands them on keeps every bit.

mod drive;

use drive::{prepare, run};
use remotemedia_core::value::{Audio, Packet, Value};
use serde_json::{Value as Json, json};

/// The nodes that compute with samples.
fn computing() -> [(&'static str, Json); 7] {
    [
        ("AudioGain", json!({"gain_db": -6})),
        ("AudioLevel", json!({"window_ms": 10})),
        ("AudioResample", json!({"rate": 16000})),
        ("AudioMix", json!({"channels": 1})),
        ("AudioMix", json!({"channels": 2, "gains": [[1, 0], [0, 1]]})),
        ("AudioEncode", json!({"format": "wav"})),
        ("AudioEncode", json!({"format": "flac", "sample_format": "s24"})),
    ]
}

/// The nodes that leave samples as they are.
fn handing_on() -> [(&'static str, Json); 4] {
    [
        ("AudioResample", json!({"rate": 48000})),
        ("AudioMix", json!({"channels": 2})),
        ("AudioTrim", json!({})),
        ("AudioConcat", json!({})),
    ]
}

/// Two channels at 48 kHz, of which the second has one bad sample at 10 ms; the first frame sounds at 2 s.
fn sound(bad: f32) -> Packet {
    let mut samples = vec![0.25; 2 * 48_000];
    samples[48_000 + 480] = bad;
    let audio = Audio::from_planar(samples, 2, 48_000).expect("it is sound");
    Packet::new(audio.with_pts(Some(2_000_000_000)).into())
}

#[test]
fn a_node_that_computes_refuses_them_and_says_where() {
    for (name, params) in computing() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut node = prepare(name, params.clone()).expect("valid params");
            let error = run(&mut *node, [sound(bad)]).expect_err(name);
            assert_eq!(
                format!("{}. {}", error.cause, error.cure),
                "the sound has samples that are NaN or infinite. Replace them before this node.",
                "{name}"
            );
            assert_eq!(error.position, Some(2_010_000_000), "{name}");
        }
    }
}

#[test]
fn a_node_that_hands_sound_on_keeps_every_bit() {
    let odd = f32::from_bits(0x7fc1_2345);
    for (name, params) in handing_on() {
        let mut node = prepare(name, params).expect("valid params");
        let emitted = run(&mut *node, [sound(odd)]).expect(name);
        let right = emitted.iter().flat_map(|packet| match &packet.value {
            Value::Audio(audio) => audio.channel(1).to_vec(),
            other => panic!("{name} gave {}", other.kind().name()),
        });
        assert_eq!(right.collect::<Vec<f32>>()[480].to_bits(), odd.to_bits(), "{name}");
    }
    let mut node = prepare("AudioEncode", json!({"format": "wav", "sample_format": "f32"})).expect("valid params");
    let emitted = run(&mut *node, [sound(odd)]).expect("floats are written as they are");
    let [Packet { value: Value::Bytes(file), .. }] = &emitted[..] else { panic!("one file") };
    let place = file.len() - (48_000 - 480) * 8 + 4;
    assert_eq!(file.as_slice()[place..place + 4], odd.to_le_bytes());
}
