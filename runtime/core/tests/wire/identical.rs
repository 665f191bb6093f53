//! Equality to the last bit: NaN equals the same NaN, -0.0 differs from 0.0, and the order of maps counts.

use remotemedia_core::value::Value;

/// Fails with both values if they differ in anything a document carries.
#[track_caller]
pub(crate) fn assert_identical(left: &Value, right: &Value) {
    assert!(identical(left, right), "left:  {left:?}\nright: {right:?}");
}

fn identical(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => left.to_bits() == right.to_bits(),
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right.iter()).all(|(left, right)| identical(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            let pairs = || left.iter().zip(right.iter());
            left.len() == right.len()
                && pairs().all(|((left_key, left), (right_key, right))| left_key == right_key && identical(left, right))
        }
        (Value::Audio(left), Value::Audio(right)) => {
            let bits = |samples: &[f32]| samples.iter().map(|sample| sample.to_bits()).collect::<Vec<_>>();
            left.rate() == right.rate()
                && left.layout() == right.layout()
                && left.pts == right.pts
                && left.channels() == right.channels()
                && left.frames() == right.frames()
                && left.iter_channels().zip(right.iter_channels()).all(|(left, right)| bits(left) == bits(right))
        }
        _ => left == right,
    }
}
