//! Values to bytes and back: msgpack with extension types, and its JSON twin.
//!
//! A document is bytes plus a table of buffers: headers and small values are in the bytes, large payloads in memory to
//! which the bytes refer. `docs/wire.md` describes every byte. This module knows values and nothing of graphs.

mod decode;
mod encode;
mod error;
mod extension;
pub mod json;
mod limits;
mod reader;
mod samples;

pub use decode::{decode, decode_inputs, decode_rows};
pub(crate) use encode::set_number;
pub use encode::{Encoder, encode};
pub use error::{Place, WireError, WireErrorKind};
pub use extension::{ExtensionCode, INLINE_BELOW};
pub use limits::Limits;

use crate::value::Buffer;

/// A document: msgpack bytes and the memory that they refer to by index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The msgpack bytes.
    pub bytes: Vec<u8>,
    /// The buffer table. Each block of memory appears once, whole.
    pub buffers: Vec<Buffer>,
}
