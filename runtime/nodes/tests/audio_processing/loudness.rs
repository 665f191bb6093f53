//! `Loudness` and `LoudnessNormalize`: the cases of EBU Tech 3341, and their own rules.

use std::f64::consts::TAU;

use proptest::prelude::*;
use remotemedia_core::value::{Audio, Layout, Packet, Value};
use serde_json::{Value as Json, json};

use crate::drive::{prepare, run};
use crate::stream::{bits, cuts, divide, joined, mono, noises, packets, print_row, sounds, whole};

const RATE: u32 = 48_000;

/// A sine of 1 kHz: seconds and dBFS of each of its sections.
fn tone(sections: &[(f64, f64)]) -> Vec<f32> {
    let mut frame = 0u64;
    let mut samples = Vec::new();
    for (seconds, level_db) in sections {
        let amplitude = 10f64.powf(level_db / 20.0);
        for _ in 0..(seconds * f64::from(RATE)).round() as u64 {
            samples.push((amplitude * (TAU * 1000.0 * frame as f64 / f64::from(RATE)).sin()) as f32);
            frame += 1;
        }
    }
    samples
}

fn stereo(sections: &[(f64, f64)]) -> Audio {
    let side = tone(sections);
    Audio::from_channels(&[side.clone(), side], RATE).expect("valid sound")
}

fn value(packet: &Packet, key: &str) -> Option<f64> {
    let Value::Map(map) = &packet.value else { panic!("a map") };
    match map[key] {
        Value::Float(value) => Some(value),
        _ => None,
    }
}

fn reports(sound: &Audio) -> Vec<Packet> {
    packets("Loudness", json!({}), [sound.clone()])
}

fn last(sound: &Audio, key: &str) -> f64 {
    value(reports(sound).last().expect("reports"), key).expect("a value")
}

#[test]
fn the_integrated_cases_of_tech_3341() {
    let quiet = (10.0, -36.0);
    let cases = [
        ("1", vec![(20.0, -23.0)], -23.0f64),
        ("2", vec![(20.0, -33.0)], -33.0),
        ("3", vec![quiet, (60.0, -23.0), quiet], -23.0),
        ("4", vec![(10.0, -72.0), quiet, (60.0, -23.0), quiet, (10.0, -72.0)], -23.0),
        ("5", vec![(20.0, -26.0), (20.1, -20.0), (20.0, -26.0)], -23.0),
    ];
    let mut largest = 0f64;
    for (number, sections, expected) in cases {
        let deviation = (last(&stereo(&sections), "integrated_lufs") - expected).abs();
        assert!(deviation <= 0.1, "case {number}: {deviation} LU; the tolerance of EBU Tech 3341");
        largest = largest.max(deviation);
    }
    // Case 6: five channels, the surrounds 6 dB up by their weight.
    let channel = |level| tone(&[(20.0, level)]);
    let surround = Audio::from_channels(&[-28.0, -28.0, -24.0, -30.0, -30.0].map(channel), RATE).expect("valid sound");
    let deviation = (last(&surround, "integrated_lufs") + 23.0).abs();
    assert!(deviation <= 0.1, "case 6: {deviation} LU");
    largest = largest.max(deviation);
    print_row("Loudness", "EBU Tech 3341, cases 1 to 6", 6, (largest, "LU"), 0.1);
}

#[test]
fn the_low_frequency_channel_does_not_count() {
    let channel = |level| tone(&[(2.0, level)]);
    let five = Audio::from_channels(&[-28.0, -28.0, -24.0, -30.0, -30.0].map(channel), RATE).expect("valid sound");
    let six = Audio::from_channels(&[-28.0, -28.0, -24.0, 0.0, -30.0, -30.0].map(channel), RATE).expect("valid sound");
    let six = six.with_layout(Layout::Named("5.1".into()));
    assert_eq!(last(&five, "integrated_lufs"), last(&six, "integrated_lufs"));
}

#[test]
fn the_momentary_and_short_term_cases_of_tech_3341() {
    let range = |sections: &[(f64, f64)], key: &str, from: usize| {
        let reports = reports(&stereo(sections));
        let values: Vec<f64> = reports[from..].iter().filter_map(|report| value(report, key)).collect();
        (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max))
    };
    // Case 9: the short-term loudness stays at -23 after three seconds; case 12: the momentary one after one.
    let pattern: Vec<(f64, f64)> = [(1.34, -20.0), (1.66, -30.0)].repeat(5);
    let (low, high) = range(&pattern, "short_term_lufs", 30);
    assert!((low + 23.0).abs() <= 0.1 && (high + 23.0).abs() <= 0.1, "case 9: {low} to {high}");
    let pattern: Vec<(f64, f64)> = [(0.18, -20.0), (0.22, -30.0)].repeat(25);
    let (low, high) = range(&pattern, "momentary_lufs", 10);
    assert!((low + 23.0).abs() <= 0.1 && (high + 23.0).abs() <= 0.1, "case 12: {low} to {high}");
    // Case 10 and 13, for bursts that begin on a step of 100 ms: the maximum is -23.
    for offset in 0..4 {
        let silence = f64::from(offset) * 0.1;
        let (_, high) = range(&[(silence, -200.0), (3.0, -23.0), (1.0, -200.0)], "short_term_lufs", 0);
        assert!((high + 23.0).abs() <= 0.1, "case 10: {high}");
        let (_, high) = range(&[(silence, -200.0), (0.4, -23.0), (1.0, -200.0)], "momentary_lufs", 0);
        assert!((high + 23.0).abs() <= 0.1, "case 13: {high}");
    }
}

#[test]
fn the_true_peak_cases_of_tech_3341() {
    // Cases 15 to 19: sines at a part of the rate, with a phase that hides their peaks between samples.
    let cases =
        [(4, 0.0, 0.5, -6.0), (4, 45.0, 0.5, -6.0), (6, 60.0, 0.5, -6.0), (8, 67.5, 0.5, -6.0), (4, 45.0, 1.41, 3.0)];
    let mut largest = 0f64;
    for (part, phase, amplitude, expected) in cases {
        let phase: f64 = phase * TAU / 360.0;
        // They fade in, as the signals of the EBU do: a tone that begins at once has other peaks.
        let sample = |frame: u32| {
            let fade = f64::from(frame.min(2400)) / 2400.0;
            (fade * amplitude * (TAU * f64::from(frame) / f64::from(part) + phase).sin()) as f32
        };
        let peak = last(&mono((0..RATE).map(sample).collect(), RATE), "true_peak_dbtp");
        assert!((expected - 0.4..=expected + 0.2).contains(&peak), "fs/{part}: {peak}, the tolerance of EBU Tech 3341");
        largest = largest.max((peak - expected).abs());
    }
    print_row("Loudness (true peak)", "EBU Tech 3341, cases 15 to 19", 5, (largest, "dB"), 0.4);
}

#[test]
fn values_are_null_until_they_exist() {
    let reports = reports(&stereo(&[(3.2, -23.0)]));
    let present = |key: &str| reports.iter().position(|report| value(report, key).is_some());
    assert_eq!(reports.len(), 32);
    assert_eq!(present("momentary_lufs"), Some(3));
    assert_eq!(present("short_term_lufs"), Some(29));
    assert_eq!(present("integrated_lufs"), Some(3));
    assert_eq!(present("true_peak_dbtp"), Some(0));
    let silence = self::reports(&mono(vec![0.0; 24_000], RATE));
    assert_eq!(value(&silence[4], "momentary_lufs"), Some(-120.0));
    assert_eq!((value(&silence[4], "integrated_lufs"), value(&silence[4], "true_peak_dbtp")), (None, Some(-120.0)));
}

#[test]
fn a_file_comes_out_at_the_loudness_asked_for() {
    for (level, target) in [(-40.0, -23.0), (-10.0, -23.0), (-30.0, -16.0)] {
        let sound = stereo(&[(5.0, level)]).with_pts(Some(9));
        let made = sounds("LoudnessNormalize", json!({ "target_lufs": target }), [sound.clone()]);
        let samples = joined(&made);
        assert_eq!((samples[0].len(), made[0].pts), (sound.frames(), Some(9)));
        let made = Audio::from_channels(&samples, RATE).expect("valid sound");
        assert!((last(&made, "integrated_lufs") - target).abs() < 0.001);
    }
}

#[test]
fn the_true_peak_has_its_ceiling_in_both_modes() {
    let mut samples = tone(&[(6.0, -30.0)]);
    samples[100_000..100_100].iter_mut().for_each(|sample| *sample *= 25.0);
    let sound = mono(samples, RATE);
    for mode in ["file", "live"] {
        let made = whole("LoudnessNormalize", json!({"target_lufs": -16, "mode": mode}), &sound);
        let peak = last(&mono(made[0].clone(), RATE), "true_peak_dbtp");
        assert!(peak <= -0.99 && peak > -2.0, "{mode}: {peak}");
    }
}

#[test]
fn the_gain_has_its_limit_and_silence_and_short_sound_their_rules() {
    let quiet = mono(tone(&[(2.0, -60.0)]), RATE);
    let made = whole("LoudnessNormalize", json!({"max_gain_db": 20}), &quiet);
    assert_eq!(made[0][12], (f64::from(quiet.channel(0)[12]) * 10.0) as f32);
    let silence = mono(vec![0.0; 30_000], RATE);
    assert_eq!(whole("LoudnessNormalize", json!({}), &silence), [[0.0; 30_000]]);
    let short = mono(tone(&[(0.1, -30.0)]), RATE);
    let made = whole("LoudnessNormalize", json!({}), &short);
    let peak = made[0].iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
    // A mono sine at -20 dBFS is -23 LUFS; what the filter makes of its abrupt start is within half a decibel.
    assert!((20.0 * f64::from(peak).log10() + 20.0).abs() < 0.5, "{peak}");
    assert_eq!(sounds("LoudnessNormalize", json!({}), [mono(Vec::new(), RATE)]).len(), 1);
}

#[test]
fn live_sound_reaches_its_loudness_and_loses_nothing() {
    let sound = stereo(&[(12.0, -40.0), (12.0, -12.0)]).with_pts(Some(5));
    let params = json!({"mode": "live", "target_lufs": -23});
    let made = sounds("LoudnessNormalize", params, [sound.clone()]);
    let samples = joined(&made);
    assert_eq!((samples[1].len(), made[0].pts), (sound.frames(), Some(5)));
    let made = Audio::from_channels(&samples, RATE).expect("valid sound");
    let loudness: Vec<f64> = reports(&made).iter().filter_map(|report| value(report, "short_term_lufs")).collect();
    // Three seconds that end at 12 and at 24 seconds.
    assert!((loudness[90] + 23.0).abs() < 0.1, "{}", loudness[90]);
    assert!((loudness[loudness.len() - 1] + 23.0).abs() < 1.0, "{}", loudness[loudness.len() - 1]);
}

#[test]
fn samples_that_are_no_numbers_are_an_error() {
    for (node_type, mode) in
        [("Loudness", json!({})), ("LoudnessNormalize", json!({})), ("LoudnessNormalize", json!({"mode": "live"}))]
    {
        let mut samples = vec![0.1; 10_000];
        samples[7_000] = f32::NAN;
        let mut node = prepare(node_type, mode).expect("valid params");
        let error = run(&mut *node, [Packet::new(mono(samples, RATE).into())]).expect_err("an error");
        let expected = ("the sound has samples that are NaN or infinite", "Replace them before this node.");
        assert_eq!((&*error.cause, &*error.cure), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in cuts(40_000),
        rate in prop::sample::select(vec![8_000u32, 11_025, 48_000]),
    ) {
        let sound = noises(2, 40_000, rate).with_pts(Some(3));
        let reports = |parts: Vec<Audio>| packets("Loudness", json!({}), parts);
        prop_assert_eq!(reports(divide(&sound, &cuts)), reports(vec![sound.clone()]));
        for params in [json!({"target_lufs": -30}), json!({"target_lufs": -30, "mode": "live"})] {
            let made = |parts: Vec<Audio>, params: Json| bits(&joined(&sounds("LoudnessNormalize", params, parts)));
            prop_assert_eq!(made(divide(&sound, &cuts), params.clone()), made(vec![sound.clone()], params));
        }
    }
}
