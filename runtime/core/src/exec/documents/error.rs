//! The error of a document that can't be understood, and readers of single fields that return it.

use crate::manifest::unknown_name;
use crate::outside::shown;
use crate::value::{Map, Value};

/// Why a document of the host can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{document}{dot}{path}: {reason}", dot = if path.is_empty() || path.starts_with('[') { "" } else { "." })]
pub struct DocumentError {
    pub(super) document: &'static str,
    pub(super) path: String,
    pub(super) reason: String,
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

/// Checks that a map of a reply has entries with these names alone: what is mistyped would be lost otherwise.
pub(super) fn check_names(map: &Map, path: &str, known: &[&str]) -> Result<(), DocumentError> {
    match map.iter().find(|(name, _)| !known.contains(&&***name)) {
        None => Ok(()),
        Some((name, _)) => {
            let dot = if path.is_empty() { "" } else { "." };
            let path = format!("{path}{dot}{}", shown(name));
            Err(DocumentError { document: "reply", path, reason: unknown_name(name, known) })
        }
    }
}

/// A reply whose field `path` is not as expected.
pub(super) fn mismatch(path: impl Into<String>, expected: &'static str, got: &Value) -> DocumentError {
    let got = match got {
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::List(entries) => format!("a list of {}", entries.len()),
        other => other.kind().name().to_owned(),
    };
    DocumentError { document: "reply", path: path.into(), reason: format!("expected {expected}, got {got}") }
}
