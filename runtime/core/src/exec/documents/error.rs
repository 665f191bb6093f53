//! The error of a document that can't be understood, and readers of single fields that return it.

use crate::value::{Map, Value};

/// Why a document of the host can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{document}{dot}{path}: expected {expected}, got {got}", dot = if path.is_empty() { "" } else { "." })]
pub struct DocumentError {
    pub(super) document: &'static str,
    pub(super) path: String,
    pub(super) expected: &'static str,
    pub(super) got: &'static str,
}

pub(super) fn as_map<'a>(value: &'a Value, path: &str, expected: &'static str) -> Result<&'a Map, DocumentError> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(mismatch(path, expected, other)),
    }
}

pub(super) fn as_index(value: &Value, path: impl Fn() -> String) -> Result<usize, DocumentError> {
    let index = match value {
        Value::Int(index) => usize::try_from(*index).ok(),
        Value::UInt(index) => usize::try_from(*index).ok(),
        _ => None,
    };
    index.ok_or_else(|| mismatch(path(), "a number from 0", value))
}

/// A reply whose field `path` is not as expected.
pub(super) fn mismatch(path: impl Into<String>, expected: &'static str, got: &Value) -> DocumentError {
    DocumentError { document: "reply", path: path.into(), expected, got: got.kind().name() }
}
