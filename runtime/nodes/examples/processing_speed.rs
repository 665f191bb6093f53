//! How long nodes take for ten minutes of stereo noise at 48 kHz, in packets of a second:
//! `cargo run --release -p remotemedia-nodes --example processing_speed`.
#![allow(clippy::print_stdout, reason = "it is for people")]

use std::time::Instant;

use remotemedia_core::node::{Context, Node, Step};
use remotemedia_core::value::{Audio, Packet};
use serde_json::json;

const RATE: u32 = 48_000;
const SECONDS: u32 = 600;

fn main() {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1 << 23) as f32 - 1.0) * 0.1
    };
    let second: Vec<f32> = (0..2 * RATE).map(|_| next()).collect();
    let second = Audio::from_planar(second, 2, RATE).expect("valid sound");
    for (node_type, params) in [
        ("AudioGain", json!({"gain_db": -6})),
        ("AudioChunk", json!({"duration_ms": 20})),
        ("AudioFilter", json!({"kind": "dc_block"})),
        ("AudioFilter", json!({"kind": "lowpass", "frequency_hz": 1000, "order": 2})),
        ("AudioFilter", json!({"kind": "lowpass", "frequency_hz": 1000, "order": 4})),
        ("AudioFilter", json!({"kind": "lowpass", "frequency_hz": 1000, "order": 8})),
        ("AudioFilter", json!({"kind": "bandpass", "low_hz": 300, "high_hz": 3400, "order": 6})),
        ("Loudness", json!({})),
        ("LoudnessNormalize", json!({})),
        ("LoudnessNormalize", json!({"mode": "live"})),
        ("AudioLevel", json!({})),
        ("SilenceDetector", json!({})),
        ("ClippingDetector", json!({})),
        ("ChannelBalance", json!({})),
    ] {
        let params_of_node = params.as_object().expect("an object").clone();
        let registry = remotemedia_nodes::registry();
        let node_type = registry.get(node_type).expect("a built-in node");
        let mut node = node_type.prepare(params_of_node).expect("valid params").instantiate();
        let context = Context { node_id: "here".into(), ..Context::default() };
        node.initialize(&context).expect("it initializes");
        let start = Instant::now();
        let mut packets = 0;
        for _ in 0..SECONDS {
            let step = node.process(0, Packet::new(second.clone().into())).expect("a step");
            packets += finish(&mut *node, step);
        }
        let step = node.flush().expect("a step");
        packets += finish(&mut *node, step);
        println!("{:>8.3} s  {packets:>6} packets  {} {params}", start.elapsed().as_secs_f64(), node_type.name);
    }
}

fn finish(node: &mut dyn Node, mut step: Step) -> usize {
    let mut packets = 0;
    loop {
        let (emission, more) = match step {
            Step::Done(emission) => (emission, false),
            Step::More(emission) => (emission, true),
        };
        packets += usize::from(emission.is_some());
        if !more {
            return packets;
        }
        step = node.resume().expect("a step");
    }
}
