//! What documents cost: small lists, long lists, many maps, audio headers, and the JSON twin.
//!
//! `cargo bench -p remotemedia-core --bench wire` prints the median time of each, from batches of at least a
//! millisecond.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use remotemedia_core::value::{Audio, Value};
use remotemedia_core::wire::{Document, Encoder, Limits, decode, decode_inputs, encode, json};

fn main() {
    let small = Value::list((1..4).map(Value::Int).collect());
    let long = Value::list((0..10_000).map(Value::Int).collect());
    let records = Value::list((0..1_000).map(record).collect());
    let texts = Value::list((0..1_000).map(|number| Value::text(format!("text number {number}"))).collect());
    let sound = Value::from(Audio::from_planar(vec![0.25; 48_000], 2, 48_000).expect("a second of stereo"));
    for (name, value) in [
        ("[1, 2, 3]", &small),
        ("10,000 ints", &long),
        ("1,000 nested maps", &records),
        ("1,000 texts", &texts),
        ("audio, 0.5 s stereo by buffer", &sound),
    ] {
        both_ways(name, value);
    }
    let Document { bytes, buffers } = encode(&small);
    let limits = Limits::default();
    report("[1, 2, 3] as inputs", "decode", || drop(black_box(decode_inputs(&bytes, &buffers, &limits))));
    let mut encoder = Encoder::new();
    report("a completion, piece by piece", "encode", || {
        encoder.clear();
        encoder.map(3).text("status").int(0).text("outputs").map(1).text("sink").map(2);
        encoder.text("values").value(&small).text("items").array(3).int(0).int(1).int(2).text("errors").array(0);
        black_box(encoder.as_bytes());
    });
    let text = json::to_json(&records);
    report("1,000 nested maps", "to JSON", || drop(black_box(json::to_json(&records))));
    report("1,000 nested maps", "from JSON", || drop(black_box(json::from_json(&text, &limits))));
}

/// `{"id": n, "name": ..., "score": x, "tags": {"a": 1, "b": {"c": [1, 2]}}}`
fn record(number: i64) -> Value {
    let inner = Value::map([("c", Value::list(vec![Value::Int(1), Value::Int(2)]))]);
    Value::map([
        ("id", Value::Int(number)),
        ("name", Value::text(format!("item {number}"))),
        ("score", Value::Float(number as f64 / 7.0)),
        ("tags", Value::map([("a", Value::Int(1)), ("b", inner)])),
    ])
}

fn both_ways(name: &str, value: &Value) {
    let Document { bytes, buffers } = encode(value);
    let limits = Limits::default();
    report(name, "decode", || drop(black_box(decode(&bytes, &buffers, &limits))));
    report(name, "encode", || drop(black_box(encode(value))));
    let mut encoder = Encoder::new();
    report(name, "encode again", || {
        encoder.clear();
        encoder.value(value);
        black_box(encoder.as_bytes());
    });
}

fn report(name: &str, what: &str, mut run: impl FnMut()) {
    let mut batch = |count: u32| {
        let start = Instant::now();
        for _ in 0..count {
            run();
        }
        start.elapsed()
    };
    let mut count = 1;
    while batch(count) < Duration::from_millis(1) {
        count *= 2;
    }
    let mut times: Vec<Duration> = (0..101).map(|_| batch(count) / count).collect();
    times.sort();
    println!("{name:<32} {what:<14} {:>12.3?}  (quickest {:.3?})", times[50], times[0]);
}
