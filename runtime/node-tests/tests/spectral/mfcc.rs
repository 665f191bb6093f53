//! `MFCC` and Kaldi's filter banks: the numbers of librosa and of Kaldi, whatever the division into packets.

use proptest::prelude::*;
use remotemedia_core::value::{Audio, Packet};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{frames, signal, sound, tensors};
use harness::drive::{prepare, refusal, run};

/// What `mfcc_reference.py` has computed: for each coefficient the numbers of all frames.
#[derive(Deserialize)]
struct Case {
    params: Json,
    rate: u32,
    samples: usize,
    coefficients: Vec<Vec<f32>>,
}

#[test]
fn reference_coefficients_are_those_of_librosa_and_kaldi() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("mfcc.json")).expect("what mfcc_reference.py writes");
    let (librosa, kaldi): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| case.params["convention"] == "librosa");
    assert_eq!([librosa.len(), kaldi.len()], [4, 8]);
    compare("MFCC", "librosa 0.11.0", &librosa);
    compare("MFCC", "kaldi-native-fbank 1.23.0", &kaldi);
}

#[test]
fn reference_filter_banks_are_those_of_kaldi() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("fbank.json")).expect("what mfcc_reference.py writes");
    assert_eq!(cases.len(), 5);
    compare("MelSpectrogram", "kaldi-native-fbank 1.23.0", &cases);
}

/// Runs the node on each case and prints a line for the table of references.
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn compare(node: &str, against: &str, cases: &[Case]) {
    /// Numbers are sums of up to 128 logarithms in float32; quiet filters lose more than loud ones.
    const MOST: f32 = 2e-5;
    let mut worst = 0.0f32;
    for case in cases {
        let (ours, outer) = frames(&tensors(node, &case.params, [sound(case.samples, case.rate)]));
        let shape = (case.coefficients[0].len(), vec![case.coefficients.len()]);
        assert_eq!((ours.len(), outer), shape, "{}", case.params);
        let numbers = || case.coefficients.iter().flatten();
        let largest = numbers().map(|number| number.abs()).fold(0.0, f32::max);
        for (row, expected) in case.coefficients.iter().enumerate() {
            for (frame, expected) in expected.iter().enumerate() {
                let deviation = (ours[frame][row] - expected).abs() / largest;
                assert!(deviation <= MOST, "{}: {} for {expected}", case.params, ours[frame][row]);
                worst = worst.max(deviation);
            }
        }
    }
    println!("reference | {node} | {against} | {} | {worst:.1e} of the largest value | {MOST:.1e} |", cases.len());
}

#[test]
fn each_channel_has_its_own_coefficients_below_one_largest_level() {
    let (left, right) = (signal(4_000), signal(8_000).split_off(4_000).iter().map(|sample| sample / 4.0).collect());
    let both = |right: &Vec<f32>| {
        let stereo = Audio::from_channels(&[left.clone(), right.clone()], 16_000).expect("valid sound");
        frames(&tensors("MFCC", &json!({"top_db": 20.0}), [stereo]))
    };
    let (coefficients, outer) = both(&right);
    assert_eq!(outer, [2, 20]);
    let alone = frames(&tensors("MFCC", &json!({"top_db": 20.0}), [sound(4_000, 16_000)])).0;
    for (both, alone) in coefficients.iter().zip(&alone) {
        assert_eq!(both[..20], alone[..]);
    }
    // 12 dB below the left channel more is cut off than alone.
    let quiet = Audio::from_planar(right, 1, 16_000).expect("valid sound");
    let alone = frames(&tensors("MFCC", &json!({"top_db": 20.0}), [quiet])).0;
    assert_ne!(coefficients[3][20..], alone[3][..]);
}

#[test]
fn sound_shorter_than_a_window_of_kaldi_has_no_frames_and_one_window_has_one() {
    let count =
        |samples: usize| frames(&tensors("MFCC", &json!({"convention": "kaldi"}), [sound(samples, 16_000)])).0.len();
    assert_eq!([0, 399, 400, 559, 560].map(count), [0, 0, 1, 1, 2]);
}

#[test]
fn digital_silence_is_finite() {
    for (node, params) in [
        ("MFCC", json!({"convention": "librosa"})),
        ("MFCC", json!({"convention": "kaldi"})),
        ("MelSpectrogram", json!({"preset": "kaldi"})),
    ] {
        let silence = Audio::from_planar(vec![0.0; 3_000], 1, 16_000).expect("valid sound");
        let (numbers, _) = frames(&tensors(node, &params, [silence]));
        assert!(!numbers.is_empty() && numbers.iter().flatten().all(|number| number.is_finite()), "{node} {params}");
    }
}

#[test]
fn what_it_can_not_use_is_refused() {
    for (params, expected) in [
        (json!({"n_mfcc": 30, "n_mels": 20}), "n_mfcc: expected at most n_mels, which is 20, got 30"),
        (json!({"convention": "kaldi", "n_fft": 256}), "win_length: expected at most n_fft, which is 256, got 400"),
        (
            json!({"convention": "kaldi", "fmax_hz": 15.0}),
            "fmin_hz: expected less than 15, where the filters end, got 20",
        ),
        (
            json!({"convention": "kaldi", "mel_scale": "slaney"}),
            "mel_scale: expected no such param with the convention kaldi, got one of librosa",
        ),
        (
            json!({"use_energy": false}),
            "use_energy: expected no such param with the convention librosa, got one of kaldi",
        ),
        (
            json!({"snip_edges": false}),
            "snip_edges: expected no such param with the convention librosa, got one of kaldi",
        ),
        (json!({"top_db": 80.0, "whole": false}), "top_db: expected no such param unless 'whole' is true, got both"),
    ] {
        assert_eq!(refusal("MFCC", params), expected);
    }
    for (params, expected) in [
        (json!({"preset": "kaldi", "center": false}), "center: expected no such param with the preset kaldi, got one"),
        (json!({"preset": "kaldi", "norm": "none"}), "norm: expected no such param with the preset kaldi, got one"),
        (json!({"full_scale": 1.0}), "full_scale: expected no such param unless the preset is kaldi, got one"),
        (
            json!({"preset": "whisper", "snip_edges": true}),
            "snip_edges: expected no such param unless the preset is kaldi, got one",
        ),
        (json!({"preset": "kaldi", "win_length": 1}), "win_length: expected at least 2 with the preset kaldi, got 1"),
        (json!({"preset": "kaldi", "n_fft": 256}), "win_length: expected at most n_fft, which is 256, got 400"),
    ] {
        assert_eq!(refusal("MelSpectrogram", params), expected);
    }
    let mut node = prepare("MFCC", json!({"fmin_hz": 5000.0})).expect("valid params");
    let error = run(&mut *node, [Packet::new(sound(10, 8_000).into())]).expect_err("a refusal");
    assert_eq!(
        (&*error.cause, &*error.cure),
        ("'fmin_hz' is 5000, but sound of 8000 Hz ends at 4000 Hz", "Lower 'fmin_hz', or set 'rate'.")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in prop::collection::vec(0usize..3_000, 0..20),
        samples in 1usize..3_000,
        (node, mut params) in prop::sample::select(vec![
            ("MFCC", json!({"convention": "librosa", "n_mfcc": 7, "hop_length": 90})),
            ("MFCC", json!({"convention": "kaldi", "n_mfcc": 7, "hop_length": 90})),
            ("MFCC", json!({"convention": "kaldi", "n_mfcc": 7, "hop_length": 90, "snip_edges": false})),
            ("MelSpectrogram", json!({"preset": "kaldi", "hop_length": 700, "snip_edges": false})),
        ]),
        whole: bool,
    ) {
        (params["whole"], params["n_mels"]) = (json!(whole), json!(12));
        let sound = sound(samples, 16_000);
        let undivided = frames(&tensors(node, &params, [sound.clone()]));
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(samples)).collect();
        cuts.extend([0, samples]);
        cuts.sort_unstable();
        let parts = cuts.windows(2).map(|cut| sound.slice(cut[0], cut[1] - cut[0]));
        prop_assert_eq!(frames(&tensors(node, &params, parts)), undivided);
    }
}
