//! Drives one node by its contract, as the scheduler does, and checks what the contract asks of it.

use std::sync::LazyLock;

use remotemedia_core::node::{Context, Node, NodeError, Registry, Step};
use remotemedia_core::value::{Packet, Value};
use serde_json::Value as Json;

/// What one item gave: everything before the failure, and the failure.
pub struct Outcome {
    /// What was emitted.
    pub values: Vec<Value>,
    /// Why the item ended early, if it did.
    pub failure: Option<NodeError>,
}

/// An instance of a built-in node, initialized. `None` if it refuses its params.
pub fn node(name: &str, params: Json) -> Option<Box<dyn Node>> {
    let Json::Object(params) = params else { panic!("params are an object") };
    // Its schemas take longer than a small file.
    static REGISTRY: LazyLock<Registry> = LazyLock::new(remotemedia_nodes::registry);
    let prepared = REGISTRY.get(name).expect("the node is registered").prepare(params).ok()?;
    let mut node = prepared.instantiate();
    let context = Context { node_id: "fuzz".into(), ..Context::default() };
    node.initialize(&context).expect("the node initializes");
    Some(node)
}

/// Runs one item: its packets, then flush. Stops after `most_bytes` of output, as a run does at its limit.
pub fn run_item(node: &mut dyn Node, packets: Vec<Packet>, most_bytes: usize) -> Outcome {
    let mut collected = Collected { values: Vec::new(), bytes: 0, most_bytes };
    let failure = feed(node, packets, &mut collected).err();
    if let Some(failure) = &failure {
        assert!(!failure.cause.is_empty(), "a failure has a cause");
        assert!(!failure.cause.ends_with('.'), "a cause is a clause: {}", failure.cause);
        assert!(!failure.cure.is_empty(), "a failure has a cure: {}", failure.cause);
    }
    Outcome { values: collected.values, failure }
}

struct Collected {
    values: Vec<Value>,
    bytes: usize,
    most_bytes: usize,
}

fn feed(node: &mut dyn Node, packets: Vec<Packet>, collected: &mut Collected) -> Result<(), NodeError> {
    for packet in packets {
        let step = node.process(0, packet)?;
        drain(node, step, collected)?;
    }
    let step = node.flush()?;
    drain(node, step, collected)
}

fn drain(node: &mut dyn Node, mut step: Step, collected: &mut Collected) -> Result<(), NodeError> {
    loop {
        let (emission, is_done) = match step {
            Step::Done(emission) => (emission, true),
            Step::More(emission) => (emission, false),
        };
        if let Some(emission) = emission {
            collected.bytes += emission.packet.value.weight();
            // What other outputs tell of it is no part of the result.
            if emission.port == 0 {
                collected.values.push(emission.packet.value);
            }
        }
        if is_done || collected.bytes > collected.most_bytes {
            return Ok(());
        }
        step = node.resume()?;
    }
}
