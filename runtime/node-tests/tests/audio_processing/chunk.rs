//! `AudioChunk`.

use proptest::prelude::*;
use remotemedia_core::value::{Audio, MediaTime};
use serde_json::{Value as Json, json};

use crate::stream::{cuts, divide, mono, noises, packets, sounds};
use harness::drive::{prepare, refusal, run};

fn count_up(frames: usize) -> Vec<f32> {
    (0..frames).map(|frame| frame as f32).collect()
}

fn chunks(params: Json, frames: usize) -> Vec<Vec<f32>> {
    sounds("AudioChunk", params, [mono(count_up(frames), 1_000)]).iter().map(|x| x.channel(0).to_vec()).collect()
}

#[test]
fn chunks_have_the_length_asked_for_and_the_last_what_is_left() {
    let expected = [vec![0.0, 1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0, 7.0], vec![8.0, 9.0]];
    assert_eq!(chunks(json!({"frames": 4}), 10), expected);
    assert_eq!(chunks(json!({"duration_ms": 4}), 10), expected);
    assert_eq!(chunks(json!({"frames": 4, "last": "drop"}), 10), expected[..2]);
    assert_eq!(chunks(json!({"frames": 4, "last": "pad"}), 10)[2], [8.0, 9.0, 0.0, 0.0]);
    assert_eq!(chunks(json!({"frames": 4, "last": "pad"}), 8).len(), 2, "nothing is left to be padded");
    assert_eq!(chunks(json!({"frames": 4}), 0), Vec::<Vec<f32>>::new());
}

#[test]
fn windows_overlap_by_what_the_hop_leaves() {
    let expected = [vec![0.0, 1.0, 2.0, 3.0], vec![2.0, 3.0, 4.0, 5.0], vec![4.0, 5.0, 6.0]];
    assert_eq!(chunks(json!({"frames": 4, "hop_frames": 2}), 7), expected);
    assert_eq!(chunks(json!({"duration_ms": 4, "hop_ms": 2}), 6), expected[..2], "all frames are in a chunk");
}

#[test]
fn every_channel_is_padded_by_itself() {
    let sound = Audio::from_channels(&[vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]], 8_000).expect("valid sound");
    let made = sounds("AudioChunk", json!({"frames": 2, "last": "pad"}), [sound]);
    assert_eq!((made[1].channel(0), made[1].channel(1)), (&[3.0, 0.0][..], &[6.0, 0.0][..]));
}

#[test]
fn times_are_counted_in_frames() {
    let made = sounds("AudioChunk", json!({"duration_ms": 20}), [noises(1, 1_000, 11_025).with_pts(Some(7))]);
    for (index, chunk) in made.iter().enumerate() {
        // 20 ms at 11,025 Hz are 220.5 frames: every chunk has 221.
        assert_eq!(chunk.pts, Some(7 + MediaTime::of_frames(index as u64 * 221, 11_025)));
        assert_eq!(chunk.frames(), if index < 4 { 221 } else { 1_000 - 4 * 221 });
    }
}

#[test]
fn a_chunk_within_one_packet_shares_its_memory() {
    let sound = noises(2, 1_000, 16_000);
    for chunk in sounds("AudioChunk", json!({"frames": 100}), [sound.clone()]) {
        assert!(chunk.buffer().same_memory(sound.buffer()));
    }
}

#[test]
fn a_change_of_rate_begins_anew_and_keeps_the_stream_of_the_packets() {
    let sounds = [mono(count_up(3), 1_000).with_pts(Some(0)), mono(count_up(3), 2_000).with_pts(None)];
    let made = packets("AudioChunk", json!({"frames": 2}), sounds);
    let shape: Vec<_> = made.iter().map(|packet| (packet.pts, packet.duration)).collect();
    let ms = 1_000_000;
    let half = ms / 2;
    assert_eq!(
        shape,
        [(0, 2 * ms), (2 * ms, ms), (3 * ms, ms), (4 * ms, half)].map(|(pts, length)| (Some(pts), Some(length)))
    );
}

#[test]
fn params_that_contradict_each_other_are_refused() {
    let chunk = |params| refusal("AudioChunk", params);
    assert_eq!(chunk(json!({})), "frames: expected a length: 'frames' or 'duration_ms', got neither");
    assert_eq!(
        chunk(json!({"frames": 1, "duration_ms": 20})),
        "duration_ms: expected no such param beside 'frames', got 20"
    );
    assert_eq!(
        chunk(json!({"frames": 1, "hop_ms": 10})),
        "hop_ms: expected no such param beside 'frames'; 'hop_frames' goes with it, got 10"
    );
    assert_eq!(
        chunk(json!({"duration_ms": 20, "hop_frames": 10})),
        "hop_frames: expected no such param beside 'duration_ms'; 'hop_ms' goes with it, got 10"
    );
    assert_eq!(chunk(json!({"frames": 4, "hop_frames": 5})), "hop_frames: expected at most frames, which is 4, got 5");
    assert_eq!(
        chunk(json!({"duration_ms": 20, "hop_ms": 20.5})),
        "hop_ms: expected at most duration_ms, which is 20, got 20.5"
    );
}

#[test]
fn a_chunk_that_is_too_large_is_refused_when_its_format_is_known() {
    let mut node = prepare("AudioChunk", json!({"frames": 100_000_000})).expect("valid params");
    let error = run(&mut *node, [noises(3, 1, 8_000).into()].map(|value: remotemedia_core::value::Value| value.into()))
        .expect_err("it is too large");
    assert_eq!(
        (&*error.cause, &*error.cure),
        ("a chunk of 100000000 frames of 3 channels is more than 1024 MiB", "Ask for shorter chunks.")
    );
}

proptest! {
    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in cuts(500),
        frames in 1usize..120,
        hop in 1usize..120,
        last in prop::sample::select(vec!["keep", "pad", "drop"]),
    ) {
        let sound = noises(2, 500, 8_000).with_pts(Some(3));
        let hop = hop.min(frames);
        let params = json!({"frames": frames, "hop_frames": hop, "last": last});
        let made = sounds("AudioChunk", params.clone(), divide(&sound, &cuts));
        prop_assert_eq!(&made, &sounds("AudioChunk", params, [sound.clone()]));
        // And they are numpy's sliding_window_view(sound, frames)[::hop].
        let full = if frames <= 500 { (500 - frames) / hop + 1 } else { 0 };
        for (index, chunk) in made.iter().take(full).enumerate() {
            prop_assert_eq!(chunk.channel(1), &sound.channel(1)[index * hop..index * hop + frames]);
        }
        let covered = if full == 0 { 0 } else { (full - 1) * hop + frames };
        prop_assert_eq!(made.len(), full + usize::from(covered < 500 && last != "drop"));
    }
}
