//! Drives a node as the scheduler does: one item's packets, each step resumed until it is done, then the flush. The only
//! such loop of these tests.

use std::sync::LazyLock;

use remotemedia_core::node::{Context, Emission, Item, Node, NodeError, ParamError, Registry, Step};
use remotemedia_core::value::Packet;
use serde_json::Value as Json;

/// The built-in nodes, made once: their schemas and docs take longer than many a test.
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(remotemedia_nodes::registry);
    &REGISTRY
}

/// An instance of a built-in node, initialized under the id `here`.
pub fn prepare(node_type: &str, params: Json) -> Result<Box<dyn Node>, ParamError> {
    let Json::Object(params) = params else { panic!("params are an object") };
    let mut node = registry().get(node_type).expect("a built-in node").prepare(params)?.instantiate();
    let context = Context { node_id: "here".into(), ..Context::default() };
    node.initialize(&context).expect("it initializes");
    Ok(node)
}

/// What a node says of params that it refuses.
pub fn refusal(node_type: &str, params: Json) -> String {
    match prepare(node_type, params) {
        Ok(_) => panic!("expected a refusal"),
        Err(error) => error.to_string(),
    }
}

/// All that a node emits for the packets of one item, on its first port.
pub fn run(node: &mut dyn Node, packets: impl IntoIterator<Item = Packet>) -> Result<Vec<Packet>, NodeError> {
    let mut emitted = Vec::new();
    let of_first_port = |emission: Emission| emitted.extend((emission.port == 0).then_some(emission.packet));
    feed(node, packets.into_iter().map(|packet| (0, packet)), of_first_port)?;
    Ok(emitted)
}

/// The same for the item of this number and name.
pub fn run_item(
    node: &mut dyn Node,
    (number, name): (u64, Option<&str>),
    packets: impl IntoIterator<Item = Packet>,
) -> Result<Vec<Packet>, NodeError> {
    node.begin_item(&name.map_or_else(|| Item::unnamed(number), |name| Item::named(number, name)));
    run(node, packets)
}

/// Puts the packets of one item into a node, each at its input, then ends the item; hands on everything that it emits.
pub fn feed(
    node: &mut dyn Node,
    packets: impl IntoIterator<Item = (usize, Packet)>,
    mut take: impl FnMut(Emission),
) -> Result<(), NodeError> {
    for (port, packet) in packets {
        let step = node.process(port, packet)?;
        drain(node, step, &mut take)?;
    }
    let step = node.flush()?;
    drain(node, step, take)
}

/// Resumes a node after a step until it is done, and hands on everything that it emits.
pub fn drain(node: &mut dyn Node, mut step: Step, mut take: impl FnMut(Emission)) -> Result<(), NodeError> {
    loop {
        let (emission, more) = match step {
            Step::Done(emission) => (emission, false),
            Step::More(emission) => (emission, true),
        };
        emission.into_iter().for_each(&mut take);
        if !more {
            return Ok(());
        }
        step = node.resume()?;
    }
}
