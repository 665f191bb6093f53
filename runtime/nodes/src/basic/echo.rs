//! `Echo`: emits each value with its number in the run. It knows nothing of values.

use std::sync::Arc;

use remotemedia_core::node::{Context, Cost, Define, Kinds, Node, NodeError, Port, Step, documented};
use remotemedia_core::value::{Kind, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

documented! {
/// Emits a map of the input, its number within the run and the id of this node.
///
/// For every packet it emits `{"input": value, "counter": n, "node": id}`, at the packet's own time.
/// `counter` is 1 for the first packet of a run and rises by one with each packet; the end of an item does not reset
/// it. `node` is the id of this node in the manifest.
///
/// | key | value |
/// |---|---|
/// | `input` | the value of the packet, of any kind |
/// | `counter` | an integer, 1 or more |
/// | `node` | text |
#[derive(Debug)]
pub struct Echo {
    counter: i64,
    node_id: Arc<str>,
    keys: [Arc<str>; 3],
}
}

/// The params of [`Echo`]: there are none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EchoParams {}

impl Node for Echo {
    fn initialize(&mut self, context: &Context) -> Result<(), NodeError> {
        self.node_id = Arc::clone(&context.node_id);
        Ok(())
    }

    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        self.counter += 1;
        let [input, counter, node] = self.keys.clone();
        let (value, own) = (packet.value, Value::Str(Arc::clone(&self.node_id)));
        let echo = Value::map([(input, value), (counter, Value::Int(self.counter)), (node, own)]);
        Ok(Step::emit(Packet { value: echo, ..packet }))
    }
}

impl Define for Echo {
    type Params = EchoParams;

    const NAME: &'static str = "Echo";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::ANY_IN];
    const OUTPUTS: &'static [Port] =
        &[Port::new("out", Kinds::of(&[Kind::Map]), "The map {input, counter, node}; counter begins at 1.")];

    fn new(_params: &EchoParams) -> Self {
        Echo { counter: 0, node_id: "".into(), keys: ["input".into(), "counter".into(), "node".into()] }
    }
}
