//! A session fed packet by packet on the calling thread, for tools that count instructions:
//! `session_cost meter 10000` sends 20 ms of sound that often through a resampler and a level meter, `session_cost pass 10000` numbers
//! through three nodes that do nothing. `benchmarks/metrics_cost.py` runs it.

use std::time::Duration;

use remotemedia_core::exec::{Config, Port, Received, Runtime, SessionOptions, TakeLimit};
use remotemedia_core::manifest::HostNodes;
use remotemedia_core::value::{Audio, Packet, Value};

const METER: &str = r#"{"version": "v1", "nodes": [
    {"id": "resample", "node_type": "AudioResample", "params": {"rate": 16000}},
    {"id": "level", "node_type": "AudioLevel", "params": {"window_ms": 100}}
], "connections": [{"from": "resample", "to": "level"}]}"#;
const PASS: &str = r#"{"version": "v1", "nodes": [
    {"id": "before", "node_type": "PassThrough"},
    {"id": "between", "node_type": "PassThrough"},
    {"id": "after", "node_type": "PassThrough"}
], "connections": [{"from": "before", "to": "between"}, {"from": "between", "to": "after"}]}"#;

/// The work is done on the calling thread, however slow the tool makes it.
const BUDGET: Duration = Duration::from_secs(3600);
const MOST: TakeLimit = TakeLimit { packets: 256, bytes: 1 << 20 };

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (manifest, value) = match arguments.next().as_deref() {
        Some("meter") => {
            let samples = (0..960).map(|frame| (frame as f32 / 10.0).sin() / 2.0).collect();
            (METER, Audio::from_planar(samples, 1, 48_000).expect("valid sound").into())
        }
        Some("pass") => (PASS, Value::Int(1)),
        other => panic!("expected meter or pass, got {other:?}"),
    };
    let count: usize = arguments.next().and_then(|count| count.parse().ok()).expect("the number of packets");
    let runtime = Runtime::new(Config::default(), remotemedia_nodes::registry());
    let pipeline = runtime.compile(manifest.as_bytes(), &HostNodes::new()).expect("a valid manifest");
    let port = Port::new(None);
    let session = pipeline.session(&port, 1, &SessionOptions::default()).expect("accepted");
    for _ in 0..count {
        let sent = session.send(&mut [Packet::new(value.clone())].into(), 4, BUDGET, MOST).expect("taken");
        assert_eq!(sent.taken, 1);
    }
    session.finish().expect("it goes on");
    while !matches!(session.receive(None, MOST), Received::End) {
        port.next(None);
    }
}
