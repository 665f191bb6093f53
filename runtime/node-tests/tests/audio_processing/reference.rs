//! Nodes against independent implementations: the fixtures of `tests/reference`, which numpy, scipy and pyloudnorm made.
//! Each line that is printed becomes a row of `docs/accuracy.md`.

use remotemedia_core::value::{Audio, Layout, Value};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::stream::{noise, packets, print_row, sound, sounds};
use harness::drive::{drain, prepare};
use harness::media::fixture;

#[derive(Deserialize)]
struct Case {
    node: String,
    against: String,
    params: Json,
    rate: u32,
    frames: usize,
    channels: usize,
    #[serde(default)]
    sections: Vec<(usize, f64)>,
    layout: Option<String>,
    first: usize,
    count: usize,
}

impl Case {
    fn input(&self) -> Audio {
        let gains: Vec<f64> =
            self.sections.iter().flat_map(|(frames, gain)| std::iter::repeat_n(*gain, *frames)).collect();
        let channel = |seed: usize| -> Vec<f32> {
            let samples = noise(seed as u64, 0, self.frames).into_iter().enumerate();
            let gain = |frame: usize| gains.get(frame).copied().unwrap_or(1.0);
            samples.map(|(frame, sample)| (f64::from(sample) * gain(frame)) as f32).collect()
        };
        let channels: Vec<Vec<f32>> = (0..self.channels).map(channel).collect();
        let sound = Audio::from_channels(&channels, self.rate).expect("valid sound");
        self.layout.iter().fold(sound, |sound, layout| sound.with_layout(Layout::Named(layout.as_str().into())))
    }
}

/// The largest deviation from the references of a node, found by `measure` for each case; printed, and checked against
/// a tolerance.
fn compare(node: &str, unit: &str, tolerance: f64, measure: impl Fn(&Case, &[f64]) -> f64) {
    let bytes = fixture("nodes.f64");
    let (bytes, _) = bytes.as_chunks::<8>();
    let values: Vec<f64> = bytes.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let cases: Vec<Case> = serde_json::from_slice(&fixture("nodes.json")).expect("cases");
    let mut against: Vec<&str> = Vec::new();
    let (mut largest, mut count) = (0f64, 0);
    for case in cases.iter().filter(|case| case.node == node) {
        let deviation = measure(case, &values[case.first..case.first + case.count]);
        assert!(deviation <= tolerance, "{node} {}: {deviation:e} {unit}", case.params);
        largest = largest.max(deviation);
        count += 1;
        if !against.contains(&&*case.against) {
            against.push(&case.against);
        }
    }
    assert!(count > 0, "there are cases for {node}");
    print_row(node, &against.join("; "), count, (largest, unit), tolerance);
}

/// The largest difference of samples that were emitted, all packets of a channel after another.
fn samples(case: &Case, expected: &[f64]) -> f64 {
    let made = sounds(&case.node, case.params.clone(), [case.input()]);
    let channels = (0..made[0].channels())
        .flat_map(|channel| made.iter().flat_map(move |sound| sound.channel(channel).to_vec()).collect::<Vec<f32>>());
    largest_difference(&channels.collect::<Vec<f32>>(), expected)
}

fn largest_difference(made: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(made.len(), expected.len());
    made.iter().zip(expected).map(|(made, expected)| (f64::from(*made) - expected).abs()).fold(0.0, f64::max)
}

/// One rounding to float32 of values below 2: half a unit of the last place, 2^-24.
const ONE_ROUNDING: f64 = 6.0e-8;

#[test]
fn reference_of_filters() {
    // A rounding of values up to 4, and what float64 leaves of the different designs: below 1e-12.
    compare("AudioFilter", "of full scale", 1.3e-7, samples);
}

#[test]
fn reference_of_gain() {
    compare("AudioGain", "of full scale", ONE_ROUNDING, samples);
}

#[test]
fn reference_of_edits() {
    for node in ["AudioChunk", "AudioPad", "AudioTrim", "AudioConcat"] {
        compare(node, "of full scale", 0.0, samples);
    }
}

#[test]
fn reference_of_mixes() {
    compare("AudioMix", "of full scale", ONE_ROUNDING, samples);
}

#[test]
fn reference_of_convolutions() {
    // One rounding to float32 of sums up to 32; those themselves are of float64.
    compare("AudioConvolve", "of full scale", 1.0e-6, samples);
}

#[test]
fn reference_of_sources() {
    let emitted = |case: &Case, expected: &[f64]| {
        let mut node = prepare(&case.node, case.params.clone()).expect("valid params");
        let step = node.flush().expect("a step");
        let mut made: Vec<f32> = Vec::new();
        drain(&mut *node, step, |emission| made.extend(sound(&emission.packet).channel(0))).expect("a step");
        largest_difference(&made, expected)
    };
    compare("ToneSource", "of full scale", ONE_ROUNDING, emitted);
    compare("NoiseSource", "of full scale", ONE_ROUNDING, emitted);
}

#[test]
fn reference_of_loudness() {
    // Blocks begin at the same frames; the relative gate is as fine as 0.01 LU, which these sounds do not come near.
    compare("Loudness", "LU", 1e-6, |case, expected| {
        let reports = packets("Loudness", case.params.clone(), [case.input()]);
        let Some(Value::Map(map)) = reports.last().map(|packet| &packet.value) else { panic!("a map") };
        let Value::Float(integrated) = map["integrated_lufs"] else { panic!("a loudness") };
        (integrated - expected[0]).abs()
    });
}

#[test]
fn reference_of_normalization() {
    // The loudness of what comes out must be what was asked for, by the loudness that pyloudnorm found before.
    compare("LoudnessNormalize", "LU", 1e-5, |case, expected| {
        let params = serde_json::json!({"target_lufs": -50});
        let input = case.input();
        let made = sounds("LoudnessNormalize", params, [input.clone()]);
        let (sample, after) = (input.channel(0)[1_000], made[0].channel(0)[1_000]);
        let gain_db = 20.0 * (f64::from(after) / f64::from(sample)).log10();
        (expected[0] + gain_db + 50.0).abs()
    });
}
