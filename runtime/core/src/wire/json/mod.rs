//! The JSON twin of documents: the same values as text, for programs that have a JSON parser and no msgpack.
//!
//! Null, bools, integers, floats, text, lists and maps are ordinary JSON. Everything else is an object with the key
//! `"$rm"` that names its kind; a key of the user that begins like this gets one more `$`. Both directions are exact.

mod parse;
mod tagged;
mod write;

use super::error::{Place, WireError, WireErrorKind};
use super::limits::Limits;
use super::{Document, decode, encode};
use crate::value::{Buffer, Value};

/// A value as JSON text on one line.
pub fn to_json(value: &Value) -> String {
    write::text(value)
}

/// The value of a JSON text.
///
/// # Errors
/// If the text is no JSON, has a number that 64 bits can't hold, a tagged object that is not as `docs/wire.md` says,
/// or exceeds a limit. Errors name the path, the line and the column.
pub fn from_json(text: &str, limits: &Limits) -> Result<Value, WireError> {
    parse::value(text, limits)
}

/// A msgpack document as JSON text on one line; payloads of the buffer table are in the text.
///
/// # Errors
/// As [`decode`].
pub fn document_to_json(bytes: &[u8], buffers: &[Buffer], limits: &Limits) -> Result<String, WireError> {
    decode(bytes, buffers, limits).map(|value| to_json(&value))
}

/// The msgpack document of a JSON text in UTF-8.
///
/// # Errors
/// As [`from_json`], and if the text is not UTF-8.
pub fn document_from_json(text: &[u8], limits: &Limits) -> Result<Document, WireError> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let valid = error.valid_up_to();
        WireError::new(WireErrorKind::NotUtf8 { valid }, Some(Place::Byte(valid)))
    })?;
    from_json(text, limits).map(|value| encode(&value))
}
