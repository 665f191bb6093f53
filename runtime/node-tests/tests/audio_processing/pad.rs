//! `AudioPad`.

use proptest::prelude::*;
use serde_json::json;

use crate::stream::{bits, cuts, divide, joined, mono, noises, sounds, whole};

#[test]
fn silence_comes_before_and_after() {
    let sound = mono(vec![1.0, 2.0], 1_000).with_pts(Some(100));
    let made = sounds("AudioPad", json!({"before_ms": 3, "after_ms": 1}), [sound]);
    assert_eq!(joined(&made), [[0.0, 0.0, 0.0, 1.0, 2.0, 0.0]]);
    assert_eq!(made[0].pts, Some(100));
}

#[test]
fn the_least_duration_counts_all_silence() {
    let padded = |params, frames| whole("AudioPad", params, &mono(vec![1.0; frames], 1_000))[0].len();
    assert_eq!(padded(json!({"min_duration_ms": 30}), 10), 30);
    assert_eq!(padded(json!({"min_duration_ms": 30}), 30), 30);
    assert_eq!(padded(json!({"min_duration_ms": 30}), 40), 40);
    assert_eq!(padded(json!({"min_duration_ms": 30, "before_ms": 5, "after_ms": 4}), 10), 30);
    assert_eq!(padded(json!({"min_duration_ms": 30, "before_ms": 5, "after_ms": 4}), 26), 35);
}

#[test]
fn an_item_without_a_packet_stays_empty_and_one_without_frames_does_not() {
    let params = json!({"before_ms": 2});
    assert_eq!(sounds("AudioPad", params.clone(), []), []);
    assert_eq!(whole("AudioPad", params, &mono(Vec::new(), 1_000)), [[0.0, 0.0]]);
}

#[test]
fn silence_has_the_format_of_the_sound_beside_it() {
    let params = json!({"before_ms": 2, "after_ms": 2, "min_duration_ms": 10});
    let made = sounds("AudioPad", params, [mono(vec![1.0; 2], 1_000), noises(2, 4, 2_000)]);
    let shape: Vec<_> = made.iter().map(|x| (x.rate(), x.channels(), x.frames())).collect();
    // 2 ms of silence, 2 ms of sound, 2 ms at the other rate; 4 ms are missing.
    assert_eq!(shape, [(1_000, 1, 2), (1_000, 1, 2), (2_000, 2, 4), (2_000, 2, 8)]);
}

#[test]
fn long_silence_comes_in_parts() {
    let made = sounds("AudioPad", json!({"after_ms": 5_000}), [noises(2, 1, 48_000).with_pts(Some(0))]);
    assert!(made.len() > 5 && made.iter().all(|part| part.frames() * 2 <= 1 << 16));
    assert_eq!(joined(&made)[1].len(), 240_001);
}

proptest! {
    #[test]
    fn the_division_into_packets_changes_nothing(cuts in cuts(300), before in 0f64..50.0, least in 0f64..100.0) {
        let sound = noises(2, 300, 11_025).with_pts(Some(3));
        let params = json!({"before_ms": before, "after_ms": 1, "min_duration_ms": least});
        let parts = joined(&sounds("AudioPad", params.clone(), divide(&sound, &cuts)));
        let whole = whole("AudioPad", params, &sound);
        prop_assert_eq!(bits(&parts), bits(&whole));
        // numpy.pad(sound, (before, after)).
        let before = (before * 11.025).round() as usize;
        let total = (before + 300 + 11).max((least * 11.025).round() as usize);
        prop_assert_eq!(whole[0].len(), total);
        prop_assert_eq!(&whole[1][before..before + 300], sound.channel(1));
        prop_assert!(whole[1][..before].iter().chain(&whole[1][before + 300..]).all(|sample| *sample == 0.0));
    }
}
