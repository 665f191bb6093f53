//! `AudioCrossfade`: lengths, gains and times, whatever comes first.

use proptest::prelude::*;
use remotemedia_core::node::Node;
use remotemedia_core::value::{Audio, MediaTime, Packet};
use serde_json::{Value as Json, json};

use crate::inputs::{self, connected, end, flush};

const RATE: u32 = 1_000;

fn crossfade(params: Json) -> Box<dyn Node> {
    connected("AudioCrossfade", params, &[0, 1])
}

fn push(node: &mut dyn Node, port: usize, audio: Audio, sounds: &mut Vec<Audio>) {
    inputs::push(node, port, &audio, sounds).expect("sound");
}

fn ramp(seed: usize, frames: usize) -> Audio {
    inputs::ramp(seed, 2, frames, RATE)
}

/// The join by its definition.
fn expected(first: &[f32], second: &[f32], most: usize, is_linear: bool) -> Vec<f32> {
    let fade = most.min(first.len()).min(second.len());
    let (plain, going) = first.split_at(first.len() - fade);
    let (coming, rest) = second.split_at(fade);
    let mixed = going.iter().zip(coming).enumerate().map(|(frame, (going, coming))| {
        let way = (frame as f64 + 0.5) / fade as f64;
        let angle = way * std::f64::consts::FRAC_PI_2;
        let (out, into) = if is_linear { (1.0 - way, way) } else { (angle.cos(), angle.sin()) };
        (out * f64::from(*going) + into * f64::from(*coming)) as f32
    });
    plain.iter().copied().chain(mixed).chain(rest.iter().copied()).collect()
}

#[test]
fn the_first_comes_late_by_the_fade_and_the_second_waits() {
    let mut node = crossfade(json!({"duration_ms": 100}));
    let mut sounds = Vec::new();
    push(&mut *node, 0, ramp(0, 500).with_pts(Some(7)), &mut sounds);
    assert_eq!((sounds[0].frames(), sounds[0].pts), (400, Some(7)));
    assert!(node.wants(0) && !node.wants(1));
    push(&mut *node, 1, ramp(1, 300).with_pts(Some(5)), &mut sounds);
    assert_eq!(sounds.len(), 1);
    end(&mut *node, 0, &mut sounds);
    assert!(node.wants(1));
    assert_eq!(sounds.iter().map(Audio::frames).sum::<usize>(), 700);
    flush(&mut *node, &mut sounds);
    // The next item has a fade of its own.
    sounds.clear();
    push(&mut *node, 0, ramp(0, 99), &mut sounds);
    assert!(sounds.is_empty());
    flush(&mut *node, &mut sounds);
    assert_eq!(sounds[0].channel(0), ramp(0, 99).channel(0));
}

/// Where the output begins and where its times jump: each with how many frames follow from there on.
fn stretches(sounds: &[Audio]) -> Vec<(Option<i64>, usize)> {
    let mut stretches: Vec<(Option<i64>, usize)> = Vec::new();
    for audio in sounds {
        let follows = |(pts, frames): &(Option<i64>, usize)| {
            audio.pts == pts.map(|pts| pts + MediaTime::of_frames(*frames as u64, RATE))
        };
        match stretches.last_mut().filter(|last| follows(last)) {
            Some(last) => last.1 += audio.frames(),
            None => stretches.push((audio.pts, audio.frames())),
        }
    }
    stretches
}

#[test]
fn a_jump_of_the_first_stays_where_it_is_within_the_fade_too() {
    const S: i64 = 1_000_000_000;
    for (fade_ms, size) in [(0, 400), (50, 400), (100, 7), (200, 400), (200, 7), (1_000, 50)] {
        let mut node = crossfade(json!({ "duration_ms": fade_ms }));
        let mut sounds = Vec::new();
        for (from, to, pts) in [(0, 300, 2 * S), (300, 400, 3 * S)] {
            for first in (from..to).step_by(size) {
                let part = ramp(0, 400).slice(first, size.min(to - first));
                let time = pts + MediaTime::of_frames((first - from) as u64, RATE);
                push(&mut *node, 0, part.with_pts(Some(time)), &mut sounds);
            }
        }
        // Nothing sounds there.
        push(&mut *node, 0, ramp(0, 0).with_pts(Some(9 * S)), &mut sounds);
        push(&mut *node, 1, ramp(1, 400), &mut sounds);
        flush(&mut *node, &mut sounds);
        let rest = 500 - fade_ms.min(400);
        assert_eq!(stretches(&sounds), [(Some(2 * S), 300), (Some(3 * S), rest)], "{fade_ms} ms in {size}");
    }
}

#[test]
fn several_answers_to_one_input_of_a_function_follow_one_another() {
    let mut node = crossfade(json!({"duration_ms": 20}));
    let mut sounds = Vec::new();
    // The first came of an input without a time.
    for pts in [None, Some(1_000_000_000), Some(1_000_000_000), Some(1_000_000_000), Some(2_000_000_000)] {
        let packet = Packet { pts, ..Packet::new(ramp(0, 100).into()) };
        inputs::push_packet(&mut *node, 0, packet, &mut sounds).expect("sound");
    }
    flush(&mut *node, &mut sounds);
    assert_eq!(stretches(&sounds), [(None, 100), (Some(1_000_000_000), 300), (Some(2_000_000_000), 100)]);
}

#[test]
fn another_format_is_refused() {
    let mut node = crossfade(json!({}));
    push(&mut *node, 0, ramp(0, 5), &mut Vec::new());
    let other = Audio::from_planar(vec![0.0; 3], 1, RATE).expect("valid sound");
    let error = node.process(1, Packet::new(other.into())).expect_err("another format");
    assert_eq!(
        format!("{}. {}", error.cause, error.cure),
        "the sound at 'in1' has 1 channels of 1000 Hz, what came before 2 of 1000 Hz. Set the params 'rate' and 'channels' \
         of this node: converters are put before it then."
    );
}

proptest! {
    #[test]
    fn neither_divisions_nor_the_order_of_arrival_matter(
        lengths in prop::collection::vec(0usize..400, 2),
        fade in 0u32..300,
        is_linear: bool,
        sizes in prop::collection::vec(1usize..150, 1..20),
        turns in prop::collection::vec(0usize..2, 1..20),
        tells_ends: bool,
    ) {
        let curve = if is_linear { "linear" } else { "equal_power" };
        let mut node = crossfade(json!({"duration_ms": fade, "curve": curve}));
        let inputs = [ramp(0, lengths[0]).with_pts(Some(0)), ramp(1, lengths[1])];
        let (mut sounds, mut taken) = (Vec::new(), [0; 2]);
        push(&mut *node, 0, inputs[0].slice(0, 0), &mut sounds);
        for number in 0.. {
            if taken[..] == lengths[..] {
                break;
            }
            let turn = turns[number % turns.len()];
            let port = if taken[turn] == lengths[turn] { 1 - turn } else { turn };
            let frames = sizes[number % sizes.len()].min(lengths[port] - taken[port]);
            push(&mut *node, port, inputs[port].slice(taken[port], frames), &mut sounds);
            taken[port] += frames;
            if tells_ends && taken[port] == lengths[port] {
                end(&mut *node, port, &mut sounds);
            }
        }
        flush(&mut *node, &mut sounds);
        for channel in 0..2 {
            let made: Vec<f32> = sounds.iter().flat_map(|audio| audio.channel(channel)).copied().collect();
            let right = expected(inputs[0].channel(channel), inputs[1].channel(channel), fade as usize, is_linear);
            prop_assert_eq!(made, right);
        }
        // `in0` gives the times: none of its frames, no times, unless nothing at all sounds.
        let mut next = (lengths[0] > 0 || lengths[1] == 0).then_some(0i64);
        for audio in &sounds {
            prop_assert_eq!(audio.pts, next);
            next = next.map(|next| next + audio.duration());
        }
    }
}
