//! Fields that several documents have, and the numbers that stand for outcomes.

use crate::exec::outputs::completion::Outcome;
use crate::wire::Encoder;

/// Maps outcomes to the numbers that stand for them in documents; the C ABI defines those.
pub type StatusOf = fn(Outcome) -> i32;

/// What a place in time may be.
pub(super) const TIME: &str = "nanoseconds from -2^63 to 2^63-1, or nil";

pub(super) fn write_optional(encoder: &mut Encoder, value: Option<i64>) {
    match value {
        Some(value) => encoder.int(value),
        None => encoder.nil(),
    };
}

pub(super) fn write_tokens(encoder: &mut Encoder, tokens: &[u64]) {
    encoder.array(tokens.len());
    for &token in tokens {
        encoder.uint(token);
    }
}
