//! `PassThrough`: hands on what comes in. It knows nothing of values.

use remotemedia_core::node::{Cost, Define, Node, NodeError, Port, Step, documented};
use remotemedia_core::value::Packet;
use schemars::JsonSchema;
use serde::Deserialize;

documented! {
/// Emits every packet unchanged.
///
/// The same value comes out, in the same memory and at the same time.
#[derive(Debug)]
pub struct PassThrough;
}

/// The params of [`PassThrough`]: there are none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PassThroughParams {}

impl Node for PassThrough {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        Ok(Step::emit(packet))
    }
}

impl Define for PassThrough {
    type Params = PassThroughParams;

    const NAME: &'static str = "PassThrough";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::ANY_IN];
    const OUTPUTS: &'static [Port] = &[Port::ANY_OUT.like_input()];

    fn new(_params: &PassThroughParams) -> Self {
        PassThrough
    }
}
