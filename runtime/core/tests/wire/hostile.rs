//! Bytes from anywhere: never a panic, never a stack overflow, never more memory than the input justifies.

use proptest::collection::vec;
use proptest::prelude::*;
use remotemedia_core::value::{Buffer, Value};
use remotemedia_core::wire::{Limits, decode, decode_inputs, encode, json};

use crate::values::any_value;

fn limits() -> Limits {
    // A forged array may stand for this much, and the test lays it out to compare it.
    Limits { extent: 1 << 20, ..Limits::default() }
}

/// Reads bytes every way; whatever is accepted must survive being used.
fn exercise(bytes: &[u8], buffers: &[Buffer]) {
    let limits = limits();
    drop(decode_inputs(bytes, buffers, &limits));
    if let Ok(value) = decode(bytes, buffers, &limits) {
        let document = encode(&value);
        let again = decode(&document.bytes, &document.buffers, &limits).expect("what was read can be read again");
        drop(json::to_json(&again));
        assert_eq!(value.weight() > 0, again.weight() > 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200), len in 0usize..100) {
        exercise(&bytes, &[Buffer::from_bytes(vec![1; len])]);
    }

    #[test]
    fn random_payloads_of_extension_types_never_panic(code in -1i8..8, payload in vec(any::<u8>(), 0..60)) {
        let mut bytes = vec![0xc7, payload.len() as u8, code as u8];
        bytes.extend(payload);
        exercise(&bytes, &[Buffer::from_bytes(vec![1; 50])]);
    }

    #[test]
    fn mutated_documents_never_panic(
        value in any_value(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        shorter in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut document = encode(&value);
        for (at, byte) in changes {
            let at = at.index(document.bytes.len());
            document.bytes[at] = byte;
        }
        if cut {
            document.bytes.truncate(shorter.index(document.bytes.len()));
        }
        exercise(&document.bytes, &document.buffers);
        exercise(&document.bytes, &[]);
    }

    #[test]
    fn truncated_documents_are_errors(value in any_value(), at in any::<prop::sample::Index>()) {
        let document = encode(&value);
        let short = &document.bytes[..at.index(document.bytes.len())];
        prop_assert!(decode(short, &document.buffers, &Limits::default()).is_err());
    }

    #[test]
    fn random_text_never_panics(text in "[\\[\\]{}\",:\\\\ 0-9a-z$\\-+.eEu\n\u{e4}]{0,60}") {
        drop(json::from_json(&text, &limits()));
    }

    #[test]
    fn mutated_json_never_panics(
        value in any_value(),
        at in any::<prop::sample::Index>(),
        replacement in prop_oneof!["[\\[\\]{}\",:0-9$\\-.e]", any::<char>().prop_map(String::from)],
    ) {
        let mut characters: Vec<String> = json::to_json(&value).chars().map(String::from).collect();
        let at = at.index(characters.len());
        characters[at] = replacement;
        if let Ok(value) = json::from_json(&characters.concat(), &limits()) {
            drop(encode(&value));
        }
    }
}

#[test]
fn deep_documents_are_errors_and_cost_little_stack() {
    let deep = |opening: &[u8], count: usize| [opening.repeat(count), vec![0xc0]].concat();
    let run = move || {
        let most = Limits { depth: usize::MAX, ..Limits::default() };
        for opening in [&[0x91][..], &[0x81, 0xa1, b'k']] {
            assert!(decode(&deep(opening, 1_000_000), &[], &most).is_err());
            assert!(decode(&deep(opening, Limits::MAX_DEPTH + 1), &[], &most).is_err());
            let value = decode(&deep(opening, Limits::MAX_DEPTH), &[], &most).unwrap();
            assert_eq!(encode(&value).bytes, deep(opening, Limits::MAX_DEPTH));
            assert_eq!(value.clone(), value);
            let text = json::to_json(&value);
            assert_eq!(json::from_json(&text, &most).unwrap(), value);
        }
        assert!(json::from_json(&"[".repeat(1_000_000), &most).is_err());
    };
    // Unoptimized calls take four times the stack; what is released does with 512 KiB, see tests/python/lifecycle/test_configure.py.
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn the_default_depth_is_accepted_exactly() {
    let nested = |count: usize| [vec![0x91; count], vec![0xc0]].concat();
    assert!(decode(&nested(128), &[], &Limits::default()).is_ok());
    assert!(decode(&nested(129), &[], &Limits::default()).is_err());
}

#[test]
fn values_that_are_deeper_than_any_document_can_still_be_written() {
    let mut value = Value::Null;
    for level in 0..5_000 {
        value = if level % 2 == 0 { Value::list(vec![value]) } else { Value::map([("k", value)]) };
    }
    let document = encode(&value);
    assert_eq!(document.bytes.len(), 2_500 + 2_500 * 3 + 1);
    assert!(decode(&document.bytes, &[], &Limits::default()).is_err());
}

#[test]
fn nested_columns_are_held_against_the_limit_on_depth() {
    // [1, bin, [[name, format, 0, bin, 0, 0, 0, [], [child...], nil]]] with each column inside the last one.
    let opening = b"\x91\x9a\xa1n\xa1i\x00\xc4\x00\x00\x00\x00\x90";
    let payload = [&b"\x93\x01\xc4\x00"[..], &opening.repeat(100_000), b"\x90\xc0"].concat();
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let bytes = [&[0xc9][..], &len, &[4], &payload].concat();
    let error = decode(&bytes, &[], &Limits::default()).unwrap_err();
    assert_eq!(error.kind().to_string(), "lists and maps are nested deeper than 128");
}

#[test]
fn declared_lengths_take_no_memory() {
    // Each list declares as many items as there are bytes; taking memory for that would be terabytes.
    let mut bytes = Vec::new();
    for _ in 0..120 {
        bytes.extend([0xdd, 0, 0x01, 0, 0]);
    }
    bytes.resize(70_000, 0xc0);
    assert!(decode(&bytes, &[], &Limits::default()).is_err());
}

#[test]
fn headers_without_samples_cost_nothing_however_large_their_numbers() {
    // 2^62 channels of no frames, misaligned: [8000, nil, nil, 2^62, 0, 0, bin, 1].
    let payload = b"\x98\xcd\x1f\x40\xc0\xc0\xcf\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc4\x02\x00\x00\x01";
    let bytes = [&[0xc7, payload.len() as u8, 2][..], payload].concat();
    let error = decode(&bytes, &[], &Limits::default()).unwrap_err();
    assert_eq!(error.kind().to_string(), "4611686018427387904 channels are not between 1 and 1024");

    let text = r#"{"$rm":"audio","rate":8000,"channels":0,"frames":4611686018427387904,"base64":""}"#;
    let error = json::from_json(text, &Limits::default()).unwrap_err();
    assert_eq!(error.kind().to_string(), "0 channels are not between 1 and 1024");

    let text = r#"{"$rm":"tensor","dtype":"int8","shape":[4611686018427387904,4611686018427387904,0],"base64":""}"#;
    let error = json::from_json(text, &Limits::default()).unwrap_err();
    assert_eq!(
        error.kind().to_string(),
        "the shape [4611686018427387904, 4611686018427387904, 0] of int8 overflows the address space"
    );
}

#[test]
fn time_at_the_end_of_64_bits_does_not_overflow() {
    // [1, nil, 2^63-1, 1, 2, 8, bin, 0]
    let payload = b"\x98\x01\xc0\xcf\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x08\xc4\x08\0\0\0\0\0\0\0\0\x00";
    let bytes = [&[0xc7, payload.len() as u8, 2][..], payload].concat();
    let Value::Audio(audio) = decode(&bytes, &[], &Limits::default()).unwrap() else { panic!("audio") };
    assert_eq!(audio.slice(1, 1).pts, Some(i64::MAX));
}
