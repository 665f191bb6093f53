//! `MFCC`: the numbers of librosa and of Kaldi, whatever the division into packets.

use proptest::prelude::*;
use remotemedia_core::value::{Audio, Packet};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::drive::{prepare, refusal, run};
use crate::{frames, signal, sound, tensors};

/// What `mfcc_reference.py` has computed: for each coefficient the numbers of all frames.
#[derive(Deserialize)]
struct Case {
    params: Json,
    rate: u32,
    samples: usize,
    coefficients: Vec<Vec<f32>>,
}

#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_coefficients_are_those_of_librosa_and_kaldi() {
    /// Numbers are sums of up to 128 logarithms in float32; quiet filters lose more than loud ones.
    const MOST: f32 = 2e-5;
    let cases: Vec<Case> = serde_json::from_str(include_str!("mfcc.json")).expect("what mfcc_reference.py writes");
    for (convention, against, expected) in [("librosa", "librosa 0.11.0", 4), ("kaldi", "kaldi-native-fbank 1.23.0", 8)]
    {
        let (mut count, mut worst) = (0, 0.0f32);
        for case in cases.iter().filter(|case| case.params["convention"] == convention) {
            let (ours, outer) = frames(&tensors("MFCC", &case.params, [sound(case.samples, case.rate)]));
            assert_eq!(
                (ours.len(), outer),
                (case.coefficients[0].len(), vec![case.coefficients.len()]),
                "{}",
                case.params
            );
            let numbers = || case.coefficients.iter().flatten();
            let largest = numbers().map(|number| number.abs()).fold(0.0, f32::max);
            for (row, expected) in case.coefficients.iter().enumerate() {
                for (frame, expected) in expected.iter().enumerate() {
                    let deviation = (ours[frame][row] - expected).abs() / largest;
                    assert!(deviation <= MOST, "{}: {} for {expected}", case.params, ours[frame][row]);
                    worst = worst.max(deviation);
                }
            }
            count += 1;
        }
        assert_eq!(count, expected);
        println!("reference | MFCC | {against} | {count} | {worst:.1e} of the largest value | {MOST:.1e} |");
    }
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
    for convention in ["librosa", "kaldi"] {
        let silence = Audio::from_planar(vec![0.0; 3_000], 1, 16_000).expect("valid sound");
        let (numbers, _) = frames(&tensors("MFCC", &json!({"convention": convention}), [silence]));
        assert!(!numbers.is_empty() && numbers.iter().flatten().all(|number| number.is_finite()), "{convention}");
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
        (convention, hop) in prop::sample::select(vec![("librosa", 90), ("kaldi", 90), ("hops", 90), ("hops", 700)]),
        whole: bool,
    ) {
        let mut params = json!({"convention": convention, "whole": whole, "n_mfcc": 7, "n_mels": 12, "hop_length": hop});
        if convention == "hops" {
            (params["convention"], params["snip_edges"]) = (json!("kaldi"), json!(false));
        }
        let sound = sound(samples, 16_000);
        let undivided = frames(&tensors("MFCC", &params, [sound.clone()]));
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(samples)).collect();
        cuts.extend([0, samples]);
        cuts.sort_unstable();
        let parts = cuts.windows(2).map(|cut| sound.slice(cut[0], cut[1] - cut[0]));
        prop_assert_eq!(frames(&tensors("MFCC", &params, parts)), undivided);
    }
}
