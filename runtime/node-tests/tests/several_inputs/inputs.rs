//! What the tests of nodes with several inputs share: a node with some of them connected, and what it makes of audio
//! that comes at each.

use remotemedia_core::node::{Node, NodeError, Step};
use remotemedia_core::value::{Audio, Packet, Value};
use serde_json::Value as Json;

use harness::drive::{drain, prepare};

/// A node with these of its inputs connected.
pub(crate) fn connected(node_type: &str, params: Json, ports: &[usize]) -> Box<dyn Node> {
    let mut node = prepare(node_type, params).expect("valid params");
    node.connect(ports);
    node
}

/// Appends what comes at one input makes the node emit.
pub(crate) fn push(node: &mut dyn Node, port: usize, audio: &Audio, sounds: &mut Vec<Audio>) -> Result<(), NodeError> {
    push_packet(node, port, Packet::new(audio.clone().into()), sounds)
}

/// The same for a packet.
pub(crate) fn push_packet(
    node: &mut dyn Node,
    port: usize,
    packet: Packet,
    sounds: &mut Vec<Audio>,
) -> Result<(), NodeError> {
    let step = node.process(port, packet)?;
    collect(node, step, sounds)
}

/// Ends one input.
pub(crate) fn end(node: &mut dyn Node, port: usize, sounds: &mut Vec<Audio>) {
    let step = node.end_input(port).expect("it ends");
    collect(node, step, sounds).expect("it ends");
}

/// Ends the item.
pub(crate) fn flush(node: &mut dyn Node, sounds: &mut Vec<Audio>) {
    let step = node.flush().expect("it ends");
    collect(node, step, sounds).expect("it ends");
}

/// Audio whose samples all differ, for each input its own.
pub(crate) fn ramp(seed: usize, channels: usize, frames: usize, rate: u32) -> Audio {
    let sample = |number: usize| ((number * 7_919 + seed * 104_729) % 65_536) as f32 / 32_768.0 - 1.0;
    Audio::from_planar((0..channels * frames).map(sample).collect(), channels, rate).expect("valid sound")
}

/// Appends what comes of a step and of those after it.
pub(crate) fn collect(node: &mut dyn Node, step: Step, sounds: &mut Vec<Audio>) -> Result<(), NodeError> {
    drain(node, step, |emission| {
        if let Value::Audio(audio) = emission.packet.value {
            sounds.push(*audio);
        }
    })
}
