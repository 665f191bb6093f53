//! `AudioConvolve`: its lengths, its messages, a response from a file, and that the division into packets changes nothing.

use proptest::prelude::*;
use remotemedia_core::node::{Context, NodeError};
use remotemedia_core::value::{MediaTime, Packet, Value};
use serde_json::{Value as Json, json};

use crate::stream::{bits, cuts, divide, joined, mono, noise, noises, sounds, whole};
use harness::drive::{prepare, refusal, run};

fn message(error: &NodeError) -> String {
    format!("{}. {}", error.cause, error.cure)
}

#[test]
fn an_impulse_gives_the_response_at_its_time() {
    let taps = [0.5, -0.25, 0.125];
    let mut samples = vec![0.0; 10];
    samples[4] = 1.0;
    let sound = mono(samples, 8_000).with_pts(Some(7));
    for block in [16, 100] {
        let params = json!({"taps": [taps], "block_frames": block});
        let made = sounds("AudioConvolve", params, [sound.clone()]);
        let samples = joined(&made);
        assert_eq!((samples[0].len(), made[0].pts), (12, Some(7)));
        for (frame, sample) in samples[0].iter().enumerate() {
            let expected = frame.checked_sub(4).and_then(|tap| taps.get(tap)).copied().unwrap_or(0.0);
            // What float64 leaves of the transforms.
            assert!((sample - expected).abs() < 1e-7, "frame {frame}: {sample}");
        }
    }
    let made = whole("AudioConvolve", json!({"taps": [taps], "tail": false}), &sound);
    assert_eq!(made[0].len(), 10);
}

#[test]
fn the_tail_ends_where_the_next_sound_begins() {
    let taps = json!({"taps": [[0.5, 0.0, 0.0, 0.25]], "block_frames": 16});
    // So many frames are missing between two sounds of 10 frames, of which the second has another rate or format.
    for (missing, next) in [
        (0, mono(vec![1.0; 10], 16_000)),
        (0, noises(2, 10, 8_000)),
        (8_000, mono(vec![1.0; 10], 16_000)),
        (8_000, mono(vec![1.0; 10], 8_000)),
    ] {
        let pts = 7 + MediaTime::of_frames(10 + missing, 8_000);
        let made = sounds(
            "AudioConvolve",
            taps.clone(),
            [mono(vec![1.0; 10], 8_000).with_pts(Some(7)), next.with_pts(Some(pts))],
        );
        let (before, behind) = made.split_at(made.iter().position(|audio| audio.pts == Some(pts)).expect("the second"));
        let tail = missing.min(3) as usize;
        assert_eq!((joined(before)[0].len(), joined(behind)[0].len()), (10 + tail, 13), "{missing} missing");
    }
}

#[test]
fn no_frames_stay_no_frames() {
    let made = sounds("AudioConvolve", json!({"taps": [[1, 1]]}), [mono(Vec::new(), 8_000)]);
    assert_eq!(made.iter().map(|audio| audio.frames()).collect::<Vec<_>>(), [0]);
}

#[test]
fn a_response_comes_from_a_file() {
    let folder = std::env::temp_dir().join(format!("remotemedia-convolve-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("room.wav");
    let path = path.to_str().expect("UTF-8");
    let response = noises(2, 300, 8_000);
    let mut encode =
        prepare("AudioEncode", json!({"format": "wav", "sample_format": "f32", "path": path})).expect("params");
    run(&mut *encode, [Packet::new(response.clone().into())]).expect("it writes");
    let sound = mono(noise(9, 0, 500), 8_000);
    let taps: Vec<&[f32]> = response.iter_channels().collect();
    let from_file = whole("AudioConvolve", json!({"path": path}), &sound);
    assert_eq!(bits(&from_file), bits(&whole("AudioConvolve", json!({"taps": taps}), &sound)));
    let mut node = prepare("AudioConvolve", json!({"path": path})).expect("params");
    let error = run(&mut *node, [Packet::new(mono(vec![0.0; 9], 16_000).into())]).expect_err("another rate");
    let expected = "the response has 8000 Hz, the sound 16000 Hz. Put an AudioResample to 8000 Hz before this node.";
    assert_eq!(message(&error), expected);
    std::fs::remove_dir_all(&folder).expect("it was there");
}

#[test]
fn what_does_not_fit_is_refused() {
    let taps: Json = json!([[1.0], [1.0]]);
    let mut node = prepare("AudioConvolve", json!({"taps": taps})).expect("params");
    let error = run(&mut *node, [Packet::new(noises(3, 9, 8_000).into())]).expect_err("other channels");
    assert_eq!(
        message(&error),
        "the response has 2 channels, the sound 3. Use a response of one channel, or put an AudioMix before this node."
    );
    let wrong = |params| refusal("AudioConvolve", params);
    assert_eq!(wrong(json!({})), "path: expected a sound file, or the param 'taps', got none");
    assert_eq!(wrong(json!({"path": "a", "taps": [[1]]})), "taps: expected no such param beside 'path', got both");
    assert_eq!(wrong(json!({"taps": []})), "taps: expected 1 to 1024 lists of at least one number, got 0 lists");
    assert_eq!(
        wrong(json!({"taps": [[1, 2], [1]]})),
        "taps: expected lists of equal length: list 0 has 2 numbers, got 1 in list 1"
    );
    let registry = harness::drive::registry();
    let params = json!({"path": "/nowhere/room.wav"}).as_object().cloned().expect("an object");
    let mut node =
        registry.get("AudioConvolve").expect("a built-in node").prepare(params).expect("params").instantiate();
    let context = Context { node_id: "here".into(), ..Context::default() };
    let error = node.initialize(&context).expect_err("no such file");
    assert!(error.cause.contains("/nowhere/room.wav"), "{}", error.cause);
    let mut node = prepare("AudioConvolve", json!({"taps": [[1.0]]})).expect("params");
    let error = run(&mut *node, [Value::Int(1).into()]).expect_err("no sound");
    assert_eq!(error.cause, "expected audio, got int");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in cuts(700),
        length in 1usize..200,
        block in 16u32..300,
        tail: bool,
    ) {
        let sound = noises(2, 700, 8_000).with_pts(Some(3));
        let params = json!({"taps": [noise(7, 0, length)], "block_frames": block, "tail": tail});
        let parts = joined(&sounds("AudioConvolve", params.clone(), divide(&sound, &cuts)));
        let made = whole("AudioConvolve", params, &sound);
        prop_assert_eq!(made[0].len(), if tail { 700 + length - 1 } else { 700 });
        prop_assert_eq!(bits(&parts), bits(&made));
    }
}
