//! The notations that documents and manifests have in common: the tokens of JSON text and the heads of msgpack values.
//!
//! Knows bytes and text, and nothing of what they mean: each reader builds its own values, keeps its own limits and words its
//! own messages from the faults.

pub(crate) mod json;
pub(crate) mod msgpack;
