//! `VAD`: probabilities as onnxruntime's, whatever the division into packets, and converters where they are needed.

use proptest::prelude::*;
use remotemedia_core::graph::Graph;
use remotemedia_core::manifest::{HostNodes, parse};
use remotemedia_core::value::{Audio, Packet, Tensor, Value};
use serde_json::json;

use crate::reference::reference;
use crate::signals::{divided, signal, sound};
use harness::drive::{prepare, run};

/// The probabilities that are nearest to onnxruntime's in float32 differ by rounding alone. Measured: 1.3e-6, of which
/// 5e-7 is the rounding of the table.
const TOLERANCE: f32 = 5e-6;

/// All that the node emits for one item.
fn packets(rate: u32, parts: impl IntoIterator<Item = Audio>) -> Vec<Packet> {
    let mut node = prepare("VAD", json!({"rate": rate})).expect("valid params");
    run(&mut *node, parts.into_iter().map(|audio| Packet::new(audio.into()))).expect("it hears")
}

fn field<'a>(packet: &'a Packet, key: &str) -> &'a Value {
    let Value::Map(map) = &packet.value else { panic!("expected a map") };
    map.get(key).expect("the key is there")
}

fn probabilities(packets: &[Packet]) -> Vec<f32> {
    let tensor = |packet| match field(packet, "probabilities") {
        Value::Tensor(tensor) => tensor.clone(),
        other => panic!("expected a tensor, got {}", other.kind().name()),
    };
    let numbers = |tensor: Box<Tensor>| {
        assert_eq!(tensor.data_type().name(), "float32");
        let bytes = tensor.gather();
        assert_eq!(tensor.shape(), [bytes.len() / 4]);
        bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect::<Vec<f32>>()
    };
    packets.iter().map(tensor).flat_map(numbers).collect()
}

#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_probabilities_are_those_of_onnxruntime() {
    let (mut worst, mut cases) = (0.0f32, 0);
    for expected in reference().signals {
        let samples = signal(&expected.name, expected.rate);
        assert_eq!(samples.len(), expected.samples, "{}", expected.name);
        let heard = probabilities(&packets(expected.rate, [sound(&expected.name, expected.rate)]));
        assert_eq!(heard.len(), expected.probabilities.len(), "{}", expected.name);
        let differences = heard.iter().zip(&expected.probabilities).map(|(ours, theirs)| (ours - theirs).abs());
        let largest = differences.fold(0.0, f32::max);
        assert!(largest < TOLERANCE, "{} at {} Hz: {largest}", expected.name, expected.rate);
        worst = worst.max(largest);
        cases += 1;
    }
    println!("reference | VAD | onnxruntime 1.32.0, silero-vad 6.2.3 | {cases} | {worst:.1e} | {TOLERANCE:.1e} |");
    assert!(worst > 0.0, "two computations in float32 that agree in every bit are one");
}

#[test]
fn each_packet_has_its_windows_and_their_time() {
    let heard = sound("speech", 16_000).slice(0, 1_700).with_pts(Some(5_000_000));
    let emitted = packets(16_000, divided(&heard, vec![500, 1_100]));
    // 500 samples complete no window, 1100 two, 1700 one more, and 164 are left for the end, where silence completes them.
    let times: Vec<_> = emitted.iter().map(|packet| (packet.pts, packet.duration)).collect();
    let at = |window: i64, duration: i64| (Some(5_000_000 + window * 32_000_000), Some(duration));
    assert_eq!(times, [at(0, 64_000_000), at(2, 32_000_000), at(3, 10_250_000)]);
    for packet in &emitted {
        assert_eq!(field(packet, "window_ms"), &Value::Int(32));
        assert_eq!(field(packet, "pts"), &Value::Int(packet.pts.expect("a time")));
    }
    assert_eq!(probabilities(&emitted).len(), 4);
}

#[test]
fn samples_that_no_recording_has_are_forgotten_again() {
    for rate in [8_000, 16_000] {
        let heard = sound("speech", rate);
        let mut samples = heard.channel(0).to_vec();
        samples[4_000..4_016].fill(f32::MAX);
        let found = probabilities(&packets(rate, [Audio::from_planar(samples, 1, rate).expect("valid sound")]));
        assert!(found.iter().all(|probability| (0.0..=1.0).contains(probability)), "{found:?}");
        let expected = probabilities(&packets(rate, [heard]));
        let last = found.len() - 1;
        assert!((found[last] - expected[last]).abs() < 0.01, "{} beside {}", found[last], expected[last]);
    }
}

#[test]
fn silence_completes_the_last_window() {
    let heard = sound("speech", 16_000).slice(20_000, 1_000);
    let padded = [heard.channel(0), &[0.0; 24]].concat();
    let padded = Audio::from_planar(padded, 1, 16_000).expect("valid sound");
    assert_eq!(probabilities(&packets(16_000, [heard])), probabilities(&packets(16_000, [padded])));
}

#[test]
fn an_item_remembers_nothing_of_the_one_before() {
    let mut node = prepare("VAD", json!({})).expect("valid params");
    let mut hear = || {
        let heard = sound("speech", 16_000).slice(10_000, 9_000);
        run(&mut *node, [Packet::new(heard.into())]).expect("it hears")
    };
    assert_eq!(hear(), hear());
}

#[test]
fn an_item_without_sound_gives_nothing() {
    let nothing = Audio::from_planar(Vec::new(), 1, 16_000).expect("valid sound");
    assert_eq!(packets(16_000, []), []);
    assert_eq!(packets(16_000, [nothing]), []);
}

#[test]
fn converters_are_put_before_it() {
    let plan = |params: &str| {
        let manifest = format!(r#"{{"version":"v1","nodes":[{{"id":"vad","node_type":"VAD","params":{params}}}]}}"#);
        let blueprint = parse(manifest.as_bytes(), harness::drive::registry(), &HostNodes::new()).expect("valid");
        Graph::plan(blueprint).expect("few ways").describe()
    };
    let described = plan("{}");
    assert_eq!(described["connections"][0]["from"], "vad.mix.out");
    let inserted: Vec<_> = described["nodes"].as_array().expect("nodes")[1..].iter().collect();
    let summary = |node: &serde_json::Value| json!([node["id"], node["params"], node["inserted"]]);
    assert_eq!(summary(inserted[0]), json!(["vad.mix", {"channels": 1}, "'vad' needs 1 channel"]));
    assert_eq!(summary(inserted[1]), json!(["vad.resample", {"rate": 16_000}, "'vad' needs 16000 Hz"]));
    assert_eq!(plan(r#"{"rate": 8000}"#)["nodes"][2]["params"], json!({"rate": 8_000}));
}

#[test]
fn what_it_can_not_hear_is_refused() {
    let refusal = |value: Value| {
        let mut node = prepare("VAD", json!({})).expect("valid params");
        let error = run(&mut *node, [value.into()]).expect_err("a refusal");
        (error.cause, error.cure, error.position)
    };
    let sound = |samples: Vec<f32>, channels, rate| {
        Value::from(Audio::from_planar(samples, channels, rate).expect("valid sound").with_pts(Some(1_000_000)))
    };
    assert_eq!(
        refusal(Value::Null),
        ("expected audio, got null".into(), "Wrap samples: Audio(samples, rate=...).".into(), None)
    );
    assert_eq!(
        refusal(sound(vec![0.0; 8], 2, 44_100)),
        (
            "expected mono sound of 16000 Hz, got 2 channels of 44100 Hz".into(),
            "Connect it through AudioMix and AudioResample.".into(),
            Some(1_000_000)
        )
    );
    let mut samples = vec![0.0; 1_600];
    samples[16] = f32::INFINITY;
    assert_eq!(
        refusal(sound(samples, 1, 16_000)),
        (
            "the sound has samples that are NaN or infinite".into(),
            "Replace them before this node.".into(),
            Some(2_000_000)
        )
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in prop::collection::vec(0usize..12_345, 0..40),
        rate in prop::sample::select(vec![8_000u32, 16_000]),
    ) {
        let heard = sound("speech", rate).slice(20_000, 12_345);
        let whole = probabilities(&packets(rate, [heard.clone()]));
        prop_assert_eq!(whole.len(), 12_345usize.div_ceil(rate as usize * 32 / 1_000));
        prop_assert_eq!(probabilities(&packets(rate, divided(&heard, cuts))), whole);
    }
}
