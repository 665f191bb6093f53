//! Items through the nodes that decode and encode: what each gives, and how it fails.

use remotemedia_core::node::{Emission, Node, NodeError};
use remotemedia_core::value::{Audio, Buffer, File, Packet, Value};
use serde_json::{Value as Json, json};

use crate::drive::{feed, prepare};

/// What one item gave: everything before the failure, and the failure.
pub struct Outcome {
    /// What came out.
    pub values: Vec<Value>,
    /// Why no more came.
    pub failure: Option<NodeError>,
}

/// An initialized instance of a built-in node.
pub fn node(name: &str, params: Json) -> Box<dyn Node> {
    prepare(name, params).expect("the params are right")
}

/// Runs one item: its packets, then flush.
pub fn run_item(node: &mut dyn Node, packets: Vec<Packet>) -> Outcome {
    run_port(node, packets, 0)
}

/// Runs one item and keeps what comes out of one port.
pub fn run_port(node: &mut dyn Node, packets: Vec<Packet>, port: usize) -> Outcome {
    let mut values = Vec::new();
    let take = |emission: Emission| values.extend((emission.port == port).then_some(emission.packet.value));
    let failure = feed(node, packets.into_iter().map(|packet| (0, packet)), take).err();
    Outcome { values, failure }
}

/// Decodes one value.
pub fn decode(value: impl Into<Value>) -> Outcome {
    run_item(node("AudioDecode", json!({})).as_mut(), vec![Packet::new(value.into())])
}

/// A file in memory.
pub fn in_memory(bytes: impl Into<Vec<u8>>) -> Value {
    File::from_bytes(Buffer::from_bytes(bytes.into())).into()
}

/// Decodes a file by its path.
pub fn decode_path(path: &str) -> Outcome {
    decode(File::from_path(path))
}

/// Decodes bytes that arrive in pieces of this length.
pub fn decode_pieces(bytes: &[u8], len: usize) -> Outcome {
    let pieces = bytes.chunks(len).map(|piece| Packet::new(Value::bytes(piece.to_vec()))).collect();
    run_item(node("AudioDecode", json!({})).as_mut(), pieces)
}

impl Outcome {
    /// What came out, all of which is audio.
    pub fn chunks(&self) -> Vec<&Audio> {
        self.values
            .iter()
            .map(|value| match value {
                Value::Audio(audio) => &**audio,
                other => panic!("expected audio, got {}", other.kind().name()),
            })
            .collect()
    }

    /// All sound, channel by channel; there must be no failure.
    pub fn samples(&self) -> Vec<Vec<f32>> {
        assert_eq!(self.failure, None);
        self.samples_before_failure()
    }

    /// All sound up to a failure, channel by channel.
    pub fn samples_before_failure(&self) -> Vec<Vec<f32>> {
        let chunks = self.chunks();
        let channels = chunks.first().map_or(0, |audio| audio.channels());
        (0..channels).map(|channel| chunks.iter().flat_map(|audio| audio.channel(channel).to_vec()).collect()).collect()
    }

    /// The failure, which there must be.
    pub fn failure(&self) -> &NodeError {
        self.failure.as_ref().expect("the item fails")
    }

    /// The failure as a user reads it, without the place of the node.
    pub fn message(&self) -> String {
        let failure = self.failure();
        format!("{}. {}", failure.cause, failure.cure)
    }
}
