//! What fuzz targets have in common: how a node is driven, when a panic counts, and how values are compared.

mod input;
mod node;
mod panics;

pub use input::Input;
pub use node::{Outcome, node, run_item};
pub use panics::abort_on_panics;

use remotemedia_core::value::Value;
use remotemedia_core::wire::{Limits, decode, encode, json};

/// Limits small enough that no input of a few kilobytes can ask for more than a few megabytes.
pub const LIMITS: Limits = Limits { depth: 64, items: 20_000, bytes: 1 << 20, buffers: 16, extent: 1 << 20 };

/// Sends a value through both notations and checks that it comes out as it went in. Texts and bytes are compared, not
/// values: in them a NaN equals itself and -0.0 differs from 0.0.
pub fn assert_exact(value: &Value) {
    let document = encode(value);
    let text = json::to_json(value);
    // What was decoded within the limits may be over them when it is written anew; never over the ordinary ones.
    let limits = Limits::default();
    let decoded = decode(&document.bytes, &document.buffers, &limits).expect("what is encoded can be decoded");
    assert_eq!(encode(&decoded), document, "encoding is stable");
    assert_eq!(json::to_json(&decoded), text, "msgpack carries all that JSON does");
    let read = json::from_json(&text, &limits).expect("what is written as JSON can be read");
    assert_eq!(json::to_json(&read), text, "JSON is stable");
    let other: serde_json::Value = serde_json::from_str(&text).expect("what is written is JSON");
    drop(other);
}
