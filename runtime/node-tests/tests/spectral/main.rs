//! `STFT`, `MelSpectrogram`, `MFCC` and masks over them: the numbers of librosa, Whisper and Kaldi, whatever the division
//! into packets.

mod bandwidth;
mod mask;
mod mfcc;

use std::collections::BTreeMap;

use harness::drive::{prepare, refusal, run};
use proptest::prelude::*;
use remotemedia_core::graph::Graph;
use remotemedia_core::manifest::{HostNodes, parse};
use remotemedia_core::value::{Audio, Layout, Packet, Tensor, Value};
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// What `reference.py` has computed: numbers of `reference.f32`, in C order.
#[derive(Deserialize)]
struct Case {
    node: String,
    params: Json,
    rate: u32,
    samples: usize,
    shape: Vec<usize>,
    offset: usize,
    length: usize,
}

/// The signal of `reference.py`: two triangle waves, the second rising, and a little noise, in whole numbers.
fn signal(count: usize) -> Vec<f32> {
    let mut state = 7u32;
    let sample = |n: i64| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (i64::from(state >> 16) - 32_768).div_euclid(64);
        let [steady, rising] = [1_801, n / 2 + 300].map(|step| ((n * step) % 65_536 - 32_768).abs() - 16_384);
        (steady.div_euclid(2) + rising.div_euclid(4) + noise) as f32 / 32_768.0
    };
    (0..count as i64).map(sample).collect()
}

fn sound(count: usize, rate: u32) -> Audio {
    Audio::from_planar(signal(count), 1, rate).expect("valid sound")
}

/// The tensors and their times that a node emits for one item.
fn tensors(node_type: &str, params: &Json, parts: impl IntoIterator<Item = Audio>) -> Vec<(Tensor, Packet)> {
    let mut node = prepare(node_type, params.clone()).expect("valid params");
    let emitted = run(&mut *node, parts.into_iter().map(|audio| Packet::new(audio.into()))).expect("it transforms");
    let tensor = |packet: Packet| match &packet.value {
        Value::Tensor(tensor) => ((**tensor).clone(), packet),
        other => panic!("expected a tensor, got {}", other.kind().name()),
    };
    emitted.into_iter().map(tensor).collect()
}

/// All frames one after the other: for each the numbers of every channel and row. And the shape without frames.
fn frames(tensors: &[(Tensor, Packet)]) -> (Vec<Vec<f32>>, Vec<usize>) {
    let (mut all, mut rest) = (Vec::new(), Vec::new());
    for (tensor, _) in tensors {
        let (count, outer) = tensor.shape().split_last().expect("it has dimensions");
        rest = outer.to_vec();
        let numbers: Vec<f32> = tensor.gather().as_chunks().0.iter().copied().map(f32::from_le_bytes).collect();
        let each = tensor.data_type().size() / 4;
        let rows: Vec<&[f32]> = numbers.chunks(count * each).collect();
        all.extend(
            (0..*count).map(|frame| {
                rows.iter().flat_map(|row| row[frame * each..(frame + 1) * each].iter().copied()).collect()
            }),
        );
    }
    (all, rest)
}

#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_numbers_are_those_of_librosa_and_whisper() {
    let mut rows: BTreeMap<(String, &str), (usize, f32, f32)> = BTreeMap::new();
    let cases: Vec<Case> = serde_json::from_str(include_str!("reference.json")).expect("what reference.py writes");
    let bytes = include_bytes!("reference.f32");
    let numbers: Vec<f32> = bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect();
    for case in cases {
        let what = format!("{} {}", case.node, case.params);
        let (ours, outer) = frames(&tensors(&case.node, &case.params, [sound(case.samples, case.rate)]));
        let (count, expected_outer) = case.shape.split_last().expect("two dimensions");
        assert_eq!((ours.len(), &*outer), (*count, expected_outer), "{what}");
        let theirs = &numbers[case.offset..case.offset + case.length];
        let each = case.length / case.shape.iter().product::<usize>();
        let expected = |frame: usize, row: usize| theirs[((row / each) * count + frame) * each + row % each];
        let largest = theirs.iter().map(|number| number.abs()).fold(0.0, f32::max);
        let mut worst = 0.0f32;
        for (frame, values) in ours.iter().enumerate() {
            for (row, value) in values.iter().enumerate() {
                worst = worst.max((value - expected(frame, row)).abs());
            }
        }
        // Transforms in float32 are off by some 1e-7 of the largest value. Logarithms of small sums turn that into more.
        let is_logarithm = case.params.get("scale").is_some() || case.params.get("preset").is_some();
        let most = if is_logarithm { 2e-5 } else { 1e-6 };
        assert!(worst <= most * largest, "{what}: {worst} of {largest}");
        let is_whisper = case.params.get("preset").is_some();
        let against = if is_whisper { "Whisper 20250625, numpy 2.4.6 rfft" } else { "librosa 0.11.0" };
        let row = rows.entry((case.node, against)).or_default();
        *row = (row.0 + 1, row.1.max(worst / largest), row.2.max(most));
    }
    for ((node, against), (cases, deviation, most)) in rows {
        println!("reference | {node} | {against} | {cases} | {deviation:.1e} of the largest value | {most:.1e} |");
    }
}

#[test]
fn a_packet_is_as_long_as_its_hops_and_begins_with_its_first_frame() {
    let params = json!({"n_fft": 64, "hop_length": 16, "value": "power"});
    let parts = |sound: &Audio| [sound.slice(0, 100), sound.slice(100, 60)];
    let sound = sound(160, 16_000).with_pts(Some(1_000_000));
    let emitted = tensors("STFT", &params, parts(&sound));
    // Frame k needs the samples up to 16 k + 32: five frames are complete after 100 samples, nine after 160, 11 at the end.
    let summary: Vec<_> =
        emitted.iter().map(|(tensor, packet)| (tensor.shape()[1], packet.pts, packet.duration)).collect();
    let at = |frame: i64, count: i64| (count as usize, Some(frame * 1_000_000 + 1_000_000), Some(count * 1_000_000));
    assert_eq!(summary, [at(0, 5), at(5, 4), at(9, 2)]);
}

/// As the docs of `STFT` say; librosa's number for an odd `n_fft` is among the references.
#[test]
fn the_number_of_frames_follows_from_that_of_samples() {
    for (n_fft, n) in [32, 33].into_iter().flat_map(|n_fft| [33, 47, 48, 49, 64, 100].map(|n| (n_fft, n))) {
        let count = |center: bool| {
            let params = json!({"n_fft": n_fft, "hop_length": 16, "center": center});
            frames(&tensors("STFT", &params, [sound(n, 16_000)])).0.len()
        };
        let centred = if n_fft % 2 == 0 { 1 + n / 16 } else { 1 + (n - 1) / 16 };
        assert_eq!((count(true), count(false)), (centred, 1 + (n - n_fft) / 16), "{n} samples, n_fft {n_fft}");
    }
}

#[test]
fn several_channels_make_a_third_dimension() {
    let (left, right) = (signal(400), signal(800).split_off(400));
    let stereo = Audio::from_channels(&[left.clone(), right.clone()], 16_000).expect("valid sound");
    for (node_type, params, rows) in
        [("STFT", json!({"n_fft": 32}), 17), ("MelSpectrogram", json!({"n_fft": 128, "n_mels": 7, "whole": true}), 7)]
    {
        let (both, outer) = frames(&tensors(node_type, &params, [stereo.clone()]));
        assert_eq!(outer, [2, rows]);
        let alone = |samples: &[f32]| {
            let mono = Audio::from_planar(samples.to_vec(), 1, 16_000).expect("valid sound");
            frames(&tensors(node_type, &params, [mono])).0
        };
        let joined: Vec<Vec<f32>> =
            alone(&left).into_iter().zip(alone(&right)).map(|(left, right)| [left, right].concat()).collect();
        assert_eq!(both, joined);
    }
}

/// As `scipy.signal.windows.hann(1, sym=False)` and so librosa have it.
#[test]
fn the_window_of_one_sample_is_1() {
    let params = json!({"n_fft": 16, "win_length": 1, "hop_length": 16, "value": "magnitude"});
    let (spectra, _) = frames(&tensors("STFT", &params, [sound(64, 16_000)]));
    assert_eq!(spectra.len(), 5);
    // Frame k begins at sample 16 k - 8, and one sample in the middle of 16 is the seventh behind the first. It has the same
    // magnitude at all frequencies.
    for (frame, sample) in spectra.iter().zip([vec![0.0], signal(64)].concat().iter().step_by(16)) {
        assert!(frame.iter().all(|magnitude| (magnitude - sample.abs()).abs() < 1e-6), "{frame:?} of {sample}");
    }
}

#[test]
fn decibels_of_any_power_end_at_the_same_floor() {
    for power in [0.1, 1.0, 2.0, 7.5, 7.7, 9.0, 9.4, 10.0] {
        let params = json!({"scale": "db", "power": power, "n_mels": 4});
        let silence = Audio::from_planar(vec![0.0; 4_096], 1, 16_000).expect("valid sound");
        let (levels, _) = frames(&tensors("MelSpectrogram", &params, [silence]));
        assert!(!levels.is_empty());
        // The floor of the sums is a float32, and so is off by a unit of its last place.
        let is_floor = |level: &f32| (-100.0..-99.9999).contains(level);
        assert!(levels.iter().flatten().all(is_floor), "power {power}: {:?}", levels[0]);
    }
}

#[test]
fn a_filter_without_a_bin_gives_the_floor() {
    let (levels, _) =
        frames(&tensors("MelSpectrogram", &json!({"preset": "kaldi", "n_mels": 128}), [sound(800, 16_000)]));
    let floor = f32::EPSILON.ln();
    let is_empty = |filter: &usize| levels.iter().all(|frame| frame[*filter] == floor);
    assert_eq!((0..128).filter(is_empty).collect::<Vec<_>>(), [3]);
}

#[test]
fn whole_items_come_in_one_tensor() {
    let params = json!({"n_fft": 64, "hop_length": 16, "value": "magnitude"});
    let whole = json!({"n_fft": 64, "hop_length": 16, "value": "magnitude", "whole": true});
    let sound = sound(100_000, 16_000);
    let (parts, one) = (tensors("STFT", &params, [sound.clone()]), tensors("STFT", &whole, [sound]));
    assert!(parts.len() > 1);
    assert_eq!((one.len(), one[0].0.shape()), (1, &[33, 6_251][..]));
    assert_eq!(frames(&parts), frames(&one));
}

#[test]
fn a_change_of_format_ends_one_recording_and_begins_the_next() {
    let params = json!({"n_fft": 64, "hop_length": 16, "value": "power"});
    let (first, second) = (sound(1_000, 16_000), sound(1_000, 8_000));
    let mut expected = frames(&tensors("STFT", &params, [first.clone()])).0;
    expected.extend(frames(&tensors("STFT", &params, [second.clone()])).0);
    let both = tensors("STFT", &params, [first.clone(), second]);
    assert_eq!(frames(&both).0, expected);
    let times: Vec<_> = both.iter().map(|(_, packet)| packet.pts).collect();
    assert_eq!(times.first().zip(times.get(2)), Some((&Some(0), &Some(62_500_000))));
    let unnamed = first.clone().with_layout(Layout::Unspecified);
    assert_eq!(frames(&tensors("STFT", &params, [first, unnamed])).0.len(), 2 * 63);
}

#[test]
fn sound_that_is_too_short_has_no_frames() {
    let short = |params: Json| tensors("STFT", &params, [sound(20, 16_000)]).len();
    assert_eq!(short(json!({"n_fft": 64, "center": false})), 0);
    assert_eq!(tensors("MelSpectrogram", &json!({"preset": "whisper"}), [sound(100, 16_000)]).len(), 0);
    assert_eq!(tensors("STFT", &json!({}), [sound(0, 16_000)]).len(), 0);
    assert_eq!(tensors("STFT", &json!({}), []).len(), 0);
}

#[test]
fn whisper_gets_its_rate_and_mono() {
    let manifest =
        r#"{"version":"v1","nodes":[{"id":"mel","node_type":"MelSpectrogram","params":{"preset":"whisper"}}]}"#;
    let blueprint = parse(manifest.as_bytes(), harness::drive::registry(), &HostNodes::new()).expect("valid");
    let plan = Graph::plan(blueprint).expect("few ways").describe();
    let inserted: Vec<&Json> = plan["nodes"].as_array().expect("nodes").iter().map(|node| &node["params"]).collect();
    assert_eq!(inserted[1..], [&json!({"channels": 1}), &json!({"rate": 16_000})]);
}

#[test]
fn what_it_can_not_use_is_refused() {
    let mut node = prepare("STFT", json!({})).expect("valid params");
    let error = run(&mut *node, [Value::Null.into()]).expect_err("a refusal");
    assert_eq!((&*error.cause, &*error.cure), ("expected audio, got null", "Wrap samples: Audio(samples, rate=...)."));

    let mut samples = signal(100);
    samples[50] = f32::NAN;
    let mut node = prepare("STFT", json!({})).expect("valid params");
    let spoiled = Audio::from_planar(samples, 1, 1_000).expect("valid sound");
    let error = run(&mut *node, [Packet::new(spoiled.into())]).expect_err("a refusal");
    assert_eq!((&*error.cause, error.position), ("the sound has samples that are NaN or infinite", Some(50_000_000)));

    let mut node = prepare("MelSpectrogram", json!({"fmin_hz": 5000.0})).expect("valid params");
    let error = run(&mut *node, [Packet::new(sound(10, 8_000).into())]).expect_err("a refusal");
    assert_eq!(
        (&*error.cause, &*error.cure),
        ("'fmin_hz' is 5000, but sound of 8000 Hz ends at 4000 Hz", "Lower 'fmin_hz', or set 'rate'.")
    );
    for (node_type, params, level, cure) in [
        (
            "MelSpectrogram",
            json!({"n_fft": 32_768, "power": 10.0, "scale": "log10", "norm": "none", "center": false}),
            1.0,
            "Lower 'power', or the level of the sound before this node.",
        ),
        ("STFT", json!({"value": "power", "center": false}), 1e20, "Lower the level of the sound before this node."),
    ] {
        let mut node = prepare(node_type, params).expect("valid params");
        let sound = Audio::from_planar(vec![level; 65_536], 1, 16_000).expect("valid sound").with_pts(Some(7));
        let error = run(&mut *node, [Packet::new(sound.into())]).expect_err("a refusal");
        let cause = "the spectrum has numbers that are too large for float32";
        assert_eq!((&*error.cause, &*error.cure, error.position), (cause, cure, Some(7)));
    }
    for (node_type, params, expected) in [
        ("STFT", json!({"n_fft": 64, "win_length": 65}), "win_length: expected at most n_fft, which is 64, got 65"),
        (
            "MelSpectrogram",
            json!({"preset": "whisper", "win_length": 401}),
            "win_length: expected at most n_fft, which is 400, got 401",
        ),
        (
            "MelSpectrogram",
            json!({"fmin_hz": 900.0, "fmax_hz": 800.0}),
            "fmin_hz: expected less than 800, where the filters end, got 900",
        ),
        (
            "MelSpectrogram",
            json!({"preset": "whisper", "whole": false}),
            "whole: expected true for the scale whisper, which needs all frames, got false",
        ),
    ] {
        assert_eq!(refusal(node_type, params), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in prop::collection::vec(0usize..3_000, 0..30),
        samples in 1usize..3_000,
        n_fft in 2usize..300,
        hop_length in 1usize..400,
        center in any::<bool>(),
        pad_mode in prop::sample::select(vec!["constant", "reflect"]),
        node_type in prop::sample::select(vec!["STFT", "MelSpectrogram"]),
    ) {
        let params = json!({"n_fft": n_fft, "hop_length": hop_length, "center": center, "pad_mode": pad_mode});
        let sound = sound(samples, 16_000);
        let whole = frames(&tensors(node_type, &params, [sound.clone()]));
        let padded = samples + if center { n_fft / 2 * 2 } else { 0 };
        let expected = padded.checked_sub(n_fft).map_or(0, |more| 1 + more / hop_length);
        prop_assert_eq!(whole.0.len(), expected);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(samples)).collect();
        cuts.extend([0, samples]);
        cuts.sort_unstable();
        let parts = cuts.windows(2).map(|cut| sound.slice(cut[0], cut[1] - cut[0]));
        prop_assert_eq!(frames(&tensors(node_type, &params, parts)), whole);
    }
}
