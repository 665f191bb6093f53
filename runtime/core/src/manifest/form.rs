//! Documents beside manifests, such as options: they are read as manifests are, and what their type does not allow is
//! refused in the same words.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::findings::{Finding, Findings, Reading};
use super::nodes::unknown_entry;
use super::problem::ManifestError;
use super::schema_check::{Fault, check};
use super::{json, msgpack};
use crate::syntax::msgpack::begins_msgpack;

/// Reads JSON text or msgpack, told apart by the first byte: only the kinds of value that JSON has, and each name of a map
/// once.
///
/// # Errors
/// Everything that can't be read, with its place in the text.
pub(crate) fn read_plain(bytes: &[u8]) -> Result<Json, ManifestError> {
    let mut reading = Reading::default();
    let (text, read) = match (bytes.first(), str::from_utf8(bytes)) {
        (Some(first), _) if begins_msgpack(*first) => (None, msgpack::read(bytes, &mut reading)),
        (_, Ok(text)) => (Some(text), json::read(text, &mut reading)),
        (_, Err(error)) => {
            let got = format!("the byte 0x{:02x}", bytes[error.valid_up_to()]);
            (None, reading.fail(0, Finding::mismatch("JSON text in UTF-8, or msgpack", got)))
        }
    };
    match read {
        Ok(item) if reading.findings.is_empty() => Ok(item.to_json()),
        _ => Err(reading.findings.into_error(text)),
    }
}

/// What a document is read as.
pub(crate) trait Form: DeserializeOwned {
    /// Its JSON Schema, made once.
    fn schema() -> &'static Json;
}

/// Makes a type with a JSON Schema a [`Form`]. Without a lock, which could be held while the process forks.
macro_rules! form {
    ($type:ty) => {
        impl $crate::manifest::Form for $type {
            fn schema() -> &'static serde_json::Value {
                static SCHEMA: once_cell::race::OnceBox<serde_json::Value> = once_cell::race::OnceBox::new();
                SCHEMA.get_or_init(|| Box::new(schemars::schema_for!($type).to_value()))
            }
        }
    };
}

pub(crate) use form;

/// Checks that a value has the form of a `T`.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn check_form<T: Form>(value: &Json) -> Result<(), ManifestError> {
    let Some(fault) = check(T::schema(), value).into_iter().next() else { return Ok(()) };
    let (path, finding) = match fault {
        Fault::Mismatch { path, finding } => (path, finding),
        Fault::Unknown { map, name, known } => (map.name(&name), unknown_entry(&name, &known)),
        Fault::Missing { map, name, expected } => (map.name(name), Finding::mismatch(expected, "nothing")),
    };
    let mut findings = Findings::default();
    findings.add(0, path, finding);
    Err(findings.into_error(None))
}
