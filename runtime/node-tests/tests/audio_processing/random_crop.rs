//! `RandomCrop`: exact frames from places that are drawn evenly, what shorter items get, and that the division into
//! packets changes nothing.

use proptest::prelude::*;
use remotemedia_core::value::{Audio, Packet};
use serde_json::{Value as Json, json};

use crate::stream::{bits, cuts, divide, joined, mono, noises, sound, sounds};
use harness::drive::{prepare, run_item};

/// Samples that are their own numbers, at 1000 Hz.
fn ramp(frames: usize) -> Audio {
    mono((0..frames).map(|frame| frame as f32).collect(), 1_000)
}

fn cropped(params: Json, input: &Audio) -> (Vec<f32>, Option<i64>) {
    let made = sounds("RandomCrop", params, [input.clone()]);
    (joined(&made).remove(0), made[0].pts)
}

#[test]
fn a_piece_is_whole_exact_and_keeps_its_time() {
    for seed in 0..20 {
        let (samples, pts) =
            cropped(json!({"duration_s": 0.3004, "seed": seed}), &ramp(1_000).with_pts(Some(7_000_000)));
        assert_eq!(samples.len(), 300);
        assert!(samples.windows(2).all(|pair| pair[1] == pair[0] + 1.0));
        assert_eq!(pts, Some(7_000_000 + samples[0] as i64 * 1_000_000));
    }
    let (samples, _) = cropped(json!({"duration_s": 1}), &ramp(1_000));
    assert_eq!(samples, ramp(1_000).channel(0));
    assert_eq!(cropped(json!({"duration_s": 0.0001}), &ramp(10)).0.len(), 1);
}

#[test]
fn every_place_is_drawn_as_often() {
    let mut node = prepare("RandomCrop", json!({"duration_s": 0.005, "seed": 1})).expect("valid params");
    let mut counts = [0u32; 6];
    for number in 0..1_200 {
        let made = run_item(&mut *node, (number, None), [Packet::new(ramp(10).into())]).expect("it works");
        counts[sound(&made[0]).channel(0)[0] as usize] += 1;
    }
    // Chi-squared of five degrees of freedom: 20.5 is exceeded once in a thousand seeds.
    let chi: f64 = counts.iter().map(|count| (f64::from(*count) - 200.0).powi(2) / 200.0).sum();
    assert!(chi < 20.5, "{counts:?}");
}

#[test]
fn a_shorter_item_gets_what_pad_says() {
    let crop = |pad: &str, frames: usize| cropped(json!({"duration_s": 0.008, "pad": pad}), &ramp(frames)).0;
    assert_eq!(crop("silence", 3), [0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(crop("repeat", 3), [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0]);
    assert_eq!(crop("none", 3), [0.0, 1.0, 2.0]);
    assert_eq!(crop("silence", 0), [0.0; 8]);
    assert_eq!(crop("repeat", 0), [0.0; 8]);
    assert_eq!(crop("none", 0), [0.0; 0]);
}

#[test]
fn what_is_padded_is_long_and_exact_in_every_channel() {
    let short = noises(3, 1_000, 1_000).with_pts(Some(4));
    let made = sounds("RandomCrop", json!({"duration_s": 100, "pad": "repeat"}), [short.clone()]);
    assert!(made.len() > 2 && made[0].pts == Some(4));
    for (channel, samples) in joined(&made).iter().enumerate() {
        assert_eq!(samples.len(), 100_000);
        assert!(samples.chunks(1_000).all(|chunk| chunk == short.channel(channel)));
    }
}

#[test]
fn items_and_formats_are_cut_each_by_itself() {
    let mut node = prepare("RandomCrop", json!({"duration_s": 0.01, "pad": "none"})).expect("valid params");
    for (number, frames) in [(0, 0), (1, 30), (2, 4)] {
        let made = run_item(&mut *node, (number, None), [Packet::new(ramp(frames).into())]).expect("it works");
        assert_eq!(made.iter().map(|packet| sound(packet).frames()).sum::<usize>(), frames.min(10));
    }
    let made = sounds("RandomCrop", json!({"duration_s": 0.01}), [ramp(50), mono(vec![0.5; 50], 2_000)]);
    let summary: Vec<_> = made.iter().map(|audio| (audio.rate(), audio.frames())).collect();
    assert_eq!(summary, [(1_000, 10), (2_000, 20)]);
}

#[test]
fn no_piece_has_sound_of_both_sides_of_a_jump() {
    let part = |level: f32, seconds: i64| mono(vec![level; 500], 1_000).with_pts(Some(seconds * 1_000_000_000));
    let cut = |gaps: &str| {
        let made = sounds("RandomCrop", json!({"duration_s": 0.75, "gaps": gaps}), [part(0.1, 1), part(0.2, 4)]);
        made.iter().map(|audio| (audio.channel(0)[0], audio.frames())).collect::<Vec<_>>()
    };
    assert_eq!(cut("restart"), [(0.1, 500), (0.0, 250), (0.2, 500), (0.0, 250)]);
    assert_eq!(cut("ignore").iter().map(|(_, frames)| frames).sum::<usize>(), 750);
}

proptest! {
    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in cuts(500),
        milliseconds in 1u32..900,
        pad in prop::sample::select(vec!["silence", "repeat", "none"]),
        seed: u64,
    ) {
        let params = json!({"duration_s": f64::from(milliseconds) / 1e3, "pad": pad, "seed": seed});
        let input = noises(2, 500, 1_000).with_pts(Some(3));
        let parts = joined(&sounds("RandomCrop", params.clone(), divide(&input, &cuts)));
        let whole = joined(&sounds("RandomCrop", params, [input]));
        let expected = if pad == "none" { milliseconds.min(500) } else { milliseconds };
        prop_assert_eq!(whole[0].len(), expected as usize);
        prop_assert_eq!(bits(&parts), bits(&whole));
    }
}
