//! `Loudness` and `LoudnessNormalize`: the cases of EBU Tech 3341, and their own rules.

use std::f64::consts::TAU;

use proptest::prelude::*;
use remotemedia_core::value::{Audio, Layout, Packet, Value};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::stream::{bits, cuts, divide, joined, mono, noise, noises, packets, print_row, sounds, whole};
use harness::drive::{prepare, run};
use harness::media::fixture;

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
}

#[test]
fn the_maxima_of_tech_3341_whenever_a_burst_begins() {
    let mut largest = 0f64;
    let mut check = |case: &str, sections: &[(f64, f64)], key: &str, expected: f64| {
        let deviation = (last(&stereo(sections), key) - expected).abs();
        assert!(deviation <= 0.1, "case {case}: {key} misses {expected} by {deviation} LU");
        largest = largest.max(deviation);
    };
    let silence = -200.0;
    let (mut live_short_term, mut live_momentary) = (Vec::new(), Vec::new());
    for burst in 0..20 {
        let number = f64::from(burst);
        // Cases 10 and 13: for meters of files, one burst in each.
        let sections = [(0.15 * number, silence), (3.0, -23.0), (1.0, silence)];
        check("10", &sections, "max_short_term_lufs", -23.0);
        let sections = [(0.02 * number, silence), (0.4, -23.0), (1.0, silence)];
        check("13", &sections, "max_momentary_lufs", -23.0);
        // Cases 11 and 14: for live meters, bursts that rise by 1 dB, of which the first ones are looked at here.
        let level = -38.0 + number;
        live_short_term.extend([(0.15 * number, silence), (3.0, level), (3.0 - 0.15 * number, silence)]);
        live_momentary.extend([(0.02 * number, silence), (0.4, level), (0.4 - 0.02 * number, silence)]);
        check("14", &live_momentary, "max_momentary_lufs", level);
        if burst % 6 == 1 {
            check("11", &live_short_term, "max_short_term_lufs", level);
        }
    }
    print_row("Loudness (maxima)", "EBU Tech 3341, cases 10, 11, 13, 14", 64, (largest, "LU"), 0.1);
}

#[test]
fn the_maxima_of_bursts_beside_the_steps() {
    // A burst that begins in the middle of a step of 10 ms is 5 ms longer or shorter than what is looked at: 0.06 LU.
    for late in [0.001, 0.003, 0.005, 0.0099, 0.013] {
        let high = last(&stereo(&[(late, -200.0), (0.4, -23.0), (1.0, -200.0)]), "max_momentary_lufs");
        assert!((high + 23.0).abs() <= 0.1, "{late} s: {high}");
    }
}

#[test]
fn the_cases_of_tech_3342() {
    let cases = [
        ("1", vec![-20.0, -30.0], 10.0f64),
        ("2", vec![-20.0, -15.0], 5.0),
        ("3", vec![-40.0, -20.0], 20.0),
        ("4", vec![-50.0, -35.0, -20.0, -35.0, -50.0], 15.0),
    ];
    let mut largest = 0f64;
    for (number, levels, expected) in cases {
        let sections: Vec<(f64, f64)> = levels.iter().map(|level| (20.0, *level)).collect();
        let deviation = (last(&stereo(&sections), "loudness_range_lu") - expected).abs();
        // The tolerance of EBU Tech 3342 is 1 LU.
        assert!(deviation <= 0.1, "case {number}: {deviation} LU");
        largest = largest.max(deviation);
    }
    print_row("Loudness (range)", "EBU Tech 3342, cases 1 to 4", 4, (largest, "LU"), 0.1);
}

#[derive(Deserialize)]
struct Case {
    rate: u32,
    channels: usize,
    layout: Option<String>,
    sections: Vec<(usize, f64)>,
    integrated_lufs: f64,
    loudness_range_lu: f64,
    sample_peak_dbfs: f64,
}

#[test]
fn reference_of_loudness_by_libebur128() {
    let cases: Vec<Case> = serde_json::from_slice(&fixture("loudness.json")).expect("cases");
    let (mut loudness, mut range) = (0f64, 0f64);
    for case in &cases {
        let frames = case.sections.iter().map(|section| section.0).sum();
        let gains: Vec<f64> = case.sections.iter().flat_map(|(frames, gain)| vec![*gain; *frames]).collect();
        let channel = |seed: usize| -> Vec<f32> {
            let pairs = noise(seed as u64, 0, frames).into_iter().zip(&gains);
            pairs.map(|(sample, gain)| (f64::from(sample) * gain) as f32).collect()
        };
        let channels: Vec<Vec<f32>> = (0..case.channels).map(channel).collect();
        let sound = Audio::from_channels(&channels, case.rate).expect("valid sound");
        let sound =
            case.layout.iter().fold(sound, |sound, name| sound.with_layout(Layout::Named(name.as_str().into())));
        let reports = reports(&sound);
        let last = |key| value(reports.last().expect("reports"), key).expect("a value");
        loudness = loudness.max((last("integrated_lufs") - case.integrated_lufs).abs());
        range = range.max((last("loudness_range_lu") - case.loudness_range_lu).abs());
        assert!((last("sample_peak_dbfs") - case.sample_peak_dbfs).abs() < 1e-6);
    }
    // Its filters are those of 48 kHz designed anew as ours are; its range looks at every tenth of our windows.
    assert!(loudness <= 0.01 && range <= 0.5, "{loudness} LU, {range} LU");
    print_row("Loudness", "libebur128 (pyebur128 0.1.1)", cases.len(), (loudness, "LU"), 0.01);
    print_row("Loudness (range)", "libebur128 (pyebur128 0.1.1)", cases.len(), (range, "LU"), 0.5);
}

#[test]
fn the_channels_of_7_1_weigh_what_their_places_do() {
    // Left, right, centre, low frequency, back left and right, side left and right, one at a time.
    let alone = |channel: usize| {
        let mut channels = vec![vec![0.0; 48_000]; 8];
        channels[channel] = tone(&[(1.0, -20.0)]);
        let sound = Audio::from_channels(&channels, RATE).expect("valid sound");
        let reports = reports(&sound.with_layout(Layout::Named("7.1".into())));
        value(reports.last().expect("reports"), "integrated_lufs")
    };
    let front = alone(0).expect("a loudness");
    let side = front + 10.0 * 1.41f64.log10();
    for (channel, expected) in [(1, front), (2, front), (4, front), (5, front), (6, side), (7, side)] {
        let loudness = alone(channel).expect("a loudness");
        assert!((loudness - expected).abs() < 1e-9, "channel {channel}: {loudness}, not {expected}");
    }
    assert_eq!(alone(3), None);
}

#[test]
fn a_rate_without_room_for_the_filter_is_refused() {
    for (node_type, mode) in
        [("Loudness", json!({})), ("LoudnessNormalize", json!({})), ("LoudnessNormalize", json!({"mode": "live"}))]
    {
        let attempt = |rate| {
            let mut node = prepare(node_type, mode.clone()).expect("valid params");
            run(&mut *node, [Packet::new(mono(vec![0.1; 4_000], rate).with_pts(Some(5)).into())])
        };
        let error = attempt(3_399).expect_err("an error");
        assert_eq!(error.cause, "loudness is defined for sound of 3400 Hz and more, this has 3399 Hz");
        assert_eq!((&*error.cure, error.position), ("Resample the sound first, or measure its level.", Some(5)));
        assert!(attempt(3_400).is_ok());
    }
}

/// Sines whose sum is known between samples: `[frequency as a part of the rate, amplitude, phase]`.
fn sines(seed: u64, count: usize) -> Vec<[f64; 3]> {
    let numbers: Vec<f64> = noise(seed, 0, 3 * count).into_iter().map(|sample| f64::from(sample) / 2.0 + 0.5).collect();
    numbers.chunks_exact(3).map(|n| [0.01 + 0.44 * n[0], 0.05 + n[1] / count as f64, TAU * n[2]]).collect()
}

fn sum_at(sines: &[[f64; 3]], time: f64) -> f64 {
    sines.iter().map(|[part, amplitude, phase]| amplitude * (TAU * part * time + phase).sin()).sum()
}

/// A sum of sines that fades in and out, and its true peak: the largest of 64 values for each sample.
fn known_peak(seed: u64, count: usize, frames: usize) -> (Vec<f32>, f64) {
    let sines = sines(seed, count);
    let fade = |time: f64| (time / 200.0).min((frames as f64 - time) / 200.0).clamp(0.0, 1.0);
    let value = |time: f64| fade(time) * sum_at(&sines, time);
    let peak = (0..64 * frames).map(|step| value(step as f64 / 64.0).abs()).fold(0.0, f64::max);
    ((0..frames).map(|frame| value(frame as f64) as f32).collect(), peak)
}

#[test]
fn reference_of_true_peaks_of_sines() {
    let mut largest = 0f64;
    for seed in 0..12 {
        let (samples, peak) = known_peak(seed, 1 + seed as usize % 4, 2_000);
        let found = last(&mono(samples, RATE), "true_peak_dbtp");
        let deviation = found - 20.0 * peak.log10();
        assert!((-0.06..=0.03).contains(&deviation), "seed {seed}: {deviation} dB");
        largest = largest.max(deviation.abs());
    }
    print_row("Loudness (true peak)", "sums of sines, by definition", 12, (largest, "dB"), 0.06);
}

#[test]
fn reference_of_the_ceiling() {
    // The gain is the same for all of a file, so the true peak of what comes out is known.
    let mut largest = f64::MIN;
    for seed in 20..32 {
        let (samples, peak) = known_peak(seed, 1 + seed as usize % 4, 2_000);
        let loudest = (0..samples.len()).max_by(|a, b| samples[*a].abs().total_cmp(&samples[*b].abs())).expect("sound");
        let params = json!({"target_lufs": 0, "max_gain_db": 60, "true_peak_db": -1});
        let made = whole("LoudnessNormalize", params, &mono(samples.clone(), RATE));
        let gain = f64::from(made[0][loudest]) / f64::from(samples[loudest]);
        let above = 20.0 * (gain * peak).log10() + 1.0;
        assert!(above <= 0.0 && above > -0.13, "seed {seed}: {above} dB above the ceiling");
        largest = largest.max(above);
    }
    print_row("LoudnessNormalize (ceiling)", "sums of sines, by definition", 12, (largest, "dB above it"), 0.0);
}

/// The largest magnitude of sound at 16 places between samples, by a sinc of 400 samples in a Hann window.
fn interpolated_peak(samples: &[f32]) -> f64 {
    let loudest = samples.iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
    let mut peak = f64::from(loudest);
    for frame in 200..samples.len() - 200 {
        if samples[frame - 1..frame + 2].iter().all(|sample| sample.abs() < 0.6 * loudest) {
            continue;
        }
        for step in 1..16 {
            let at = f64::from(step) / 16.0;
            let value: f64 = (frame - 199..=frame + 200)
                .map(|near| {
                    let time = frame as f64 + at - near as f64;
                    let window = 0.5 + 0.5 * (TAU * time / 400.0).cos();
                    let sinc = (TAU / 2.0 * time).sin() / (TAU / 2.0 * time);
                    f64::from(samples[near]) * window * sinc
                })
                .sum();
            peak = peak.max(value.abs());
        }
    }
    peak
}

#[test]
fn live_sound_keeps_below_its_ceiling_between_samples() {
    // Bursts whose peaks lie between samples begin around the windows of 100 ms, from quiet to loud.
    for late in [0, 9, 21, 4_700] {
        let mut samples = vec![0.0; 24_000];
        for (number, first) in [4_779usize, 9_590, 14_400].into_iter().enumerate() {
            let level = [0.05, 0.9, 0.6][number];
            for frame in 0..900 {
                let fade = f64::from(frame.min(900 - frame)).min(20.0) / 20.0;
                let sine = (TAU * f64::from(frame) * 0.25 + TAU / 8.0).sin();
                samples[first + late + frame as usize] = (fade * level * sine) as f32;
            }
        }
        let params = json!({"mode": "live", "target_lufs": 0, "true_peak_db": -3, "max_gain_db": 60});
        let made = whole("LoudnessNormalize", params, &mono(samples, RATE));
        let peak = 20.0 * interpolated_peak(&made[0]).log10();
        assert!(peak <= -3.0, "{late}: {peak} dB");
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

/// A sound at a time in seconds.
fn at(seconds: i64, sound: &Audio) -> Audio {
    sound.clone().with_pts(Some(seconds * 1_000_000_000))
}

#[test]
fn no_block_has_sound_of_both_sides_of_a_jump() {
    // Between the loud ends of two parts 400 ms would be louder than any in one of them.
    let part = stereo(&[(0.3, -20.0), (4.0, -60.0), (0.25, -20.0)]);
    let alone = reports(&part);
    let both = packets("Loudness", json!({}), [at(0, &part), at(100, &part)]);
    assert_eq!(both.len(), 2 * alone.len());
    for (both, alone) in both[alone.len()..].iter().zip(&alone) {
        for key in ["momentary_lufs", "short_term_lufs"] {
            assert_eq!(value(both, key), value(alone, key), "{key}");
        }
    }
    // What is measured of the item is that of the same blocks, each twice.
    for (both, alone) in both[alone.len() - 1..].iter().zip([alone.last().expect("reports"); 2]) {
        for key in ["integrated_lufs", "max_momentary_lufs", "max_short_term_lufs", "loudness_range_lu"] {
            let [both, alone] = [both, alone].map(|report| value(report, key).expect("a value"));
            assert!((both - alone).abs() < 1e-9, "{key}: {both} {alone}");
        }
    }
}

#[test]
fn the_gain_of_a_file_is_that_of_its_blocks_however_many_jumps_it_has() {
    let loud_ends = stereo(&[(0.2, -20.0), (2.0, -40.0), (0.2, -20.0)]);
    let short = stereo(&[(0.1, -30.0)]);
    for part in [loud_ends, short] {
        let alone = whole("LoudnessNormalize", json!({}), &part);
        let both = sounds("LoudnessNormalize", json!({}), [at(0, &part), at(9, &part)]);
        let behind = both.iter().filter(|audio| audio.pts >= Some(9_000_000_000)).cloned().collect::<Vec<_>>();
        for (both, alone) in joined(&behind).iter().flatten().zip(alone.iter().flatten()) {
            // A rounding of the mean of twice as many blocks, and one to float32.
            assert!((both - alone).abs() <= 1e-6 * alone.abs(), "{both} {alone}");
        }
    }
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
fn a_peak_that_float32_has_no_number_for_silences_no_more_than_itself() {
    let mut samples = tone(&[(8.0, -20.0)]);
    for (number, sample) in samples[24_000..24_008].iter_mut().enumerate() {
        *sample = if number % 2 == 0 { f32::MAX } else { f32::MIN };
    }
    let params = json!({"mode": "live", "max_gain_db": 120});
    let made = whole("LoudnessNormalize", params, &mono(samples, RATE));
    let factor = |frame: usize| f64::from(made[0][frame]) / f64::from(tone(&[(8.0, -20.0)])[frame]);
    // It comes back by 6 dB each second.
    let rise = 20.0 * (factor(7 * 48_000 + 12) / factor(5 * 48_000 + 12)).log10();
    assert!((rise - 12.0).abs() < 0.1, "{rise}");
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
