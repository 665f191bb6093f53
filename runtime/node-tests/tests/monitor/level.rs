//! `AudioLevel`: its measures, its windows, its verdicts, and that the division of the sound into packets changes nothing.

use proptest::prelude::*;
use remotemedia_core::node::Step;
use remotemedia_core::value::{Audio, MediaTime, Packet, Value};
use serde_json::{Value as Json, json};

use harness::drive::{prepare, refusal, run};

const SECOND: i64 = 1_000_000_000;

#[derive(Clone, Debug, PartialEq)]
struct Level {
    rms_db: f64,
    peak_db: f64,
    is_low_volume: bool,
    is_silence: bool,
    health: String,
    pts: i64,
    duration: i64,
}

impl Level {
    fn of(packet: &Packet) -> Self {
        let Value::Map(map) = &packet.value else { panic!("expected a map") };
        assert!(map.keys().map(|key| &**key).eq([
            "rms_db",
            "peak_db",
            "is_low_volume",
            "is_silence",
            "health",
            "faults"
        ]));
        let float = |key| if let Value::Float(float) = map[key] { float } else { panic!("a float") };
        let truth = |key| if let Value::Bool(truth) = map[key] { truth } else { panic!("a truth value") };
        let Value::Str(health) = &map["health"] else { panic!("text") };
        Self {
            rms_db: float("rms_db"),
            peak_db: float("peak_db"),
            is_low_volume: truth("is_low_volume"),
            is_silence: truth("is_silence"),
            health: health.to_string(),
            pts: packet.pts.expect("a time"),
            duration: packet.duration.expect("a duration"),
        }
    }
}

fn levels_of(params: Json, sounds: impl IntoIterator<Item = Audio>) -> Vec<Level> {
    let mut node = prepare("AudioLevel", params).expect("valid params");
    let packets = sounds.into_iter().map(|sound| Packet::new(sound.into()));
    run(&mut *node, packets).expect("levels").iter().map(Level::of).collect()
}

fn sine(frequency: f64, amplitude: f64, rate: u32, frames: usize) -> Vec<f32> {
    let step = std::f64::consts::TAU * frequency / f64::from(rate);
    (0..frames).map(|frame| (amplitude * (step * frame as f64).sin()) as f32).collect()
}

/// White noise of a fixed seed, uniform within ±1 (Knuth's linear congruential generator).
fn noise(frames: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..frames).map(|_| next()).collect()
}

/// Something like speech at 16 kHz: syllables of a voiced sound at 4 Hz, a word's pause each second with the noise of a
/// room in it. The syllables peak at `peak`, the room's noise 40 dB below.
fn speech(peak: f64, seconds: usize) -> Vec<f32> {
    let frames = 16_000 * seconds;
    let voice = sine(140.0, 0.6, 16_000, frames);
    let overtone = sine(910.0, 0.4, 16_000, frames);
    let room = noise(frames, 1);
    (0..frames)
        .map(|frame| {
            let seconds = frame as f64 / 16_000.0;
            let syllable = (std::f64::consts::TAU * 2.0 * seconds).sin().powi(2);
            let gate = if seconds.fract() < 0.6 { syllable } else { 0.0 };
            (peak * (gate * f64::from(voice[frame] + overtone[frame]) + 0.01 * f64::from(room[frame]))) as f32
        })
        .collect()
}

fn mono(samples: Vec<f32>, rate: u32) -> Audio {
    Audio::from_planar(samples, 1, rate).expect("valid sound")
}

fn chunks(sound: &Audio, frames: usize) -> Vec<Audio> {
    (0..sound.frames()).step_by(frames).map(|first| sound.slice(first, frames.min(sound.frames() - first))).collect()
}

/// Whether nothing is found; before two seconds of sound nothing can be.
fn is_well(level: &Level) -> bool {
    level.health == if level.pts < 1_900_000_000 { "unknown" } else { "ok" }
}

#[test]
fn full_scale_is_zero_and_a_full_sine_is_three_below() {
    let square = (0..1600).map(|frame| if frame % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let level = &levels_of(json!({}), [mono(square, 16_000)])[0];
    assert_eq!((level.rms_db, level.peak_db, &*level.health), (0.0, 0.0, "unknown"));
    let level = &levels_of(json!({}), [mono(sine(1000.0, 1.0, 16_000, 1600), 16_000)])[0];
    // 100 whole periods: exact but for the rounding of the samples to float32, 6e-8 of full scale.
    assert!((level.rms_db - 10.0 * 0.5f64.log10()).abs() < 1e-6 && level.peak_db.abs() < 1e-6, "{level:?}");
    let level = &levels_of(json!({}), [mono(vec![2.0; 1600], 16_000)])[0];
    assert!((level.rms_db - 20.0 * 2f64.log10()).abs() < 1e-12, "past full scale is above 0");
}

#[test]
fn digital_silence_has_a_finite_level() {
    let levels = levels_of(json!({}), [mono(vec![0.0; 3200], 16_000), mono(vec![1e-9; 1600], 16_000)]);
    assert_eq!(levels.len(), 3);
    for level in levels {
        // So short a silence may be a pause, and nothing has been heard.
        assert_eq!((level.rms_db, level.peak_db, level.is_silence, &*level.health), (-120.0, -120.0, true, "unknown"));
    }
}

#[test]
fn levels_agree_with_a_straightforward_computation() {
    let (rate, frames, window) = (44_100, 44_100 * 3, 4410);
    let channels =
        [noise(frames, 1), sine(333.0, 0.3, rate, frames), noise(frames, 2).iter().map(|x| x * 1e-4).collect()];
    let levels = levels_of(json!({}), [Audio::from_channels(&channels, rate).expect("valid sound")]);
    let mut largest: f64 = 0.0;
    for (index, level) in levels.iter().enumerate() {
        let all = || {
            channels.iter().flat_map(|channel| &channel[index * window..(index + 1) * window]).copied().map(f64::from)
        };
        let rms = (all().map(|x| x * x).sum::<f64>() / all().count() as f64).sqrt();
        let peak = all().map(f64::abs).fold(0.0, f64::max);
        largest =
            largest.max((level.rms_db - 20.0 * rms.log10()).abs()).max((level.peak_db - 20.0 * peak.log10()).abs());
    }
    assert_eq!(levels.len(), 30);
    // Two float64 sums of 13,230 terms in different orders; measured: 4.3e-14 dB.
    assert!(largest < 1e-12, "the largest deviation is {largest:e} dB");
}

#[test]
fn windows_are_counted_in_samples_from_the_start() {
    // 10 ms at 11,025 Hz are 110.25 frames.
    let sound = mono(noise(1100, 3), 11_025).with_pts(Some(77));
    let levels = levels_of(json!({"window_ms": 10}), [sound]);
    let boundaries = [0, 110, 221, 331, 441, 551, 662, 772, 882, 992, 1100];
    assert_eq!(levels.len(), 10);
    for (level, window) in levels.iter().zip(boundaries.windows(2)) {
        assert_eq!(level.pts, 77 + MediaTime::of_frames(window[0], 11_025));
        assert_eq!(level.pts + level.duration, 77 + MediaTime::of_frames(window[1], 11_025));
    }
}

#[test]
fn the_last_window_has_its_true_duration() {
    let levels = levels_of(json!({}), [mono(sine(440.0, 0.5, 16_000, 16_001), 16_000)]);
    let last = levels.last().expect("levels");
    assert_eq!((levels.len(), last.pts, last.duration), (11, SECOND, 62_500));
    // One sample of the sine is almost zero: the level of that window is below the threshold, and that is what the field says.
    assert!(last.rms_db < -60.0 && last.is_silence, "{last:?}");
}

#[test]
fn a_window_without_a_frame_is_not_emitted() {
    let levels = levels_of(json!({"window_ms": 10}), [mono(vec![0.5; 5], 30)]);
    let times: Vec<i64> = levels.iter().map(|level| level.pts).collect();
    assert_eq!(times, (0..5).map(|frame| MediaTime::of_frames(frame, 30)).collect::<Vec<_>>());
}

#[test]
fn a_change_of_rate_or_channels_ends_the_window_and_goes_on() {
    let sounds = || {
        [
            mono(vec![0.5; 2400], 16_000).with_pts(Some(SECOND)),
            mono(vec![0.25; 800], 8_000).with_pts(None),
            Audio::from_planar(vec![0.125; 2 * 1200], 2, 8_000).expect("valid sound"),
        ]
    };
    let expected = [(0, 100, 0.5), (100, 50, 0.5), (150, 100, 0.25), (250, 100, 0.125), (350, 50, 0.125)];
    let check = |levels: Vec<Level>| {
        assert_eq!(levels.len(), expected.len());
        for (level, (begin_ms, duration_ms, amplitude)) in levels.iter().zip(expected) {
            assert_eq!((level.pts, level.duration), (SECOND + begin_ms * 1_000_000, duration_ms * 1_000_000));
            assert_eq!(level.peak_db, 20.0 * f64::log10(amplitude));
        }
    };
    check(levels_of(json!({}), sounds()));
    check(levels_of(json!({}), sounds().iter().flat_map(|sound| chunks(sound, 7))));
}

#[test]
fn an_item_leaves_nothing_to_the_next() {
    let mut node = prepare("AudioLevel", json!({})).expect("valid params");
    let item =
        || chunks(&mono(speech(0.01, 4), 16_000).slice(0, 63_000), 900).into_iter().map(|x| Packet::new(x.into()));
    let first = run(&mut *node, item()).expect("levels");
    assert_eq!(run(&mut *node, item()).expect("levels"), first);
    assert_eq!(run(&mut *node, []).expect("no levels"), []);
}

#[test]
fn a_long_packet_is_measured_window_by_window() {
    let minutes = Audio::from_planar(noise(16_000 * 120, 4), 1, 16_000).expect("valid sound");
    let mut node = prepare("AudioLevel", json!({})).expect("valid params");
    let mut step = node.process(0, Packet::new(minutes.into())).expect("a step");
    let mut windows = 0;
    while let Step::More(emission) = step {
        windows += usize::from(emission.is_some());
        step = node.resume().expect("a step");
    }
    assert!(matches!(step, Step::Done(Some(_))));
    assert_eq!(windows + 1, 1200);
}

#[test]
fn a_long_window_is_measured_in_several_steps() {
    let second = Audio::from_planar(vec![0.5; 8 * 48_000], 8, 48_000).expect("valid sound");
    let mut node = prepare("AudioLevel", json!({"window_ms": 10_000})).expect("valid params");
    let mut step = node.process(0, Packet::new(second.into())).expect("a step");
    let mut steps = 1;
    while let Step::More(None) = step {
        step = node.resume().expect("a step");
        steps += 1;
    }
    // 8192 frames of 8 channels in each step.
    assert!(matches!(step, Step::Done(None)));
    assert_eq!(steps, 6);
}

#[test]
fn speech_and_its_pauses_are_not_low_volume() {
    // -35 dBFS lies between the syllables, -13 to -28, and the room, at -51.
    let levels = levels_of(json!({}), [mono(speech(0.5, 30), 16_000)]);
    assert!(levels.iter().any(|level| level.rms_db < -45.0), "there are pauses");
    assert!(levels.iter().all(is_well), "{levels:?}");
}

#[test]
fn a_long_pause_in_which_the_room_is_heard_is_not_low_volume() {
    let mut samples = speech(0.5, 6);
    samples.extend(noise(16_000 * 28, 5).iter().map(|x| x * 0.005));
    samples.extend(speech(0.5, 6));
    assert!(levels_of(json!({}), [mono(samples, 16_000)]).iter().all(is_well));
}

#[test]
fn speech_that_becomes_quiet_is_found_after_five_seconds_of_sound() {
    let mut samples = speech(0.5, 10);
    samples.extend(speech(0.02, 20));
    let levels = levels_of(json!({}), [mono(samples, 16_000)]);
    let first = levels.iter().position(|level| level.is_low_volume).expect("a verdict");
    // Five seconds from the last syllable of the loud part, whose last pause is 0.4 s.
    let heard = levels[96..=first].iter().filter(|level| !level.is_silence).count();
    assert_eq!(heard, 50);
    assert!(levels[first..].iter().all(|level| level.is_low_volume));
}

#[test]
fn music_that_swells_is_not_low_volume() {
    let frames = 44_100 * 20;
    let chord = [220.0, 277.2, 329.6].map(|frequency| sine(frequency, 0.2, 44_100, frames));
    let swell = |frame: usize| (0.55 + 0.45 * (frame as f32 / 44_100.0 * 1.3).sin()).powi(2);
    let samples = (0..frames).map(|frame| swell(frame) * chord.iter().map(|tone| tone[frame]).sum::<f32>()).collect();
    assert!(levels_of(json!({}), [mono(samples, 44_100)]).iter().all(is_well));
}

#[test]
fn quiet_speech_has_a_low_volume_after_two_seconds_of_sound() {
    let levels = levels_of(json!({}), [mono(speech(0.02, 10), 16_000)]);
    let first = levels.iter().position(|level| level.is_low_volume).expect("a verdict");
    let heard = |levels: &[Level]| levels.iter().filter(|level| !level.is_silence).count();
    assert_eq!(heard(&levels[..=first]), 20);
    assert!(levels[first..].iter().all(|level| level.is_low_volume), "a pause keeps the verdict");
    assert!(levels[first..].iter().all(|level| level.health == "low_volume"));
    assert!(levels[first..].iter().any(|level| level.is_silence), "there are pauses");
}

#[test]
fn a_steady_quiet_tone_is_found_at_the_start_after_two_seconds_and_later_after_thirty() {
    let mut samples = sine(440.0, 0.005, 16_000, 16_000 * 3);
    samples.extend(sine(440.0, 0.5, 16_000, 16_000 * 3));
    samples.extend(sine(440.0, 0.005, 16_000, 16_000 * 32));
    samples.extend(sine(440.0, 0.5, 16_000, 16_000));
    let levels = levels_of(json!({}), [mono(samples, 16_000)]);
    let changes = levels.windows(2).filter(|pair| pair[0].is_low_volume != pair[1].is_low_volume);
    // The window that completes two or thirty seconds has the verdict; the loud tone counts at once.
    let times: Vec<i64> = changes.map(|pair| pair[1].pts / 1_000_000).collect();
    assert_eq!(times, [1_900, 3_000, 35_900, 38_000]);
}

#[test]
fn a_long_silence_suspends_the_verdict() {
    let mut samples = sine(440.0, 0.005, 16_000, 16_000 * 3);
    samples.extend(vec![0.0; 16_000 * 20]);
    samples.extend(sine(440.0, 0.005, 16_000, 1600));
    let levels = levels_of(json!({}), [mono(samples, 16_000)]);
    let (sound, silence) = levels.split_at(30);
    let (after, silence) = silence.split_last().expect("levels");
    assert!(after.is_low_volume, "what was heard before is not forgotten");
    assert!(sound[29].is_low_volume);
    assert!(silence.iter().all(|level| level.is_silence));
    assert!(silence[..4].iter().all(|level| level.health == "low_volume"), "half a second may be a pause");
    assert!(silence[4..].iter().all(|level| level.health == "silence"));
    assert!(silence[..49].iter().all(|level| level.is_low_volume), "a pause of less than five seconds keeps it");
    assert!(silence[49..].iter().all(|level| !level.is_low_volume));
}

#[test]
fn where_there_is_no_verdict_none_is_given() {
    let tone = |amplitude, seconds: usize| sine(440.0, amplitude, 16_000, 16_000 * seconds);
    let samples = [vec![0.0; 8_000], tone(0.5, 3), vec![0.0; 96_000], tone(0.5, 3)].concat();
    let levels = levels_of(json!({}), [mono(samples, 16_000)]);
    let words: Vec<&str> = levels.iter().map(|level| &*level.health).collect();
    // Silence from half a second on; two seconds of sound; the verdict is kept in a pause, suspended by five seconds of silence.
    // Until then it may be a pause, and nothing is well that may be a fault.
    let expected =
        [("unknown", 4), ("silence", 1), ("unknown", 19), ("ok", 11), ("unknown", 4), ("silence", 56), ("ok", 30)];
    assert_eq!(words, expected.iter().flat_map(|(word, windows)| vec![*word; *windows]).collect::<Vec<_>>());
}

#[test]
fn a_stream_shorter_than_ten_milliseconds_has_its_own_verdict() {
    for (amplitude, is_silence) in [(0.0, true), (1e-4, true), (0.5, false)] {
        let levels = levels_of(json!({}), [mono(vec![amplitude; 100], 16_000)]);
        assert_eq!((levels.len(), levels[0].is_silence), (1, is_silence), "{amplitude}");
    }
    let with_rest = |rest: f32| {
        let samples = [vec![0.5; 1600 * 25], vec![rest; 80]].concat();
        levels_of(json!({}), [mono(samples, 16_000)]).pop().expect("a rest of 5 ms")
    };
    let silent = with_rest(0.0);
    assert_eq!((silent.rms_db, silent.is_silence, &*silent.health), (-120.0, true, "unknown"));
    let loud = with_rest(0.5);
    assert_eq!((loud.is_silence, &*loud.health), (false, "ok"));
}

#[test]
fn every_window_below_the_threshold_is_silence_however_short() {
    // Windows of 10 ms have 110 or 111 frames at this rate, some of them less than 10 ms.
    let sound = mono([sine(440.0, 0.5, 11_025, 11_025 * 3), vec![0.0; 11_025 * 2 + 37]].concat(), 11_025);
    let levels = levels_of(json!({"window_ms": 10}), chunks(&sound, 77));
    for level in &levels {
        assert_eq!(level.is_silence, level.rms_db < -60.0, "{level:?}");
        assert!(!(level.is_silence && level.health == "ok"), "{level:?}");
        assert_eq!(level.health == "silence", level.pts + level.duration >= 3 * SECOND + SECOND / 2, "{level:?}");
    }
    assert_eq!(levels[299].health, "ok", "two seconds of sound are a verdict");
    assert_eq!(levels.len(), 501);
}

#[test]
fn thresholds_are_params() {
    let tone = || [mono(sine(440.0, 0.1, 16_000, 16_000 * 3), 16_000)];
    let health = |params| levels_of(params, tone()).last().expect("levels").health.clone();
    assert_eq!(health(json!({})), "ok");
    assert_eq!(health(json!({"low_volume_threshold_db": -20})), "low_volume");
    assert_eq!(health(json!({"low_volume_threshold_db": -10, "silence_threshold_db": -20})), "silence");
}

#[test]
fn thresholds_in_the_wrong_order_are_refused() {
    assert_eq!(
        refusal("AudioLevel", json!({"silence_threshold_db": -30})),
        "silence_threshold_db: expected less than low_volume_threshold_db, which is -35, got -30"
    );
    let schema = harness::drive::registry().get("AudioLevel").expect("a built-in node").params_schema.clone();
    let default = |param: &str| schema["properties"][param]["default"].as_f64();
    assert_eq!(default("window_ms"), Some(100.0));
    assert_eq!(default("low_volume_threshold_db"), Some(-35.0));
    assert_eq!(default("silence_threshold_db"), Some(-60.0));
}

#[test]
fn samples_that_are_no_numbers_are_an_error_with_its_place() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut samples = vec![0.5; 4000];
        samples[2000] = bad;
        let mut node = prepare("AudioLevel", json!({})).expect("valid params");
        let error = run(&mut *node, [Packet::new(mono(samples, 16_000).into())]).expect_err("an error");
        assert_eq!(error.cause, "the sound has samples that are NaN or infinite");
        assert_eq!((&*error.cure, error.position), ("Replace them before this node.", Some(SECOND / 8)));
    }
}

#[test]
fn anything_but_audio_is_refused() {
    let mut node = prepare("AudioLevel", json!({})).expect("valid params");
    let error = run(&mut *node, [Value::Null.into()]).expect_err("a refusal");
    assert_eq!((&*error.cause, &*error.cure), ("expected audio, got null", "Wrap samples: Audio(samples, rate=...)."));
}

#[test]
fn chunks_of_any_usual_length_give_the_same_levels() {
    for (rate, amplitude) in [(16_000, 0.5), (16_000, 0.02), (44_100, 0.3)] {
        let sound = mono(speech(amplitude, 7), rate).with_pts(Some(123));
        let whole = levels_of(json!({}), [sound.clone()]);
        for chunk_ms in [1, 20, 100, 250, 1000] {
            assert_eq!(levels_of(json!({}), chunks(&sound, rate as usize * chunk_ms / 1000)), whole, "{chunk_ms} ms");
        }
    }
}

proptest! {
    #[test]
    fn the_division_into_packets_changes_nothing(
        seed in any::<u64>(),
        rate in prop::sample::select(vec![8_000u32, 11_025, 44_100]),
        channels in 1usize..4,
        window_ms in 10u32..120,
        cuts in prop::collection::vec(0usize..9_999, 0..30),
    ) {
        let samples = noise(9_999 * channels, seed).into_iter().enumerate();
        let sound = Audio::from_planar(samples.map(|(index, x)| x / (1 + index % 997) as f32).collect(), channels, rate)
            .expect("valid sound");
        let mut cuts = cuts;
        cuts.extend([0, 9_999]);
        cuts.sort_unstable();
        let parts = cuts.windows(2).map(|cut| sound.slice(cut[0], cut[1] - cut[0]));
        let params = json!({"window_ms": window_ms});
        prop_assert_eq!(levels_of(params.clone(), parts), levels_of(params, [sound.clone()]));
    }
}
