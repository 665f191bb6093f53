//! `SpeedPerturb`: its counts and numbers, its draws, and that the division into packets changes nothing.

use std::f64::consts::TAU;

use proptest::prelude::*;
use remotemedia_core::value::{Audio, Packet};
use serde_json::{Value as Json, json};

use crate::stream::{bits, cuts, divide, joined, mono, noise, noises, print_row, sound, sounds, whole};
use harness::drive::{prepare, refusal, run, run_item};

/// `perturb_num_samples` of Lhotse 1.33.0: for a factor the frames before and after.
const COUNTS: [(f64, [(usize, usize); 7]); 7] = [
    (0.9, [(1, 1), (2, 2), (999, 1110), (1000, 1111), (1003, 1114), (16000, 17778), (44103, 49003)]),
    (1.1, [(1, 1), (2, 2), (999, 908), (1000, 909), (1003, 912), (16000, 14545), (44103, 40094)]),
    (0.95, [(1, 1), (2, 2), (999, 1052), (1000, 1053), (1003, 1056), (16000, 16842), (44103, 46424)]),
    (1.05, [(1, 1), (2, 2), (999, 951), (1000, 952), (1003, 955), (16000, 15238), (44103, 42003)]),
    (1.25, [(1, 1), (2, 2), (999, 799), (1000, 800), (1003, 802), (16000, 12800), (44103, 35282)]),
    (0.8, [(1, 1), (2, 2), (999, 1249), (1000, 1250), (1003, 1254), (16000, 20000), (44103, 55129)]),
    (1.333, [(1, 1), (2, 2), (999, 749), (1000, 750), (1003, 752), (16000, 12003), (44103, 33086)]),
];

/// `soxr.resample(tones, 16000 * factor, 16000, quality="VHQ")[2000:2008]` of soxr 1.1.0, in float64.
const SOXR: [(f64, [f32; 8]); 3] = [
    (0.9, [-0.1065134, 0.1128066, 0.3144475, 0.2985274, 0.0482292, -0.2561715, -0.4161632, -0.4046384]),
    (1.1, [-0.353736, -0.0678466, 0.1823638, 0.111891, -0.1327086, -0.222234, -0.1374817, -0.1834382]),
    (1.234, [-0.3541708, -0.3048534, -0.4883396, -0.4931454, -0.0649933, 0.4011257, 0.4773404, 0.3651564]),
];

fn tones() -> Audio {
    let tones = [(440.0, 0.4, 0.0), (1234.5, 0.3, 1.0), (3000.0, 0.2, 2.0)];
    let sample = |n: usize| -> f64 {
        tones.iter().map(|(hertz, level, phase)| level * (TAU * hertz * n as f64 / 16_000.0 + phase).sin()).sum()
    };
    mono((0..6_000).map(|n| sample(n) as f32).collect(), 16_000)
}

fn factor(factor: f64) -> Json {
    json!({"factors": [factor]})
}

#[test]
fn counts_are_those_of_lhotse() {
    for (speed, counts) in COUNTS {
        for (before, after) in counts {
            let made = whole("SpeedPerturb", factor(speed), &mono(vec![0.25; before], 44_100));
            assert_eq!(made[0].len(), after, "{before} frames at {speed}");
        }
    }
    let empty = sounds("SpeedPerturb", factor(0.9), [mono(Vec::new(), 8_000)]);
    assert_eq!(empty.iter().map(|audio| (audio.frames(), audio.rate())).collect::<Vec<_>>(), [(0, 8_000)]);
}

#[test]
fn reference_sound_is_that_of_soxr() {
    let mut worst = 0.0f64;
    for (speed, expected) in SOXR {
        for (quality, most) in [("high", 2e-6), ("best", 2e-7)] {
            let made = whole("SpeedPerturb", json!({"factors": [speed], "quality": quality}), &tones());
            for (sample, expected) in made[0][2_000..].iter().zip(expected) {
                let deviation = f64::from((sample - expected).abs());
                // The expected numbers have seven digits.
                assert!(deviation < most, "{speed}, {quality}: {sample} for {expected}");
                worst = worst.max(deviation);
            }
        }
    }
    print_row("SpeedPerturb", "soxr 1.1.0 VHQ", SOXR.len() * 2, (worst, "of full scale"), 2e-6);
}

#[test]
fn the_factor_1_leaves_every_bit_in_its_memory() {
    let sound = noises(2, 500, 16_000).with_pts(Some(5));
    let made = sounds("SpeedPerturb", factor(1.0), [sound.clone()]);
    assert!(made[0].buffer().same_memory(sound.buffer()));
    assert_eq!(made, [sound]);
}

#[test]
fn each_item_draws_its_factor_and_each_factor_is_drawn_as_often() {
    let mut node = prepare("SpeedPerturb", json!({"factors": [0.5, 1.0, 2.0], "seed": 3})).expect("valid params");
    let mut frames = |number: u64, name: Option<&str>| -> usize {
        let packet = Packet::new(mono(vec![0.5; 64], 16_000).into());
        let made = run_item(&mut *node, (number, name), [packet]).expect("it works");
        made.iter().map(|packet| sound(packet).frames()).sum()
    };
    let drawn: Vec<usize> = (0..300).map(|number| frames(number, None)).collect();
    let count = |frames: usize| drawn.iter().filter(|drawn| **drawn == frames).count() as f64;
    // Chi-squared of two degrees of freedom: 13.8 is exceeded once in a thousand seeds.
    let chi: f64 = [32, 64, 128].map(|frames| (count(frames) - 100.0).powi(2) / 100.0).iter().sum();
    assert!(chi < 13.8, "{chi}");
    assert_eq!([32, 64, 128].map(count).iter().sum::<f64>(), 300.0);
    assert_eq!((0..300).map(|number| frames(number, None)).collect::<Vec<_>>(), drawn);
    let named: Vec<usize> = (0..300).map(|number| frames(number, Some("a.wav"))).collect();
    assert_ne!(named, drawn);
    let mut other = prepare("SpeedPerturb", json!({"factors": [0.5, 1.0, 2.0], "seed": 4})).expect("valid params");
    let packet = || Packet::new(mono(vec![0.5; 64], 16_000).into());
    let of_other: Vec<usize> = (0..300)
        .map(|number| {
            let made = run_item(&mut *other, (number, None), [packet()]).expect("it works");
            made.iter().map(|packet| sound(packet).frames()).sum()
        })
        .collect();
    assert_ne!(of_other, drawn);
}

#[test]
fn times_pass_at_the_new_speed_also_after_a_jump_and_a_change_of_format() {
    let part = |rate: u32, pts: i64| mono(vec![0.25; rate as usize], rate).with_pts(Some(pts));
    let second = 1_000_000_000;
    let parts = [part(16_000, 10 * second), part(16_000, 15 * second), part(8_000, 16 * second)];
    let made = sounds("SpeedPerturb", factor(2.0), parts);
    let mut begins: Vec<(u32, i64)> = Vec::new();
    let mut end = None;
    for audio in &made {
        let pts = audio.pts.expect("a time");
        if end.is_none_or(|end: i64| pts.abs_diff(end) > 1) || begins.last().is_some_and(|last| last.0 != audio.rate())
        {
            begins.push((audio.rate(), pts));
        }
        end = Some(pts + audio.duration());
    }
    let half = second / 2;
    assert_eq!(begins, [(16_000, 10 * second), (16_000, 12 * second + half), (8_000, 13 * second)]);
    assert_eq!(end, Some(13 * second + half));
}

#[test]
fn where_times_go_back_they_begin_anew() {
    let second = 1_000_000_000;
    let clip = |pts: i64| mono(vec![0.25; 48_000], 16_000).with_pts(Some(pts * second));
    for (times, begins) in [([0, 0, 0], [0, 0, 0]), ([10, 2, 7], [10, 2, 4])] {
        let made = sounds("SpeedPerturb", factor(2.5), times.map(clip));
        let times: Vec<i64> = made.iter().map(|audio| audio.pts.expect("a time")).collect();
        // Each clip of three seconds becomes 1.2.
        assert!(
            times
                .iter()
                .all(|time| begins.iter().any(|begin| (0..second * 12 / 10).contains(&(time - begin * second))))
        );
        assert!(begins.iter().all(|begin| times.contains(&(begin * second))), "{times:?}");
    }
}

#[test]
fn what_it_can_not_use_is_refused() {
    let expected = "factors: expected 1 to 64 numbers from 0.25 to 4, each a multiple of 1/1000, got";
    for (factors, got) in
        [(json!([]), "0 numbers"), (json!([1.0, 0.2]), "0.2"), (json!([4.001]), "4.001"), (json!([0.9005]), "0.9005")]
    {
        assert_eq!(refusal("SpeedPerturb", json!({"factors": factors})), format!("{expected} {got}"));
    }
    let mut node = prepare("SpeedPerturb", factor(1.1)).expect("valid params");
    let error = run(&mut *node, [Packet::new(mono(vec![0.0; 9], 900).into())]).expect_err("a refusal");
    assert_eq!(
        format!("{}. {}", error.cause, error.cure),
        "the sound has a rate of 900 Hz, outside 1000 to 768000 Hz. Check the rate that was given with the samples."
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in cuts(3_000),
        speed in prop::sample::select(vec![0.9, 1.0, 1.1, 0.737]),
    ) {
        let channels = [noise(1, 0, 3_000), noise(2, 0, 3_000)];
        let sound = Audio::from_channels(&channels, 16_000).expect("valid sound").with_pts(Some(3));
        let parts = joined(&sounds("SpeedPerturb", factor(speed), divide(&sound, &cuts)));
        prop_assert_eq!(bits(&parts), bits(&whole("SpeedPerturb", factor(speed), &sound)));
    }
}
