//! All nodes of the registry that keep time, each beside what it makes of audio without accidents.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use remotemedia_core::node::{Context, Node, NodeError, NodeType, Port, Step, TimeBreakCounts};
use remotemedia_core::value::{Audio, DataType, Kind, Layout, MediaTime, Packet, Value};
use serde_json::{Value as Json, json};

use crate::jumps::{ORIGIN, Streams, accidents, happen};
use harness::drive::drain;

/// The nodes that take audio and have no param `gaps`, with the reason.
const WITHOUT: [(&str, &str); 6] = [
    ("PassThrough", "hands each packet on as it is"),
    ("Echo", "hands each packet on as it is"),
    ("Calculator", "takes no audio by itself"),
    ("AudioMix", "keeps nothing between packets, and their times"),
    ("AudioSum", "aligns its inputs by their times, and a jump is silence"),
    ("AudioCrossfade", "keeps the jumps of its first input"),
];

/// How a node goes on after a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// As if an item began.
    Anew,
    /// With what it knows of the item: only the times are those of an item that begins.
    Times,
    /// Without a difference but for the times: samples follow one another.
    Goes,
}

/// Each way in which a node works that keeps time.
fn ways() -> Vec<(&'static str, Json, After)> {
    vec![
        ("AudioResample", json!({"rate": 24_000}), After::Anew),
        ("AudioResample", json!({"rate": 11_025, "quality": "fast"}), After::Anew),
        // The rate that the audio has.
        ("AudioResample", json!({"rate": 16_000}), After::Anew),
        ("AudioChunk", json!({"duration_ms": 20}), After::Anew),
        ("AudioChunk", json!({"frames": 1_000, "hop_frames": 300}), After::Anew),
        ("AudioConcat", json!({}), After::Anew),
        ("AudioConcat", json!({"max_duration_ms": 130}), After::Anew),
        ("AudioFilter", json!({"kind": "highpass", "frequency_hz": 200, "order": 4}), After::Anew),
        ("AudioConvolve", json!({"taps": [[0.5, 0.25, 0, 0.1]], "tail": false, "block_frames": 64}), After::Anew),
        ("AudioGain", json!({"gain_db": -6}), After::Anew),
        ("AudioGain", json!({"ramp": [[0.0, 0.0], [1.0, -20.0]]}), After::Times),
        ("AudioPad", json!({}), After::Goes),
        ("AudioTrim", json!({}), After::Goes),
        ("LoudnessNormalize", json!({}), After::Times),
        ("LoudnessNormalize", json!({"mode": "live"}), After::Times),
        // Other factors are in `audio_processing`: there the times after a jump are no longer those of the input.
        ("SpeedPerturb", json!({"factors": [1.0]}), After::Anew),
        ("AddNoise", json!({"snr_db": [10, 10]}), After::Times),
        ("RandomCrop", json!({"duration_s": 5, "pad": "none"}), After::Anew),
        ("AudioEncode", json!({"format": "wav"}), After::Goes),
        ("AudioEncode", json!({"format": "flac"}), After::Goes),
        ("AudioLevel", json!({"window_ms": 30}), After::Times),
        ("SilenceDetector", json!({}), After::Times),
        ("ClippingDetector", json!({}), After::Anew),
        ("ChannelBalance", json!({}), After::Times),
        ("Loudness", json!({}), After::Times),
        ("VAD", json!({}), After::Anew),
        ("SpeechSegments", json!({}), After::Anew),
        ("SpeechRatio", json!({}), After::Anew),
        ("SNREstimate", json!({}), After::Anew),
        ("Bandwidth", json!({}), After::Anew),
        ("STFT", json!({"n_fft": 256}), After::Anew),
        ("STFT", json!({"n_fft": 256, "whole": true, "center": false}), After::Anew),
        ("MelSpectrogram", json!({"preset": "whisper"}), After::Anew),
        ("MelSpectrogram", json!({"n_fft": 512, "n_mels": 20}), After::Anew),
        ("MFCC", json!({"n_mels": 40}), After::Anew),
        ("MFCC", json!({"convention": "kaldi"}), After::Anew),
    ]
}

#[test]
fn no_node_that_takes_audio_is_left_out() {
    let registry = harness::drive::registry();
    let ways = ways();
    for node_type in registry.iter() {
        let takes_audio = node_type.inputs.iter().any(|port| port.kinds.contains(Kind::Audio));
        if !takes_audio || node_type.alias_of.is_some() {
            continue;
        }
        let has_param = node_type.params_schema["properties"].get("gaps").is_some();
        let is_without = WITHOUT.iter().any(|(name, _)| *name == node_type.name);
        assert_ne!(has_param, is_without, "{}: a param 'gaps', or a reason why not", node_type.name);
        // `FileSink` writes what `AudioEncode` encodes; see `files`.
        let is_tested = ways.iter().any(|(name, _, _)| *name == node_type.name) || node_type.name == "FileSink";
        assert!(is_without || is_tested, "{} is not in the table of this test", node_type.name);
    }
}

#[test]
fn what_comes_after_a_jump_is_where_it_belongs() {
    for (name, params, after) in ways() {
        check(name, &params, after);
    }
}

/// Two answers of a function to one input have its time and none of their own. Whatever hands them on, the node behind it takes
/// all of both, as if each had its own time.
#[test]
fn answers_of_a_function_reach_the_node_behind_the_next_whole() {
    let mut handing_on = 0;
    for node_type in harness::drive::registry().iter().filter(|node_type| node_type.alias_of.is_none()) {
        let has_audio = |ports: &[Port]| ports.iter().any(|port| port.kinds.contains(Kind::Audio));
        if !has_audio(node_type.inputs) || !has_audio(node_type.outputs) {
            continue;
        }
        handing_on += 1;
        let way = ways().into_iter().find(|(name, _, _)| *name == node_type.name);
        let params = way.map_or_else(|| node_type.example.clone(), |(_, params, _)| params);
        let audio = audio_for(node_type, &params);
        let half = audio.frames() / 2;
        let halves = [audio.slice(0, half), audio.slice(half, half)];
        let timed = halves.clone().map(|half| Packet::new(half.into()));
        let answers = halves.map(|half| Packet::new(half.with_pts(None).into()).at(Some(ORIGIN), None));
        let expected = run_before_another(node_type, &params, timed);
        let (made, counts) = run_before_another(node_type, &params, answers);
        assert_eq!(counts, expected.1, "{}", node_type.name);
        assert!(made == expected.0, "{}: {} pieces, expected {}", node_type.name, made.len(), expected.0.len());
    }
    assert!(handing_on >= 15, "only {handing_on} nodes were looked at");
}

/// What one node tolerates, those behind it tolerate too, however it divides what it hands on: packets are stamped up to 9 ms too
/// early or too late.
#[test]
fn jitter_that_a_node_tolerates_is_none_to_the_node_behind_it() {
    const JITTER_MS: [i64; 7] = [0, 9, -9, 4, -3, 8, -8];
    for node_type in harness::drive::registry().iter().filter(|node_type| node_type.alias_of.is_none()) {
        let has_audio = |ports: &[Port]| ports.iter().any(|port| port.kinds.contains(Kind::Audio));
        if !has_audio(node_type.inputs) || !has_audio(node_type.outputs) {
            continue;
        }
        let way = ways().into_iter().find(|(name, _, _)| *name == node_type.name);
        let params = way.map_or_else(|| node_type.example.clone(), |(_, params, _)| params);
        let audio = audio_for(node_type, &params);
        let second = audio.rate() as usize;
        // 20 ms, and what leaves a short part where a step of a node ends.
        for frames in [second / 50, (1 << 16) / audio.channels() + second / 200] {
            let packets = |is_exact: bool| {
                let audio = audio.clone();
                (0..50).map(move |number| {
                    let begin = (number * frames) % second;
                    let mut samples = Vec::with_capacity(frames * audio.channels());
                    for channel in audio.iter_channels() {
                        samples.extend(channel.iter().cycle().skip(begin).take(frames));
                    }
                    let late = if is_exact { 0 } else { JITTER_MS[number % JITTER_MS.len()] * 1_000_000 };
                    let pts = ORIGIN + MediaTime::of_frames((number * frames) as u64, audio.rate()) + late;
                    let packet = Audio::from_planar(samples, audio.channels(), audio.rate()).expect("valid audio");
                    Packet::new(packet.with_pts(Some(pts)).into())
                })
            };
            let (exact, _) = run_before_another(node_type, &params, packets(true));
            let (made, counts) = run_before_another(node_type, &params, packets(false));
            assert_eq!(counts, TimeBreakCounts::default(), "{}, packets of {frames} frames", node_type.name);
            assert!(made == exact, "{}, packets of {frames} frames", node_type.name);
        }
    }
}

/// A gap that counts where packets are short counts at the node behind too, which gets longer ones: each sample stays at its time.
#[test]
fn a_gap_that_a_node_finds_is_one_to_the_node_behind_it() {
    let mut cases = ways().into_iter().map(|(name, params, _)| (name, params)).collect::<Vec<_>>();
    cases.extend(WITHOUT.map(|(name, _)| (name, registry_type(name).example.clone())));
    cases.push(("AudioSum", json!({"rate": 24_000, "wait_ms": 200})));
    for (name, params) in cases {
        let node_type = registry_type(name);
        let has_audio = |ports: &[Port]| ports.iter().any(|port| port.kinds.contains(Kind::Audio));
        // Chunks that overlap are apart without a gap too.
        let overlaps = params.get("hop_frames").is_some();
        if !has_audio(node_type.inputs) || !has_audio(node_type.outputs) || overlaps {
            continue;
        }
        let audio = audio_for(node_type, &params);
        for milliseconds in [5, 10] {
            let frames = audio.rate() as usize * milliseconds / 1_000;
            let packets = (0..audio.frames() / frames).filter(|number| *number != 21);
            let packets = packets.map(|number| Packet::new(audio.slice(number * frames, frames).into()));
            let emitted = emitted(node_type, &params, packets);
            let mut expected = Vec::new();
            emitted.iter().for_each(|packet| add(packet.clone(), &mut expected));
            let is_filled = name == "AudioSum";
            assert_eq!(expected.len(), if is_filled { 1 } else { 2 }, "{name} with {params}, {milliseconds} ms");
            let last = emitted.last().expect("audio");
            let end = last.pts.expect("a time") + last.duration.expect("a duration");
            // To a frame, where the rate changes.
            let is_at_its_time = end.abs_diff(ORIGIN + 1_000_000_000) < 100_000;
            assert!(is_at_its_time, "{name} with {params}, {milliseconds} ms: {end}");
            let chunk = registry_type("AudioChunk");
            let (made, counts) = run_packets(chunk, &json!({"duration_ms": 30}), "restart", emitted);
            assert_eq!(counts.gaps, u64::from(!is_filled), "{name} with {params}, {milliseconds} ms");
            assert!(made == expected, "{name} with {params}, {milliseconds} ms");
        }
    }
}

/// A second time from the start is one to the node behind too, whose packets are longer than what they go back by.
#[test]
fn times_that_begin_anew_do_so_to_the_node_behind_it() {
    let seconds = |audio: &Audio| {
        let frames = audio.rate() as usize / 50;
        let packet = |number: usize| {
            let pts = ORIGIN + MediaTime::of_frames((number * frames) as u64, audio.rate());
            Packet::new(audio.slice(number % 50 * frames, frames).with_pts(Some(pts)).into())
        };
        let packets = (0..100).chain(0..150).map(packet);
        emitted(registry_type("AudioChunk"), &json!({"duration_ms": 2_500}), packets)
    };
    for (name, params, _) in ways() {
        let node_type = registry_type(name);
        let (_, counts) = run_packets(node_type, &params, "restart", seconds(&audio_for(node_type, &params)));
        assert_eq!((counts.gaps, counts.overlaps), (1, 0), "{name} with {params}");
    }
    let mut sum = harness::drive::prepare("AudioSum", json!({})).expect("valid params");
    sum.connect(&[0]);
    let packets = seconds(&audio_for(registry_type("AudioSum"), &json!({})));
    let error = harness::drive::run(&mut *sum, packets).expect_err("back in time");
    assert_eq!(error.cause, "the sound at 'in0' goes back by 2.000 s");
}

/// What a node leaves out of the sound before a change of format, or puts there where the time jumps, moves nothing of what comes
/// next and hides nothing of it, whatever the node behind it makes of the sound.
#[test]
fn what_a_node_leaves_out_or_adds_between_two_sounds_moves_none() {
    let mut cases = ways().into_iter().map(|(name, params, _)| (name, params)).collect::<Vec<_>>();
    cases.extend([
        ("AudioChunk", json!({"duration_ms": 62, "last": "drop"})),
        ("AudioChunk", json!({"duration_ms": 62, "last": "pad"})),
        ("AudioConcat", json!({"max_duration_ms": 62, "min_duration_ms": 50})),
        ("AudioTrim", json!({"ends": "start"})),
        ("RandomCrop", json!({"duration_s": 0.498, "pad": "none"})),
        ("AudioConvolve", json!({"taps": [vec![0.01; 300]]})),
    ]);
    for (name, params) in cases {
        let node_type = registry_type(name);
        // A converter rounds each sound to whole frames of another rate, and chunks that overlap are apart anyway.
        let is_other = name == "AudioResample" || params.get("hop_frames").is_some();
        if is_other || !node_type.outputs.iter().any(|port| port.kinds.contains(Kind::Audio)) {
            continue;
        }
        let audio = audio_for(node_type, &params);
        let (rate, channels) = (audio.rate() as usize, audio.channels());
        // Silence on both sides of the middle, and no frame that is missing at its time.
        let quiet = rate / 2 - rate / 400..rate / 2 + rate / 400;
        let samples = audio.iter_channels().flat_map(|channel| {
            channel.iter().enumerate().map(|(frame, sample)| if quiet.contains(&frame) { 0.0 } else { *sample })
        });
        let audio = Audio::from_planar(samples.collect(), channels, audio.rate()).expect("valid audio");
        let frames = rate / 200;
        let packet = |number: usize| {
            let pts = ORIGIN + MediaTime::of_frames((number * frames) as u64, audio.rate());
            let packet = audio.slice(number * frames, frames).with_pts(Some(pts));
            let other = Layout::Named("other".into());
            Packet::new(if number < 100 { packet } else { packet.with_layout(other) }.into())
        };
        for gaps in [0..0, 80..81, 100..101] {
            let packets = (0..200).filter(|number| !gaps.contains(number)).map(packet);
            let emitted = emitted(node_type, &params, packets);
            let mut expected = Vec::new();
            emitted.iter().for_each(|packet| add(packet.clone(), &mut expected));
            let chunk = registry_type("AudioChunk");
            let (made, counts) = run_packets(chunk, &json!({"duration_ms": 50}), "restart", emitted);
            assert_eq!(counts.overlaps, 0, "{name} with {params}, without {gaps:?}");
            assert!(made == expected, "{name} with {params}, without {gaps:?}");
        }
    }
}

/// Sound that goes up to a jump, which lies between two frames: none of what comes next is trimmed, however many such there are.
#[test]
fn parts_of_a_frame_do_not_add_up() {
    for (name, params) in [
        ("AudioConvolve", json!({"taps": [vec![0.01; 300]]})),
        ("AudioChunk", json!({"duration_ms": 20, "last": "pad"})),
    ] {
        let audio = Audio::from_planar(vec![0.5; 51], 1, 16_000).expect("valid audio");
        let packets = (0..40).map(|number| Packet::new(audio.clone().with_pts(Some(number * 5_240_000)).into()));
        let emitted = emitted(registry_type(name), &params, packets);
        let chunk = registry_type("AudioChunk");
        let (_, counts) = run_packets(chunk, &json!({"duration_ms": 50}), "restart", emitted);
        assert_eq!(counts.overlaps, 0, "{name}");
    }
}

/// Whatever their times, their rates and their channels are.
#[test]
fn packets_without_frames_change_nothing() {
    let mut cases = ways().into_iter().map(|(name, params, _)| (name, params)).collect::<Vec<_>>();
    cases.extend(["AudioMix", "AudioSum", "AudioCrossfade"].map(|name| (name, registry_type(name).example.clone())));
    cases.extend([("AudioSum", json!({})), ("AudioSum", json!({"rate": 24_000, "wait_ms": 200}))]);
    for (name, params) in cases {
        let node_type = registry_type(name);
        let audio = audio_for(node_type, &params);
        let half = audio.frames() / 2;
        let halves = [audio.slice(0, half), audio.slice(half, half)];
        let run = |packets: &[Audio]| {
            let mut params = params.clone();
            if node_type.params_schema["properties"].get("gaps").is_some() {
                params["gaps"] = "restart".into();
            }
            let (mut made, counts) = run_node(node_type, &params, packets.iter().cloned().map(Value::from));
            made.retain(|piece| !matches!(piece, Piece::Audio(_, channels) if channels[0].is_empty()));
            (made, counts)
        };
        let expected = run(&halves);
        for (rate, channels) in [(audio.rate(), audio.channels()), (5, audio.channels()), (audio.rate(), 7)] {
            let empty = Audio::from_planar(Vec::new(), channels, rate).expect("valid audio");
            for pts in [None, Some(0), Some(ORIGIN), Some(2 * ORIGIN)] {
                let empty = empty.clone().with_pts(pts);
                let packets = [empty.clone(), halves[0].clone(), empty.clone(), halves[1].clone(), empty];
                let made = run(&packets);
                assert_eq!(made.1, TimeBreakCounts::default(), "{name}, {rate} Hz, {pts:?}");
                assert!(made == expected, "{name} with {params}, {rate} Hz, {channels} channels, {pts:?}");
            }
        }
    }
}

#[test]
fn times_hold_from_the_first_packet_that_has_one() {
    for (name, params, after) in ways() {
        let registry = harness::drive::registry();
        let node_type = registry.get(name).expect("a built-in node");
        let audio = audio_for(node_type, &params);
        let half = audio.frames() / 2;
        let [first, second] = [audio.slice(0, half).with_pts(None), audio.slice(half, half)];
        let (made, counts) = run(node_type, &params, "restart", &[first, second.clone()]);
        assert_eq!(counts, TimeBreakCounts::default(), "{name}");
        let (expected, _) = run(node_type, &params, "restart", std::slice::from_ref(&second));
        let times = |pieces: &[Piece]| pieces.iter().map(Piece::times).collect::<Vec<_>>();
        if after == After::Anew {
            assert!(
                times(&made).ends_with(&times(&expected)),
                "{name}: {:?}, not {:?}",
                times(&made),
                times(&expected)
            );
        }
    }
}

/// What `AudioChunk` behind a node makes of the audio that this one emits, and what it counts.
fn run_before_another(
    node_type: &NodeType,
    params: &Json,
    packets: impl IntoIterator<Item = Packet>,
) -> (Vec<Piece>, TimeBreakCounts) {
    let emitted = emitted(node_type, params, packets);
    run_packets(registry_type("AudioChunk"), &json!({"duration_ms": 20}), "restart", emitted)
}

/// The audio that a node emits.
fn emitted(node_type: &NodeType, params: &Json, packets: impl IntoIterator<Item = Packet>) -> Vec<Packet> {
    let mut node = harness::drive::prepare(node_type.name, params.clone()).expect("valid params");
    node.connect(&[0]);
    let mut emitted = Vec::new();
    let packets = packets.into_iter().map(|packet| (0, packet));
    harness::drive::feed(&mut *node, packets, |emission| emitted.push(emission.packet)).expect("it works");
    emitted.retain(|packet| matches!(packet.value, Value::Audio(_)));
    emitted
}

fn registry_type(name: &str) -> &'static NodeType {
    harness::drive::registry().get(name).expect("a built-in node")
}

#[test]
fn times_that_are_ignored_follow_across_a_change_of_format() {
    let packet = |channels: usize, pts_ms: i64| {
        let audio = Audio::from_planar(vec![0.5; channels * 160], channels, 8_000).expect("valid audio");
        Packet::new(audio.with_pts(Some(pts_ms * 1_000_000)).into())
    };
    for (gaps, times_ms) in [("ignore", [5_000, 5_020, 5_040]), ("restart", [5_000, 5_070, 5_120])] {
        let mut node = harness::drive::prepare("AudioGain", json!({ "gaps": gaps })).expect("valid params");
        let packets = [packet(1, 5_000), packet(2, 5_070), packet(1, 5_120)];
        let made = harness::drive::run(&mut *node, packets).expect("it works");
        let times = made.iter().map(|packet| packet.pts).collect::<Vec<_>>();
        assert_eq!(times, times_ms.map(|time| Some(time * 1_000_000)), "{gaps}");
    }
}

fn check(name: &str, params: &Json, after: After) {
    let registry = harness::drive::registry();
    let node_type = registry.get(name).expect("a built-in node");
    let audio = audio_for(node_type, params);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(16));
    let result = runner.run(&accidents(), |accidents| {
        let streams = happen(&audio, &accidents);
        check_restart(node_type, params, after, &streams);
        check_fill(node_type, params, &streams);
        check_ignore(node_type, params, &streams);
        check_without_times(node_type, params, &streams);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{name} with {params}: {error}"));
}

/// After a gap the node begins anew at the new time, as with an item of its own.
fn check_restart(node_type: &NodeType, params: &Json, after: After, streams: &Streams) {
    let (made, counts) = run(node_type, params, "restart", &streams.packets);
    assert_eq!((counts.gaps, counts.overlaps), (streams.gaps, streams.overlaps));
    let mut expected = Vec::new();
    match after {
        After::Goes if made.iter().any(|piece| matches!(piece, Piece::Bytes(_))) => {
            expected = run(node_type, params, "restart", &streams.closed).0;
        }
        After::Anew | After::Times | After::Goes => {
            for island in &streams.islands {
                expected.extend(run(node_type, params, "restart", std::slice::from_ref(island)).0);
            }
        }
    }
    if after == After::Times {
        let times = |pieces: &[Piece]| pieces.iter().map(Piece::times).collect::<Vec<_>>();
        assert_eq!(times(&made), times(&expected));
    } else {
        assert_eq!(made, expected);
    }
}

/// A filled gap is silence that came.
fn check_fill(node_type: &NodeType, params: &Json, streams: &Streams) {
    let (made, counts) = run(node_type, params, "fill", &streams.packets);
    assert_eq!((counts.gaps, counts.overlaps), (streams.gaps, streams.overlaps));
    assert_eq!(made, run(node_type, params, "restart", &streams.filled).0);
}

/// Without a look at the times nothing is lost, nothing is counted, and all times follow from the first packet.
fn check_ignore(node_type: &NodeType, params: &Json, streams: &Streams) {
    let (made, counts) = run(node_type, params, "ignore", &streams.packets);
    assert_eq!(counts, TimeBreakCounts::default());
    let following = following(&streams.packets).collect::<Vec<_>>();
    assert_eq!(made, run(node_type, params, "restart", &following).0);
}

/// Packets without a time follow on the one before, and so do those that all have the time of one packet.
fn check_without_times(node_type: &NodeType, params: &Json, streams: &Streams) {
    let following = following(&streams.packets).collect::<Vec<_>>();
    let (expected, _) = run(node_type, params, "restart", &following);
    let timeless = || streams.packets.iter().map(|audio| Packet::new(audio.clone().with_pts(None).into()));
    let of_one_packet = timeless().map(|packet| Packet { pts: Some(ORIGIN), ..packet });
    let first_alone =
        timeless().enumerate().map(|(number, packet)| Packet { pts: (number == 0).then_some(ORIGIN), ..packet });
    for (made, counts) in [
        run_packets(node_type, params, "restart", first_alone),
        run_packets(node_type, params, "restart", of_one_packet),
    ] {
        assert_eq!(counts, TimeBreakCounts::default());
        assert_eq!(made, expected);
    }
}

/// The same packets, each at the end of the one before.
fn following(packets: &[Audio]) -> impl Iterator<Item = Audio> {
    packets.iter().scan(0, |frames, audio| {
        let pts = ORIGIN + MediaTime::of_frames(*frames, audio.rate());
        *frames += audio.frames() as u64;
        Some(audio.clone().with_pts(Some(pts)))
    })
}

/// A second of audio for a node: noise that is louder in some places, in the format that it needs.
fn audio_for(node_type: &NodeType, params: &Json) -> Audio {
    let prepared = node_type.prepare(params.as_object().cloned().expect("an object")).expect("valid params");
    let format = prepared.input_format(0).unwrap_or_default();
    let (rate, channels) = (format.rate.unwrap_or(16_000), format.channels.unwrap_or(2));
    let sample = |number: usize| {
        let noise = (number * 7_919 % 65_536) as f32 / 32_768.0 - 1.0;
        noise * if (number / 3_000).is_multiple_of(3) { 0.5 } else { 0.05 }
    };
    let samples = (0..channels * rate as usize).map(sample).collect();
    Audio::from_planar(samples, channels, rate).expect("valid audio").with_pts(Some(ORIGIN))
}

/// What comes out, so that its division into packets makes no difference.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    /// Audio that follows on itself: when it begins, and the samples of all channels.
    Audio(i64, Vec<Vec<f32>>),
    /// One value of a series: when it begins, how long it is, and what it is.
    Value(Option<i64>, Option<i64>, Value),
    /// One of the numbers in a tensor's last dimension.
    Column(i64, Vec<u8>),
    Bytes(Vec<u8>),
}

impl Piece {
    fn times(&self) -> (Option<i64>, Option<i64>) {
        match self {
            Piece::Audio(pts, channels) => (Some(*pts), Some(channels[0].len() as i64)),
            Piece::Value(pts, duration, _) => (*pts, *duration),
            Piece::Column(pts, _) => (Some(*pts), None),
            Piece::Bytes(_) => (None, None),
        }
    }
}

/// What a node makes of an item, and what it counts.
fn run(node_type: &NodeType, params: &Json, gaps: &str, packets: &[Audio]) -> (Vec<Piece>, TimeBreakCounts) {
    run_packets(node_type, params, gaps, packets.iter().map(|audio| Packet::new(audio.clone().into())))
}

fn run_packets(
    node_type: &NodeType,
    params: &Json,
    gaps: &str,
    packets: impl IntoIterator<Item = Packet>,
) -> (Vec<Piece>, TimeBreakCounts) {
    let mut params = params.clone();
    params["gaps"] = gaps.into();
    run_node(node_type, &params, packets)
}

fn run_node(
    node_type: &NodeType,
    params: &Json,
    packets: impl IntoIterator<Item = impl Into<Packet>>,
) -> (Vec<Piece>, TimeBreakCounts) {
    let params = params.as_object().cloned().expect("an object");
    let mut node = node_type.prepare(params).expect("valid params").instantiate();
    node.connect(&[0]);
    let context = Context { node_id: "here".into(), ..Context::default() };
    node.initialize(&context).expect("it initializes");
    let mut pieces = Vec::new();
    for packet in packets {
        let step = node.process(0, packet.into());
        collect(&mut *node, step, &mut pieces);
    }
    let step = node.flush();
    collect(&mut *node, step, &mut pieces);
    (pieces, context.time_breaks.read())
}

fn collect(node: &mut dyn Node, step: Result<Step, NodeError>, pieces: &mut Vec<Piece>) {
    drain(node, step.expect("it works"), |emission| add(emission.packet, pieces)).expect("it works");
}

fn add(packet: Packet, pieces: &mut Vec<Piece>) {
    match packet.value {
        // Chunks and joined packets are what they are by their lengths.
        Value::Audio(audio) => {
            let pts = audio.pts.unwrap_or(0);
            let channels = audio.iter_channels().map(<[f32]>::to_vec).collect::<Vec<_>>();
            if audio.frames() == 0 && !pieces.is_empty() {
                return;
            }
            if let Some(Piece::Audio(begin, known)) = pieces.last_mut() {
                let end = *begin + MediaTime::of_frames(known[0].len() as u64, audio.rate());
                if end.abs_diff(pts) <= 2 {
                    known.iter_mut().zip(channels).for_each(|(known, channel)| known.extend(channel));
                    return;
                }
            }
            pieces.push(Piece::Audio(pts, channels));
        }
        Value::Tensor(tensor) => {
            let (shape, pts) = (tensor.shape(), packet.pts.expect("it has a time"));
            let (columns, duration) = (shape[shape.len() - 1], packet.duration.expect("it has a length"));
            let bytes = tensor.gather();
            let (size, rows) = (tensor.data_type().size(), shape[..shape.len() - 1].iter().product::<usize>());
            for column in 0..columns {
                let value = |row: usize| bytes[(row * columns + column) * size..][..size].to_vec();
                // To the microsecond: columns of one packet share its times.
                let time = (pts + duration * column as i64 / columns as i64 + 500) / 1_000;
                pieces.push(Piece::Column(time, (0..rows).flat_map(value).collect()));
            }
        }
        Value::Map(map) => match map.get("probabilities") {
            Some(Value::Tensor(tensor)) => {
                assert_eq!(tensor.data_type(), DataType::Float32);
                let pts = packet.pts.expect("it has a time");
                for (number, bytes) in tensor.gather().chunks(4).enumerate() {
                    pieces.push(Piece::Column(pts + 32_000_000 * number as i64, bytes.to_vec()));
                }
            }
            _ => pieces.push(Piece::Value(packet.pts, packet.duration, Value::Map(map))),
        },
        Value::Bytes(bytes) => pieces.push(Piece::Bytes(bytes.as_slice().to_vec())),
        other => pieces.push(Piece::Value(packet.pts, packet.duration, other)),
    }
}
