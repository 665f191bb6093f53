//! Bytes that are no manifest at all, and manifests that are too large, with their exact messages.

use remotemedia_core::manifest::parse;
use serde_json::json;

use crate::node_types::{hosts, msgpack, registry};

#[track_caller]
fn refused(bytes: &[u8], message: &str) {
    match parse(bytes, &registry(), &hosts()) {
        Ok(blueprint) => panic!("accepted: {blueprint:?}"),
        Err(error) => assert_eq!(error.to_string(), message),
    }
}

/// `{"version": <value>}` in msgpack, with the bytes of the value given.
fn version(value: &[u8]) -> Vec<u8> {
    [b"\x81\xa7version", value].concat()
}

#[test]
fn bytes_that_are_neither_text_nor_a_map_are_named() {
    refused(
        b"",
        "line 1, column 1: expected a manifest, got an empty text; begin with {\"version\": \"v1\", \"nodes\": [{\"id\": \"a\", \"node_type\": \"PassThrough\"}]}",
    );
    refused(b"\xff\xfe{\x00", "expected UTF-8 text, got UTF-16; save the manifest as UTF-8");
    refused(b"\x93\x01\x02\x03", "expected JSON or YAML text or a msgpack map, got bytes that begin with 0x93");
    refused(
        b"version: v1\nmetadata: {name: caf\xe9}\n",
        "line 2, column 21: expected UTF-8 text, got the byte 0xe9; save the manifest as UTF-8",
    );
}

#[test]
fn msgpack_that_json_can_not_say_is_named_with_its_path() {
    let plain = "version: expected a number, text, true, false, null, a list or a map, got";
    let cure = "pass media and bytes as inputs";
    let nodes = "  the manifest has no 'nodes'; add \"nodes\": [{\"id\": \"a\", \"node_type\": \"PassThrough\"}]";
    let two = |first: &str| format!("the manifest has 2 problems:\n{nodes}\n  {first}");
    refused(&version(b"\xc4\x03abc"), &two(&format!("{plain} 3 bytes; {cure}")));
    refused(&version(b"\xd4\x05x"), &two(&format!("{plain} file; {cure}")));
    refused(&version(b"\xc7\x02\xffxx"), &two(&format!("{plain} timestamp; {cure}")));
    refused(&version(b"\xd4\x63x"), &two(&format!("{plain} a msgpack extension of type 99; {cure}")));
    refused(&version(b"\xa1\xff"), &two("version: this text is not valid UTF-8"));
    refused(&version(b"\xcb\x7f\xf8\0\0\0\0\0\0"), &two("version: expected a finite number, got NaN"));
}

#[test]
fn msgpack_that_is_broken_is_named_with_its_path() {
    refused(&version(b"\xa5v1"), "version: the msgpack ends after 12 bytes, in the middle; pass all of it");
    refused(
        &version(b"\xdf\xff\xff\xff\xff"),
        "version: the msgpack ends after 14 bytes, in the middle; pass all of it",
    );
    refused(&version(b"\xc1"), "version: 0xc1 has no meaning in msgpack");
    refused(&version(b"\xa2v1\x00"), "the msgpack map ends, but 1 more bytes follow");
    refused(b"\x81\x01\x02", "the names in this map are not all text; use text for the keys");
    refused(b"\x81\xcd", "the names in this map are not all text; use text for the keys");
}

#[test]
fn depth_is_bounded_in_every_notation() {
    let message = "lists and maps lie in each other more than 64 deep";
    let deep = 100_000;
    let json = format!("{{\"nodes\": {}{}}}", "[".repeat(deep), "]".repeat(deep));
    refused(json.as_bytes(), &format!("line 1, column 75: nodes[0][0]: {message}"));
    let yaml = |deep: usize| format!("nodes: {}{}", "[".repeat(deep), "]".repeat(deep));
    refused(yaml(100).as_bytes(), &format!("line 1, column 72: nodes[0][0]: {message}"));
    refused(yaml(deep).as_bytes(), &format!("line 1, column 263: nodes: {message}"));
    let block = format!("{}x", "- ".repeat(10_000));
    refused(block.as_bytes(), &format!("line 1, column 131: [0][0][0]: {message}"));
    let bytes = [b"\x81\xa5nodes".to_vec(), vec![0x91; deep], vec![0xc0]].concat();
    refused(&bytes, &format!("nodes[0][0]: {message}"));
}

#[test]
fn size_and_count_are_bounded() {
    refused(&vec![b' '; 9 << 20], "expected at most 8 MiB, got 9.0 MiB");
    let json = format!("{{\"nodes\": [{}1]}}", "1,".repeat(200_000));
    refused(json.as_bytes(), "line 1, column 400008: nodes[199998]: the document holds more than 200000 values");
    let bytes = [b"\x81\xa5nodes\xdd\x7f\xff\xff\xff".to_vec(), vec![0xc0; 300_000]].concat();
    refused(&bytes, "nodes[199998]: the document holds more than 200000 values");
}

#[test]
fn aliases_of_aliases_are_bounded() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{inner}]\n");
    }
    let error = parse(bomb.as_bytes(), &registry(), &hosts()).expect_err("a bomb");
    assert!(error.to_string().ends_with("the document holds more than 200000 values"), "{error}");
    let text = "x".repeat(1 << 20);
    let repeated = format!("text: &text {text}\ncopies: [{}]\n", vec!["*text"; 100].join(", "));
    let error = parse(repeated.as_bytes(), &registry(), &hosts()).expect_err("a bomb");
    assert!(error.to_string().ends_with("the aliases repeat more than 8 MiB"), "{error}");
}

#[test]
fn only_the_first_problems_are_shown_but_all_are_there() {
    let nodes: Vec<_> = (0..70).map(|index| json!({ "id": format!("n{index}"), "node_type": "Nope" })).collect();
    let bytes = msgpack(&json!({ "version": "v1", "nodes": nodes }));
    let error = parse(&bytes, &registry(), &hosts()).expect_err("unknown types");
    assert_eq!(error.problems.len(), 70);
    let text = error.to_string();
    assert!(text.starts_with("the manifest has 70 problems:\n  nodes[0].node_type: "), "{text}");
    assert!(text.ends_with("\n  and 20 more"), "{text}");
}

#[test]
fn a_manifest_full_of_mistakes_ends_with_enough_of_them() {
    let nodes: Vec<_> = (0..20_000).map(|_| json!({ "id": "a", "node_type": "Nope" })).collect();
    let connections: Vec<_> = (0..20_000).map(|index| json!({ "from": format!("b{index}"), "to": "a" })).collect();
    let bytes = msgpack(&json!({ "version": "v1", "nodes": nodes, "connections": connections }));
    let error = parse(&bytes, &registry(), &hosts()).expect_err("unknown types");
    assert_eq!(error.problems.len(), 100);
    let text = error.to_string();
    assert!(text.starts_with("the manifest has 100 or more problems:\n  nodes[0].node_type: "), "{text}");
    assert!(text.ends_with("\n  and 50 more"), "{text}");
}

#[test]
fn a_problem_has_its_parts() {
    let text = br#"{"version": "v1", "nodes": [{"id": "a", "node_type": "Filter", "params": {"shape": 5}}]}"#;
    let error = parse(text, &registry(), &hosts()).expect_err("a number for a map");
    let [problem] = error.problems.as_slice() else { panic!("{error}") };
    assert_eq!(problem.path, "nodes[0].params.shape");
    assert_eq!((problem.line, problem.column), (Some(1), Some(84)));
    assert_eq!(problem.message, "expected a map, got 5");
    assert_eq!(problem.expected.as_deref(), Some("a map"));
    assert_eq!(problem.got.as_deref(), Some("5"));
    assert_eq!(problem.suggestion, None);
}
