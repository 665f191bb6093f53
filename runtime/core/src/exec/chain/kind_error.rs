//! The error of a node that gets a value of a kind which its input does not take, with the cure for it.

use crate::node::{Kinds, NodeError};
use crate::value::Kind;

/// The error for a value of kind `kind` at an input port that takes only `accepted`.
pub(super) fn kind_error(accepted: Kinds, kind: Kind) -> NodeError {
    let got = match kind {
        Kind::Null => "null".to_owned(),
        Kind::Str => "text".to_owned(),
        Kind::Bytes => "bytes".to_owned(),
        Kind::Audio => "audio".to_owned(),
        Kind::Int => "an int".to_owned(),
        other => format!("a {}", other.name()),
    };
    let expected = if accepted == Kinds::of(&[Kind::Str]) { "text".to_owned() } else { accepted.describe() };
    let error = NodeError::new(format!("expected {expected}, got {got}"));
    match kind {
        Kind::Bytes if accepted.contains(Kind::Audio) => error.cure(
            "Put an AudioDecode before this node if they are a file; wrap samples: Audio.from_pcm(data, \"s16\", \
             rate=..., channels=...).",
        ),
        Kind::Tensor | Kind::List if accepted.contains(Kind::Audio) => error.cure("Wrap it: Audio(samples, rate=...)."),
        Kind::File if accepted.contains(Kind::Audio) => {
            error.cure("Decode it first: put an AudioDecode before this node.")
        }
        Kind::Str if accepted.contains(Kind::File) => error.cure("Wrap the path: File(path)."),
        _ if accepted.contains(Kind::Audio) => error.cure("Send Audio(samples, rate=...)."),
        _ if accepted.contains(Kind::File) => error.cure("Send File(path)."),
        _ if accepted.contains(Kind::Str) => error.cure("Send text."),
        _ if accepted.contains(Kind::Float) => error.cure("Send a number."),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_both_kinds_and_the_cure() {
        let audio = Kinds::of(&[Kind::Audio]);
        let file = Kinds::of(&[Kind::Bytes, Kind::File]);
        let number = Kinds::of(&[Kind::Int, Kind::Float]);
        let text = Kinds::of(&[Kind::Str]);
        let cases = [
            (audio, Kind::Tensor, "expected audio, got a tensor", "Wrap it: Audio(samples, rate=...)."),
            (audio, Kind::File, "expected audio, got a file", "Decode it first: put an AudioDecode before this node."),
            (audio, Kind::Int, "expected audio, got an int", "Send Audio(samples, rate=...)."),
            (
                audio,
                Kind::Bytes,
                "expected audio, got bytes",
                "Put an AudioDecode before this node if they are a file; wrap samples: Audio.from_pcm(data, \"s16\", \
                 rate=..., channels=...).",
            ),
            (file, Kind::Str, "expected bytes or file, got text", "Wrap the path: File(path)."),
            (file, Kind::Null, "expected bytes or file, got null", "Send File(path)."),
            (number, Kind::Audio, "expected int or float, got audio", "Send a number."),
            (text, Kind::Tensor, "expected text, got a tensor", "Send text."),
            (number, Kind::Map, "expected int or float, got a map", "Send a number."),
        ];
        for (accepted, kind, cause, cure) in cases {
            let error = kind_error(accepted, kind);
            assert_eq!((error.cause.as_str(), error.cure.as_str()), (cause, cure));
        }
    }
}
