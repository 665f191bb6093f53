//! `AudioTrim`.

use proptest::prelude::*;
use remotemedia_core::value::Audio;
use serde_json::{Value as Json, json};

use crate::stream::{bits, cuts, divide, joined, mono, sounds};

/// Silence with a little noise in it, sound from 40 to 160 with a silent pause, silence.
fn clip() -> Audio {
    let quiet = |frame: usize| if frame.is_multiple_of(3) { 0.0005 } else { -0.0005 };
    let left = (0..240).map(|frame| if (40..100).contains(&frame) { 0.5 } else { quiet(frame) }).collect();
    let right = (0..240).map(|frame| if (130..160).contains(&frame) { -0.25 } else { 0.0 }).collect();
    Audio::from_channels(&[left, right], 1_000).expect("valid sound").with_pts(Some(0))
}

/// Which frames remain, and when they begin in ms.
fn remaining(params: Json) -> (usize, i64) {
    let made = sounds("AudioTrim", params, [clip()]);
    (joined(&made)[0].len(), made[0].pts.expect("a time") / 1_000_000)
}

#[test]
fn what_is_left_out_is_silent_in_all_channels() {
    assert_eq!(remaining(json!({})), (120, 40));
    assert_eq!(remaining(json!({"ends": "start"})), (200, 40));
    assert_eq!(remaining(json!({"ends": "end"})), (160, 0));
    assert_eq!(remaining(json!({"threshold_db": -70})), (240, 0));
    // 0.25 is -12 dBFS, 0.5 is -6.
    assert_eq!(remaining(json!({"threshold_db": -9})), (60, 40));
}

#[test]
fn some_silence_is_kept_as_far_as_there_is() {
    assert_eq!(remaining(json!({"keep_ms": 10})), (140, 30));
    assert_eq!(remaining(json!({"keep_ms": 70})), (230, 0));
    assert_eq!(remaining(json!({"keep_ms": 1000})), (240, 0));
}

#[test]
fn a_silent_item_has_no_frames_but_a_format() {
    for ends in ["both", "start", "end"] {
        let made = sounds("AudioTrim", json!({"ends": ends}), [mono(vec![0.0; 50], 8_000).with_pts(Some(4))]);
        assert_eq!(made.len(), 1, "{ends}");
        assert_eq!((made[0].frames(), made[0].rate(), made[0].pts), (0, 8_000, Some(4)));
    }
}

#[test]
fn nothing_is_held_back_where_only_the_start_is_trimmed() {
    let parts = divide(&clip(), &[0, 50, 170, 240]);
    let lengths = |ends: &str| -> Vec<usize> {
        sounds("AudioTrim", json!({ "ends": ends }), parts.clone()).iter().map(Audio::frames).collect()
    };
    assert_eq!(lengths("start"), [10, 120, 70]);
    assert_eq!(lengths("both"), [10, 110]);
}

proptest! {
    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in cuts(240),
        keep in 0f64..80.0,
        ends in prop::sample::select(vec!["both", "start", "end"]),
    ) {
        let params = json!({"keep_ms": keep, "ends": ends});
        let parts = sounds("AudioTrim", params.clone(), divide(&clip(), &cuts));
        let whole = sounds("AudioTrim", params, [clip()]);
        prop_assert_eq!(bits(&joined(&parts)), bits(&joined(&whole)));
        prop_assert_eq!(parts[0].pts, whole[0].pts);
        // numpy.flatnonzero(numpy.abs(sound).max(axis=0) > threshold), its first and last.
        let keep = keep.round() as usize;
        let first = if ends == "end" { 0 } else { 40usize.saturating_sub(keep) };
        let end = if ends == "start" { 240 } else { (160 + keep).min(240) };
        prop_assert_eq!(joined(&whole)[0].clone(), clip().channel(0)[first..end].to_vec());
    }
}
