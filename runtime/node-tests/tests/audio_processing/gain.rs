//! `AudioGain`.

use proptest::prelude::*;
use remotemedia_core::value::Audio;
use serde_json::json;

use crate::stream::{bits, cuts, divide, joined, mono, noises, sounds, whole};
use harness::drive::refusal;

#[test]
fn every_sample_is_the_product_rounded_once() {
    let sound = noises(2, 3_000, 16_000).with_pts(Some(5));
    let made = sounds("AudioGain", json!({"gain_db": -7.5}), [sound.clone()]);
    let factor = 10f64.powf(-7.5 / 20.0);
    for (channel, samples) in joined(&made).iter().enumerate() {
        let expected: Vec<f32> = sound.channel(channel).iter().map(|x| (f64::from(*x) * factor) as f32).collect();
        assert_eq!(*samples, expected);
    }
    assert_eq!(made[0].pts, Some(5));
}

#[test]
fn the_lowest_gain_is_silence() {
    assert_eq!(whole("AudioGain", json!({"gain_db": -120}), &mono(vec![1.0; 3], 8_000)), [[0.0; 3]]);
}

#[test]
fn a_fade_is_a_straight_line_between_its_points() {
    let made = whole("AudioGain", json!({"ramp": [[0.25, -120], [0.75, 0]]}), &mono(vec![1.0; 9], 8));
    assert_eq!(made, [[0.0, 0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0]]);
}

#[test]
fn an_exponential_ramp_is_straight_in_decibels() {
    let params = json!({"gain_db": 6, "ramp": [[0, 0], [1, -20]], "ramp_shape": "exponential"});
    let made = whole("AudioGain", params, &mono(vec![0.5; 12], 10));
    for (frame, sample) in made[0].iter().enumerate() {
        let expected_db = 6.0 - 20.0 * (frame as f64 / 10.0).min(1.0) + 20.0 * 0.5f64.log10();
        // One rounding to float32: 6e-8 of the value, 5e-7 dB.
        assert!((20.0 * f64::from(*sample).log10() - expected_db).abs() < 1e-6, "frame {frame}: {sample}");
    }
}

#[test]
fn the_time_of_a_ramp_goes_on_where_the_rate_changes_and_begins_anew_with_an_item() {
    let params = json!({"ramp": [[0, -120], [1, 0]]});
    let item = || [mono(vec![1.0; 2], 4), mono(vec![1.0; 4], 8)];
    let made: Vec<Vec<f32>> = sounds("AudioGain", params, item()).iter().map(|x| x.channel(0).to_vec()).collect();
    assert_eq!(made, [vec![0.0, 0.25], vec![0.5, 0.625, 0.75, 0.875]]);
}

#[test]
fn wrong_ramps_are_refused() {
    let ramp = |ramp| refusal("AudioGain", json!({ "ramp": ramp }));
    assert_eq!(ramp(json!([])), "ramp: expected at least one point [seconds, decibels], got none");
    assert_eq!(
        ramp(json!([[0, 1], [1]])),
        "ramp: expected points of two numbers, [seconds, decibels], got 1 in point 1"
    );
    assert_eq!(ramp(json!([[-1, 0]])), "ramp: expected times from 0 on, got -1");
    assert_eq!(ramp(json!([[0, -1e300], [1, 120.5]])), "ramp: expected gains of at most 120 dB, got 120.5 in point 1");
    assert_eq!(ramp(json!([[1, 0], [1, 3]])), "ramp: expected times that rise from point to point, got 1 after 1");
}

proptest! {
    #[test]
    fn the_division_into_packets_changes_nothing(cuts in cuts(900), exponential in any::<bool>()) {
        let sound: Audio = noises(3, 900, 11_025).with_pts(Some(77));
        let shape = if exponential { "exponential" } else { "linear" };
        let params = json!({"gain_db": 3, "ramp": [[0.01, -120], [0.03, 2], [0.05, -6]], "ramp_shape": shape});
        let parts = joined(&sounds("AudioGain", params.clone(), divide(&sound, &cuts)));
        prop_assert_eq!(bits(&parts), bits(&whole("AudioGain", params, &sound)));
    }
}
