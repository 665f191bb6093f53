//! `Bandwidth`: where tones end that were made to end there, whatever the division into packets.

use std::f64::consts::TAU;

use proptest::prelude::*;
use remotemedia_core::value::{Audio, Map, Packet, Value};
use serde_json::{Value as Json, json};

use crate::{signal, sound};
use harness::drive::{prepare, run};

/// Tones from 60 Hz up to a frequency, 37 Hz apart, a second long; those above another one 40 dB quieter.
fn tones(rate: u32, loud_hz: f64, end_hz: f64) -> Audio {
    let hertz = (0..).map(|number| 60.0 + 37.0 * f64::from(number)).take_while(|hertz| *hertz < end_hz);
    let mut samples = vec![0.0; rate as usize];
    for (number, hertz) in hertz.enumerate() {
        let level = if hertz < loud_hz { 0.005 } else { 0.000_05 };
        for (n, sample) in samples.iter_mut().enumerate() {
            *sample += level * (TAU * hertz * n as f64 / f64::from(rate) + (number * number) as f64).sin();
        }
    }
    Audio::from_planar(samples.into_iter().map(|sample| sample as f32).collect(), 1, rate).expect("valid sound")
}

fn measured(params: Json, parts: impl IntoIterator<Item = Audio>) -> (Map, Packet) {
    let mut node = prepare("Bandwidth", params).expect("valid params");
    let made = run(&mut *node, parts.into_iter().map(|audio| Packet::new(audio.into()))).expect("it measures");
    let [packet] = &made[..] else { panic!("expected one map, got {made:?}") };
    let Value::Map(map) = &packet.value else { panic!("expected a map") };
    ((**map).clone(), packet.clone())
}

fn bandwidth(params: Json, sound: Audio) -> Option<f64> {
    match measured(params, [sound]).0["bandwidth_hz"] {
        Value::Float(hertz) => Some(hertz),
        _ => None,
    }
}

#[test]
fn it_is_within_a_band_of_where_the_tones_end() {
    for rate in [8_000, 16_000, 44_100] {
        for end in [1_000.0, 3_400.0, 3_950.0, 7_900.0] {
            let half = f64::from(rate) / 2.0;
            let hertz = bandwidth(json!({}), tones(rate, end, end)).expect("a number");
            let end = f64::min(end, half);
            // A line is as wide as the window's main lobe, at most 48 Hz to each side; bands are 100 Hz.
            assert!(
                hertz >= (end - 37.0).min(half) - 100.0 && hertz <= half.min(end + 200.0),
                "{hertz} for {end} at {rate}"
            );
        }
    }
}

#[test]
fn what_lies_further_down_than_asked_does_not_count() {
    let sound = || tones(16_000, 2_000.0, 6_000.0);
    let near = |params: Json, end: f64| {
        let hertz = bandwidth(params, sound()).expect("a number");
        assert!((hertz - end).abs() <= 200.0, "{hertz} for {end}");
    };
    near(json!({"drop_db": 30}), 2_000.0);
    near(json!({"drop_db": 50}), 6_000.0);
    near(json!({}), 6_000.0);
}

/// A tone at half of full scale.
fn tone(rate: u32, hertz: f64, seconds: f64) -> Vec<f32> {
    let frames = (f64::from(rate) * seconds) as usize;
    (0..frames).map(|n| (0.5 * (TAU * hertz * n as f64 / f64::from(rate)).sin()) as f32).collect()
}

#[test]
fn a_tone_ends_where_it_is_however_much_may_be_missing() {
    for rate in [8_000, 16_000, 44_100, 48_000] {
        for drop_db in [60, 80, 100, 120] {
            let sound = Audio::from_planar(tone(rate, 440.3, 1.0), 1, rate).expect("valid sound");
            assert_eq!(bandwidth(json!({ "drop_db": drop_db }), sound), Some(500.0), "{drop_db} dB at {rate} Hz");
        }
    }
}

#[test]
fn a_shorter_item_is_no_wider_than_its_own_window() {
    // The main lobe ends six parts of the length to each side of the tone.
    for (seconds, most) in [(0.03, 700.0), (0.05, 600.0), (0.0625, 600.0), (0.125, 500.0)] {
        let sound = Audio::from_planar(tone(48_000, 440.0, seconds), 1, 48_000).expect("valid sound");
        let hertz = bandwidth(json!({}), sound).expect("a number");
        assert!((500.0..=most).contains(&hertz), "{hertz} for {seconds} s");
    }
}

#[test]
fn an_offset_of_the_samples_is_no_sound() {
    let raised = |samples: &[f32]| samples.iter().map(|sample| sample * 0.1 + 0.5).collect::<Vec<_>>();
    let input = tones(16_000, 2_000.0, 6_000.0);
    let expected = bandwidth(json!({}), input.clone());
    let sound = Audio::from_planar(raised(input.channel(0)), 1, 16_000).expect("valid sound");
    assert_eq!(bandwidth(json!({}), sound), expected);
    let constant = Audio::from_planar(vec![0.1; 16_000], 1, 16_000).expect("valid sound");
    assert_eq!(bandwidth(json!({}), constant), None);
}

#[test]
fn the_map_has_the_length_and_half_the_rate_and_silence_has_no_bandwidth() {
    let silence = Audio::from_planar(vec![0.0; 8_000], 2, 16_000).expect("valid sound").with_pts(Some(5));
    let (map, packet) = measured(json!({}), [silence]);
    assert_eq!(map.keys().map(|key| &**key).collect::<Vec<_>>(), ["bandwidth_hz", "nyquist_hz", "duration_s"]);
    assert_eq!(map["bandwidth_hz"], Value::Null);
    assert_eq!((&map["nyquist_hz"], &map["duration_s"]), (&Value::Float(8_000.0), &Value::Float(0.25)));
    assert_eq!((packet.pts, packet.duration), (Some(5), Some(250_000_000)));
    // An impulse has all frequencies, however short the sound is.
    let mut samples = vec![0.0; 600];
    samples[300] = 1.0;
    let impulse = Audio::from_planar(samples, 1, 11_025).expect("valid sound");
    assert_eq!(bandwidth(json!({}), impulse), Some(5_512.5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_division_into_packets_changes_nothing(cuts in prop::collection::vec(0usize..6_000, 0..12)) {
        let both = [signal(6_000), signal(12_000).split_off(6_000)];
        let stereo = Audio::from_channels(&both, 16_000).expect("valid sound");
        for input in [stereo, sound(6_000, 16_000)] {
            let mut cuts = cuts.clone();
            cuts.extend([0, 6_000]);
            cuts.sort_unstable();
            let parts = cuts.windows(2).map(|cut| input.slice(cut[0], cut[1] - cut[0]));
            prop_assert_eq!(measured(json!({}), parts).0, measured(json!({}), [input.clone()]).0);
        }
    }
}
