//! What goes in comes out, to the last bit, by msgpack and by JSON.

use proptest::prelude::*;
use remotemedia_core::value::{Buffer, Column, FileSource, Inputs, Value};
use remotemedia_core::wire::{Document, Encoder, INLINE_BELOW, Limits, decode, decode_inputs, encode, json};

use crate::identical::assert_identical;
use crate::values::any_value;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn decoding_undoes_encoding(value in any_value()) {
        let document = encode(&value);
        let decoded = decode(&document.bytes, &document.buffers, &Limits::default()).unwrap();
        assert_identical(&value, &decoded);
    }

    #[test]
    fn encoding_is_stable(value in any_value()) {
        let document = encode(&value);
        let decoded = decode(&document.bytes, &document.buffers, &Limits::default()).unwrap();
        prop_assert_eq!(encode(&decoded), document);
    }

    #[test]
    fn reading_json_undoes_writing_it(value in any_value()) {
        let text = json::to_json(&value);
        assert_identical(&value, &json::from_json(&text, &Limits::default()).unwrap());
    }

    #[test]
    fn documents_cross_json_and_back(value in any_value()) {
        let limits = Limits::default();
        let document = encode(&value);
        let text = json::document_to_json(&document.bytes, &document.buffers, json::Payloads::InText, &limits).unwrap();
        let back = json::document_from_json(text.as_bytes(), &[], &limits).unwrap();
        assert_identical(&value, &decode(&back.bytes, &back.buffers, &limits).unwrap());
    }

    #[test]
    fn documents_cross_json_by_reference_and_back(value in any_value()) {
        let limits = Limits::default();
        // All payloads in the table, whatever their size, and none of them.
        let small = encode(&value);
        let all = in_table(&value);
        for document in [&all, &small] {
            let text = json::document_to_json(&document.bytes, &document.buffers, json::Payloads::ByReference, &limits);
            let text = text.unwrap();
            let back = json::document_from_json(text.as_bytes(), &document.buffers, &limits).unwrap();
            assert_identical(&value, &decode(&back.bytes, &document.buffers, &limits).unwrap());
            if !document.buffers.is_empty() {
                prop_assert!(back.buffers.iter().zip(&document.buffers).all(|(left, right)| left.same_memory(right)));
                let again = json::document_to_json(&back.bytes, &back.buffers, json::Payloads::ByReference, &limits);
                prop_assert_eq!(again.unwrap(), text);
            }
        }
    }

    #[test]
    fn json_is_what_another_parser_reads(value in any_value()) {
        let text = json::to_json(&value);
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&text);
        prop_assert!(parsed.is_ok(), "{:?} for {}", parsed, text);
    }

    #[test]
    fn large_payloads_are_in_the_table_and_small_ones_are_not(len in 0usize..40_000) {
        let document = encode(&Value::bytes(vec![7; len]));
        prop_assert_eq!(document.buffers.len(), usize::from(len >= INLINE_BELOW));
    }
}

/// The document of a value with the memory of every payload in its table.
fn in_table(value: &Value) -> Document {
    let mut table = Vec::new();
    collect_buffers(value, &mut table);
    let mut encoder = Encoder::over(table);
    encoder.value(value);
    encoder.finish()
}

fn collect_buffers(value: &Value, table: &mut Vec<Buffer>) {
    fn of_columns(columns: &[Column], add: &mut dyn FnMut(&Buffer)) {
        for column in columns {
            column.buffers.iter().flatten().for_each(&mut *add);
            of_columns(&column.children, add);
            if let Some(dictionary) = &column.dictionary {
                of_columns(std::slice::from_ref(dictionary), add);
            }
        }
    }
    let mut add = |buffer: &Buffer| {
        if !table.iter().any(|known| known.same_memory(buffer)) {
            table.push(buffer.whole());
        }
    };
    match value {
        Value::List(items) => items.iter().for_each(|item| collect_buffers(item, table)),
        Value::Map(map) => map.values().for_each(|item| collect_buffers(item, table)),
        Value::Bytes(buffer) => add(buffer),
        Value::Audio(audio) => add(audio.buffer()),
        Value::Tensor(tensor) => add(tensor.buffer()),
        Value::Video(video) => video.planes.iter().for_each(|plane| add(&plane.buffer)),
        Value::Table(table) => of_columns(&table.columns, &mut add),
        Value::File(file) => {
            if let FileSource::Bytes(content) = &file.source {
                add(content);
            }
        }
        _ => {}
    }
}

#[test]
fn inputs_are_a_list_a_map_of_lists_or_nil() {
    let limits = Limits::default();
    let items = vec![Value::Int(1), Value::text("two"), Value::Null];
    assert_eq!(decode_inputs(&encode(&Value::Null).bytes, &[], &limits), Ok(Inputs::None));
    assert_eq!(
        decode_inputs(&encode(&Value::list(items.clone())).bytes, &[], &limits),
        Ok(Inputs::List(items.clone()))
    );
    let named = Value::map([("mic", Value::list(items.clone())), ("reference", Value::list(Vec::new()))]);
    let expected = vec![("mic".into(), items), ("reference".into(), Vec::new())];
    assert_eq!(decode_inputs(&encode(&named).bytes, &[], &limits), Ok(Inputs::Named(expected)));
    assert_eq!(decode_inputs(&encode(&Value::list(Vec::new())).bytes, &[], &limits), Ok(Inputs::List(Vec::new())));
}

#[test]
fn an_encoder_can_be_used_again() {
    let large = Value::bytes(vec![1; INLINE_BELOW]);
    let mut encoder = Encoder::new();
    let first = encoder.value(&large).finish();
    assert_eq!(first, encode(&large));
    assert!(encoder.is_empty() && encoder.buffers().is_empty());
    encoder.array(2).value(&large).uint(u64::MAX);
    encoder.clear();
    encoder.map(2).text("a").bool(true).text("b").array(4).nil().int(-5).uint(200).float(0.5);
    let expected = Value::map([
        ("a", Value::Bool(true)),
        ("b", Value::list(vec![Value::Null, Value::Int(-5), Value::Int(200), Value::Float(0.5)])),
    ]);
    assert_eq!(encoder.finish(), encode(&expected));
}

#[test]
fn each_memory_is_in_the_table_once_and_whole() {
    let memory = Buffer::from_bytes((0..60_000u32).map(|number| number as u8).collect());
    let windows = [(0, 20_000), (20_000, 20_000), (100, 30_000), (0, 60_000)];
    let window = |(offset, len)| Value::Bytes(Box::new(memory.slice(offset, len).unwrap()));
    let value = Value::list(windows.into_iter().map(window).collect());
    let document = encode(&value);
    assert_eq!(document.buffers.len(), 1);
    assert_eq!(document.buffers[0].len(), 60_000);
    assert!(document.buffers[0].same_memory(&memory));
    let decoded = decode(&document.bytes, &document.buffers, &Limits::default()).unwrap();
    assert_eq!(decoded, value);
    let Value::List(items) = decoded else { panic!("a list") };
    let Value::Bytes(second) = &items[1] else { panic!("bytes") };
    assert!(second.same_memory(&memory) && second.offset() == 20_000);
}

#[test]
fn a_long_table_keeps_each_memory_once() {
    let memories: Vec<Buffer> = (0..100).map(|number| Buffer::from_bytes(vec![number; INLINE_BELOW])).collect();
    let twice = memories.iter().chain(&memories).map(|memory| Value::Bytes(Box::new(memory.clone())));
    let value = Value::list(twice.collect());
    let document = encode(&value);
    assert_eq!(document.buffers.len(), 100);
    assert_eq!(decode(&document.bytes, &document.buffers, &Limits::default()).unwrap(), value);
}
