//! FLAC: frames found by their numbers, and files whose frames can't be.

use remotemedia_core::value::{Audio, Packet, Value};
use serde_json::json;

use crate::cuts::{Subject, check, check_cuts, random, total};
use harness::items::{node, run_item};
use harness::media;

/// A file as the encoder of this library writes it: noise that is silent for a while.
fn encoded(rate: u32, frames: usize, params: serde_json::Value) -> Vec<u8> {
    let mut random = random("flac");
    let planes: Vec<Vec<f32>> = (0..2)
        .map(|_| {
            let sample =
                |frame: usize| if frame / 50_000 % 3 == 1 { 0.0 } else { random(65_536) as f32 / 65_536.0 - 0.5 };
            (0..frames).map(sample).collect()
        })
        .collect();
    let audio = Audio::from_channels(&planes, rate).expect("the planes are alike");
    let outcome = run_item(node("AudioEncode", params).as_mut(), vec![Packet::new(audio.into())]);
    let [Value::Bytes(bytes)] = &outcome.values[..] else { panic!("expected bytes, got {:?}", outcome.values) };
    bytes.as_slice().to_vec()
}

#[test]
fn frames_of_any_length() {
    for (name, params) in
        [("16 bits", json!({"format": "flac"})), ("24", json!({"format": "flac", "sample_format": "s24"}))]
    {
        let outcome = check(name, encoded(16_000, 200_000, params));
        assert_eq!((outcome.failure.as_ref(), total(&outcome)), (None, 200_000), "{name}");
    }
    for name in ["0880", "0930"] {
        let speech = media::bytes(&format!("librivox/{name}.flac"));
        assert_eq!(check(name, speech.clone()).failure, None, "{name}");
        // A tag behind the sound, as programs for music write it.
        let tagged = [&speech[..], b"TAGtitle", &[0; 120]].concat();
        assert_eq!(check(&format!("{name} with a tag"), tagged).failure, None, "{name}");
        let cut = check(&format!("{name}, cut off"), speech[..speech.len() * 3 / 4].to_vec());
        assert!(cut.failure.is_some(), "{name}");
    }
}

/// The length in the head of the file.
fn with_frames(mut bytes: Vec<u8>, frames: u32) -> Vec<u8> {
    bytes[21] &= 0xf0;
    bytes[22..26].copy_from_slice(&frames.to_be_bytes());
    bytes
}

#[test]
fn files_whose_numbers_do_not_say_where_a_frame_is() {
    let (one, other) = (media::bytes("librivox/0880.flac"), media::bytes("librivox/0930.flac"));
    for (name, bytes, frames) in [
        ("of no length", with_frames(one.clone(), 0), 47_840),
        ("twice", [&one[..], &one].concat(), 2 * 47_840),
        ("three times", [&other[..], &other, &other].concat(), 3 * 52_640),
        ("one and another", [&one[..], &other].concat(), 47_840 + 52_640),
    ] {
        let outcome = check(name, bytes);
        assert_eq!((outcome.failure.as_ref(), total(&outcome)), (None, frames), "{name}");
    }
}

#[test]
fn damage_ends_only_the_parts_that_reach_it() {
    let bytes = encoded(16_000, 200_000, json!({"format": "flac"}));
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2..][..3000].fill(0x55);
    let outcome = check_cuts("damaged", damaged.clone());
    let there = total(&outcome);
    assert!(outcome.failure.is_some() && (50_000..150_000).contains(&there), "{there}");
    // Behind it, the sound is in its place.
    let params = json!({"start_s": 180_000.0 / 16_000.0, "duration_s": 0.5});
    let part = |bytes: Vec<u8>| Subject { name: "behind", bytes, params: json!({}) }.part(params.clone());
    let (whole, behind) = (part(bytes), part(damaged));
    assert_eq!(behind.failure, None);
    assert_eq!(behind.values, whole.values);
}
