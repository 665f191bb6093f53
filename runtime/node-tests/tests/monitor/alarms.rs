//! The monitors on declared truth: what each must find, what none may find, and that packets of any length change
//! nothing.

use std::f64::consts::TAU;

use proptest::prelude::*;
use remotemedia_core::value::{Audio, Map, MediaTime, Packet, Value};
use serde_json::{Value as Json, json};

use harness::drive::{prepare, run};

pub(crate) const RATE: u32 = 16_000;
pub(crate) const MONITORS: [&str; 4] = ["AudioLevel", "SilenceDetector", "ClippingDetector", "ChannelBalance"];

/// Uniform noise within ±1 of a fixed seed (Knuth's linear congruential generator).
pub(crate) fn noise(frames: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1 << 23) as f64 - 1.0
    };
    (0..frames).map(|_| next()).collect()
}

/// Something like speech: words of voiced syllables with formants that ring on, an unvoiced sound at times, plosives
/// that begin abruptly after a closure, pauses of up to 400 ms with a quiet room in them. Peaks near `peak`.
pub(crate) fn speech(seconds: f64, peak: f64, seed: u64) -> Vec<f64> {
    let frames = (seconds * f64::from(RATE)) as usize;
    let (hiss, room) = (noise(frames, seed), noise(frames, seed + 1));
    let mut samples = vec![0.0; frames];
    // Pulses of the voice, each of which makes three formants ring.
    let mut pulse = 0.0;
    while pulse < seconds {
        let syllable = ((pulse * 3.7).fract() - 0.05) / 0.8;
        let in_word = (pulse % 1.7) < 1.3;
        if in_word && (0.0..1.0).contains(&syllable) {
            let strength = (syllable * std::f64::consts::PI).sin().powf(0.7);
            let first = (pulse * f64::from(RATE)) as usize;
            for offset in 0..(f64::from(RATE) * 0.06) as usize {
                let Some(sample) = samples.get_mut(first + offset) else { break };
                let time = offset as f64 / f64::from(RATE);
                let formant =
                    |hz: f64, width: f64| (TAU * hz * time).sin() * (-std::f64::consts::PI * width * time).exp();
                *sample +=
                    strength * (formant(560.0, 70.0) + 0.5 * formant(1480.0, 110.0) + 0.2 * formant(2520.0, 170.0));
            }
        }
        pulse += 1.0 / (118.0 + 25.0 * (pulse * 1.3).sin());
    }
    let top = samples.iter().fold(0f64, |top, sample| top.max(sample.abs()));
    for (frame, sample) in samples.iter_mut().enumerate() {
        let time = frame as f64 / f64::from(RATE);
        // Every so often a plosive: abrupt, then dying away.
        let since = (time % 0.85) - 0.2;
        let burst = if since >= 0.0 { 0.3 * (-since / 0.012).exp() * hiss[frame] } else { 0.0 };
        *sample = peak * (*sample / top * 0.9 + burst + 0.002 * room[frame]);
    }
    samples
}

/// Something like music: chords whose notes begin abruptly and die away, and a soft rhythm of noise.
pub(crate) fn music(seconds: f64, peak: f64) -> Vec<f64> {
    let frames = (seconds * f64::from(RATE)) as usize;
    let beat = noise(frames, 9);
    let chords = [[220.0, 277.18, 329.63], [196.0, 246.94, 293.66], [174.61, 220.0, 261.63]];
    (0..frames)
        .map(|frame| {
            let time = frame as f64 / f64::from(RATE);
            let (bar, since) = ((time / 0.6) as usize, time % 0.6);
            let note = |hz: f64| (1..5).map(|n| (TAU * hz * f64::from(n) * time).sin() / f64::from(n * n)).sum::<f64>();
            let chord: f64 = chords[bar % 3].iter().map(|hz| note(*hz)).sum();
            peak * (0.3 * chord * (-since / 0.9).exp() * (1.0 - (-since / 0.004).exp())
                + 0.15 * beat[frame] * (-(time % 0.3) / 0.03).exp())
        })
        .collect()
}

fn tone(seconds: f64, hz: f64, amplitude: f64) -> Vec<f64> {
    (0..(seconds * f64::from(RATE)) as usize)
        .map(|frame| amplitude * (TAU * hz * frame as f64 / f64::from(RATE)).sin())
        .collect()
}

/// Cuts a gap of so many milliseconds every so many seconds and fills it with noise of this amplitude.
pub(crate) fn with_gaps(mut samples: Vec<f64>, gap_ms: f64, every_s: f64, fill: f64) -> Vec<f64> {
    let filling = noise(samples.len(), 77);
    let length = (gap_ms * f64::from(RATE) / 1000.0) as usize;
    let mut start = 0.31;
    while ((start * f64::from(RATE)) as usize + length) < samples.len() {
        let first = (start * f64::from(RATE)) as usize;
        samples[first..first + length].iter_mut().zip(&filling[first..]).for_each(|(x, noise)| *x = fill * noise);
        start += every_s;
    }
    samples
}

/// What a gate leaves: it opens at once where a sample is 2 % of full scale, and closes within 5 ms after 20 ms without one.
pub(crate) fn gated(samples: &[f64]) -> Vec<f64> {
    let (held, closing) = (RATE as usize / 50, RATE as usize / 200);
    let mut since = held + closing;
    let pass = |x: &f64| {
        since = if x.abs() >= 0.02 { 0 } else { since + 1 };
        let closed = since.saturating_sub(held).min(closing) as f64 / closing as f64;
        x * (1.0 - closed)
    };
    samples.iter().map(pass).collect()
}

/// What linear 8 bits leave of a sample.
fn by_8_bits(x: f64) -> f64 {
    (x * 128.0).round().clamp(-128.0, 127.0) / 128.0
}

/// What mu-law of 8 bits leaves of a sample.
fn by_mu_law(x: f64) -> f64 {
    let code = (x.signum() * (255.0 * x.abs()).ln_1p() / 256f64.ln() * 127.0).round() / 127.0;
    code.signum() * (256f64.powf(code.abs()) - 1.0) / 255.0
}

pub(crate) fn mono(samples: Vec<f64>) -> Audio {
    Audio::from_channels(&[samples.into_iter().map(|x| x as f32).collect::<Vec<f32>>()], RATE).expect("valid sound")
}

pub(crate) fn stereo(left: &[f64], right: &[f64]) -> Audio {
    let channel = |side: &[f64]| side.iter().map(|x| *x as f32).collect::<Vec<f32>>();
    Audio::from_channels(&[channel(left), channel(right)], RATE).expect("valid sound")
}

pub(crate) fn chunks(sound: &Audio, milliseconds: usize) -> Vec<Audio> {
    let frames = sound.rate() as usize * milliseconds / 1000;
    (0..sound.frames()).step_by(frames).map(|first| sound.slice(first, frames.min(sound.frames() - first))).collect()
}

pub(crate) fn reports(node_type: &str, params: Json, sounds: impl IntoIterator<Item = Audio>) -> Vec<Packet> {
    let mut node = prepare(node_type, params).expect("valid params");
    run(&mut *node, sounds.into_iter().map(|sound| Packet::new(sound.into()))).expect("reports")
}

pub(crate) fn map(packet: &Packet) -> &Map {
    let Value::Map(map) = &packet.value else { panic!("expected a map") };
    map
}

fn float(packet: &Packet, key: &str) -> f64 {
    let Value::Float(value) = map(packet)[key] else { panic!("{key} is no float") };
    value
}

fn is(packet: &Packet, key: &str) -> bool {
    map(packet)[key] == Value::Bool(true)
}

fn health(packet: &Packet) -> &str {
    let Value::Str(health) = &map(packet)["health"] else { panic!("health is text") };
    health
}

/// The words that the monitors find for a sound, apart from "ok", and "unknown" at its start; the same for packets of every usual length.
fn found(sound: &Audio) -> Vec<String> {
    let mut words = Vec::new();
    for monitor in MONITORS {
        let whole = reports(monitor, json!({}), [sound.clone()]);
        for milliseconds in [20, 100, 250, 1000] {
            assert_eq!(reports(monitor, json!({}), chunks(sound, milliseconds)), whole, "{monitor} {milliseconds} ms");
        }
        words.extend(whole.iter().map(health).filter(|word| !["ok", "unknown"].contains(word)).map(str::to_owned));
    }
    words.sort();
    words.dedup();
    words
}

#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_table_of_faults() {
    let voice = || speech(8.0, 0.4, 1);
    let song = || music(8.0, 0.6);
    let clip = |samples: Vec<f64>, gain: f64, limit: f64| -> Vec<f64> {
        samples.iter().map(|x| (x * gain).clamp(-limit, limit)).collect()
    };
    let press =
        |samples: Vec<f64>, drive: f64| -> Vec<f64> { samples.iter().map(|x| 0.7 * (x * drive).tanh()).collect() };
    let silent = |mut samples: Vec<f64>, seconds: f64, fill: f64| {
        let (first, frames) = (3 * RATE as usize, (seconds * f64::from(RATE)) as usize);
        let filling = noise(frames, 3);
        samples[first..first + frames].iter_mut().zip(filling).for_each(|(x, noise)| *x = fill * noise);
        samples
    };
    let scaled = |samples: &[f64], gain: f64| -> Vec<f64> { samples.iter().map(|x| x * gain).collect() };
    let fade = |samples: Vec<f64>| -> Vec<f64> {
        let total = samples.len() as f64;
        samples.iter().enumerate().map(|(frame, x)| x * (1.0 - 0.7 * frame as f64 / total)).collect()
    };
    let cases: Vec<(&str, Audio, &[&str])> = vec![
        ("speech", mono(voice()), &[]),
        ("speech, another voice", mono(speech(8.0, 0.7, 50)), &[]),
        ("speech at full scale", mono(speech(8.0, 1.0, 2)), &[]),
        (
            "speech with digital silence in its pauses",
            mono(voice().into_iter().map(|x| if x.abs() < 0.001 { 0.0 } else { x }).collect()),
            &["gated"],
        ),
        ("speech by mu-law", mono(voice().into_iter().map(by_mu_law).collect()), &[]),
        ("speech of 8 bits", mono(voice().into_iter().map(by_8_bits).collect()), &[]),
        (
            "speech of 8 bits, turned down",
            mono(scaled(&speech(8.0, 0.9, 50).into_iter().map(by_8_bits).collect::<Vec<_>>(), 0.4)),
            &[],
        ),
        ("speech through a gate", mono(gated(&speech(8.0, 0.9, 50))), &[]),
        ("music", mono(song()), &[]),
        ("music that fades", mono(fade(song())), &[]),
        ("a tone", mono(tone(4.0, 440.0, 0.5)), &[]),
        ("a low tone", mono(tone(4.0, 50.0, 0.5)), &[]),
        ("a high tone that repeats every eight samples", mono(tone(4.0, 2000.0, 0.5)), &[]),
        ("noise", mono(scaled(&noise(4 * RATE as usize, 5), 0.3)), &[]),
        ("stereo music", stereo(&song(), &scaled(&song(), 0.5)), &[]),
        ("stereo speech on one side first, then on the other", stereo(&silent(voice(), 0.4, 0.0), &voice()), &[]),
        ("one short pause", mono(silent(voice(), 0.4, 0.0)), &[]),
        ("two dropouts alone", mono(with_gaps(tone(2.0, 300.0, 0.3), 30.0, 0.9, 0.0)), &[]),
        ("silence", mono(silent(voice(), 1.0, 0.0)), &["silence"]),
        ("silence with a quiet noise", mono(silent(voice(), 1.0, 0.001)), &["silence"]),
        ("a dead source", mono(vec![0.0; 3 * RATE as usize]), &["silence"]),
        ("dropouts of 10 ms in speech", mono(with_gaps(voice(), 10.0, 0.37, 0.0)), &["dropouts"]),
        ("dropouts of 20 ms in speech", mono(with_gaps(voice(), 20.0, 0.43, 0.0)), &["dropouts"]),
        ("dropouts of 40 ms in speech", mono(with_gaps(voice(), 40.0, 0.43, 0.0)), &["dropouts"]),
        (
            "dropouts of 20 ms in speech of 8 bits",
            mono(with_gaps(voice(), 20.0, 0.43, 0.0).into_iter().map(by_8_bits).collect()),
            &["dropouts"],
        ),
        // Some of these make a pause longer.
        ("dropouts of 200 ms in speech", mono(with_gaps(voice(), 200.0, 0.61, 0.0)), &["dropouts", "silence"]),
        ("dropouts of 30 ms in music", mono(with_gaps(song(), 30.0, 0.71, 0.0)), &["dropouts"]),
        ("dropouts of 30 ms in a tone", mono(with_gaps(tone(4.0, 300.0, 0.3), 30.0, 0.9, 0.0)), &["dropouts"]),
        ("dropouts that are not quite silent", mono(with_gaps(song(), 50.0, 0.71, 0.001)), &["dropouts"]),
        ("dropouts in one channel", stereo(&song(), &with_gaps(song(), 30.0, 0.71, 0.0)), &["dropouts"]),
        ("quiet speech", mono(speech(8.0, 0.05, 1)), &["low_volume"]),
        ("quiet music", mono(music(8.0, 0.02)), &["low_volume"]),
        ("clipped speech", mono(clip(voice(), 8.0, 1.0)), &["clipping"]),
        ("clipped music", mono(clip(song(), 4.0, 1.0)), &["clipping"]),
        ("speech that was clipped and turned down", mono(clip(voice(), 1.0, 0.1)), &["clipping"]),
        ("softly clipped speech", mono(press(voice(), 12.0)), &["clipping"]),
        ("softly clipped music", mono(press(song(), 5.0)), &["clipping"]),
        ("speech that was a little too loud", mono(clip(voice(), 3.5, 1.0)), &["clipping"]),
        ("speech that was a little too loud, turned down", mono(scaled(&clip(voice(), 3.5, 1.0), 0.3)), &["clipping"]),
        ("a clipped tone", mono(clip(tone(4.0, 440.0, 1.0), 1.0, 0.7)), &["clipping"]),
        ("a softly clipped tone", mono(press(tone(4.0, 440.0, 1.0), 2.0)), &["clipping"]),
        ("clipping in one channel", stereo(&song(), &scaled(&clip(song(), 1.0, 0.2), 2.0)), &["clipping"]),
        ("a dead channel", stereo(&voice(), &vec![0.0; voice().len()]), &["dead_channel"]),
        ("a channel with nothing but hum", stereo(&tone(8.0, 50.0, 0.0005), &voice()), &["dead_channel"]),
        ("a weak channel", stereo(&song(), &scaled(&song(), 0.2)), &["imbalance"]),
        (
            "a weak channel from the second second on",
            stereo(
                &{
                    let mut left = song();
                    left.iter_mut().skip(2 * RATE as usize).for_each(|x| *x *= 0.1);
                    left
                },
                &song(),
            ),
            &["imbalance"],
        ),
    ];
    let wrong: Vec<String> = cases
        .iter()
        .map(|(name, sound, expected)| (name, found(sound), expected))
        .filter(|(_, found, expected)| found != *expected)
        .map(|(name, found, expected)| format!("{name}: found {found:?}, expected {expected:?}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let names = MONITORS.join(", ");
    println!("reference | {names} | declared truth, in 4 divisions | {} | 0 wrong verdicts | 0 |", cases.len());
}

#[test]
fn silence_is_measured_from_where_it_began() {
    let mut samples = tone(1.0, 440.0, 0.3);
    samples.extend(vec![0.0; 16 * 630]);
    samples.extend(tone(0.37, 440.0, 0.3));
    let reports = reports("SilenceDetector", json!({}), [mono(samples)]);
    let durations: Vec<f64> = reports.iter().map(|report| float(report, "silence_duration_ms")).collect();
    let expected = [100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 630.0, 0.0, 0.0, 0.0];
    assert_eq!(durations[..10], [0.0; 10]);
    assert_eq!(durations[10..], expected);
    let sustained: Vec<bool> = reports[10..].iter().map(|report| is(report, "is_sustained_silence")).collect();
    assert_eq!(sustained, [false, false, false, false, true, true, true, false, false, false]);
    let silent = reports.iter().filter(|report| is(report, "is_silent")).count();
    assert_eq!((silent, reports.len()), (6, 20));
    assert_eq!(reports[16].pts, Some(1_600_000_000));
}

#[test]
fn silence_that_ends_where_a_window_begins_is_none_of_it() {
    // It is followed by sound, and by a shorter silence within the window.
    for (rate, pause) in [(16_000, 0), (16_000, 30), (44_100, 30), (11_025, 0)] {
        let sound = |milliseconds: u32, level: f32| {
            let samples = (0..milliseconds * rate / 1_000).map(|frame| if frame % 20 < 10 { level } else { -level });
            samples.collect::<Vec<f32>>()
        };
        let parts = [(1_000, 0.3), (600, 0.0), (20, 0.3), (pause, 0.0), (380 - pause, 0.3)];
        let samples: Vec<f32> = parts.into_iter().flat_map(|(length, level)| sound(length, level)).collect();
        let audio = Audio::from_planar(samples, 1, rate).expect("valid sound");
        let reports = reports("SilenceDetector", json!({"silence_threshold_db": -60}), [audio]);
        let durations: Vec<f64> = reports.iter().map(|report| float(report, "silence_duration_ms")).collect();
        assert_eq!(durations[14..18], [500.0, 600.0, f64::from(pause), 0.0], "{rate} Hz");
        let found: Vec<&str> = reports[14..18].iter().map(health).collect();
        assert_eq!(found, ["silence", "silence", "ok", "ok"], "{rate} Hz");
    }
}

#[test]
fn dropouts_are_counted_in_their_window() {
    let params = json!({"dropout_window_ms": 1000, "dropout_count_threshold": 2});
    // Gaps of 30 ms at 310, 710, 1110 and so on; each counts from 16 ms after its end on, for a second from its end.
    let sound = mono(with_gaps(tone(3.0, 300.0, 0.3), 30.0, 0.4, 0.0).into_iter().take(24_000).collect());
    let mut sound = chunks(&sound, 1000);
    sound.push(mono(tone(1.5, 300.0, 0.3)));
    let reports = reports("SilenceDetector", params, sound);
    let counts: Vec<i64> = reports
        .iter()
        .map(|report| if let Value::Int(count) = map(report)["dropout_count"] { count } else { panic!("an integer") })
        .collect();
    assert_eq!(counts[..15], [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 2, 2]);
    assert_eq!(counts[15..], [2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(
        reports.iter().zip(&counts).all(|(report, count)| is(report, "has_intermittent_dropouts") == (*count >= 2))
    );
}

/// The parts of a sound, with its first frame at a time in seconds.
fn chunks_at(seconds: i64, sound: &Audio) -> Vec<Audio> {
    chunks(&sound.clone().with_pts(Some(seconds * 1_000_000_000)), 100)
}

#[test]
fn silence_before_a_jump_in_time_is_none_behind_it() {
    let mut samples = tone(1.0, 440.0, 0.3);
    samples.extend(vec![0.0; 2 * RATE as usize]);
    let behind = mono([vec![0.0; 1_600], tone(0.9, 440.0, 0.3)].concat());
    let alone = reports("SilenceDetector", json!({}), chunks_at(100, &behind));
    // Later, and on an earlier timeline of its own.
    for seconds in [100, 1] {
        let mut sound = chunks_at(50, &mono(samples.clone()));
        sound.extend(chunks_at(seconds, &behind));
        let reports = reports("SilenceDetector", json!({}), sound);
        let behind = reports[30..].iter().zip(&alone);
        assert!(behind.clone().all(|(report, alone)| report.value == alone.value), "{seconds}");
        assert_eq!((behind.len(), is(&reports[29], "is_sustained_silence")), (10, true));
        assert_eq!(reports[30].pts, Some(seconds * 1_000_000_000));
    }
}

#[test]
fn what_is_missing_counts_in_the_window_of_dropouts() {
    // Gaps of 30 ms at 310, 710, 1110, 1510 and 1910 ms.
    let before = mono(with_gaps(tone(2.0, 300.0, 0.3), 30.0, 0.4, 0.0));
    let behind = mono(tone(1.0, 300.0, 0.3));
    for missing_s in [0, 3, 4, 60] {
        let mut sound = chunks_at(0, &before);
        sound.extend(chunks_at(2 + missing_s, &behind));
        let reports = reports("SilenceDetector", json!({"dropout_window_ms": 5000}), sound);
        assert_eq!(reports.len(), 30);
        for report in &reports[20..] {
            let begin_ms = report.pts.expect("a time") / 1_000_000 + 100 - 5000;
            let expected = [340, 740, 1140, 1540, 1940].into_iter().filter(|end_ms| *end_ms > begin_ms).count() as i64;
            assert_eq!(map(report)["dropout_count"], Value::Int(expected), "{missing_s} s missing, {:?}", report.pts);
        }
    }
}

/// The places of the dropouts in all reports, in nanoseconds.
fn dropouts(reports: &[Packet]) -> Vec<(i64, i64)> {
    let gaps = reports.iter().flat_map(|report| {
        let Value::List(gaps) = &map(report)["dropouts"] else { panic!("a list") };
        gaps.to_vec()
    });
    let place = |gap: Value| {
        let Value::Map(gap) = gap else { panic!("a map") };
        let [Value::Int(pts), Value::Int(duration)] = [&gap["pts"], &gap["duration"]] else { panic!("integers") };
        (*pts, *duration)
    };
    gaps.map(place).collect()
}

#[test]
fn dropouts_have_exact_places() {
    for rate in [8_000, 11_025, 16_000, 44_100, 48_000, 96_000, 192_000] {
        // Noise, so that no sample at an edge is zero; the last gap ends a second before the end, at the end of a window.
        let seconds = 4;
        let mut samples: Vec<f32> = noise(seconds * rate as usize, 3).iter().map(|x| (0.3 * x + 1e-3) as f32).collect();
        let frames = |ms: usize| ms * rate as usize / 1000;
        let gaps = [(711, 6), (1_317, 20), (2_003, 399), (3_000, 97)];
        for (start, length) in gaps {
            samples[frames(start)..frames(start) + frames(length)].fill(0.0);
        }
        let sound = Audio::from_planar(samples, 1, rate).expect("valid sound").with_pts(Some(5_000_000_000));
        let whole = reports("SilenceDetector", json!({}), [sound.clone()]);
        let time = |frame: usize| MediaTime::of_frames(frame as u64, rate);
        let place = |(start, length)| {
            let (start, end) = (frames(start), frames(start) + frames(length));
            (5_000_000_000 + time(start), time(end) - time(start))
        };
        assert_eq!(dropouts(&whole), gaps.map(place), "{rate} Hz");
        assert_eq!(reports("SilenceDetector", json!({}), chunks(&sound, 7)), whole);
    }
}

#[test]
fn a_gap_with_faint_edges_is_found_unless_there_are_more_of_such() {
    // Each gap begins and ends where the tone is 31 dB below its loudest.
    let swelling = |gaps: usize| {
        let mut samples = vec![0.0; 16 * 6_000];
        for (frame, sample) in samples.iter_mut().enumerate() {
            let since = (frame % 6_400) as f64 / 6_400.0;
            let swell = 0.005 + 0.995 * (since * std::f64::consts::PI).sin().powi(2);
            *sample = 0.6 * swell * (TAU * 500.0 * frame as f64 / f64::from(RATE) + 0.5).sin();
        }
        for gap in 1..=gaps {
            samples[gap * 6_400 - 400..gap * 6_400 + 400].fill(0.0);
        }
        mono(samples)
    };
    let lone = reports("SilenceDetector", json!({"dropout_count_threshold": 1}), [swelling(1)]);
    assert_eq!(dropouts(&lone), [(375_000_000, 50_000_000)]);
    assert!(!lone.iter().any(|report| is(report, "is_gated")));
    assert!(lone.iter().any(|report| health(report) == "dropouts"));
    let many = reports("SilenceDetector", json!({}), [swelling(14)]);
    assert_eq!(dropouts(&many), []);
    assert_eq!(health(many.last().expect("reports")), "gated");
}

#[test]
fn what_was_found_last_is_reported_at_the_very_end() {
    // The gap has faint edges and waits for seconds, which do not come; the sound ends with a window.
    let mut samples = tone(1.0, 500.0, 0.6);
    samples[12_000..].iter_mut().for_each(|x| *x *= 0.08);
    samples[13_600..14_000].fill(0.0);
    let reports = reports("SilenceDetector", json!({"dropout_count_threshold": 1}), [mono(samples)]);
    let last = reports.last().expect("reports");
    assert_eq!((reports.len(), last.pts, last.duration), (11, Some(1_000_000_000), Some(0)));
    assert_eq!((health(last), dropouts(&reports).len()), ("dropouts", 1));
}

#[test]
fn monitors_agree_on_what_is_silence() {
    for (amplitude, is_silent) in [(0.003, false), (0.0016, false), (0.0012, true), (0.0005, true), (0.0, true)] {
        let voice = || mono(tone(3.0, 200.0, amplitude));
        let level = reports("AudioLevel", json!({}), [voice()]);
        let silence = reports("SilenceDetector", json!({}), [voice()]);
        let balance = reports("ChannelBalance", json!({}), [voice()]);
        for index in 0..30 {
            assert_eq!(is(&level[index], "is_silence"), is_silent, "{amplitude}");
            assert_eq!(is(&silence[index], "is_silent"), is_silent, "{amplitude}");
            let words = [health(&level[index]) == "silence", health(&silence[index]) == "silence"];
            assert_eq!(words, [is_silent && index >= 4; 2], "{amplitude}, window {index}");
        }
        assert_eq!(health(&balance[29]), if is_silent { "unknown" } else { "ok" });
    }
}

#[test]
fn digital_silence_is_silence_by_every_threshold() {
    for threshold in [-120.0, -119.9] {
        let level = json!({"silence_threshold_db": threshold, "low_volume_threshold_db": -40});
        let silence = || mono(vec![0.0; 16_000]);
        for (monitor, params) in
            [("AudioLevel", level), ("SilenceDetector", json!({"silence_threshold_db": threshold}))]
        {
            let last = reports(monitor, params, [silence()]).pop().expect("reports");
            assert_eq!((is(&last, "is_silence"), health(&last)), (true, "silence"), "{monitor} at {threshold}");
        }
        let sound = tone(2.0, 400.0, 0.5);
        let params = json!({"dead_channel_threshold_db": threshold});
        let one_side = stereo(&vec![0.0; sound.len()], &sound);
        let last = reports("ChannelBalance", params.clone(), [one_side]).pop().expect("reports");
        assert_eq!((health(&last), &map(&last)["dead_channel"]), ("dead_channel", &Value::text("left")), "{threshold}");
        let last = reports("ChannelBalance", params, [silence()]).pop().expect("reports");
        assert_eq!(health(&last), "unknown", "a pause at {threshold}");
    }
}

#[test]
fn every_format_and_every_extreme_is_measured() {
    let square = |frames: usize| (0..frames).map(|frame| if frame / 50 % 2 == 0 { 1.0 } else { -1.0 }).collect();
    type Shape<'a> = &'a dyn Fn(usize) -> Vec<f32>;
    let shapes: [(&str, Shape<'_>); 6] = [
        ("silence", &|frames| vec![0.0; frames]),
        ("DC", &|frames| vec![0.5; frames]),
        ("a square of full scale", &square),
        ("denormals", &|frames| vec![1e-40; frames]),
        ("the largest number", &|frames| vec![f32::MAX; frames]),
        ("one sample", &|frames| (0..frames).map(|frame| f32::from(u8::from(frame == 0))).collect()),
    ];
    for rate in [1_000, 8_000, 22_050, 48_000, 192_000] {
        for channels in [1usize, 2, 6, 8] {
            let (name, shape) = shapes[(rate as usize / 1000 + channels) % shapes.len()];
            for (name, shape) in [(name, shape), shapes[channels % 6]] {
                let frames = rate as usize / 4;
                let samples: Vec<f32> = (0..channels).flat_map(|_| shape(frames)).collect();
                let sound = Audio::from_planar(samples, channels, rate).expect("valid sound");
                let params = [
                    ("AudioLevel", json!({"window_ms": 10})),
                    ("AudioLevel", json!({"window_ms": 10_000})),
                    ("SilenceDetector", json!({"dropout_window_ms": 100, "sustained_silence_ms": 10})),
                    ("SilenceDetector", json!({"silence_threshold_db": 0.0})),
                    ("SilenceDetector", json!({"silence_threshold_db": -120.0})),
                    ("ClippingDetector", json!({})),
                    ("ChannelBalance", json!({})),
                ];
                for (monitor, params) in params {
                    if monitor == "ChannelBalance" && channels > 2 {
                        continue;
                    }
                    let all = reports(monitor, params.clone(), [sound.clone()]);
                    assert!(!all.is_empty());
                    for report in &all {
                        let is_number = |value: &Value| !matches!(value, Value::Float(number) if !number.is_finite());
                        let what = format!("{monitor} {params} {name} {rate} Hz, {channels} channels: {report:?}");
                        assert!(map(report).values().all(is_number), "{what}");
                        assert_ne!(health(report), "dropouts", "{what}");
                        if name == "silence" || name == "denormals" {
                            assert!(!["clipping", "low_volume", "gated"].contains(&health(report)), "{what}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn clipping_has_its_figures() {
    let square: Vec<f64> = tone(1.0, 100.0, 1.0).iter().map(|x| 0.5 * x.signum()).collect();
    let report = &reports("ClippingDetector", json!({}), [mono(square)])[9];
    // 100 Hz at 16 kHz has a sample on each zero crossing, of which some round to the other side: 0.5 throughout.
    assert_eq!((float(report, "peak"), float(report, "saturation_ratio")), (0.5, 0.0));
    assert!(float(report, "crest_factor_db") < 0.1 && is(report, "is_clipping"));
    let report = &reports("ClippingDetector", json!({}), [mono(tone(1.0, 100.0, 0.5))])[9];
    // 20 log10(sqrt 2); sine and RMS are exact but for rounding to float32.
    assert!((float(report, "crest_factor_db") - 3.0103).abs() < 1e-4 && !is(report, "is_clipping"));
    let mut samples = tone(1.0, 100.0, 0.5);
    samples.iter_mut().step_by(50).for_each(|x| *x = -1.0);
    let report = &reports("ClippingDetector", json!({}), [mono(samples.clone())])[9];
    assert_eq!((float(report, "saturation_ratio"), is(report, "is_clipping")), (2.0, true));
    let report = &reports("ClippingDetector", json!({"saturation_ratio_threshold": 2.0}), [mono(samples)])[9];
    assert!(!is(report, "is_clipping"), "the ratio must exceed the threshold");
    let report = &reports("ClippingDetector", json!({}), [mono(vec![0.0; 1600])])[0];
    assert_eq!((float(report, "peak"), float(report, "crest_factor_db"), health(report)), (0.0, 0.0, "ok"));
}

#[test]
fn tops_that_coarse_numbers_make_flat_are_no_clipping() {
    let coarse = |steps: f64| mono(speech(4.0, 0.9, 1).into_iter().map(|x| (x * steps).round() / 128.0).collect());
    for steps in [127.0, 40.0] {
        for report in reports("ClippingDetector", json!({}), [coarse(steps)]) {
            assert_eq!(health(&report), "ok", "{steps} steps: {report:?}");
        }
    }
}

#[test]
fn balance_has_its_figures() {
    let (left, right) = (tone(2.0, 400.0, 0.5), tone(2.0, 400.0, 0.05));
    let report = &reports("ChannelBalance", json!({}), [stereo(&left, &right)])[15];
    // Whole periods: RMS is the amplitude over sqrt 2, to the rounding of float32.
    let expected = [20.0 * (0.5 / 2f64.sqrt()).log10(), 20.0 * (0.05 / 2f64.sqrt()).log10(), 20.0];
    for (key, expected) in ["left_rms_db", "right_rms_db", "imbalance_db"].into_iter().zip(expected) {
        assert!((float(report, key) - expected).abs() < 1e-5, "{key}: {}", float(report, key));
    }
    assert_eq!((health(report), &map(report)["dead_channel"]), ("imbalance", &Value::text("none")));
    let report = &reports("ChannelBalance", json!({}), [stereo(&right, &left)])[15];
    assert!((float(report, "imbalance_db") + 20.0).abs() < 1e-5, "right is louder");
    let reports = reports("ChannelBalance", json!({}), [stereo(&vec![0.0; left.len()], &left)]);
    let last = &reports[15];
    assert!(is(last, "has_dead_channel") && is(last, "is_imbalanced"));
    assert_eq!((float(last, "left_rms_db"), &map(last)["dead_channel"]), (-120.0, &Value::text("left")));
    let verdicts = reports.iter().filter(|report| is(report, "has_dead_channel")).count();
    assert_eq!(verdicts, 11, "one second of sound comes first");
}

#[test]
fn mono_is_in_balance_and_surround_is_refused() {
    let report = &reports("ChannelBalance", json!({}), [mono(tone(2.0, 400.0, 0.5))])[15];
    assert_eq!((float(report, "imbalance_db"), health(report)), (0.0, "ok"));
    let surround = Audio::from_planar(vec![0.0; 6], 6, RATE).expect("valid sound");
    let mut node = prepare("ChannelBalance", json!({})).expect("valid params");
    let error = run(&mut *node, [Packet::new(surround.into())]).expect_err("a refusal");
    assert_eq!(error.cause, "the sound has 6 channels, not two");
    assert_eq!(error.cure, "Mix it to stereo before this node: AudioMix with \"channels\": 2.");
}

#[test]
fn samples_that_are_no_numbers_and_other_values_are_errors() {
    for monitor in MONITORS {
        let mut node = prepare(monitor, json!({})).expect("valid params");
        let mut samples = tone(0.3, 400.0, 0.5);
        samples[2_000] = f64::NAN;
        let error = run(&mut *node, [Packet::new(mono(samples).into())]).expect_err("an error");
        assert_eq!(error.cause, "the sound has samples that are NaN or infinite", "{monitor}");
        assert_eq!((&*error.cure, error.position), ("Replace them before this node.", Some(125_000_000)));
        let mut node = prepare(monitor, json!({})).expect("valid params");
        let error = run(&mut *node, [Value::Int(3).into()]).expect_err("an error");
        let expected = ("expected audio, got int", "Wrap samples: Audio(samples, rate=...).");
        assert_eq!((&*error.cause, &*error.cure), expected, "{monitor}");
    }
}

#[test]
fn params_and_fields_are_the_published_ones() {
    let registry = harness::drive::registry();
    let expected = [
        (
            "SilenceDetector",
            json!({"silence_threshold_db": -60.0, "sustained_silence_ms": 500.0, "dropout_count_threshold": 3, "dropout_window_ms": 5000.0}),
            "is_silence is_silent silence_duration_ms is_sustained_silence dropout_count has_intermittent_dropouts dropouts is_gated health faults",
        ),
        (
            "ClippingDetector",
            json!({"saturation_threshold": 0.99, "saturation_ratio_threshold": 1.0, "crest_factor_threshold_db": 3.0}),
            "peak saturation_ratio crest_factor_db is_clipping health faults",
        ),
        (
            "ChannelBalance",
            json!({"imbalance_threshold_db": 10.0, "dead_channel_threshold_db": -60.0}),
            "left_rms_db right_rms_db imbalance_db is_imbalanced has_dead_channel dead_channel health faults",
        ),
    ];
    for (monitor, mut params, fields) in expected {
        // These all monitors have.
        params["changes_only"] = json!(false);
        params["hold_ms"] = json!(1_000);
        let schema = &registry.get(monitor).expect("a built-in node").params_schema["properties"];
        let defaults: serde_json::Map<String, Json> = schema
            .as_object()
            .expect("params")
            .iter()
            // All nodes that keep time have this one.
            .filter(|(name, _)| name.as_str() != "gaps")
            .map(|(name, entry)| (name.clone(), entry["default"].clone()))
            .collect();
        assert_eq!(Json::Object(defaults), params, "{monitor}");
        let report = &reports(monitor, json!({}), [mono(vec![0.1; 100])])[0];
        let keys: Vec<&str> = map(report).keys().map(|key| &**key).collect();
        assert_eq!(keys.join(" "), fields);
    }
}

#[test]
fn an_item_leaves_nothing_to_the_next() {
    for monitor in MONITORS {
        let mut node = prepare(monitor, json!({})).expect("valid params");
        let sound = stereo(&with_gaps(music(1.55, 0.6), 30.0, 0.21, 0.0), &vec![0.0; 24_800]);
        let item = || chunks(&sound, 130).into_iter().map(|part| Packet::new(part.into()));
        let first = run(&mut *node, item()).expect("reports");
        assert_eq!(run(&mut *node, item()).expect("reports"), first, "{monitor}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in prop::collection::vec(0usize..20_000, 0..30),
        rate in prop::sample::select(vec![8_000u32, 11_025, 44_100]),
        seed in any::<u64>(),
    ) {
        let left: Vec<f32> = with_gaps(noise(20_000, seed), 20.0, 0.1, 0.0).into_iter().map(|x| x as f32).collect();
        let right: Vec<f32> = music(1.25, 1.5).into_iter().map(|x| x.clamp(-0.5, 0.5) as f32).collect();
        let sound = Audio::from_channels(&[left, right], rate).expect("valid sound");
        let mut cuts = cuts;
        cuts.extend([0, 20_000]);
        cuts.sort_unstable();
        for monitor in MONITORS {
            let parts = cuts.windows(2).map(|cut| sound.slice(cut[0], cut[1] - cut[0]));
            prop_assert_eq!(reports(monitor, json!({}), parts), reports(monitor, json!({}), [sound.clone()]));
        }
    }
}
