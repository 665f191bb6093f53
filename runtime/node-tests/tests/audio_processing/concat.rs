//! `AudioConcat`.

use proptest::prelude::*;
use remotemedia_core::value::Audio;
use serde_json::json;

use crate::stream::{cuts, divide, mono, noises, sounds};
use harness::drive::refusal;

#[test]
fn an_item_becomes_one_packet() {
    let sound = noises(2, 1_000, 16_000).with_pts(Some(9));
    assert_eq!(sounds("AudioConcat", json!({}), divide(&sound, &[0, 1, 300, 300, 1_000])), [sound]);
    assert_eq!(sounds("AudioConcat", json!({}), []), []);
    let empty = mono(Vec::new(), 8_000);
    assert_eq!(sounds("AudioConcat", json!({}), [empty.clone()]), [empty]);
}

#[test]
fn another_format_begins_another_packet() {
    let made = sounds("AudioConcat", json!({}), [1_000, 1_000, 2_000].map(|rate| mono(vec![1.0; 3], rate)));
    assert_eq!(made.iter().map(|x| (x.rate(), x.frames())).collect::<Vec<_>>(), [(1_000, 6), (2_000, 3)]);
}

#[test]
fn a_short_rest_is_left_out_on_request() {
    let lengths = |min: f64| -> Vec<usize> {
        let params = json!({"max_duration_ms": 4, "min_duration_ms": min});
        sounds("AudioConcat", params, [mono(vec![1.0; 10], 1_000)]).iter().map(Audio::frames).collect()
    };
    assert_eq!(lengths(0.0), [4, 4, 2]);
    assert_eq!(lengths(2.0), [4, 4, 2]);
    assert_eq!(lengths(2.5), [4, 4]);
}

#[test]
fn a_long_item_is_joined_in_bounded_steps() {
    let sound = noises(3, 400_000, 48_000);
    assert_eq!(sounds("AudioConcat", json!({}), divide(&sound, &[0, 150_000, 400_000])), [sound]);
}

#[test]
fn lengths_in_the_wrong_order_are_refused() {
    assert_eq!(
        refusal("AudioConcat", json!({"max_duration_ms": 10, "min_duration_ms": 20})),
        "min_duration_ms: expected at most 'max_duration_ms', which is 10, got 20"
    );
    assert_eq!(
        refusal("AudioConcat", json!({"max_duration_ms": 10, "max_frames": 20})),
        "max_duration_ms: expected no such param beside 'max_frames', got 10"
    );
}

proptest! {
    #[test]
    fn the_division_into_packets_changes_nothing(cuts in cuts(700), most in 1u32..900) {
        let sound = noises(2, 700, 8_000).with_pts(Some(3));
        let params = json!({"max_duration_ms": f64::from(most) / 8.0});
        let whole = sounds("AudioConcat", params.clone(), [sound.clone()]);
        prop_assert_eq!(whole.len(), 700usize.div_ceil(most as usize));
        prop_assert_eq!(sounds("AudioConcat", params, divide(&sound, &cuts)), whole);
    }
}
