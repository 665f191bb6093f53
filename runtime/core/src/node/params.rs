//! From the params of a manifest to a factory of node instances.

use std::any::Any;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{AudioFormat, Define, Form, Node, OldName};
use crate::outside::message;

/// The params of a node as the manifest has them: a JSON object.
pub type Params = serde_json::Map<String, Json>;

/// A param that the schema allows but the node can't use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{param}: expected {expected}, got {got}")]
pub struct ParamError {
    /// The name of the param; empty for the params as a whole.
    pub param: String,
    /// The values that would be valid.
    pub expected: String,
    /// The value that was given.
    pub got: String,
}

impl ParamError {
    /// The same error with bounded, printable text, whatever the node quotes in it.
    fn bounded(self) -> Self {
        Self { param: self.param, expected: message(self.expected), got: message(self.got) }
    }
}

/// Sets the live params of an instance.
type SetParams = dyn Fn(&mut dyn Node) + Send + Sync;

/// The form of an output port for that of the input.
type OutputForm = dyn Fn(usize, Form) -> Form + Send + Sync;

/// A node with its params checked and typed: makes an instance for each run.
#[derive(Clone)]
pub struct PreparedNode {
    make: Arc<dyn Fn() -> Box<dyn Node> + Send + Sync>,
    set_params: Arc<SetParams>,
    inputs: Arc<[Option<AudioFormat>]>,
    output_form: Arc<OutputForm>,
}

impl PreparedNode {
    /// A new instance.
    pub fn instantiate(&self) -> Box<dyn Node> {
        (self.make)()
    }

    /// Sets the live params of an instance of the same type to these; see [`Define::set_params`].
    pub fn set_live_params(&self, node: &mut dyn Node) {
        (self.set_params)(node);
    }

    /// The format that an input port needs.
    pub fn input_format(&self, port: usize) -> Option<AudioFormat> {
        self.inputs.get(port).copied().flatten()
    }

    /// What is certain of what an output port emits, for what comes in; see [`Define::output_form`].
    pub fn output_form(&self, port: usize, input: Form) -> Form {
        (self.output_form)(port, input)
    }
}

pub(super) fn prepare<N: Define>(params: Params) -> Result<PreparedNode, ParamError> {
    typed(params, N::NAME).and_then(finish::<N>).map_err(ParamError::bounded)
}

pub(super) fn prepare_old<A: OldName>(params: Params) -> Result<PreparedNode, ParamError> {
    let params = in_snake_case(params)?;
    let params = typed(params, A::NAME).and_then(A::translate).map_err(ParamError::bounded)?;
    finish::<A::Node>(params).map_err(ParamError::bounded).map_err(|error| ParamError {
        param: A::old_param(&error.param).to_owned(),
        expected: quoted_in_old_words::<A>(&error.expected),
        got: error.got,
    })
}

/// The params under their current names: `targetRate` of old manifests is `target_rate`.
fn in_snake_case(params: Params) -> Result<Params, ParamError> {
    let mut renamed = Params::new();
    for (name, value) in params {
        let snake = snake_case(&name);
        if renamed.contains_key(&snake) {
            let expected = format!("one of '{snake}' and '{}'", camel_case(&snake));
            return Err(ParamError { param: name, expected, got: "both".to_owned() });
        }
        renamed.insert(snake, value);
    }
    Ok(renamed)
}

/// `targetRate` for `target_rate`.
pub(super) fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let initial = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &initial.into_iter().chain(letters).collect::<String>()
    })
}

/// `target_rate` for `targetRate`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
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
    let made = Arc::new(typed);
    let (typed, described) = (Arc::clone(&made), Arc::clone(&made));
    let set_params = move |node: &mut dyn Node| {
        if let Some(node) = (node as &mut dyn Any).downcast_mut::<N>() {
            node.set_params(&typed);
        }
    };
    Ok(PreparedNode {
        make: Arc::new(move || Box::new(N::new(&made))),
        set_params: Arc::new(set_params),
        inputs,
        output_form: Arc::new(move |port, input| N::output_form(&described, port, input)),
    })
}
