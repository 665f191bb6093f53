//! From the params of a manifest to something that makes instances.

use std::any::Any;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{AudioFormat, Define, Node, OldName};

/// The params of a node as the manifest has them: a JSON object.
pub type Params = serde_json::Map<String, Json>;

/// A param that the schema allows but the node can't use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{param}: expected {expected}, got {got}")]
pub struct ParamError {
    /// The name of the param; empty for the params as a whole.
    pub param: String,
    /// What would be right.
    pub expected: String,
    /// What it was.
    pub got: String,
}

/// Gives an instance the live ones of some params.
type Retune = dyn Fn(&mut dyn Node) + Send + Sync;

/// A node with its params checked and typed: makes an instance for each run.
#[derive(Clone)]
pub struct PreparedNode {
    make: Arc<dyn Fn() -> Box<dyn Node> + Send + Sync>,
    retune: Arc<Retune>,
    inputs: Arc<[Option<AudioFormat>]>,
    outputs: Arc<[Option<AudioFormat>]>,
}

impl PreparedNode {
    /// A new instance.
    pub fn instantiate(&self) -> Box<dyn Node> {
        (self.make)()
    }

    /// Gives an instance of the same type the live ones of these params; see [`Define::retune`].
    pub fn retune(&self, node: &mut dyn Node) {
        (self.retune)(node);
    }

    /// The format that an input port needs.
    pub fn input_format(&self, port: usize) -> Option<AudioFormat> {
        self.inputs.get(port).copied().flatten()
    }

    /// The format that an output port is certain to have.
    pub fn output_format(&self, port: usize) -> Option<AudioFormat> {
        self.outputs.get(port).copied().flatten()
    }
}

pub(super) fn prepare<N: Define>(params: Params) -> Result<PreparedNode, ParamError> {
    finish::<N>(typed(params, N::NAME)?)
}

pub(super) fn prepare_old<A: OldName>(params: Params) -> Result<PreparedNode, ParamError> {
    let params = A::translate(typed(params, A::NAME)?)?;
    finish::<A::Node>(params).map_err(|error| ParamError {
        param: A::old_param(&error.param).to_owned(),
        expected: quoted_in_old_words::<A>(&error.expected),
        got: error.got,
    })
}

/// Other params that a message names stand in quotes.
fn quoted_in_old_words<A: OldName>(message: &str) -> String {
    let parts = message.split('\'').enumerate();
    let parts = parts.map(|(index, part)| if index % 2 == 1 { A::old_param(part) } else { part });
    parts.collect::<Vec<_>>().join("'")
}

fn typed<P: serde::de::DeserializeOwned>(params: Params, name: &str) -> Result<P, ParamError> {
    serde_json::from_value(Json::Object(params)).map_err(|error| ParamError {
        param: String::new(),
        expected: format!("params of {name}"),
        got: error.to_string(),
    })
}

fn finish<N: Define>(typed: N::Params) -> Result<PreparedNode, ParamError> {
    N::check(&typed)?;
    let inputs = (0..N::INPUTS.len()).map(|port| N::input_format(&typed, port)).collect();
    let outputs = (0..N::OUTPUTS.len()).map(|port| N::output_format(&typed, port)).collect();
    let made = Arc::new(typed);
    let typed = Arc::clone(&made);
    let retune = move |node: &mut dyn Node| {
        if let Some(node) = (node as &mut dyn Any).downcast_mut::<N>() {
            node.retune(&typed);
        }
    };
    Ok(PreparedNode { make: Arc::new(move || Box::new(N::new(&made))), retune: Arc::new(retune), inputs, outputs })
}
