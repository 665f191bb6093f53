//! Sound for tests, and what a node makes of it however it is divided.

use proptest::prelude::*;
use remotemedia_core::value::{Audio, Packet, Value};
use serde_json::Value as Json;

use harness::drive::{prepare, run};

/// Uniform white noise within ±1, each sample from its own number (SplitMix64, Steele et al. 2014): the first 24 bits.
pub(crate) fn noise(seed: u64, first: u64, frames: usize) -> Vec<f32> {
    let sample = |index: u64| {
        let mut bits = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (first..first + frames as u64).map(sample).collect()
}

/// Noise in every channel, each with a seed of its own.
pub(crate) fn noises(channels: usize, frames: usize, rate: u32) -> Audio {
    let channels: Vec<Vec<f32>> = (0..channels).map(|channel| noise(channel as u64, 0, frames)).collect();
    Audio::from_channels(&channels, rate).expect("valid sound")
}

pub(crate) fn mono(samples: Vec<f32>, rate: u32) -> Audio {
    Audio::from_planar(samples, 1, rate).expect("valid sound")
}

pub(crate) fn sound(packet: &Packet) -> &Audio {
    let Value::Audio(audio) = &packet.value else { panic!("expected audio, got {:?}", packet.value) };
    audio
}

/// What a node emits for sounds that make one item.
pub(crate) fn packets(node_type: &str, params: Json, sounds: impl IntoIterator<Item = Audio>) -> Vec<Packet> {
    let mut node = prepare(node_type, params).expect("valid params");
    run(&mut *node, sounds.into_iter().map(|sound| Packet::new(sound.into()))).expect("it works")
}

/// The same, as sounds.
pub(crate) fn sounds(node_type: &str, params: Json, input: impl IntoIterator<Item = Audio>) -> Vec<Audio> {
    packets(node_type, params, input).iter().map(|packet| sound(packet).clone()).collect()
}

/// The samples of all sounds, channel by channel. They must follow one another without gap, to within a nanosecond of
/// rounding.
pub(crate) fn joined(sounds: &[Audio]) -> Vec<Vec<f32>> {
    let Some(first) = sounds.first() else { return Vec::new() };
    for pair in sounds.windows(2) {
        if let (Some(before), Some(after)) = (pair[0].pts, pair[1].pts) {
            assert!((before + pair[0].duration() - after).abs() <= 1, "a gap between {pair:?}");
        }
    }
    let channel = |channel| sounds.iter().flat_map(|sound: &Audio| sound.channel(channel)).copied().collect();
    (0..first.channels()).map(channel).collect()
}

/// What a node makes of one sound.
pub(crate) fn whole(node_type: &str, params: Json, sound: &Audio) -> Vec<Vec<f32>> {
    joined(&sounds(node_type, params, [sound.clone()]))
}

/// Numbers that divide a sound: sorted, with its ends.
pub(crate) fn cuts(frames: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..=frames, 0..12).prop_map(move |mut cuts| {
        cuts.extend([0, frames]);
        cuts.sort_unstable();
        cuts
    })
}

/// The parts of a sound between cuts; some may be empty.
pub(crate) fn divide(sound: &Audio, cuts: &[usize]) -> Vec<Audio> {
    cuts.windows(2).map(|cut| sound.slice(cut[0], cut[1] - cut[0])).collect()
}

/// Bits, since equal floats may differ in the sign of zero.
pub(crate) fn bits(channels: &[Vec<f32>]) -> Vec<Vec<u32>> {
    channels.iter().map(|channel| channel.iter().map(|sample| sample.to_bits()).collect()).collect()
}

/// A row for `docs/accuracy.md`: how far a node is from an independent reference.
#[allow(clippy::print_stdout, reason = "the table is made of what the tests print")]
pub(crate) fn print_row(node: &str, against: &str, cases: usize, deviation: (f64, &str), tolerance: f64) {
    let (deviation, unit) = deviation;
    println!("reference | {node} | {against} | {cases} | {deviation:.1e} {unit} | {tolerance:.1e} |");
}
