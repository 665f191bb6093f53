//! `SpeechRatio` and `SNREstimate`: what they measure beside what is known of the sound.

use remotemedia_core::value::{Audio, Map, Packet, Value};
use serde_json::{Value as Json, json};

use crate::reference::reference;
use crate::signals::{divided, random_numbers, signal, sound};
use harness::drive::{prepare, run};

fn measured(node_type: &str, params: Json, parts: impl IntoIterator<Item = Audio>) -> (Map, Packet) {
    let mut node = prepare(node_type, params).expect("valid params");
    let made = run(&mut *node, parts.into_iter().map(|audio| Packet::new(audio.into()))).expect("it measures");
    let [packet] = &made[..] else { panic!("expected one map, got {made:?}") };
    let Value::Map(map) = &packet.value else { panic!("expected a map") };
    ((**map).clone(), packet.clone())
}

fn number(map: &Map, key: &str) -> f64 {
    match &map[key] {
        Value::Float(number) => *number,
        other => panic!("expected a float at {key}, got {}", other.kind().name()),
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_ratios_are_those_of_silero_vads_timestamps() {
    const KNOWN: [&str; 4] = ["threshold", "min_speech_duration_ms", "min_silence_duration_ms", "speech_pad_ms"];
    let (mut cases, mut worst) = (0, 0.0f64);
    for signal in reference().signals {
        let known =
            |params: &Json| params.as_object().is_some_and(|params| params.keys().all(|key| KNOWN.contains(&&**key)));
        for case in signal.cases.iter().filter(|case| known(&case.params)) {
            let speech: usize = case.segments.iter().map(|[start, end]| end - start).sum();
            let (map, _) = measured("SpeechRatio", case.params.clone(), [sound(&signal.name, signal.rate)]);
            let expected = speech as f64 / signal.samples as f64;
            let deviation = (number(&map, "speech_ratio") - expected).abs();
            assert!(deviation < 1e-9, "{} at {}: {map:?} for {expected}", signal.name, signal.rate);
            assert_eq!(number(&map, "duration_s"), signal.samples as f64 / f64::from(signal.rate));
            assert!((number(&map, "speech_s") - expected * number(&map, "duration_s")).abs() < 1e-6);
            (cases, worst) = (cases + 1, worst.max(deviation));
        }
    }
    assert!(cases >= 4, "{cases}");
    println!(
        "reference | SpeechRatio | silero-vad 6.2.3, get_speech_timestamps | {cases} | {worst:.1e} of the time | 1.0e-9 |"
    );
}

#[test]
fn the_division_into_packets_changes_no_measure() {
    let whole = sound("speech", 16_000).slice(0, 80_000).with_pts(Some(7));
    for node_type in ["SpeechRatio", "SNREstimate"] {
        let expected = measured(node_type, json!({}), [whole.clone()]);
        assert_eq!((expected.1.pts, expected.1.duration), (Some(7), Some(5_000_000_000)));
        for step in [160, 1_001, 33_333] {
            let parts = divided(&whole, (0..80_000).step_by(step).collect());
            assert_eq!(measured(node_type, json!({}), parts), expected, "{node_type} in parts of {step}");
        }
    }
}

#[test]
fn nothing_and_silence_have_no_measure() {
    let empty = || Audio::from_planar(Vec::new(), 1, 16_000).expect("valid sound");
    assert_eq!(measured("SpeechRatio", json!({}), [empty()]).0["speech_ratio"], Value::Null);
    assert_eq!(measured("SNREstimate", json!({}), [empty()]).0["snr_db"], Value::Null);
    let (map, _) = measured("SpeechRatio", json!({}), [sound("silence", 16_000)]);
    assert_eq!((number(&map, "speech_ratio"), number(&map, "duration_s")), (0.0, 2.0));
    assert_eq!(measured("SNREstimate", json!({}), [sound("silence", 16_000)]).0["snr_db"], Value::Null);
}

/// Noise with a normal distribution, by Box and Muller.
fn normal() -> impl Iterator<Item = f64> {
    let mut numbers = random_numbers();
    let mut uniform = move || {
        let mut next = || numbers.next().expect("there is no end") as f64;
        (next() * 65_536.0 + next() + 0.5) / 4_294_967_296.0
    };
    std::iter::repeat_with(move || (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos())
}

/// A clip of speech, and noise at a ratio to it in decibels, at another level.
fn noisy(ratio: f64) -> Vec<f32> {
    let speech = &signal("speech", 16_000)[..7 * 16_000];
    let power = speech.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / speech.len() as f64;
    let gain = (power / 10f64.powf(ratio / 10.0)).sqrt();
    let noise = normal();
    speech.iter().zip(noise).map(|(sample, noise)| (0.5 * (f64::from(*sample) + gain * noise)) as f32).collect()
}

#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_estimates_are_the_ratios_at_which_noise_was_added() {
    /// The recording itself has noise some 19 dB below the speech, which is 0.5 dB less where 10 dB were added.
    const MOST: f64 = 1.0;
    let ratios = [0.0, 3.0, 5.0, 7.0, 10.0];
    let mut worst = 0.0f64;
    for ratio in ratios {
        let audio = Audio::from_planar(noisy(ratio), 1, 16_000).expect("valid sound");
        let (map, _) = measured("SNREstimate", json!({}), [audio]);
        let deviation = (number(&map, "snr_db") - ratio).abs();
        assert!(deviation < MOST, "{map:?} for {ratio}");
        worst = worst.max(deviation);
    }
    println!(
        "reference | SNREstimate | speech with noise at 0 to 10 dB | {} | {worst:.1e} dB | {MOST:.1e} dB |",
        ratios.len()
    );
}

#[test]
fn an_offset_is_no_noise() {
    for ratio in [0.0, 10.0] {
        let estimate = |offset: f32| {
            let samples: Vec<f32> = noisy(ratio).iter().map(|sample| sample + offset).collect();
            let (map, _) = measured("SNREstimate", json!({}), [Audio::from_planar(samples, 1, 16_000).expect("sound")]);
            (number(&map, "snr_db"), number(&map, "noise_db"))
        };
        let (snr, noise) = estimate(0.0);
        for offset in [0.01, -0.1] {
            // The detector hears the offset too, so that the pauses are not quite the same.
            let (with_offset, level) = estimate(offset);
            assert!(
                (with_offset - snr).abs() < 0.5 && (level - noise).abs() < 0.5,
                "{with_offset} for {snr} at {offset}"
            );
        }
    }
}

#[test]
fn digital_silence_with_an_offset_is_left_out() {
    let estimate = |offset: f32| {
        let pause = vec![0.0; 16_000];
        let samples: Vec<f32> = [noisy(5.0), pause].concat().iter().map(|sample| sample + offset).collect();
        measured("SNREstimate", json!({}), [Audio::from_planar(samples, 1, 16_000).expect("sound")]).0
    };
    let (centred, with_offset) = (estimate(0.0), estimate(0.003));
    assert!((number(&centred, "noise_db") - number(&with_offset, "noise_db")).abs() < 0.5, "{with_offset:?}");
}

#[test]
fn the_noise_has_a_level_and_every_channel_counts() {
    let sound = noisy(5.0);
    let alone = Audio::from_planar(sound.clone(), 1, 16_000).expect("valid sound");
    let (alone, _) = measured("SNREstimate", json!({}), [alone]);
    let louder: Vec<f32> = sound.iter().map(|sample| sample * 2.0).collect();
    let (louder, _) = measured("SNREstimate", json!({}), [Audio::from_planar(louder, 1, 16_000).expect("valid sound")]);
    // The detector hears a little more or less at another level, so that the pauses are not quite the same.
    assert!((number(&louder, "noise_db") - number(&alone, "noise_db") - 20.0 * 2f64.log10()).abs() < 0.5, "{louder:?}");
    assert!((number(&louder, "snr_db") - number(&alone, "snr_db")).abs() < 0.5, "{louder:?}");
    let silence = vec![0.0; sound.len()];
    let stereo = Audio::from_channels(&[sound, silence], 16_000).expect("valid sound");
    let (stereo, _) = measured("SNREstimate", json!({}), [stereo]);
    assert!((number(&alone, "noise_db") - number(&stereo, "noise_db") - 10.0 * 2f64.log10()).abs() < 0.5, "{stereo:?}");
}

#[test]
fn noise_without_speech_has_no_ratio() {
    let (map, _) = measured("SNREstimate", json!({}), [sound("noise", 16_000)]);
    assert_eq!((&map["snr_db"], &map["noise_db"]), (&Value::Null, &Value::Null));
    assert_eq!(number(&map, "duration_s"), 5.0);
}
