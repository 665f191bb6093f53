//! `AudioFilter` over the whole range of its params against arithmetic of 120 digits: `tests/reference/make_filters.py`.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::stream::{mono, noise, print_row, whole};
use harness::drive::{prepare, refusal, run};
use harness::media::fixture;

#[derive(Deserialize)]
struct Case {
    params: Json,
    rate: u32,
    frames: usize,
}

/// Values of each case, spread evenly over its output; the last one is the last frame.
const KEPT: usize = 12;
/// What float32 holds with all its digits; the reference goes on below.
const SMALLEST: f64 = 1e-30;

#[test]
fn reference_of_filters_in_120_digits() {
    let bytes = fixture("filters.f64");
    let (bytes, _) = bytes.as_chunks::<8>();
    let values: Vec<f64> = bytes.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let cases: Vec<Case> = serde_json::from_slice(&fixture("filters.json")).expect("cases");
    assert_eq!(values.len(), cases.len() * KEPT);
    // One rounding to float32, of a part of the largest value that was kept.
    let tolerance = 6.0e-8;
    let mut largest = 0f64;
    for (case, expected) in cases.iter().zip(values.chunks_exact(KEPT)) {
        let input = noise(0, 0, case.frames).into_iter().map(|sample| sample / 2.0 + 0.25).collect();
        let made = &whole("AudioFilter", case.params.clone(), &mono(input, case.rate))[0];
        let peak = expected.iter().fold(SMALLEST, |peak, value| peak.max(value.abs()));
        for (number, expected) in (1..).zip(expected) {
            let deviation = (f64::from(made[number * case.frames / KEPT - 1]) - expected).abs() / peak;
            assert!(deviation <= tolerance, "{} at {} Hz: {deviation:e}", case.params, case.rate);
            largest = largest.max(deviation);
        }
    }
    let against = "gmpy2 2.3.2 and mpmath 1.4.1, 120 digits, orders 1 to 24";
    print_row("AudioFilter", against, cases.len(), (largest, "of the largest value"), tolerance);
}

#[test]
fn a_band_too_narrow_for_float64_is_refused() {
    assert_eq!(
        refusal("AudioFilter", json!({"kind": "bandpass", "low_hz": 100, "high_hz": 100.0001})),
        "high_hz: expected at least 0.001 more than low_hz, which is 100, got 100.0001"
    );
    let params = json!({"kind": "bandpass", "low_hz": 0.001, "high_hz": 0.002, "order": 24});
    let mut node = prepare("AudioFilter", params).expect("valid params");
    assert!(run(&mut *node, [remotemedia_core::value::Value::from(mono(vec![1.0; 9], 8_000)).into()]).is_ok());
}
