//! Times at the ends of what 64 bits hold, and jumps from one end to the other: no node counts beyond them.

use remotemedia_core::node::NodeType;
use remotemedia_core::value::{Kind, Packet, Value};

use harness::drive::{feed, registry};

use super::forms::inputs;

/// How many packets of an input are taken: 1.2 s of speech, in which somebody begins to speak.
const MOST: usize = 12;

const TIMES: [Option<i64>; 5] = [Some(i64::MIN), Some(-1), Some(0), Some(i64::MAX), None];
const DURATIONS: [Option<i64>; 2] = [Some(i64::MAX), None];

/// The packets that a node may be given, those of a kind in a row. The input that is one packet comes twice.
fn streams(node_type: &NodeType) -> Vec<Vec<(usize, Packet)>> {
    let mut streams: Vec<Vec<_>> = inputs(node_type).into_iter().map(|(_, packets)| packets).collect();
    let takes = |kind| node_type.inputs.first().is_some_and(|port| port.kinds.contains(kind));
    if takes(Kind::Int) {
        streams.push(vec![(0, Packet::new(Value::Int(3)))]);
    }
    if takes(Kind::Str) {
        streams.push(vec![(0, Packet::new(Value::Str("Good day. How are you?".into())))]);
    }
    for stream in &mut streams {
        stream.truncate(MOST);
        if let [only] = &stream[..] {
            stream.push(only.clone());
        }
    }
    streams
}

/// The packets, of which the first and the middle one begin at these times. What is between follows on them.
fn timed(stream: &[(usize, Packet)], times: [Option<i64>; 2], duration: Option<i64>) -> Vec<(usize, Packet)> {
    let middle = stream.len() / 2;
    let mut packets = stream.to_vec();
    for (number, (_, packet)) in packets.iter_mut().enumerate() {
        packet.pts = if number == 0 { times[0] } else { times[1].filter(|_| number == middle) };
        packet.duration = duration;
        if let Value::Audio(audio) = &packet.value {
            packet.value = Value::from((**audio).clone().with_pts(packet.pts));
        }
    }
    packets
}

/// Sums that leave the range panic here, where they would wrap in a release.
#[test]
fn a_jump_from_one_end_of_time_to_the_other_is_no_overflow() {
    let mut runs = 0;
    for node_type in registry().iter().filter(|node_type| node_type.alias_of.is_none()) {
        let params = node_type.example.as_object().cloned().unwrap_or_default();
        let prepared = node_type.prepare(params).expect("valid params");
        for stream in streams(node_type).iter().filter(|stream| !stream.is_empty()) {
            let pairs = TIMES.iter().flat_map(|&first| TIMES.map(|then| [first, then]));
            let times = pairs.filter(|[first, then]| first != then);
            for (times, duration) in times.flat_map(|times| DURATIONS.map(|duration| (times, duration))) {
                let mut node = prepared.instantiate();
                if node.initialize(&Default::default()).is_ok() {
                    // It may refuse the times, or the format.
                    let _ = feed(&mut *node, timed(stream, times, duration), |_| ());
                    runs += 1;
                }
            }
        }
    }
    assert!(runs > 5_000, "only {runs} runs");
}
