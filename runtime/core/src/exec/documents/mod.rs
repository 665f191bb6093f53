//! The documents of execution: completions, errors and events out, replies in. `docs/abi.md` describes them.

mod completion;
mod events;
mod session;

use crate::exec::completion::Outcome;
use crate::value::{Map, Value};
use crate::wire::Encoder;

pub use completion::{add_released, write_completion, write_error, write_problems, write_returned_completion};
pub use events::{end_events, read_reply, write_events, write_next_call};
pub use session::{
    encoder_of_outputs, end_list, read_control, read_packets, write_metrics, write_progress, write_received,
    write_sent, write_trace,
};

/// Why a reply can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{document}{dot}{path}: expected {expected}, got {got}", dot = if path.is_empty() { "" } else { "." })]
pub struct DocumentError {
    document: &'static str,
    path: String,
    expected: &'static str,
    got: &'static str,
}

/// Numbers that stand for outcomes in documents; the C ABI gives them.
pub type StatusOf = fn(Outcome) -> i32;

fn write_optional(encoder: &mut Encoder, value: Option<i64>) {
    match value {
        Some(value) => encoder.int(value),
        None => encoder.nil(),
    };
}

fn write_tokens(encoder: &mut Encoder, tokens: &[u64]) {
    encoder.array(tokens.len());
    for &token in tokens {
        encoder.uint(token);
    }
}

fn as_map<'a>(value: &'a Value, path: &str, expected: &'static str) -> Result<&'a Map, DocumentError> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(mismatch(path, expected, other)),
    }
}

fn as_index(value: &Value, path: impl Fn() -> String) -> Result<usize, DocumentError> {
    let index = match value {
        Value::Int(index) => usize::try_from(*index).ok(),
        Value::UInt(index) => usize::try_from(*index).ok(),
        _ => None,
    };
    index.ok_or_else(|| mismatch(path(), "a number from 0", value))
}

fn mismatch(path: impl Into<String>, expected: &'static str, got: &Value) -> DocumentError {
    DocumentError { document: "reply", path: path.into(), expected, got: got.kind().name() }
}
