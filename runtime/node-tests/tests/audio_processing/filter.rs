//! `AudioFilter`.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::stream::{bits, cuts, divide, joined, mono, noises, sounds, whole};
use harness::drive::{prepare, refusal, run};

/// The level of a tone that went through, in dB of what went in, after half a second.
fn response(params: Json, frequency: f64) -> f64 {
    let step = std::f64::consts::TAU * frequency / 48_000.0;
    let tone = (0..48_000).map(|frame| (step * f64::from(frame)).sin() as f32).collect();
    let made = whole("AudioFilter", params, &mono(tone, 48_000));
    let squares: f64 = made[0][24_000..].iter().map(|sample| f64::from(*sample).powi(2)).sum();
    10.0 * (squares / 12_000.0).log10()
}

#[test]
fn butterworth_filters_have_3_db_at_their_edges_and_their_slope_beyond() {
    let edge = 10.0 * 0.5f64.log10();
    for order in [1, 2, 5, 12, 24] {
        let low = json!({"kind": "lowpass", "frequency_hz": 1000, "order": order});
        let high = json!({"kind": "highpass", "frequency_hz": 1000, "order": order});
        // What half a second of a tone that begins abruptly leaves of the transient, and float32.
        assert!((response(low, 1000.0) - edge).abs() < 2e-3, "order {order}");
        assert!((response(high.clone(), 1000.0) - edge).abs() < 2e-3, "order {order}");
        let expected = -10.0 * (1.0 + 4f64.powi(order)).log10();
        // The bilinear transform bends the slope of the analog filter: less than 0.1 dB per order here.
        assert!(order > 12 || (response(high, 500.0) - expected).abs() < 0.1 * f64::from(order), "order {order}");
    }
    let band = json!({"kind": "bandpass", "low_hz": 300, "high_hz": 3000, "order": 3});
    assert!((response(band.clone(), 300.0) - edge).abs() < 2e-3 && (response(band, 3000.0) - edge).abs() < 2e-3);
}

#[test]
fn biquads_do_what_their_names_say() {
    let biquad = |kind: &str, gain_db: Option<f64>| {
        let mut params = json!({"kind": kind, "frequency_hz": 1000, "q": 2});
        if let Some(gain_db) = gain_db {
            params["gain_db"] = json!(gain_db);
        }
        params
    };
    assert!(response(biquad("notch", None), 1000.0) < -60.0);
    assert!(response(biquad("allpass", None), 300.0).abs() < 1e-3);
    assert!((response(biquad("peaking", Some(6.0)), 1000.0) - 6.0).abs() < 1e-3);
    assert!((response(biquad("low_shelf", Some(-6.0)), 20.0) + 6.0).abs() < 0.02);
    assert!((response(biquad("high_shelf", Some(6.0)), 20_000.0) - 6.0).abs() < 0.02);
    assert!(response(biquad("biquad_bandpass", None), 1000.0).abs() < 1e-3);
}

#[test]
fn an_offset_goes_away() {
    let offset = mono(vec![0.25; 48_000], 48_000);
    let made = whole("AudioFilter", json!({"kind": "dc_block"}), &offset);
    // A time constant of 16 ms: after a second e^-62 is left, and what 764 roundings of float64 add up to.
    assert!((made[0][0] - 0.25).abs() < 1e-3 && made[0][47_999].abs() < 1e-13, "{}", made[0][47_999]);
}

#[test]
fn lengths_times_and_layouts_stay() {
    let sound = noises(2, 100_000, 16_000).with_pts(Some(7));
    let made = sounds("AudioFilter", json!({"kind": "lowpass", "frequency_hz": 100, "order": 8}), [sound]);
    assert_eq!((joined(&made)[1].len(), made[0].pts), (100_000, Some(7)));
    assert_eq!(made[0].layout().name(), Some("stereo"));
}

#[test]
fn a_change_of_rate_and_a_new_item_begin_anew() {
    let params = json!({"kind": "lowpass", "frequency_hz": 100});
    let parts = [noises(1, 300, 8_000), noises(1, 300, 16_000)];
    let made = sounds("AudioFilter", params.clone(), parts.clone());
    assert_eq!(made[1].channel(0), whole("AudioFilter", params, &parts[1])[0]);
}

#[test]
fn params_belong_to_their_kinds() {
    let wrong = |params| refusal("AudioFilter", params);
    assert_eq!(
        wrong(json!({"kind": "lowpass"})),
        "frequency_hz: expected a number, which kind \"lowpass\" needs, got none"
    );
    assert_eq!(
        wrong(json!({"kind": "bandpass", "low_hz": 100, "frequency_hz": 5})),
        "frequency_hz: expected no such param with kind \"bandpass\", got 5"
    );
    assert_eq!(
        wrong(json!({"kind": "bandpass", "low_hz": 100})),
        "high_hz: expected a number, which kind \"bandpass\" needs, got none"
    );
    assert_eq!(
        wrong(json!({"kind": "bandpass", "low_hz": 3400, "high_hz": 300})),
        "low_hz: expected less than high_hz, which is 300, got 3400"
    );
    assert_eq!(
        wrong(json!({"kind": "highpass", "frequency_hz": 100, "q": 2})),
        "q: expected no such param with kind \"highpass\", got 2"
    );
    assert_eq!(
        wrong(json!({"kind": "peaking", "frequency_hz": 100})),
        "gain_db: expected a number, which kind \"peaking\" needs, got none"
    );
    assert_eq!(
        wrong(json!({"kind": "notch", "frequency_hz": 100, "order": 3})),
        "order: expected no such param with kind \"notch\", got 3"
    );
}

#[test]
fn a_frequency_beyond_the_sound_is_an_error() {
    let mut node = prepare("AudioFilter", json!({"kind": "lowpass", "frequency_hz": 4000})).expect("valid params");
    let input = remotemedia_core::value::Value::from(mono(vec![0.0; 4], 8_000).with_pts(Some(3)));
    let error = run(&mut *node, [input.into()]).expect_err("an error");
    assert_eq!(error.cause, "'frequency_hz' is 4000 Hz, but sound at 8000 Hz has nothing from 4000 Hz on");
    assert_eq!(
        (&*error.cure, error.position),
        ("Set 'frequency_hz' below 4000, or resample the sound first.", Some(3))
    );
}

proptest! {
    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in cuts(9_000),
        params in prop::sample::select(vec![
            json!({"kind": "lowpass", "frequency_hz": 1000, "order": 9}),
            json!({"kind": "bandpass", "low_hz": 100, "high_hz": 3000, "order": 5}),
            json!({"kind": "dc_block"}),
            json!({"kind": "low_shelf", "frequency_hz": 1000, "gain_db": 5}),
        ]),
    ) {
        // The silence in it lets the filters die away.
        let mut samples = noises(1, 9_000, 16_000).channel(0).to_vec();
        samples[500..8_500].fill(0.0);
        let sound = mono(samples, 16_000).with_pts(Some(77));
        let parts = joined(&sounds("AudioFilter", params.clone(), divide(&sound, &cuts)));
        prop_assert_eq!(bits(&parts), bits(&whole("AudioFilter", params, &sound)));
    }
}
