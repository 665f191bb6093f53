//! The JSON twin to the letter: numbers, text, tags and escaped keys.

use remotemedia_core::value::{Audio, Buffer, DataType, File, Tensor, Value};
use remotemedia_core::wire::{Limits, json};

use crate::identical::assert_identical;

fn read(text: &str) -> Value {
    json::from_json(text, &Limits::default()).unwrap()
}

#[test]
fn every_kind_has_its_text() {
    let float = |bits: u64| Value::Float(f64::from_bits(bits));
    let tensor = Tensor::contiguous(DataType::Int16, vec![1, 2], Buffer::from_bytes(vec![1, 0, 255, 255])).unwrap();
    let cases = [
        (Value::Null, "null"),
        (Value::list(vec![Value::Bool(true), Value::Bool(false)]), "[true,false]"),
        (Value::from_u64(u64::MAX), "18446744073709551615"),
        (Value::Int(i64::MIN), "-9223372036854775808"),
        (Value::Float(1.0), "1.0"),
        (Value::Float(-0.0), "-0.0"),
        (Value::Float(1e300), "1e300"),
        (Value::Float(5e-324), "5e-324"),
        (float(0x7ff8_0000_0000_0000), r#"{"$rm":"float","value":"NaN"}"#),
        (float(0xfff8_0000_0000_0001), r#"{"$rm":"float","value":"NaN","bits":"fff8000000000001"}"#),
        (Value::Float(f64::NEG_INFINITY), r#"{"$rm":"float","value":"-Infinity"}"#),
        (Value::text("a\"\\\n\u{1}é😀"), "\"a\\\"\\\\\\n\\u0001é😀\""),
        (
            Value::map([("$rm", Value::Int(1)), ("$$rmx", Value::Null), ("$r", Value::Null)]),
            r#"{"$$rm":1,"$$$rmx":null,"$r":null}"#,
        ),
        (Value::bytes(vec![0, 255]), r#"{"$rm":"bytes","base64":"AP8="}"#),
        (Value::Timestamp { seconds: -1, nanoseconds: 7 }, r#"{"$rm":"timestamp","seconds":-1,"nanoseconds":7}"#),
        (tensor.into(), r#"{"$rm":"tensor","dtype":"int16","shape":[1,2],"base64":"AQD//w=="}"#),
        (
            Audio::from_planar(vec![1.0, -1.0], 1, 8_000).unwrap().into(),
            r#"{"$rm":"audio","rate":8000,"layout":"mono","pts":null,"channels":1,"frames":2,"base64":"AACAPwAAgL8="}"#,
        ),
        (File::from_path("a.wav").into(), r#"{"$rm":"file","path":"a.wav","mime":null}"#),
    ];
    for (value, text) in cases {
        assert_eq!(json::to_json(&value), text);
        assert_identical(&read(text), &value);
    }
}

#[test]
fn other_spellings_are_accepted() {
    assert_identical(&read(" [ 1 ,\t2\r\n] "), &Value::list(vec![Value::Int(1), Value::Int(2)]));
    assert_identical(&read("1E+2"), &Value::Float(100.0));
    assert_identical(&read("-0"), &Value::Int(0));
    assert_identical(&read(r#""\u00e9\ud83d\ude00\/\b\f""#), &Value::text("é😀/\u{8}\u{c}"));
    let late_tag = r#"{"base64": "AP8=", "$rm": "bytes"}"#;
    assert_identical(&read(late_tag), &Value::bytes(vec![0, 255]));
    let no_layout = r#"{"$rm": "audio", "rate": 8000, "channels": 3, "frames": 0, "base64": ""}"#;
    assert_identical(&read(no_layout), &Audio::from_planar(Vec::new(), 3, 8_000).unwrap().into());
}

#[test]
fn large_payloads_are_in_the_text() {
    let value = Value::bytes(vec![9; 100_000]);
    let document = remotemedia_core::wire::encode(&value);
    let text =
        json::document_to_json(&document.bytes, &document.buffers, json::Payloads::InText, &Limits::default()).unwrap();
    let back = json::document_from_json(text.as_bytes(), &[], &Limits::default()).unwrap();
    assert_eq!(back, document);
    assert_eq!(back.buffers.len(), 1);
}
