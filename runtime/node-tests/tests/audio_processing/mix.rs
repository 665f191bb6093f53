//! `AudioMix`: its gains, its errors, and that neither the time nor the division of the sound matters.

use proptest::prelude::*;
use remotemedia_core::node::{AudioFormat, Form, Step};
use remotemedia_core::value::{Audio, Layout, MediaTime, Packet, Value};
use serde_json::{Value as Json, json};

use harness::drive::{prepare, refusal, run};
use harness::media::fixture;

fn mix(params: Json, audio: Audio) -> Result<Audio, String> {
    let mut node = prepare("AudioMix", params).expect("valid params");
    match run(&mut *node, [Packet::new(audio.into())]) {
        Ok(packets) => Ok(joined(&packets)),
        Err(error) => Err(format!("{}. {}", error.cause, error.cure)),
    }
}

fn audio(packet: &Packet) -> &Audio {
    let Value::Audio(audio) = &packet.value else { panic!("expected audio") };
    assert_eq!((audio.pts.or(packet.pts), Some(audio.duration())), (packet.pts, packet.duration));
    audio
}

/// The packets' sound as one, with the start of the first.
fn joined(packets: &[Packet]) -> Audio {
    let first = audio(&packets[0]);
    let channel = |index| packets.iter().flat_map(|packet| audio(packet).channel(index)).copied().collect();
    let channels: Vec<Vec<f32>> = (0..first.channels()).map(channel).collect();
    let joined = Audio::from_channels(&channels, first.rate()).expect("equal channels");
    joined.with_pts(first.pts).with_layout(first.layout().clone())
}

fn surround() -> Audio {
    let channels: Vec<Vec<f32>> = (0..6).map(|channel| vec![1f32 / (1 << channel) as f32]).collect();
    Audio::from_channels(&channels, 48_000).expect("valid sound").with_layout(Layout::Named("5.1".into()))
}

#[test]
fn sound_with_the_right_channels_passes_in_the_same_memory() {
    let sound = surround().with_pts(Some(7));
    let mut node = prepare("AudioMix", json!({"channels": 6})).expect("valid params");
    let packets = run(&mut *node, [Packet::new(sound.clone().into())]).expect("it passes");
    assert_eq!(packets, [Packet::new(sound.clone().into())]);
    assert!(audio(&packets[0]).buffer().same_memory(sound.buffer()));
}

#[test]
fn stereo_becomes_mono_at_half_gain() {
    let stereo = Audio::from_channels(&[vec![1.0, 0.25, -1.0], vec![1.0, 0.75, 1.0]], 44_100).expect("valid sound");
    let mono = mix(json!({"channels": 1}), stereo.with_pts(Some(-5))).expect("a mix");
    assert_eq!(mono.channel(0), [1.0, 0.5, 0.0]);
    assert_eq!((mono.rate(), mono.layout().name(), mono.pts), (44_100, Some("mono"), Some(-5)));
}

#[test]
fn gains_above_one_overflow_no_sum_that_fits() {
    let loud = || Audio::from_channels(&[vec![2e38, 3e38], vec![2e38, -3e38]], 8_000).expect("valid sound");
    for gain in [1.0, 2.0, 3.0, 4.0] {
        let mono = mix(json!({"channels": 1, "gains": [[gain, -gain]]}), loud()).expect("a mix");
        assert_eq!(mono.channel(0), [0.0, f32::INFINITY], "{gain}");
    }
}

#[test]
fn mono_becomes_copies_at_unity() {
    let mono = Audio::from_planar(vec![0.1, -0.2], 1, 8_000).expect("valid sound");
    let stereo = mix(json!({"channels": 2}), mono.clone()).expect("a mix");
    assert_eq!(stereo.layout().name(), Some("stereo"));
    let seven = mix(json!({"channels": 7}), mono.clone()).expect("a mix");
    assert_eq!(*seven.layout(), Layout::Unspecified);
    for copy in stereo.iter_channels().chain(seven.iter_channels()) {
        assert_eq!(copy, mono.channel(0));
    }
}

#[test]
fn surround_is_mixed_with_the_gains_of_bs_775_scaled_to_full_scale() {
    // Left, right, centre, LFE and surrounds are 1, 1/2, 1/4, 1/8, 1/16, 1/32.
    let c = std::f64::consts::FRAC_1_SQRT_2;
    let left = (1.0 + c / 4.0 + c / 16.0) / (1.0 + 2.0 * c);
    let right = (0.5 + c / 4.0 + c / 32.0) / (1.0 + 2.0 * c);
    let mono = (c + c / 2.0 + 0.25 + 1.0 / 32.0 + 1.0 / 64.0) / (2.0 + 2.0 * c);
    // Two results of float64 that are rounded to float32 may fall on neighbours.
    let close = |got: &[f32], expected: f64| assert!((f64::from(got[0]) - expected).abs() < 1e-7, "{got:?} {expected}");
    for layout in ["5.1", "5.1(side)"] {
        let sound = surround().with_layout(Layout::Named(layout.into()));
        let stereo = mix(json!({"channels": 2}), sound.clone()).expect("a mix");
        close(stereo.channel(0), left);
        close(stereo.channel(1), right);
        close(mix(json!({"channels": 1}), sound).expect("a mix").channel(0), mono);
    }
    let full = Audio::from_channels(&vec![vec![1.0]; 6], 48_000).expect("valid sound");
    let full = full.with_layout(Layout::Named("5.1".into()));
    close(mix(json!({"channels": 2}), full.clone()).expect("a mix").channel(1), 1.0);
    close(mix(json!({"channels": 1}), full).expect("a mix").channel(0), 1.0);
}

#[derive(serde::Deserialize)]
struct Downmix {
    layout: String,
    stereo: Vec<Vec<f64>>,
    mono: Vec<Vec<f64>>,
}

#[test]
#[allow(clippy::print_stdout, reason = "the table of docs/accuracy.md is made of what the tests print")]
fn reference_of_every_layout_by_ffmpeg() {
    let cases: Vec<Downmix> = serde_json::from_slice(&fixture("mixes.json")).expect("cases");
    // FFmpeg's gains are float32 and were written with seven digits.
    let (tolerance, mut largest) = (2e-7, 0f64);
    for Downmix { layout, stereo, mono } in &cases {
        let inputs = mono[0].len();
        let alone = (0..inputs).map(|channel| (0..inputs).map(|frame| f32::from(u8::from(frame == channel))).collect());
        let sound = Audio::from_channels(&alone.collect::<Vec<Vec<f32>>>(), 48_000).expect("valid sound");
        let sound = sound.with_layout(Layout::Named(layout.as_str().into()));
        for rows in [stereo, mono] {
            let mixed = mix(json!({"channels": rows.len()}), sound.clone()).expect("a mix");
            for (made, expected) in mixed.iter_channels().zip(rows) {
                let deviation = made.iter().zip(expected).map(|(made, gain)| (f64::from(*made) - gain).abs());
                largest = deviation.fold(largest, f64::max);
                assert!(largest <= tolerance, "{layout} to {}: {made:?}, not {expected:?}", rows.len());
            }
        }
    }
    let against = "FFmpeg's swresample in PyAV 18.1.0, all layouts";
    println!(
        "reference | AudioMix (layouts) | {against} | {} | {largest:.1e} of full scale | {tolerance:.1e} |",
        cases.len()
    );
}

#[test]
fn the_low_frequencies_stay_out_of_every_mix() {
    let mut channels = vec![vec![0.0; 4]; 8];
    channels[3] = vec![1.0; 4];
    let sound = Audio::from_channels(&channels, 48_000).expect("valid sound").with_layout(Layout::Named("7.1".into()));
    for outputs in [1, 2] {
        let mixed = mix(json!({"channels": outputs}), sound.clone()).expect("a mix");
        assert!(mixed.iter_channels().all(|samples| samples == [0.0; 4]));
    }
    // A name that is not that of these channels says nothing of their places.
    let six =
        Audio::from_channels(&channels[..6], 48_000).expect("valid sound").with_layout(Layout::Named("7.1".into()));
    assert_eq!(mix(json!({"channels": 1}), six.clone()).expect("a mix").channel(0)[0], (1.0 / 6.0) as f32);
    assert!(mix(json!({"channels": 2}), six).is_err());
}

#[test]
fn channels_without_a_layout_become_mono_by_their_mean() {
    let sound = surround().with_layout(Layout::Unspecified);
    assert_eq!(mix(json!({"channels": 1}), sound).expect("a mix").channel(0), [(63.0 / 32.0 / 6.0) as f32]);
}

#[test]
fn gains_are_used_as_they_are() {
    let stereo = Audio::from_channels(&[vec![1.0, 2.0], vec![10.0, 20.0]], 16_000).expect("valid sound");
    let mixed = mix(json!({"channels": 3, "gains": [[0, 1], [1, 0], [0.5, -1]]}), stereo.clone()).expect("a mix");
    assert_eq!(
        mixed,
        Audio::from_channels(&[vec![10.0, 20.0], vec![1.0, 2.0], vec![-9.5, -19.0]], 16_000).expect("valid sound")
    );
    let swapped = mix(json!({"channels": 2, "gains": [[0, 1], [1, 0]]}), stereo).expect("a mix");
    assert_eq!(swapped.channel(0), [10.0, 20.0]);
}

#[test]
fn a_change_of_layout_or_channels_changes_the_gains() {
    let plain = surround().with_layout(Layout::Unspecified);
    let stereo = Audio::from_channels(&[vec![1.0], vec![0.0]], 48_000).expect("valid sound");
    let mut node = prepare("AudioMix", json!({"channels": 1})).expect("valid params");
    let sounds = [surround(), plain, stereo];
    let packets = run(&mut *node, sounds.clone().map(|sound| Packet::new(sound.into()))).expect("a mix");
    for (packet, sound) in packets.iter().zip(sounds) {
        assert_eq!(*audio(packet), mix(json!({"channels": 1}), sound).expect("a mix"));
    }
}

#[test]
fn what_has_no_standard_gains_is_refused_with_their_shape() {
    let four = Audio::from_planar(vec![0.0; 4], 4, 8_000).expect("valid sound");
    assert_eq!(
        mix(json!({"channels": 3}), four),
        Err("there is no standard way to mix 4 channels to 3. Give the param 'gains': 3 rows (outputs) of 4 numbers \
             (inputs), such as [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]."
            .to_owned())
    );
    let many = Audio::from_planar(vec![0.0; 64], 64, 8_000).expect("valid sound");
    assert_eq!(
        mix(json!({"channels": 2}), many),
        Err(
            "there is no standard way to mix 64 channels to 2. Give the param 'gains': 2 rows (outputs) of 64 numbers \
             (inputs)."
                .to_owned()
        )
    );
    let mono = Audio::from_planar(vec![0.0; 4], 1, 8_000).expect("valid sound");
    assert_eq!(
        mix(json!({"channels": 1, "gains": [[0.5, 0.5]]}), mono),
        Err("'gains' are for 2 input channels, the sound has 1. Give 1 rows (outputs) of 1 numbers (inputs), such as \
             [[1]]."
            .to_owned())
    );
}

#[test]
fn gains_of_the_wrong_shape_are_refused_before_anything_runs() {
    let refused = |channels: u32, gains: Json| refusal("AudioMix", json!({"channels": channels, "gains": gains}));
    assert_eq!(refused(2, json!([[1, 0]])), "gains: expected 2 rows, one for each of 'channels', got 1");
    assert_eq!(refused(1, json!([[]])), "gains: expected rows of 1 to 1024 numbers, got 0");
    assert_eq!(
        refused(2, json!([[1, 0], [1]])),
        "gains: expected rows of equal length: row 0 has 2 numbers, got 1 in row 1"
    );
}

#[test]
fn the_number_of_channels_is_promised() {
    let registry = harness::drive::registry();
    let Json::Object(params) = json!({"channels": 3}) else { unreachable!() };
    let node_type = registry.get("AudioMix").expect("a built-in node");
    let prepared = node_type.prepare(params).expect("valid params");
    assert_eq!(prepared.output_form(0, Form::Unknown).audio(), AudioFormat { rate: None, channels: Some(3) });
    assert_eq!(node_type.params_schema["properties"]["channels"]["maximum"], json!(1024));
}

#[test]
fn anything_but_audio_is_refused() {
    let mut node = prepare("AudioMix", json!({"channels": 1})).expect("valid params");
    let error = run(&mut *node, [Value::Int(1).into()]).expect_err("a refusal");
    assert_eq!((&*error.cause, &*error.cure), ("expected audio, got int", "Wrap samples: Audio(samples, rate=...)."));
}

#[test]
fn a_long_packet_comes_out_in_parts_of_at_most_a_second_at_their_exact_times() {
    let (rate, frames) = (44_100, 44_100 * 5 / 2);
    let sound = Audio::from_planar((0..2 * frames).map(|index| index as f32).collect(), 2, rate).expect("valid sound");
    let mut node = prepare("AudioMix", json!({"channels": 1})).expect("valid params");
    let mut step = node.process(0, Packet::new(sound.clone().into()).at(Some(11), None)).expect("a mix");
    let mut parts = Vec::new();
    while let Step::More(Some(emission)) = step {
        parts.push(emission.packet);
        step = node.resume().expect("a mix");
    }
    let Step::Done(Some(emission)) = step else { panic!("expected the last part") };
    parts.push(emission.packet);
    let mut first = 0;
    for part in &parts {
        // The sound has no time of its own.
        assert_eq!((part.pts, audio(part).pts), (Some(11 + MediaTime::of_frames(first as u64, rate)), None));
        assert!(audio(part).frames() <= rate as usize);
        first += audio(part).frames();
    }
    assert_eq!((parts.len(), first), (3, frames));
    let expected: Vec<f32> = sound.channel(0).iter().zip(sound.channel(1)).map(|(l, r)| 0.5 * (l + r)).collect();
    assert_eq!(joined(&parts).channel(0), expected);
}

#[test]
fn a_step_stays_small_for_many_channels() {
    let sound = Audio::from_planar(vec![1.0; 1024 * 600], 1024, 48_000).expect("valid sound");
    let mut node = prepare("AudioMix", json!({"channels": 1})).expect("valid params");
    let packets = run(&mut *node, [Packet::new(sound.into())]).expect("a mix");
    assert_eq!(packets.iter().map(|packet| audio(packet).frames()).collect::<Vec<_>>(), [200; 3]);
}

#[test]
fn no_frames_stay_no_frames() {
    let empty = Audio::from_planar(Vec::new(), 2, 8_000).expect("valid sound").with_pts(Some(3));
    let mono = mix(json!({"channels": 1}), empty).expect("a mix");
    assert_eq!((mono.frames(), mono.channels(), mono.pts), (0, 1, Some(3)));
}

/// Any gain, and those for which there is a shorter way.
fn gain() -> impl Strategy<Value = f64> {
    prop_oneof![-2f64..2.0, prop::sample::select(vec![0.0, 0.0, 1.0, 0.5, -0.25])]
}

proptest! {
    #[test]
    fn the_division_into_packets_changes_nothing(
        samples in prop::collection::vec(-1f32..1.0, 3 * 200),
        cuts in prop::collection::vec(0usize..200, 0..8),
        gains in prop::collection::vec(prop::collection::vec(gain(), 3), 1..4),
    ) {
        let sound = Audio::from_planar(samples, 3, 22_050).expect("valid sound").with_pts(Some(1_000));
        let params = json!({"channels": gains.len(), "gains": gains});
        let whole = mix(params.clone(), sound.clone()).expect("a mix");
        let mut cuts = cuts;
        cuts.extend([0, 200]);
        cuts.sort_unstable();
        let parts = cuts.windows(2).map(|cut| Packet::new(sound.slice(cut[0], cut[1] - cut[0]).into()));
        let mut node = prepare("AudioMix", params).expect("valid params");
        prop_assert_eq!(joined(&run(&mut *node, parts).expect("a mix")), whole.clone());
        // And each frame is what numpy's gains @ samples would give.
        for (output, row) in gains.iter().enumerate() {
            for frame in 0..200 {
                let expected: f64 = row.iter().enumerate().map(|(input, gain)| gain * f64::from(sound.channel(input)[frame])).sum();
                prop_assert_eq!(whole.channel(output)[frame], expected as f32);
            }
        }
    }
}
