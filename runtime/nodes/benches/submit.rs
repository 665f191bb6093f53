//! What a small piece of work costs inside the runtime: three nodes on three numbers, on the calling thread.
//!
//! `cargo bench -p remotemedia-nodes --bench submit`

use std::hint::black_box;
use std::time::{Duration, Instant};

use remotemedia_core::exec::{Config, Port, Runtime, Submission, Submitted};
use remotemedia_core::manifest::HostNodes;
use remotemedia_core::value::{Inputs, Value};

const MANIFEST: &str = r#"{
    "version": "v1",
    "nodes": [
        {"id": "before", "node_type": "PassThrough"},
        {"id": "add", "node_type": "Calculator", "params": {"operation": "add", "operand": 5}},
        {"id": "after", "node_type": "PassThrough"}
    ],
    "connections": [{"from": "before", "to": "add"}, {"from": "add", "to": "after"}]
}"#;
const CALLS: u32 = 20_000;
const ROUNDS: usize = 15;

#[allow(clippy::print_stdout, reason = "a benchmark reports what it measured")]
fn main() {
    let runtime = Runtime::new(Config::default(), remotemedia_nodes::registry());
    let pipeline = runtime.compile(MANIFEST.as_bytes(), &HostNodes::new()).expect("a valid manifest");
    let port = Port::new(None);
    for items in [0, 3, 30] {
        let mut rounds: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let begin = Instant::now();
                for _ in 0..CALLS {
                    let submission = Submission {
                        token: 1,
                        inputs: Inputs::List((0..items).map(Value::Int).collect()),
                        input_bytes: 4,
                        timeout: None,
                        budget: Duration::from_secs(1),
                    };
                    let submitted = pipeline.submit(&port, submission).expect("accepted");
                    assert!(matches!(black_box(submitted), Submitted::Finished(_)));
                }
                begin.elapsed() / CALLS
            })
            .collect();
        rounds.sort();
        println!("submit of {items:2} items: median {:?}, least {:?}", rounds[ROUNDS / 2], rounds[0]);
    }
}
