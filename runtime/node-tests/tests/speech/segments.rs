//! `SpeechSegments`: the segments of silero-vad, whatever the format and the division into packets; events; refusals.

use proptest::prelude::*;
use remotemedia_core::node::{Context, Emission, Node, NodeError, Params};
use remotemedia_core::value::{Audio, Buffer, DataType, Layout, Packet, Tensor, Value};
use serde_json::{Value as Json, json};

use crate::reference::reference;
use crate::signals::{divided, sound, wandering};
use harness::drive::{feed, refusal};

/// What a run emitted, port by port.
#[derive(Debug, Default, PartialEq)]
struct Emitted {
    segments: Vec<(f64, f64, Audio)>,
    events: Vec<(String, f64, f64)>,
}

impl Emitted {
    /// The segments as samples of this rate.
    fn samples(&self, rate: f64) -> Vec<[f64; 2]> {
        self.segments.iter().map(|(start, end, _)| [start * rate, end * rate]).collect()
    }
}

fn node(params: &Json, inputs: &[usize]) -> Box<dyn Node> {
    let params: Params = params.as_object().cloned().expect("params are an object");
    let registry = harness::drive::registry();
    let mut node = registry.get("SpeechSegments").expect("built in").prepare(params).expect("valid").instantiate();
    node.connect(inputs);
    node.initialize(&Context { node_id: "cut".into(), ..Context::default() }).expect("it initializes");
    node
}

/// Drives a node through one item.
fn run(node: &mut dyn Node, packets: impl IntoIterator<Item = (usize, Packet)>) -> Result<Emitted, NodeError> {
    let mut emitted = Emitted::default();
    let take = |emission: Emission| {
        let Value::Map(map) = &emission.packet.value else { panic!("expected a map") };
        let number = |key: &str| match &map[key] {
            Value::Float(number) => *number,
            other => panic!("expected a float at {key}, got {}", other.kind().name()),
        };
        let Value::Str(kind) = &map["type"] else { panic!("expected text") };
        if emission.port == 0 {
            assert_eq!(&**kind, "segment");
            let Value::Audio(audio) = &map["audio"] else { panic!("expected audio") };
            emitted.segments.push((number("start_s"), number("end_s"), (**audio).clone()));
        } else {
            emitted.events.push((kind.to_string(), number("at_s"), number("detected_s")));
        }
    };
    feed(node, packets, take)?;
    Ok(emitted)
}

/// What it finds in sound without any other help.
fn found(params: &Json, parts: impl IntoIterator<Item = Audio>) -> Emitted {
    let packets = parts.into_iter().map(|audio| (0, Packet::new(audio.into())));
    run(&mut *node(params, &[0]), packets).expect("it hears")
}

/// What `VAD` emits for these probabilities.
fn probabilities(values: &[f32]) -> Packet {
    let buffer = Buffer::from_samples(values.to_vec());
    let tensor = Tensor::contiguous(DataType::Float32, vec![values.len()], buffer).expect("one dimension");
    Value::map([("probabilities", Value::from(tensor)), ("window_ms", Value::Int(32)), ("pts", Value::Null)]).into()
}

fn as_numbers(segments: &[[usize; 2]]) -> Vec<[f64; 2]> {
    segments.iter().map(|segment| segment.map(|sample| sample as f64)).collect()
}

#[track_caller]
fn assert_near(ours: &[[f64; 2]], theirs: &[[f64; 2]], most: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}: {ours:?} {theirs:?}");
    for (ours, theirs) in ours.iter().flatten().zip(theirs.iter().flatten()) {
        assert!((ours - theirs).abs() <= most, "{what}: {ours} {theirs}");
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_segments_are_those_of_silero_vad_to_the_sample() {
    let mut cases = 0;
    for signal in reference().signals {
        let whole = sound(&signal.name, signal.rate);
        for (index, case) in signal.cases.iter().enumerate() {
            let what = format!("{} at {} Hz with {}", signal.name, signal.rate, case.params);
            // The first with a detector of its own, the others with onnxruntime's probabilities, which is quicker.
            let sound = (0, Packet::new(whole.clone().into()));
            let emitted = match index {
                0 => run(&mut *node(&case.params, &[0]), [sound]),
                _ => run(&mut *node(&case.params, &[0, 1]), [sound, (1, probabilities(&signal.probabilities))]),
            };
            let emitted = emitted.expect("it hears");
            // Seconds are rounded to nanoseconds.
            assert_near(&emitted.samples(signal.rate.into()), &as_numbers(&case.segments), 1e-4, &what);
            for ((_, _, audio), [start, end]) in emitted.segments.iter().zip(&case.segments) {
                assert_eq!(audio.channel(0), &whole.channel(0)[*start..*end], "{what}");
                assert_eq!(audio.pts, Some(*start as i64 * 1_000_000_000 / i64::from(signal.rate)), "{what}");
            }
            cases += 1;
        }
    }
    println!("reference | SpeechSegments | silero-vad 6.2.3 get_speech_timestamps | {cases} | 0 samples | 0 |");
}

#[test]
fn noise_music_and_silence_have_no_speech() {
    for name in ["noise", "music", "silence"] {
        for rate in [8_000, 16_000] {
            assert_eq!(found(&json!({}), [sound(name, rate)]), Emitted::default(), "{name} at {rate} Hz");
        }
    }
}

#[test]
fn connected_probabilities_give_the_segments_of_silero_vad() {
    let expected = reference().synthetic;
    let silence = Audio::from_planar(vec![0.0; expected.samples], 1, 16_000).expect("valid sound");
    for case in &expected.cases {
        for audio_first in [true, false] {
            let mut packets = vec![(1, probabilities(&wandering())), (0, Packet::new(silence.clone().into()))];
            if audio_first {
                packets.reverse();
            }
            let emitted = run(&mut *node(&case.params, &[0, 1]), packets).expect("it listens");
            assert_near(&emitted.samples(16_000.0), &as_numbers(&case.segments), 1e-4, &case.params.to_string());
        }
    }
}

#[test]
fn sound_of_another_format_gives_the_same_segments_within_a_window() {
    let node_of = |node_type: &str, params: Json| harness::drive::prepare(node_type, params).expect("valid params");
    let through = |mut node: Box<dyn Node>, sounds: Vec<Audio>| -> Vec<Audio> {
        let packets = sounds.into_iter().map(|audio| Packet::new(audio.into()));
        let emitted = harness::drive::run(&mut *node, packets).expect("it converts");
        let audio = |packet: Packet| match packet.value {
            Value::Audio(audio) => *audio,
            other => panic!("expected audio, got {}", other.kind().name()),
        };
        emitted.into_iter().map(audio).collect()
    };
    let expected = found(&json!({}), [sound("speech", 16_000)]).samples(1.0);
    assert_eq!(expected.len(), 5);
    for rate in [11_025, 44_100, 48_000] {
        let wide = through(node_of("AudioResample", json!({"rate": rate})), vec![sound("speech", 16_000)]);
        let stereo = through(node_of("AudioMix", json!({"channels": 2})), wide);
        let emitted = found(&json!({}), stereo.clone());
        assert_near(&emitted.samples(1.0), &expected, 0.032, &format!("{rate} Hz"));
        let left: Vec<f32> = stereo.iter().flat_map(|audio| audio.channel(0).iter().copied()).collect();
        for (start, end, audio) in &emitted.segments {
            assert_eq!((audio.rate(), audio.channels(), audio.layout().name()), (rate, 2, Some("stereo")));
            let first = (start * f64::from(rate)).round() as usize;
            assert_eq!(audio.channel(0), &left[first..first + audio.frames()]);
            assert_eq!(first + audio.frames(), (end * f64::from(rate)).round() as usize);
        }
    }
}

#[test]
fn events_come_in_turn_as_soon_as_they_are_known() {
    let emitted = found(&json!({"min_speech_duration_ms": 0}), [sound("speech", 16_000)]);
    let kinds: Vec<&str> = emitted.events.iter().map(|(kind, _, _)| &**kind).collect();
    assert_eq!(kinds, ["start", "end"].repeat(6));
    assert_eq!(emitted.segments.len(), 6);
    for ((start, end, _), events) in emitted.segments.iter().zip(emitted.events.chunks(2)) {
        assert_eq!((events[0].1, events[1].1), (*start, *end));
        // A window and its padding; then the silence that had to be waited for.
        let [start_delay, end_delay] = [0, 1].map(|event: usize| events[event].2 - events[event].1);
        assert!((start_delay - 0.062).abs() < 1e-9 || *start == 0.0, "{start_delay}");
        assert!((end_delay - 0.130).abs() < 1e-9, "{end_delay}");
    }
}

#[test]
fn speech_that_is_too_short_has_events_and_no_segment() {
    let mut values = vec![0.0; 40];
    values[10..14].fill(0.9);
    let silence = Audio::from_planar(vec![0.0; 40 * 512], 1, 16_000).expect("valid sound");
    let packets = [(0, Packet::new(silence.into())), (1, probabilities(&values))];
    let emitted = run(&mut *node(&json!({}), &[0, 1]), packets).expect("it listens");
    assert_eq!(emitted.segments, []);
    let event = |kind: &str, at: f64, detected: f64| (kind.to_owned(), at, detected);
    assert_eq!(emitted.events, [event("start", 0.29, 0.352), event("end", 0.478, 0.608)]);
}

#[test]
fn times_begin_with_the_first_packet() {
    let clip = sound("speech", 16_000).slice(0, 40_000);
    let early = found(&json!({}), [clip.clone()]);
    let late = found(&json!({}), divided(&clip.with_pts(Some(10_000_000_000)), vec![100, 20_000]));
    assert_eq!(early.segments.len(), late.segments.len());
    assert!(!early.segments.is_empty());
    for ((start, end, audio), (late_start, late_end, late_audio)) in early.segments.iter().zip(&late.segments) {
        assert_eq!((*late_start, *late_end), (start + 10.0, end + 10.0));
        assert_eq!(late_audio.pts, audio.pts.map(|pts| pts + 10_000_000_000));
        assert_eq!(audio.channel(0), late_audio.channel(0));
    }
}

#[test]
fn a_change_of_format_ends_one_recording_and_begins_the_next() {
    let clip = sound("speech", 16_000).slice(0, 113_600);
    let twice = clip.clone().with_layout(Layout::Unspecified);
    let once = found(&json!({}), [clip.clone()]);
    let both = found(&json!({}), [clip, twice]);
    assert_eq!(both.segments.len(), 2 * once.segments.len());
    for ((start, end, first), (later_start, later_end, second)) in both.segments.iter().zip(&both.segments[1..]) {
        assert!((later_start - start - 7.1).abs() < 1e-9 && (later_end - end - 7.1).abs() < 1e-9);
        assert_eq!(first.channel(0), second.channel(0));
        assert_eq!((first.layout().name(), second.layout().name()), (Some("mono"), None));
    }
}

#[test]
fn an_item_remembers_nothing_of_the_one_before() {
    let mut node = node(&json!({}), &[0]);
    // It ends in the middle of a word.
    let mut hear = || run(&mut *node, [(0, Packet::new(sound("speech", 16_000).slice(0, 70_000).into()))]);
    assert_eq!(hear(), hear());
}

#[test]
fn segments_of_one_packet_share_its_memory() {
    let whole = sound("speech", 16_000);
    let emitted = found(&json!({}), [whole.clone()]);
    assert!(emitted.segments.iter().all(|(_, _, audio)| audio.buffer().same_memory(whole.buffer())));
}

#[test]
fn what_it_can_not_use_is_refused() {
    let refused = |port: usize, packet: Packet| {
        let error = run(&mut *node(&json!({}), &[0, 1]), [(port, packet)]).expect_err("a refusal");
        (error.cause, error.cure)
    };
    let connect = "Connect the output of a VAD node to 'vad'.".to_owned();
    assert_eq!(
        refused(0, Value::Null.into()),
        ("expected audio, got null".into(), "Wrap samples: Audio(samples, rate=...).".into())
    );
    assert_eq!(refused(1, Value::Null.into()), ("'vad' expects a map, got null".into(), connect.clone()));
    assert_eq!(
        refused(1, Value::map([("probabilities", Value::Int(1))]).into()),
        ("'vad' expects 'probabilities', a float32 tensor of one dimension".into(), connect.clone())
    );
    let mut packet = probabilities(&[0.5]);
    if let Value::Map(map) = &packet.value {
        let entries = map.iter().map(|(key, value)| (key.clone(), value.clone()));
        packet.value = Value::map(entries.chain([("window_ms".into(), Value::Int(0))]));
    }
    assert_eq!(
        refused(1, packet),
        ("'vad' expects 'window_ms', a number of milliseconds from 0.1 to 60000".into(), connect)
    );

    let sound = |channels| Packet::new(Audio::from_planar(vec![0.0; 512], channels, 16_000).expect("valid").into());
    let error = run(&mut *node(&json!({}), &[0, 1]), [(0, sound(1)), (0, sound(2))]).expect_err("a refusal");
    assert_eq!(error.cause, "the sound changes its rate or layout, but what comes at 'vad' goes on");
    assert_eq!(
        error.cure,
        "Convert the sound with AudioMix and AudioResample before it parts, or leave 'vad' unconnected."
    );

    let mut samples = vec![0.0; 3_200];
    samples[1_600 + 160] = f32::NAN;
    let stereo = Audio::from_planar(samples, 2, 16_000).expect("valid sound");
    let error = run(&mut *node(&json!({}), &[0]), [(0, Packet::new(stereo.into()))]).expect_err("a refusal");
    assert_eq!(
        (&*error.cause, &*error.cure, error.position),
        ("the sound has samples that are NaN or infinite", "Replace them before this node.", Some(10_000_000))
    );

    assert_eq!(
        refusal("SpeechSegments", json!({"threshold": 0.3, "neg_threshold": 0.4})),
        "neg_threshold: expected at most threshold, which is 0.3, got 0.4"
    );
}

#[test]
fn the_old_name_finds_the_same_with_the_same_params() {
    let params = json!({"threshold": 0.6, "min_silence_duration_ms": 300, "speech_pad_ms": 50});
    let mut old_params = params.clone();
    old_params["sampling_rate"] = json!(16_000);
    let heard = sound("speech", 16_000).slice(0, 120_000);
    let mut old = harness::drive::prepare("SileroVADNode", old_params).expect("valid params");
    let emitted = run(&mut *old, [(0, Packet::new(heard.clone().into()))]).expect("it hears");
    assert!(!emitted.segments.is_empty());
    assert_eq!(emitted, found(&params, [heard]));
}

#[test]
fn probabilities_alone_are_not_enough() {
    let registry = harness::drive::registry();
    let mut node =
        registry.get("SpeechSegments").expect("built in").prepare(Params::new()).expect("valid").instantiate();
    node.connect(&[1]);
    let error = node.initialize(&Context { node_id: "cut".into(), ..Context::default() }).expect_err("a refusal");
    assert_eq!(
        (&*error.cause, &*error.cure),
        ("nothing is connected to the port 'in'", "Connect the sound that 'vad' belongs to.")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in prop::collection::vec(0usize..60_000, 0..60),
        rate in prop::sample::select(vec![8_000u32, 16_000, 22_050]),
        max_speech_duration_s in prop::sample::select(vec![None, Some(0.5), Some(1.0)]),
    ) {
        // As sound of 22.05 kHz it is faster speech: the resampler takes part.
        let samples = sound("speech", 16_000).slice(80_000, 60_000).channel(0).to_vec();
        let heard = Audio::from_planar(samples, 1, rate).expect("valid sound");
        let params = json!({"max_speech_duration_s": max_speech_duration_s, "speech_pad_ms": 60});
        let whole = found(&params, [heard.clone()]);
        prop_assert!(!whole.events.is_empty());
        prop_assert_eq!(found(&params, divided(&heard, cuts)), whole);
    }
}

/// What `VAD` emits for these packets.
fn heard_by_vad(packets: &[Audio]) -> Vec<Packet> {
    let mut vad = harness::drive::prepare("VAD", json!({})).expect("valid params");
    harness::drive::run(&mut *vad, packets.iter().map(|audio| Packet::new(audio.clone().into()))).expect("it hears")
}

#[test]
fn after_a_gap_segments_are_where_they_belong() {
    let whole = sound("speech", 16_000).with_pts(Some(0));
    let frames = |audio: &Audio| -> Vec<Audio> {
        (0..audio.frames() / 320).map(|number| audio.slice(number * 320, 320)).collect()
    };
    let with_hole: Vec<Audio> =
        [frames(&whole.slice(0, 32_000)), frames(&whole.slice(48_000, whole.frames() - 48_000))].concat();
    let islands = [whole.slice(0, 32_000), whole.slice(48_000, (whole.frames() - 48_000) / 320 * 320)];
    let mut expected = Emitted::default();
    for island in islands {
        let part = found(&json!({}), [island]);
        expected.segments.extend(part.segments);
        expected.events.extend(part.events);
    }
    let without_a_hole = found(&json!({}), [whole.clone()]);
    let last = |emitted: &Emitted| emitted.segments.last().expect("a segment").1;
    assert!((last(&expected) - last(&without_a_hole)).abs() < 0.05, "{} {}", last(&expected), last(&without_a_hole));
    assert_eq!(found(&json!({}), with_hole.clone()), expected);

    // The same with the probabilities of a VAD, whichever comes first.
    let windows: Vec<(usize, Packet)> = heard_by_vad(&with_hole).into_iter().map(|packet| (1, packet)).collect();
    let sounds: Vec<(usize, Packet)> = with_hole.iter().map(|audio| (0, Packet::new(audio.clone().into()))).collect();
    let mut in_turn = Vec::new();
    let (mut early, mut late) = (windows.iter(), sounds.iter());
    while early.len() + late.len() > 0 {
        in_turn.extend(late.by_ref().take(3).cloned());
        in_turn.extend(early.next().cloned());
    }
    for packets in [[sounds.clone(), windows.clone()].concat(), [windows.clone(), sounds.clone()].concat(), in_turn] {
        let emitted = run(&mut *node(&json!({}), &[0, 1]), packets).expect("it listens");
        assert_eq!(emitted.segments, expected.segments);
        let places =
            |emitted: &Emitted| emitted.events.iter().map(|(kind, at, _)| (kind.clone(), *at)).collect::<Vec<_>>();
        assert_eq!(places(&emitted), places(&expected));
    }

    // A hole that is filled is silence that was sent.
    let silence = Audio::from_planar(vec![0.0; 16_000], 1, 16_000).expect("valid sound").with_pts(Some(2_000_000_000));
    let mut filled = with_hole.clone();
    filled.splice(100..100, frames(&silence));
    assert_eq!(found(&json!({"gaps": "fill"}), with_hole), found(&json!({}), filled));
}

#[test]
fn after_each_jump_back_the_probabilities_of_a_vad_are_where_the_sound_is() {
    // 100 packets of 20 ms end amid a window of 32 ms.
    let whole = sound("speech", 16_000);
    let timeline = |number: usize| (0..100).map(move |packet| (number, packet));
    let parts: Vec<Audio> = (0..4)
        .flat_map(timeline)
        .map(|(number, packet)| {
            let pts = packet * 20_000_000 - number as i64 * 5_000_000_000;
            whole.slice(packet as usize * 320, 320).with_pts(Some(pts))
        })
        .collect();
    let expected = found(&json!({}), parts.clone());
    assert!(expected.segments.len() >= 4, "each timeline has speech");
    let sounds = parts.iter().map(|audio| (0, Packet::new(audio.clone().into())));
    let windows = heard_by_vad(&parts).into_iter().map(|packet| (1, packet));
    let emitted = run(&mut *node(&json!({}), &[0, 1]), sounds.chain(windows)).expect("it listens");
    assert_eq!(emitted.segments, expected.segments);
}
