//! What a packet costs in a session: three nodes, on the calling thread, result in the same call.
//!
//! `cargo bench -p remotemedia-nodes --bench session`

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

use remotemedia_core::exec::{Config, Port, Runtime, SessionOptions, TakeLimit};
use remotemedia_core::manifest::HostNodes;
use remotemedia_core::value::{Packet, Value};

const MANIFEST: &str = r#"{
    "version": "v1",
    "nodes": [
        {"id": "before", "node_type": "PassThrough"},
        {"id": "between", "node_type": "PassThrough"},
        {"id": "after", "node_type": "PassThrough"}
    ],
    "connections": [{"from": "before", "to": "between"}, {"from": "between", "to": "after"}]
}"#;
const PACKETS: usize = 60_000;
const ROUNDS: usize = 15;
const MOST: TakeLimit = TakeLimit { packets: 256, bytes: 1 << 20 };

#[allow(clippy::print_stdout, reason = "a benchmark reports what it measured")]
fn main() {
    let runtime = Runtime::new(Config::default(), remotemedia_nodes::registry());
    let pipeline = runtime.compile(MANIFEST.as_bytes(), &HostNodes::new()).expect("a valid manifest");
    let port = Port::new(None);
    let session = pipeline.session(&port, 1, &SessionOptions::default()).expect("accepted");
    for batch in [1, 3, 60] {
        let mut rounds: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let begin = Instant::now();
                for _ in 0..PACKETS / batch {
                    let mut packets: VecDeque<Packet> =
                        (0..batch as i64).map(|value| Packet::new(Value::Int(value))).collect();
                    let sent = session.send(&mut packets, 4, Duration::from_secs(1), MOST).expect("taken");
                    assert_eq!(black_box(sent.outputs).len(), batch);
                }
                begin.elapsed() / PACKETS as u32
            })
            .collect();
        rounds.sort();
        println!("{batch:2} packets a call: median {:?} a packet, least {:?}", rounds[ROUNDS / 2], rounds[0]);
    }
    session.finish().expect("it goes on");
}
