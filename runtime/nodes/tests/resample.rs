//! `AudioResample` against what it promises: lengths, times, independence of chunks, and the filter.

use remotemedia_core::node::{Context, Node, Params, Step};
use remotemedia_core::value::{Audio, Packet, Value};

/// Runs a node over one item and returns what it emits.
fn drive(node: &mut dyn Node, packets: impl IntoIterator<Item = Audio>) -> Vec<Audio> {
    let mut emitted = Vec::new();
    let mut follow = |node: &mut dyn Node, mut step: Step| {
        loop {
            let (emission, more) = match step {
                Step::More(emission) => (emission, true),
                Step::Done(emission) => (emission, false),
            };
            if let Some(emission) = emission {
                assert_eq!(emission.port, 0);
                let Value::Audio(audio) = emission.packet.value else { panic!("not audio") };
                assert_eq!(emission.packet.pts, audio.pts);
                emitted.push(*audio);
            }
            if !more {
                return;
            }
            step = node.resume().unwrap();
        }
    };
    for audio in packets {
        let step = node.process(0, Packet::new(audio.into())).unwrap();
        follow(node, step);
    }
    let step = node.flush().unwrap();
    follow(node, step);
    emitted
}

fn node(rate: u32, quality: &str) -> Box<dyn Node> {
    let registry = remotemedia_nodes::registry();
    let params: Params = serde_json::from_value(serde_json::json!({"rate": rate, "quality": quality})).unwrap();
    let mut node = registry.get("AudioResample").unwrap().prepare(params).unwrap().instantiate();
    node.initialize(&Context { node_id: "resample".into(), cancel: Default::default() }).unwrap();
    node
}

/// All frames of one channel.
fn samples(audio: &[Audio], channel: usize) -> Vec<f32> {
    audio.iter().flat_map(|audio| audio.channel(channel).iter().copied()).collect()
}

fn resample(input: &[f32], from: u32, to: u32, quality: &str) -> Vec<f32> {
    let audio = Audio::from_planar(input.to_vec(), 1, from).unwrap();
    samples(&drive(&mut *node(to, quality), [audio]), 0)
}

/// White noise, the same every time (xorshift32), full scale ±0.5.
fn noise(frames: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    (0..frames).map(|_| next() as f32 / u32::MAX as f32 - 0.5).collect()
}

const PAIRS: [(u32, u32); 18] = [
    (48000, 16000),
    (16000, 48000),
    (44100, 48000),
    (48000, 44100),
    (44100, 16000),
    (11025, 16000),
    (96000, 44100),
    (8000, 192_000),
    (192_000, 8000),
    (8000, 16000),
    (22050, 48000),
    (32000, 44100),
    (48000, 47999),
    (47999, 48000),
    (8000, 44101),
    (176_400, 8001),
    (44056, 44100),
    (12000, 11999),
];

#[test]
fn lengths_are_the_rounded_ratio() {
    let input = noise(9601);
    for (from, to) in PAIRS {
        for frames in [0, 1, 2, 3, 5, 479, 480, 481, 959, 960, 961, 4410, 9601] {
            let expected = (2 * frames as u64 * u64::from(to) + u64::from(from)) / (2 * u64::from(from));
            let got = resample(&input[..frames], from, to, "high").len();
            assert_eq!(got as u64, expected, "{frames} frames, {from} -> {to}");
        }
    }
}
