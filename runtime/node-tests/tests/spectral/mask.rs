//! `TimeFrequencyMask`: rectangles of the right widths, what fills them, and that the division into packets changes nothing.

use proptest::prelude::*;
use remotemedia_core::node::Node;
use remotemedia_core::value::{Buffer, DataType, Packet, Tensor, Value};
use serde_json::{Value as Json, json};

use harness::drive::{prepare, refusal, run, run_item};

const BANDS: usize = 12;
const FRAMES: usize = 40;

/// A number for each channel, band and frame: all different, none 0, in C order.
fn numbers(channels: usize) -> Vec<f32> {
    (0..channels * BANDS * FRAMES).map(|number| 1.0 + number as f32).collect()
}

fn tensor(shape: &[usize], numbers: Vec<f32>) -> Tensor {
    Tensor::contiguous(DataType::Float32, shape.to_vec(), Buffer::from_samples(numbers)).expect("a right shape")
}

fn packet(tensor: Tensor) -> Packet {
    Packet::new(Value::from(tensor))
}

/// The shape and the numbers, in C order, of the one tensor that comes out.
fn masked(node: &mut dyn Node, number: u64, packets: impl IntoIterator<Item = Packet>) -> (Vec<usize>, Vec<f32>) {
    let made = run_item(node, (number, None), packets).expect("it masks");
    let [Packet { value: Value::Tensor(tensor), .. }] = &made[..] else { panic!("expected one tensor") };
    let numbers = tensor.gather().as_chunks().0.iter().copied().map(f32::from_le_bytes).collect();
    (tensor.shape().to_vec(), numbers)
}

fn mask(params: Json, channels: usize) -> Vec<f32> {
    let mut node = prepare("TimeFrequencyMask", params).expect("valid params");
    let shape = [channels, BANDS, FRAMES];
    let (made, numbers) = masked(&mut *node, 0, [packet(tensor(&shape, numbers(channels)))]);
    assert_eq!(made, shape);
    numbers
}

/// The bands and the frames that are 0 throughout a channel. All else has to be as it was.
fn holes(numbers_out: &[f32]) -> (Vec<usize>, Vec<usize>) {
    let at = |band: usize, frame: usize| numbers_out[band * FRAMES + frame];
    let bands: Vec<usize> = (0..BANDS).filter(|band| (0..FRAMES).all(|frame| at(*band, frame) == 0.0)).collect();
    let frames: Vec<usize> = (0..FRAMES).filter(|frame| (0..BANDS).all(|band| at(band, *frame) == 0.0)).collect();
    for (index, number) in numbers(1).iter().enumerate() {
        let is_masked = bands.contains(&(index / FRAMES)) || frames.contains(&(index % FRAMES));
        assert_eq!(numbers_out[index], if is_masked { 0.0 } else { *number });
    }
    (bands, frames)
}

#[test]
fn each_width_and_place_is_drawn_as_often() {
    let params = json!({"frequency_masks": 1, "frequency_width": 3, "time_masks": 1, "time_width": 5, "fill": "zero"});
    let mut node = prepare("TimeFrequencyMask", params).expect("valid params");
    let (mut bands_wide, mut frames_wide, mut first) = ([0u32; 4], [0u32; 6], [0u32; BANDS]);
    for number in 0..600 {
        let (_, made) = masked(&mut *node, number, [packet(tensor(&[BANDS, FRAMES], numbers(1)))]);
        let (bands, frames) = holes(&made);
        for hole in [&bands, &frames] {
            assert!(hole.windows(2).all(|pair| pair[1] == pair[0] + 1), "{hole:?}");
        }
        bands_wide[bands.len()] += 1;
        frames_wide[frames.len()] += 1;
        if bands.len() == 1 {
            first[bands[0]] += 1;
        }
    }
    let chi = |counts: &[u32]| -> f64 {
        let mean = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
        counts.iter().map(|count| (f64::from(*count) - mean).powi(2) / mean).sum()
    };
    // Chi-squared of 3, 5 and 11 degrees of freedom: exceeded once in a thousand seeds.
    assert!(chi(&bands_wide) < 16.3, "{bands_wide:?}");
    assert!(chi(&frames_wide) < 20.5, "{frames_wide:?}");
    assert!(chi(&first) < 31.3, "{first:?}");
}

#[test]
fn a_share_of_the_time_bounds_what_is_masked_of_it() {
    let params = json!({"frequency_masks": 0, "time_masks": 1, "time_width": 30, "time_share": 0.1, "fill": "zero"});
    let mut node = prepare("TimeFrequencyMask", params).expect("valid params");
    let widths = (0..100).map(|number| {
        let (_, made) = masked(&mut *node, number, [packet(tensor(&[BANDS, FRAMES], numbers(1)))]);
        holes(&made).1.len()
    });
    assert_eq!(widths.max(), Some(4));
}

#[test]
fn masks_are_filled_as_is_asked_and_are_the_same_in_every_channel() {
    let params = |fill: Json| {
        let mut params = json!({"frequency_width": 6, "time_width": 20, "seed": 2});
        params.as_object_mut().expect("an object").extend(fill.as_object().cloned().expect("an object"));
        params
    };
    let zero = mask(params(json!({"fill": "zero"})), 2);
    let (left, right) = zero.split_at(BANDS * FRAMES);
    assert!(left.iter().zip(right).all(|(left, right)| (*left == 0.0) == (*right == 0.0)));
    let count = zero.iter().filter(|number| **number == 0.0).count();
    assert!(count > 0 && count < zero.len());
    let mean = (1.0 + 2.0 * (BANDS * FRAMES) as f32) / 2.0;
    for (fill, number) in [(json!({}), mean), (json!({"fill": "value", "value": -80.0}), -80.0)] {
        let made = mask(params(fill), 2);
        for (made, zero) in made.iter().zip(&zero) {
            assert_eq!(*made, if *zero == 0.0 { number } else { *zero });
        }
    }
}

#[test]
fn masks_wider_than_the_spectra_are_not() {
    let params =
        json!({"frequency_masks": 50, "frequency_width": 1000, "time_masks": 50, "time_width": 1000, "fill": "zero"});
    assert!(mask(params, 1).iter().all(|number| *number == 0.0));
    let mut node = prepare("TimeFrequencyMask", json!({})).expect("valid params");
    assert_eq!(masked(&mut *node, 0, [packet(tensor(&[BANDS, 0], Vec::new()))]), (vec![BANDS, 0], Vec::new()));
    assert!(run(&mut *node, []).expect("an empty item").is_empty());
}

#[test]
fn times_are_those_of_all_packets() {
    let mut node = prepare("TimeFrequencyMask", json!({})).expect("valid params");
    let parts = [(5, 30), (35, 10)]
        .map(|(pts, duration)| packet(tensor(&[2, 1], vec![1.0, 2.0])).at(Some(pts), Some(duration)));
    let made = run(&mut *node, parts).expect("it masks");
    assert_eq!((made[0].pts, made[0].duration), (Some(5), Some(40)));
}

#[test]
fn what_it_can_not_use_is_refused() {
    let error = |packets: Vec<Packet>| {
        let mut node = prepare("TimeFrequencyMask", json!({})).expect("valid params");
        let error = run(&mut *node, packets).expect_err("a refusal");
        format!("{}. {}", error.cause, error.cure)
    };
    let doubles = Tensor::contiguous(DataType::Float64, vec![1, 2], Buffer::from_bytes(vec![0; 16])).expect("right");
    assert_eq!(
        error(vec![packet(doubles)]),
        "expected a float32 tensor (bands, frames) or (channels, bands, frames), got float64 [1, 2]. \
         Connect a MelSpectrogram or an MFCC."
    );
    assert_eq!(error(vec![Value::Int(1).into()]), "expected a tensor, got int. Connect a MelSpectrogram or an MFCC.");
    assert_eq!(
        error(vec![packet(tensor(&[2, 1], vec![0.0; 2])), packet(tensor(&[3, 1], vec![0.0; 3]))]),
        "expected float32 [2] for each frame, got float32 [3, 1]. Send the spectra of one node in one item."
    );
}

#[test]
fn a_number_that_would_not_be_used_is_refused() {
    let said = refusal("TimeFrequencyMask", json!({"value": -16.0}));
    assert_eq!(said, "value: expected no such param unless 'fill' is \"value\", got -16");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_division_into_packets_changes_nothing(cuts in prop::collection::vec(0..=FRAMES, 0..8), seed: u64) {
        let mut node = prepare("TimeFrequencyMask", json!({"frequency_width": 5, "seed": seed})).expect("valid params");
        let whole = masked(&mut *node, 0, [packet(tensor(&[BANDS, FRAMES], numbers(1)))]);
        let mut cuts = cuts;
        cuts.extend([0, FRAMES]);
        cuts.sort_unstable();
        // Parts as `MelSpectrogram` emits them: frame after frame in memory.
        let parts = cuts.windows(2).map(|cut| {
            let part = (cut[0]..cut[1]).flat_map(|frame| (0..BANDS).map(move |band| 1.0 + (band * FRAMES + frame) as f32));
            let buffer = Buffer::from_samples(part.collect());
            let strides = vec![4, 4 * BANDS as isize];
            packet(Tensor::new(DataType::Float32, vec![BANDS, cut[1] - cut[0]], strides, buffer, 0).expect("right"))
        });
        prop_assert_eq!(masked(&mut *node, 0, parts), whole);
    }
}
