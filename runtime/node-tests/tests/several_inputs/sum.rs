//! `AudioSum`: sums are exact whatever comes first, and graphs of it end, whatever delays their branches have.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use remotemedia_core::exec::{
    Completion, Config, Event, Outcome, Pipeline, Port, Received, Runtime, Session, SessionClock, SessionOptions,
    SessionPacket, TakeLimit,
};
use remotemedia_core::manifest::HostNodes;
use remotemedia_core::node::{Context, Node, NodeError, TimeBreaks};
use remotemedia_core::value::{Audio, MediaTime, Packet, Value};
use serde_json::{Value as Json, json};

use crate::inputs::{self, collect, connected, end, flush, push};

const RATE: u32 = 8_000;
/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

fn sum(params: Json, ports: &[usize]) -> Box<dyn Node> {
    connected("AudioSum", params, ports)
}

fn ramp(seed: usize, channels: usize, frames: usize) -> Audio {
    inputs::ramp(seed, channels, frames, RATE)
}

fn at(audio: Audio, frame: i64) -> Audio {
    audio.with_pts(Some(frame * 1_000_000_000 / i64::from(RATE)))
}

/// One channel of sounds that follow one another without gaps.
fn joined(sounds: &[Audio], channel: usize) -> Vec<f32> {
    for pair in sounds.windows(2) {
        let gap = pair[0].pts.expect("a time") + pair[0].duration() - pair[1].pts.expect("a time");
        assert!(gap.abs() <= 1, "a gap of {gap} ns");
    }
    sounds.iter().flat_map(|audio| audio.channel(channel)).copied().collect()
}

#[test]
fn sounds_are_added_where_they_sound_together() {
    let mut node = sum(json!({"gains_db": [0, -120]}), &[0, 1, 5]);
    let mut sounds = Vec::new();
    push(&mut *node, 5, &at(ramp(5, 1, 100), 50), &mut sounds).expect("sound");
    push(&mut *node, 0, &at(ramp(0, 1, 60), 20), &mut sounds).expect("sound");
    assert!(sounds.is_empty(), "in1 may begin anywhere");
    push(&mut *node, 1, &at(ramp(1, 1, 10), 70), &mut sounds).expect("sound");
    flush(&mut *node, &mut sounds);
    let made = joined(&sounds, 0);
    assert_eq!((sounds[0].pts, made.len()), (Some(MediaTime::of_frames(20, RATE)), 130));
    let part = |audio: &Audio, begin: usize, frame: usize| audio.channel(0).get(frame.wrapping_sub(begin)).copied();
    for (frame, sample) in (20..).zip(made) {
        let parts = [part(&ramp(0, 1, 60), 20, frame), part(&ramp(5, 1, 100), 50, frame)];
        assert_eq!(sample, parts.into_iter().flatten().map(f64::from).sum::<f64>() as f32, "frame {frame}");
    }
}

#[test]
fn an_input_that_has_ended_keeps_nobody_waiting() {
    let mut node = sum(json!({}), &[0, 1]);
    let mut sounds = Vec::new();
    push(&mut *node, 0, &at(ramp(0, 2, 1_000), 0), &mut sounds).expect("sound");
    assert!(sounds.is_empty());
    push(&mut *node, 1, &at(ramp(1, 2, 100), 0), &mut sounds).expect("sound");
    assert_eq!(joined(&sounds, 0).len(), 100);
    end(&mut *node, 1, &mut sounds);
    assert_eq!(joined(&sounds, 1).len(), 1_000);
    assert_eq!(joined(&sounds, 1)[100..], ramp(0, 2, 1_000).channel(1)[100..]);
    // The next item begins anew.
    flush(&mut *node, &mut sounds);
    sounds.clear();
    push(&mut *node, 0, &at(ramp(0, 2, 10), 0), &mut sounds).expect("sound");
    assert!(sounds.is_empty());
    flush(&mut *node, &mut sounds);
    assert_eq!(joined(&sounds, 0).len(), 10);
}

#[test]
fn what_runs_ahead_is_asked_to_wait() {
    let mut node = sum(json!({}), &[0, 1]);
    let mut sounds = Vec::new();
    assert!(node.wants(0) && node.wants(1));
    push(&mut *node, 0, &at(ramp(0, 1, 8_000), 0), &mut sounds).expect("sound");
    assert!(node.wants(0), "a second is not too much");
    push(&mut *node, 0, &ramp(0, 1, 1), &mut sounds).expect("sound");
    assert!(!node.wants(0) && node.wants(1));
    push(&mut *node, 1, &at(ramp(1, 1, 1), 0), &mut sounds).expect("sound");
    assert!(node.wants(0) && node.wants(1));
    push(&mut *node, 0, &ramp(0, 1, 9_000), &mut sounds).expect("sound");
    assert!(!node.wants(0));
    end(&mut *node, 1, &mut sounds);
    assert!(node.wants(0));
}

#[test]
fn who_is_late_is_silent_on_request() {
    let mut node = sum(json!({"wait_ms": 100}), &[0, 1]);
    let mut sounds = Vec::new();
    push(&mut *node, 0, &at(ramp(0, 1, 2_000), 0), &mut sounds).expect("sound");
    assert_eq!(joined(&sounds, 0), ramp(0, 1, 2_000).channel(0)[..1_200]);
    push(&mut *node, 1, &at(ramp(1, 1, 300), 1_100), &mut sounds).expect("sound");
    flush(&mut *node, &mut sounds);
    let made = joined(&sounds, 0);
    for (frame, sample) in made.iter().enumerate() {
        let late = if (1_200..1_400).contains(&frame) { ramp(1, 1, 300).channel(0)[frame - 1_100] } else { 0.0 };
        let expected = f64::from(ramp(0, 1, 2_000).channel(0)[frame]) + f64::from(late);
        assert_eq!(*sample, expected as f32, "frame {frame}");
    }
    assert_eq!(made.len(), 2_000);
}

#[test]
fn an_input_that_is_given_up_or_has_ended_is_not_waited_for_however_long_it_lasts() {
    for (params, is_given_up) in [(json!({"wait_ms": 100}), true), (json!({}), false)] {
        let mut node = sum(params, &[0, 1]);
        let second = |begin: i64| {
            let audio = Audio::from_planar(vec![1.0; 100], 1, 100).expect("valid sound");
            audio.with_pts(Some(begin * 1_000_000_000))
        };
        let mut sounds = Vec::new();
        push(&mut *node, 0, &second(0), &mut sounds).expect("sound");
        push(&mut *node, 1, &second(0), &mut sounds).expect("sound");
        if !is_given_up {
            end(&mut *node, 1, &mut sounds);
        }
        for begin in 1..3 * 3600 {
            push(&mut *node, 0, &second(begin), &mut sounds).expect("sound");
            assert!(node.wants(0) && node.wants(1));
        }
        if is_given_up {
            push(&mut *node, 1, &second(3 * 3600), &mut sounds).expect("it comes back");
        }
        flush(&mut *node, &mut sounds);
        assert!(joined(&sounds, 0).iter().skip(100).all(|sample| *sample == 1.0));
    }
}

/// A sum, and what it counts.
fn counted(params: Json, ports: &[usize]) -> (Box<dyn Node>, TimeBreaks) {
    let (mut node, context) = (sum(params, ports), Context { node_id: "sum".into(), ..Context::default() });
    node.initialize(&context).expect("it initializes");
    (node, context.time_breaks)
}

#[test]
fn what_a_function_returns_for_one_input_follows_one_another() {
    let (mut node, mut sounds) = (sum(json!({}), &[0]), Vec::new());
    for piece in 0..3 {
        let packet = Packet { pts: Some(1_000_000_000), ..Packet::new(ramp(piece, 1, 800).into()) };
        let step = node.process(0, packet).expect("it follows");
        collect(&mut *node, step, &mut sounds).expect("it follows");
    }
    flush(&mut *node, &mut sounds);
    assert_eq!((sounds[0].pts, joined(&sounds, 0).len()), (Some(1_000_000_000), 2_400));
}

#[test]
fn a_clock_that_is_slow_or_fast_against_its_samples_ends_nothing() {
    for (every_ns, frames, expected) in [(19_990_000, 192_000, (0, 1)), (20_010_000, 192_081, (1, 0))] {
        let ((mut node, breaks), mut sounds) = (counted(json!({}), &[0]), Vec::new());
        for number in 0..1_200 {
            let audio = ramp(0, 1, 160).with_pts(Some(number * every_ns));
            push(&mut *node, 0, &audio, &mut sounds).expect("it drifts");
        }
        flush(&mut *node, &mut sounds);
        let counts = breaks.read();
        assert_eq!((counts.gaps, counts.overlaps), expected);
        let apart = (joined(&sounds, 0).len() as i64 - frames).unsigned_abs();
        assert!(apart <= 81, "{apart} frames");
    }
}

#[test]
fn what_comes_too_late_is_counted_as_well_as_what_is_missing() {
    let ((mut node, breaks), mut sounds) = (counted(json!({"wait_ms": 100}), &[0, 1]), Vec::new());
    push(&mut *node, 0, &at(ramp(0, 1, 8_000), 0), &mut sounds).expect("sound");
    push(&mut *node, 1, &at(ramp(1, 1, 8_000), 0), &mut sounds).expect("sound");
    let counts = breaks.read();
    assert_eq!((counts.overlaps, counts.trimmed, counts.gaps), (1, 900_000_000, 0));
    push(&mut *node, 1, &at(ramp(1, 1, 80), 12_000), &mut sounds).expect("sound");
    let counts = breaks.read();
    assert_eq!((counts.overlaps, counts.gaps, counts.missing), (1, 1, 500_000_000));
}

#[test]
fn times_behind_sound_without_any_mean_the_same_with_a_converter() {
    const MS: i64 = 1_000_000;
    // So many packets without a time, then these times.
    for (untimed, times_ms, frames) in [
        (10, vec![Some(0), None, None, None], 13 * 160),
        (10, vec![Some(0), Some(20), Some(40)], 10 * 160),
        (10, vec![Some(5_000), Some(5_020)], 40_320),
        (60, vec![Some(90)], 0),
    ] {
        let run = |params: Json| {
            let ((mut node, breaks), mut sounds) = (counted(params, &[0]), Vec::new());
            let times = std::iter::repeat_n(None, untimed).chain(times_ms.iter().copied());
            for (number, time_ms) in times.enumerate() {
                let audio = ramp(number, 1, 160).with_pts(time_ms.map(|time: i64| time * MS));
                push(&mut *node, 0, &audio, &mut sounds)?;
            }
            flush(&mut *node, &mut sounds);
            Ok::<_, NodeError>((joined(&sounds, 0), breaks.read()))
        };
        let expected = run(json!({}));
        assert_eq!(expected.as_ref().map_or(0, |(made, _)| made.len()), frames);
        assert_eq!(run(json!({"wait_ms": 60_000})), expected);
        assert_eq!(run(json!({"rate": RATE, "wait_ms": 60_000})), expected);
    }
}

/// A voice of 48 kHz, converted alone.
fn converted(voice: &Audio) -> Vec<f32> {
    let (mut node, mut sounds) = (connected("AudioResample", json!({"rate": RATE}), &[0]), Vec::new());
    push(&mut *node, 0, &at(voice.clone(), 0), &mut sounds).expect("sound");
    flush(&mut *node, &mut sounds);
    joined(&sounds, 0)
}

#[test]
fn what_waits_in_a_converter_has_come() {
    let voice = inputs::ramp(0, 1, 48_000, 48_000);
    for (has_times, frames, wait_ms) in [(true, 960, 20), (false, 960, 20), (true, 480, 10), (true, 1_024, 22)] {
        let params = json!({"rate": RATE, "wait_ms": wait_ms});
        let ((mut node, breaks), mut sounds) = (counted(params, &[0, 1]), Vec::new());
        for begin in (0..48_000).step_by(frames) {
            // The bed comes first, so the voice is behind by a packet each time, and by what its converter holds.
            let piece = voice.slice(begin, frames.min(48_000 - begin));
            let bed = Audio::from_planar(vec![0.0; piece.frames()], 1, 48_000).expect("valid sound");
            for (port, piece) in [bed, piece].into_iter().enumerate() {
                let time = has_times.then(|| MediaTime::of_frames(begin as u64, 48_000));
                push(&mut *node, port, &piece.with_pts(time), &mut sounds).expect("sound");
            }
        }
        flush(&mut *node, &mut sounds);
        assert_eq!(joined(&sounds, 0), converted(&voice), "{frames} frames, {has_times}");
        assert_eq!(breaks.read().overlaps, 0);
    }
}

#[test]
fn what_waits_in_a_converter_comes_out_when_its_stream_pauses() {
    let voice = inputs::ramp(0, 1, 4_800, 48_000);
    let ((mut node, breaks), mut sounds) = (counted(json!({"rate": RATE, "wait_ms": 100}), &[0, 1]), Vec::new());
    let silence = || Audio::from_planar(vec![0.0; 160], 1, RATE).expect("valid sound");
    let expected = converted(&voice);
    // It speaks for 100 ms, each time in five packets, and pauses for 900.
    for second in 0..3 {
        for number in 0..50 {
            let begin = 50 * second + number;
            push(&mut *node, 0, &at(silence(), begin * 160), &mut sounds).expect("sound");
            if number < 5 {
                let piece = voice.slice(960 * number as usize, 960);
                push(&mut *node, 1, &at(piece, begin * 160), &mut sounds).expect("sound");
            }
        }
        let made = joined(&sounds, 0);
        let begin = 8_000 * second as usize;
        assert!(made.len() >= begin + 7_000, "{} frames after {second} s", made.len());
        assert_eq!(made[begin..begin + 800], expected);
        assert!(made[begin + 800..].iter().all(|sample| *sample == 0.0));
        let counts = breaks.read();
        assert_eq!((counts.overlaps, counts.gaps, counts.missing), (0, second as u64, 900_000_000 * second));
    }
    // The next item begins anew.
    flush(&mut *node, &mut sounds);
    sounds.clear();
    push(&mut *node, 1, &at(voice, 0), &mut sounds).expect("sound");
    end(&mut *node, 0, &mut sounds);
    end(&mut *node, 1, &mut sounds);
    assert_eq!(joined(&sounds, 0), expected);
}

#[test]
fn a_stream_that_jitters_and_stalls_has_no_holes_behind_its_converter() {
    const JITTER_MS: [i64; 7] = [0, 4, -9, 2, -3, 9, -1];
    let (mut node, mut sounds) = (sum(json!({"rate": 48_000, "wait_ms": 100}), &[0, 1]), Vec::new());
    let voice = Audio::from_planar(vec![0.5; 320], 1, 16_000).expect("valid sound");
    let bed = Audio::from_planar(vec![0.0; 960], 1, 48_000).expect("valid sound");
    let mut sent = 0;
    for number in 0..100 {
        push(&mut *node, 0, &bed.clone().with_pts(Some(number * 20_000_000)), &mut sounds).expect("sound");
        // It stands still for 12 packets, then catches up.
        while sent <= number && !(40..52).contains(&number) {
            let pts = 20 * sent + if sent > 0 { JITTER_MS[sent as usize % JITTER_MS.len()] } else { 0 };
            push(&mut *node, 1, &voice.clone().with_pts(Some(pts * 1_000_000)), &mut sounds).expect("sound");
            sent += 1;
        }
    }
    flush(&mut *node, &mut sounds);
    let made = joined(&sounds, 0);
    let silent = made.chunk_by(|left, right| (*left == 0.0) == (*right == 0.0)).filter(|run| run[0] == 0.0);
    assert_eq!((silent.count(), made.len()), (1, 96_000), "nothing but what came too late");
}

#[test]
fn a_hold_of_hours_is_a_jump_of_the_output_too() {
    for params in [json!({}), json!({"wait_ms": 200})] {
        let (mut node, mut sounds) = (sum(params, &[0, 1]), Vec::new());
        for begin in [0, 7_201 * i64::from(RATE)] {
            for frame in (0..8_000).step_by(160) {
                for port in [0, 1] {
                    push(&mut *node, port, &at(ramp(port, 1, 160), begin + frame), &mut sounds).expect("sound");
                }
            }
        }
        flush(&mut *node, &mut sounds);
        let frames: usize = sounds.iter().map(Audio::frames).sum();
        assert!((16_000..18_000).contains(&frames), "{frames}");
        let last = sounds.last().expect("sound");
        assert_eq!(last.pts.expect("a time") + last.duration(), 7_202_000_000_000);
    }
}

#[test]
fn the_time_of_the_output_is_that_of_the_input_that_begins_first_whichever_comes_first() {
    // Less than a frame apart; without a time it begins at 0.
    for times in [[Some(0), Some(60_000)], [None, Some(60_000)]] {
        for order in [[0, 1], [1, 0]] {
            let (mut node, mut sounds) = (sum(json!({}), &[0, 1]), Vec::new());
            for port in order {
                let audio = ramp(port, 1, 160).with_pts(times[port]);
                push(&mut *node, port, &audio, &mut sounds).expect("sound");
            }
            assert_eq!(sounds[0].pts, Some(0), "{times:?}, {order:?}");
        }
    }
}

#[test]
fn packets_without_frames_change_nothing() {
    let at_a_second = |audio: Audio| at(audio, 8_000);
    let empty = |frame: Option<i64>| frame.map_or(ramp(2, 1, 0), |frame| at(ramp(2, 1, 0), frame));
    for frame in [None, Some(0), Some(12_000), Some(80_000_000)] {
        let ((mut node, breaks), mut sounds) = (counted(json!({}), &[0, 1]), Vec::new());
        push(&mut *node, 0, &empty(frame), &mut sounds).expect("nothing");
        push(&mut *node, 0, &at_a_second(ramp(0, 1, 160)), &mut sounds).expect("sound");
        push(&mut *node, 1, &at_a_second(ramp(1, 1, 80)), &mut sounds).expect("sound");
        push(&mut *node, 1, &empty(frame), &mut sounds).expect("nothing");
        push(&mut *node, 1, &at(ramp(1, 1, 80), 8_080), &mut sounds).expect("sound");
        flush(&mut *node, &mut sounds);
        assert_eq!((sounds[0].pts, joined(&sounds, 0).len()), (Some(1_000_000_000), 160), "{frame:?}");
        assert_eq!(breaks.read(), TimeBreaks::default().read());
    }
    // If nothing else comes, the output is empty too.
    let (mut node, mut sounds) = (sum(json!({}), &[0, 1]), Vec::new());
    push(&mut *node, 0, &at_a_second(ramp(0, 1, 0)), &mut sounds).expect("nothing");
    flush(&mut *node, &mut sounds);
    assert_eq!((sounds.len(), sounds[0].frames(), sounds[0].pts), (1, 0, Some(1_000_000_000)));
}

#[test]
fn a_loop_is_silent_until_it_brings_something_and_holds_up_nothing_that_comes_from_outside() {
    let (mut node, mut sounds) = (sum(json!({}), &[0, 1]), Vec::new());
    node.connect_loop(1, Duration::from_millis(100));
    push(&mut *node, 0, &at(ramp(0, 1, 1_600), 0), &mut sounds).expect("sound");
    assert_eq!(joined(&sounds, 0), ramp(0, 1, 1_600).channel(0)[..800], "nothing has been around before");
    push(&mut *node, 1, &at(ramp(1, 1, 400), 800), &mut sounds).expect("sound");
    let sum = |frame: usize| ramp(0, 1, 1_600).channel(0)[frame] + ramp(1, 1, 400).channel(0)[frame - 800];
    assert_eq!(joined(&sounds, 0)[800..], (800..1_200).map(sum).collect::<Vec<f32>>());
    // It brings no more: after a second it is silent, and nothing of what comes from outside is late any more.
    push(&mut *node, 0, &at(ramp(0, 1, 8_000), 1_600), &mut sounds).expect("sound");
    assert!(node.wants(0));
    assert_eq!(joined(&sounds, 0).len(), 9_600);
    push(&mut *node, 0, &at(ramp(0, 1, 160), 9_600), &mut sounds).expect("sound");
    assert_eq!(joined(&sounds, 0).len(), 9_760);
}

#[test]
fn a_gain_glides_to_its_new_value() {
    let mut node = sum(json!({"gains_db": [0, -120]}), &[0, 1]);
    let ones = |frames: usize| Audio::from_planar(vec![1.0; frames], 1, RATE).expect("valid sound");
    let mut sounds = Vec::new();
    let mut feed = |node: &mut dyn Node, frames: usize| {
        for port in [0, 1] {
            push(node, port, &ones(frames), &mut sounds).expect("sound");
        }
    };
    feed(&mut *node, 100);
    let params = json!({"gains_db": [-120, 0]}).as_object().cloned().expect("an object");
    let prepared = harness::drive::registry().get("AudioSum").expect("a built-in node").prepare(params);
    prepared.expect("valid params").set_live_params(&mut *node);
    for frames in [1, 99, 30, 200] {
        feed(&mut *node, frames);
    }
    // One goes as the other comes.
    assert!(joined(&sounds, 0).iter().all(|sample| (sample - 1.0).abs() < 1e-7));
}

#[test]
fn what_does_not_fit_is_refused() {
    let message = |error: NodeError| format!("{}. {}", error.cause, error.cure);
    let mut node = sum(json!({}), &[0, 1]);
    let mut sounds = Vec::new();
    push(&mut *node, 0, &at(ramp(0, 2, 10), 100), &mut sounds).expect("sound");
    let other = Audio::from_planar(vec![0.0; 10], 1, 16_000).expect("valid sound");
    assert_eq!(
        message(push(&mut *node, 1, &other, &mut sounds).expect_err("another format")),
        "the sound at 'in1' has 1 channels of 16000 Hz, that at 'in0' 2 of 8000 Hz. Set the params 'rate' and 'channels' \
         of this node: converters are put before it then."
    );
    assert_eq!(
        message(push(&mut *node, 0, &at(ramp(0, 2, 10), -8_000), &mut sounds).expect_err("back in time")),
        "the sound at 'in0' goes back by 1.014 s. Send the packets of an input in the order of their times."
    );
    assert_eq!(
        message(push(&mut *node, 1, &at(ramp(0, 2, 10), 40_000_000), &mut sounds).expect_err("far away")),
        "the sound at 'in1' is more than 3600 s away from the others. Count the times of all inputs from the same start."
    );
    assert_eq!(
        message(node.process(0, Value::Int(1).into()).expect_err("no sound")),
        "expected audio, got int. Wrap samples: Audio(samples, rate=...)."
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn neither_divisions_nor_the_order_of_arrival_matter(
        begins in prop::collection::vec(0i64..500, 3),
        lengths in prop::collection::vec(1usize..900, 3),
        sizes in prop::collection::vec(1usize..200, 1..30),
        turns in prop::collection::vec(0usize..3, 1..30),
        tells_ends: bool,
    ) {
        let inputs: Vec<Audio> = (0..3).map(|port| at(ramp(port, 2, lengths[port]), begins[port])).collect();
        let gains = [0.0, -6.0, 3.0];
        let mut node = sum(json!({"gains_db": gains}), &[0, 1, 2]);
        let (mut sounds, mut taken, mut ended) = (Vec::new(), [0; 3], [false; 3]);
        for number in 0.. {
            if (0..3).all(|port| taken[port] == lengths[port]) {
                break;
            }
            let mut port = turns[number % turns.len()];
            while taken[port] == lengths[port] {
                port = (port + 1) % 3;
            }
            let frames = sizes[number % sizes.len()].min(lengths[port] - taken[port]);
            push(&mut *node, port, &inputs[port].slice(taken[port], frames), &mut sounds).expect("sound");
            taken[port] += frames;
            if tells_ends && taken[port] == lengths[port] && !ended[port] {
                ended[port] = true;
                end(&mut *node, port, &mut sounds);
            }
        }
        flush(&mut *node, &mut sounds);
        let first = *begins.iter().min().expect("three");
        let last = (0..3).map(|port| begins[port] + lengths[port] as i64).max().expect("three");
        for channel in 0..2 {
            let made = joined(&sounds, channel);
            prop_assert_eq!(made.len() as i64, last - first);
            for (frame, sample) in (first..).zip(made) {
                let mut expected = 0.0;
                for port in 0..3 {
                    let own = usize::try_from(frame - begins[port]).ok();
                    let value = own.and_then(|own| inputs[port].channel(channel).get(own).copied());
                    expected += 10f64.powf(gains[port] / 20.0) * f64::from(value.unwrap_or(0.0));
                }
                prop_assert_eq!(sample, expected as f32, "frame {}", frame);
            }
        }
    }
}

fn manifest(nodes: &[(&str, &str, Json)], connections: &[(&str, &str)]) -> String {
    let nodes: Vec<Json> = nodes
        .iter()
        .map(|(id, node_type, params)| json!({"id": id, "node_type": node_type, "params": params}))
        .collect();
    let connections: Vec<Json> = connections.iter().map(|(from, to)| json!({"from": from, "to": to})).collect();
    json!({"version": "v1", "nodes": nodes, "connections": connections}).to_string()
}

fn runtime() -> Runtime {
    Runtime::new(Config::parse(br#"{"workers": 2}"#).expect("a valid config"), remotemedia_nodes::registry())
}

/// Runs a pipeline over inputs; a hang becomes a timeout.
fn execute(manifest: &str, inputs: Option<Vec<Value>>) -> Completion {
    let pipeline = runtime().compile(manifest.as_bytes(), &HostNodes::new()).unwrap_or_else(|error| panic!("{error}"));
    let completion = pipeline.execute(inputs, 0, Some(PATIENCE)).expect("accepted");
    assert_eq!(completion.outcome, Outcome::Finished, "{:?}", completion.errors);
    completion
}

/// What a sink got of one item, as sounds.
fn sounds_of(completion: &Completion, item: u64) -> Vec<Audio> {
    let outputs = completion.sinks[0].outputs.iter().filter(|output| output.item == item);
    outputs
        .map(|output| match &output.value {
            Value::Audio(audio) => audio.as_ref().clone(),
            other => panic!("expected sound, got {other:?}"),
        })
        .collect()
}

/// The nodes that may stand between an input and a sum: each leaves the sound as it is, and most hold back some or all.
fn delays() -> Vec<Option<(&'static str, Json)>> {
    vec![
        None,
        Some(("AudioConcat", json!({}))),
        Some(("AudioConcat", json!({"max_duration_ms": 700}))),
        Some(("AudioChunk", json!({"frames": 5_000}))),
        Some(("AudioChunk", json!({"frames": 10}))),
    ]
}

#[test]
fn branches_of_any_delay_meet_again() {
    for left in delays() {
        for right in delays() {
            let mut nodes = vec![("entry", "PassThrough", json!({})), ("sum", "AudioSum", json!({}))];
            let mut connections = Vec::new();
            for (id, delay, port) in [("left", &left, "sum.in0"), ("right", &right, "sum.in1")] {
                match delay {
                    Some((node_type, params)) => {
                        nodes.push((id, *node_type, params.clone()));
                        connections.extend([("entry", id), (id, port)]);
                    }
                    None => connections.push(("entry", port)),
                }
            }
            // More than what a queue holds of packets and of time, and a short item behind it.
            let inputs = [at(ramp(3, 1, 120_000), 0), at(ramp(4, 1, 50), 0)];
            let completion =
                execute(&manifest(&nodes, &connections), Some(inputs.iter().cloned().map(Value::from).collect()));
            for (item, input) in (0..).zip(&inputs) {
                let expected: Vec<f32> = input.channel(0).iter().map(|sample| 2.0 * sample).collect();
                assert_eq!(joined(&sounds_of(&completion, item), 0), expected, "{left:?} and {right:?}");
            }
        }
    }
}

#[test]
fn two_sums_that_cross_do_not_wait_for_one_another() {
    let source = |seed: u32, seconds: f64| json!({"seed": seed, "rate": RATE, "duration_s": seconds, "level_db": -20});
    let nodes = [
        ("a", "NoiseSource", source(1, 60.0)),
        ("b", "NoiseSource", source(2, 45.0)),
        ("hold_a", "AudioConcat", json!({"max_duration_ms": 9_000})),
        ("hold_b", "AudioConcat", json!({"max_duration_ms": 9_000})),
        ("first", "AudioSum", json!({})),
        ("second", "AudioSum", json!({})),
        ("both", "AudioSum", json!({"gains_db": [0, -120]})),
    ];
    let connections = [
        ("a", "first.in0"),
        ("b", "hold_b"),
        ("hold_b", "first.in1"),
        ("a", "hold_a"),
        ("hold_a", "second.in0"),
        ("b", "second.in1"),
        ("first", "both.in0"),
        ("second", "both.in1"),
    ];
    let completion = execute(&manifest(&nodes, &connections), None);
    assert_eq!(joined(&sounds_of(&completion, 0), 0).len(), 60 * RATE as usize);
}

#[test]
fn a_source_that_is_faster_or_shorter_keeps_nothing_waiting() {
    // 20 minutes of both are 38 MB each, of which the quick one may not pile up more than seconds; in the end it is the
    // only one that is left.
    let source =
        |seconds: u32, level: i32| json!({"frequency_hz": 100, "rate": RATE, "duration_s": seconds, "level_db": level});
    let nodes = [
        ("slow", "ToneSource", source(1_000, -120)),
        ("work", "AudioFilter", json!({"kind": "lowpass", "frequency_hz": 1000, "order": 8})),
        ("quick", "ToneSource", source(1_200, -20)),
        ("sum", "AudioSum", json!({})),
        ("level", "AudioLevel", json!({"window_ms": 1000})),
    ];
    let connections = [("slow", "work"), ("work", "sum.in0"), ("quick", "sum.in1"), ("sum", "level")];
    let completion = execute(&manifest(&nodes, &connections), None);
    assert_eq!(completion.sinks[0].outputs.len(), 1_200);
}

const ALL: TakeLimit = TakeLimit { packets: usize::MAX, bytes: usize::MAX };

/// What a session gives until it has ended.
fn rest_of(session: &Session, port: &Port) -> Vec<Audio> {
    let mut sounds = Vec::new();
    loop {
        sounds.extend(received(session));
        for event in port.next(Some(PATIENCE)).events {
            if let Event::Completed { completion, .. } = event {
                assert_eq!(completion.outcome, Outcome::Finished, "{:?}", completion.errors);
                sounds.extend(received(session));
                return sounds;
            }
        }
    }
}

fn received(session: &Session) -> Vec<Audio> {
    match session.receive(None, ALL) {
        Received::Outputs(outputs) => outputs.into_iter().map(|output| sound_of(output.packet.value)).collect(),
        Received::WouldBlock | Received::End => Vec::new(),
    }
}

fn sound_of(value: Value) -> Audio {
    match value {
        Value::Audio(audio) => *audio,
        other => panic!("expected sound, got {other:?}"),
    }
}

#[test]
fn a_session_adds_its_branches_and_a_bed_that_ends() {
    let nodes = [
        ("entry", "PassThrough", json!({})),
        ("hold", "AudioConcat", json!({"max_duration_ms": 300})),
        ("bed", "ToneSource", json!({"rate": RATE, "duration_s": 0.5})),
        ("sum", "AudioSum", json!({"gains_db": [0, 0, -120]})),
    ];
    let connections = [("entry", "sum.in0"), ("entry", "hold"), ("hold", "sum.in1"), ("bed", "sum.in2")];
    let runtime = runtime();
    let text = manifest(&nodes, &connections);
    let pipeline = runtime.compile(text.as_bytes(), &HostNodes::new()).unwrap_or_else(|error| panic!("{error}"));
    let port = Port::new(None);
    let session = pipeline.session(&port, 1, &SessionOptions::default()).expect("accepted");
    let sound = ramp(9, 1, 40_000);
    let mut sounds = Vec::new();
    for (number, first) in (0..sound.frames()).step_by(160).enumerate() {
        let mut packets = VecDeque::from([Packet::new(sound.slice(first, 160).into())]);
        while !packets.is_empty() {
            let sent = session.send(&mut packets, 0, PATIENCE, ALL).expect("taken");
            sounds.extend(sent.outputs.into_iter().map(|output| sound_of(output.packet.value)));
            sounds.extend(received(&session));
            if sent.taken == 0 {
                port.next(Some(PATIENCE));
            }
        }
        // The bed is over after the first of these, and the sum does not wait for it.
        if number % 100 == 99 {
            session.flush().expect("it goes on");
        }
    }
    session.finish().expect("it goes on");
    sounds.extend(rest_of(&session, &port));
    let expected: Vec<f32> = sound.channel(0).iter().map(|sample| 2.0 * sample).collect();
    let made: Vec<f32> = sounds.iter().flat_map(|audio| audio.channel(0)).copied().collect();
    assert_eq!(made, expected);
}

#[test]
fn an_interruption_does_not_wait_for_what_is_over() {
    let nodes = [
        ("entry", "PassThrough", json!({})),
        ("bed", "ToneSource", json!({"rate": RATE, "duration_s": 0.1})),
        ("sum", "AudioSum", json!({"gains_db": [0, -120]})),
    ];
    let runtime = runtime();
    let text = manifest(&nodes, &[("entry", "sum.in0"), ("bed", "sum.in1")]);
    let pipeline = runtime.compile(text.as_bytes(), &HostNodes::new()).unwrap_or_else(|error| panic!("{error}"));
    let port = Port::new(None);
    let session = pipeline.session(&port, 1, &SessionOptions::default()).expect("accepted");
    let say = |sound: &Audio, sounds: &mut Vec<Audio>| {
        let mut packets = VecDeque::from([Packet::new(sound.clone().into())]);
        let sent = session.send(&mut packets, 0, PATIENCE, ALL).expect("taken");
        assert_eq!(sent.taken, 1);
        sounds.extend(sent.outputs.into_iter().map(|output| sound_of(output.packet.value)));
    };
    let (first, second) = (ramp(1, 1, 2_000), ramp(2, 1, 3_000));
    let mut sounds = Vec::new();
    say(&first, &mut sounds);
    // All of it comes without an end, since the bed is over.
    while sounds.iter().map(Audio::frames).sum::<usize>() < first.frames() {
        match session.receive(None, ALL) {
            Received::Outputs(outputs) => {
                sounds.extend(outputs.into_iter().map(|output| sound_of(output.packet.value)));
            }
            // Only now an event tells of more.
            Received::WouldBlock => assert!(!port.next(Some(PATIENCE)).events.is_empty(), "nothing comes"),
            Received::End => panic!("the session goes on"),
        }
    }
    session.interrupt();
    sounds.clear();
    say(&second, &mut sounds);
    session.finish().expect("it goes on");
    sounds.extend(rest_of(&session, &port));
    let made: Vec<f32> = sounds.iter().flat_map(|audio| audio.channel(0)).copied().collect();
    assert_eq!(made, second.channel(0));
}

/// A comb: each sample has the one of 100 ms before it added, which has come around.
#[test]
fn a_sum_adds_what_it_has_emitted_around_a_loop() {
    comb(json!({"gains_db": [0, -6]}));
    // With a converter in the loop.
    comb(json!({"gains_db": [0, -6], "rate": RATE}));
}

fn comb(params: Json) {
    let mut document: Json = serde_json::from_str(&manifest(&[("sum", "AudioSum", params)], &[])).expect("JSON");
    document["inputs"] = json!({"mic": "sum.in0"});
    document["connections"] = json!([{"from": "sum", "to": "sum.in1", "delay_ms": 100}]);
    let runtime = runtime();
    let pipeline =
        runtime.compile(document.to_string().as_bytes(), &HostNodes::new()).unwrap_or_else(|error| panic!("{error}"));
    let port = Port::new(None);
    let options = SessionOptions { clock: SessionClock::Virtual, ..SessionOptions::default() };
    let session = pipeline.session(&port, 1, &options).expect("accepted");
    let sound = ramp(3, 1, 8_000);
    let (mut sounds, mut early) = (Vec::new(), 0);
    for first in (0..sound.frames()).step_by(160) {
        let packet = Packet::new(at(sound.slice(first, 160), first as i64).into());
        let mut packets = VecDeque::from([packet]);
        while !packets.is_empty() {
            let sent = session.send(&mut packets, 0, PATIENCE, ALL).expect("taken");
            sounds.extend(sent.outputs.into_iter().map(|output| sound_of(output.packet.value)));
            if sent.taken == 0 {
                assert!(!port.next(Some(PATIENCE)).events.is_empty(), "it hangs");
            }
        }
        early = sounds.iter().map(Audio::frames).sum();
    }
    session.finish().expect("it goes on");
    sounds.extend(rest_of(&session, &port));
    let gain = 10f64.powf(-6.0 / 20.0);
    let mut expected: Vec<f32> = Vec::new();
    for (frame, sample) in sound.channel(0).iter().enumerate() {
        let back = frame.checked_sub(800).map_or(0.0, |back| expected[back]);
        expected.push((f64::from(*sample) + gain * f64::from(back)) as f32);
    }
    assert_eq!(joined(&sounds, 0)[..8_000], expected);
    assert!(early > 0, "it comes while the session runs");
}

/// Two inputs, one at each port of a sum, and what the manifest adds behind them.
fn two_inputs(runtime: &Runtime, mic: &Json) -> Pipeline {
    let mut document: Json =
        serde_json::from_str(&manifest(&[("sum", "AudioSum", json!({})), ("level", "AudioLevel", json!({}))], &[]))
            .expect("JSON");
    document["inputs"] = json!({"mic": mic, "far": "sum.in1", "other": "level"});
    runtime.compile(document.to_string().as_bytes(), &HostNodes::new()).unwrap_or_else(|error| panic!("{error}"))
}

fn seconds(input: usize, range: std::ops::Range<usize>) -> VecDeque<SessionPacket> {
    let packet = |_| Packet::new(ramp(1, 1, RATE as usize).into());
    range.map(|second| SessionPacket { packet: packet(second), input }).collect()
}

#[test]
fn an_input_that_runs_ahead_of_another_finds_no_room() {
    let runtime = runtime();
    let pipeline = two_inputs(&runtime, &json!("sum.in0"));
    let port = Port::new(None);
    let session = pipeline.session(&port, 1, &SessionOptions::default()).expect("accepted");
    let mut ahead = seconds(0, 0..100);
    // The node takes about a second more of it, the queue five seconds, and a stage takes several packets at once.
    let taken = session.send(&mut ahead, 0, PATIENCE, ALL).expect("taken").taken;
    assert!((5..50).contains(&taken), "{taken}");
    // What comes at the other input makes room.
    let mut outputs = 0;
    let mut behind = seconds(1, 0..100);
    while !(ahead.is_empty() && behind.is_empty()) {
        for packets in [&mut ahead, &mut behind] {
            session.send(packets, 0, PATIENCE, ALL).expect("taken").outputs.iter().for_each(|_| outputs += 1);
        }
        outputs += received(&session).len();
        port.next(Some(Duration::from_millis(1)));
    }
    session.finish().expect("it goes on");
    outputs += rest_of(&session, &port).len();
    assert!(outputs > 0);
}

/// A bed that never stops, and a voice that speaks at its beginning and again after a pause: the session takes all of it, and
/// what waits in a queue when the voice comes back is not late.
#[test]
fn a_voice_that_pauses_neither_holds_up_a_bed_nor_cuts_it() {
    let mut document: Json =
        serde_json::from_str(&manifest(&[("sum", "AudioSum", json!({"wait_ms": 100}))], &[])).expect("JSON");
    document["inputs"] = json!({"voice": "sum.in0", "bed": "sum.in1"});
    let piece = |input: usize, number: i64, level: f32| {
        let audio = Audio::from_planar(vec![level; 800], 1, RATE).expect("valid sound");
        SessionPacket { packet: Packet::new(at(audio, number * 800).into()), input }
    };
    let speaks = |number: i64| number < 5 || (45..50).contains(&number) || number >= 95;
    let pieces = |number: i64| {
        let voice = speaks(number).then(|| piece(0, number, 0.25));
        [Some(piece(1, number, 0.5)), voice].into_iter().flatten()
    };
    for (clock, at_once) in [(SessionClock::Virtual, 1), (SessionClock::Real, 1), (SessionClock::Real, 50)] {
        let runtime = runtime();
        let pipeline = runtime
            .compile(document.to_string().as_bytes(), &HostNodes::new())
            .unwrap_or_else(|error| panic!("{error}"));
        let port = Port::new(None);
        let options = SessionOptions { clock, ..SessionOptions::default() };
        let session = pipeline.session(&port, 1, &options).expect("accepted");
        let mut sounds = Vec::new();
        for begin in (0..100).step_by(at_once) {
            let mut packets: VecDeque<SessionPacket> = (begin..begin + at_once as i64).flat_map(pieces).collect();
            while !packets.is_empty() {
                let sent = session.send(&mut packets, 0, PATIENCE, ALL).expect("taken");
                sounds.extend(sent.outputs.into_iter().map(|output| sound_of(output.packet.value)));
                if sent.taken == 0 {
                    assert!(!port.next(Some(PATIENCE)).events.is_empty(), "it waits for the voice");
                }
            }
        }
        session.finish().expect("it goes on");
        sounds.extend(rest_of(&session, &port));
        let made: Vec<f32> = joined(&sounds, 0).into_iter().step_by(800).collect();
        let expected: Vec<f32> = (0..100).map(|number| if speaks(number) { 0.75 } else { 0.5 }).collect();
        assert_eq!(made, expected, "{clock:?}, {at_once} at once");
    }
}

#[test]
fn an_input_that_leads_elsewhere_too_holds_up_nothing_there() {
    let runtime = runtime();
    let pipeline = two_inputs(&runtime, &json!(["sum.in0", "level"]));
    let port = Port::new(None);
    let session = pipeline.session(&port, 1, &SessionOptions::default()).expect("accepted");
    let (mut ahead, mut levels) = (seconds(0, 0..30), 0);
    while levels < 30 {
        session.send(&mut ahead, 0, PATIENCE, TakeLimit { packets: 0, bytes: 0 }).expect("taken");
        match session.receive(None, ALL) {
            Received::Outputs(outputs) => levels += outputs.iter().filter(|output| output.place == 1).count(),
            Received::WouldBlock => assert!(!port.next(Some(PATIENCE)).events.is_empty(), "nothing comes"),
            Received::End => panic!("the session goes on"),
        }
    }
    assert!(session.cancel());
}
