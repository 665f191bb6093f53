//! The JSON twin of documents: the same values as text, for programs that have a JSON parser and no msgpack.
//!
//! Null, bools, integers, floats, text, lists and maps are ordinary JSON. Everything else is an object with the key
//! `"$rm"` that names its kind; a key of the user that begins like this gets one more `$`. Both directions are exact.

mod parse;
mod tagged;
mod write;

use super::error::{Place, WireError, WireErrorKind};
use super::limits::Limits;
use super::{Document, Encoder, decode, encode};
use crate::value::{Buffer, Value};

/// Where the payloads of values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payloads {
    /// In the text.
    InText,
    /// In the buffer table, where the text names their place; those that are in no buffer are in the text.
    ByReference,
}

/// A value as JSON text on one line.
pub fn to_json(value: &Value) -> String {
    write::text(value, &[])
}

/// The value of a JSON text.
///
/// # Errors
/// If the text is no JSON, has a number that 64 bits can't hold, a tagged object that is not as `docs/wire.md` says,
/// or exceeds a limit. Errors name the path, the line and the column.
pub fn from_json(text: &str, limits: &Limits) -> Result<Value, WireError> {
    parse::value(text, &[], limits)
}

/// The same of text that may not be UTF-8.
///
/// # Errors
/// As [`from_json`], and if it is not UTF-8.
pub fn from_json_bytes(text: &[u8], limits: &Limits) -> Result<Value, WireError> {
    from_json(utf8(text)?, limits)
}

fn utf8(text: &[u8]) -> Result<&str, WireError> {
    str::from_utf8(text).map_err(|error| {
        let valid = error.valid_up_to();
        WireError::new(WireErrorKind::NotUtf8 { valid }, Some(Place::Byte(valid)))
    })
}

/// A msgpack document as JSON text on one line.
///
/// # Errors
/// As [`decode`].
pub fn document_to_json(
    bytes: &[u8],
    buffers: &[Buffer],
    payloads: Payloads,
    limits: &Limits,
) -> Result<String, WireError> {
    let table = if payloads == Payloads::InText { &[] } else { buffers };
    decode(bytes, buffers, limits).map(|value| write::text(&value, table))
}

/// The msgpack document of a JSON text in UTF-8, which may refer to `buffers`. If there are any, they are the table of the
/// document, and all payloads of the text are inside it.
///
/// # Errors
/// As [`from_json`]; if the text is not UTF-8; and if it refers to a buffer, or a part of one, that is not there.
pub fn document_from_json(text: &[u8], buffers: &[Buffer], limits: &Limits) -> Result<Document, WireError> {
    let value = parse::value(utf8(text)?, buffers, limits)?;
    if buffers.is_empty() {
        return Ok(encode(&value));
    }
    let mut encoder = Encoder::over(buffers.to_vec());
    encoder.value(&value);
    Ok(encoder.finish())
}
