//! The exact text of every error: one sentence that names the place and the cure.

use std::collections::HashSet;

use remotemedia_core::value::Buffer;
use remotemedia_core::wire::{Limits, Place, WireError, decode, decode_inputs, json};
use rmpv::Value as Plain;

/// The payload of an extension type, wrapped so that the path has two steps: `inputs[0]["sound gain"]`.
fn wrapped(code: i8, fields: Vec<Plain>) -> Vec<u8> {
    let mut payload = Vec::new();
    rmpv::encode::write_value(&mut payload, &Plain::Array(fields)).unwrap();
    bytes_of(Plain::Array(vec![Plain::Map(vec![("sound gain".into(), Plain::Ext(code, payload))])]))
}

fn bytes_of(value: Plain) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &value).unwrap();
    bytes
}

fn error_with(bytes: &[u8], buffers: &[Buffer], limits: &Limits) -> WireError {
    decode_inputs(bytes, buffers, limits).unwrap_err()
}

fn inputs_error(bytes: &[u8]) -> String {
    error_with(bytes, &[Buffer::from_bytes(vec![0; 10])], &Limits::default()).to_string()
}

fn json_error(text: &str) -> String {
    json::from_json(text, &Limits::default()).unwrap_err().to_string()
}

fn limits() -> Limits {
    Limits { depth: 2, items: 3, bytes: 64, buffers: 1, extent: 100 }
}

#[test]
fn malformed_bytes() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "inputs: a value goes past the end (bytes needed: 1, left: 0); send the whole document"),
        (b"\x91\xa5abc", "inputs[0]: text goes past the end (bytes needed: 5, left: 3); send the whole document"),
        (
            b"\x91\xcd\x01",
            "inputs[0]: an integer goes past the end (bytes needed: 2, left: 1); send the whole document",
        ),
        (
            b"\xdd\xff\xff\xff\xff\x01",
            "inputs: a list goes past the end (bytes needed: 4294967295, left: 1); send the whole document",
        ),
        (
            b"\x91\xdf\x80\x00\x00\x00\x01",
            "inputs[0]: a map goes past the end (bytes needed: 4294967296, left: 1); send the whole document",
        ),
        (
            b"\x91\xc9\x00\x00\x00\x09\x01a",
            "inputs[0]: an extension value goes past the end (bytes needed: 9, left: 1); send the whole document",
        ),
        (b"\xc0\xc0\xc0", "inputs: there is more after the end of the value (bytes: 2); send one value a document"),
        (
            b"\x92\x01\xc1",
            "inputs[1]: the byte 0xc1 begins no msgpack value; check that the bytes are a msgpack document",
        ),
        (b"\x91\x81\xa1a\x81\x01\x02", "inputs[0].a: a map key is an integer, not text; make every key text"),
        (b"\x91\x82\xa1a\x01\xa1a\x02", "inputs[0]: the key \"a\" appears twice; give each key once"),
        (
            b"\x91\xa3ab\xff",
            "inputs[0]: text is not UTF-8 from its byte 2 on; encode text as UTF-8 and send bytes as bytes",
        ),
        (
            b"\x91\xd4\x2a\x00",
            "inputs[0]: the extension type 42 is not known; use one of the types 1 to 6, or -1 for a timestamp",
        ),
        (
            b"\xa1a",
            "inputs: the inputs are text, not a list; give a list with one entry for each item, a map of such lists for named inputs, or nil for none",
        ),
        (
            b"\x82\xa3mic\x90\xa3ref\x80",
            "inputs.ref: the inputs are a map, not a list; give a list with one entry for each item, a map of such lists for named inputs, or nil for none",
        ),
        (
            b"\x81\xa3mic\x92\x01\xc1",
            "inputs.mic[1]: the byte 0xc1 begins no msgpack value; check that the bytes are a msgpack document",
        ),
        (b"\x82\xa1a\x90\xa1a\x90", "inputs: the key \"a\" appears twice; give each key once"),
        (
            b"\x91\xd4\xff\x00",
            "inputs[0]: the payload of the timestamp must be 4, 8 or 12 bytes, it is 1; lay it out as docs/wire.md says",
        ),
        (
            b"\x91\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            "inputs[0]: the nanoseconds of the timestamp must be an integer from 0 to 999999999, it is 1073741823; lay it out as docs/wire.md says",
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(inputs_error(bytes), *expected, "{bytes:x?}");
    }
}

#[test]
fn limits_that_are_exceeded() {
    let buffer = || Buffer::from_bytes(vec![0; 8]);
    let repeated =
        vec!["uint8".into(), Plain::Array(vec![1000.into()]), Plain::Array(vec![0.into()]), 0.into(), 0.into()];
    let cases: &[(Vec<u8>, Vec<Buffer>, &str)] = &[
        (
            b"\x91\x91\x91\x01".to_vec(),
            vec![],
            "inputs[0][0]: lists and maps are nested deeper than 2; flatten the value, or raise the limit \"depth\"",
        ),
        (
            b"\x92\x92\x01\x02\x03".to_vec(),
            vec![],
            "inputs[0]: lists and maps have more than 3 entries in all; send long series of numbers as a tensor, or raise the limit \"items\"",
        ),
        (
            vec![0xc0; 65],
            vec![],
            "inputs: the document has 65 bytes, the limit is 64; send large payloads as buffers, or raise the limit \"document_bytes\"",
        ),
        (
            vec![0xc0],
            vec![buffer(), buffer()],
            "inputs: the document has 2 buffers, the limit is 1; send fewer large values at once, or raise the limit \"buffers\"",
        ),
        (
            wrapped(1, repeated),
            vec![buffer()],
            "inputs[0][\"sound gain\"]: the tensor stands for 1000 bytes on 8 bytes of memory, the limit is 100; send it without repeating strides, or raise the limit \"extent_bytes\"",
        ),
    ];
    for (bytes, buffers, expected) in cases {
        assert_eq!(error_with(bytes, buffers, &limits()).to_string(), *expected);
    }
}

#[test]
fn extension_types_that_are_not_laid_out_right() {
    let nil = Plain::Nil;
    let list = |items: &[i64]| Plain::Array(items.iter().map(|&item| item.into()).collect());
    let bin = |len: usize| Plain::Binary(vec![0; len]);
    let tensor = |dtype: &str, shape: Plain, strides: Plain, data: Plain, offset: Plain| {
        (1i8, vec![dtype.into(), shape, strides, data, offset])
    };
    let audio = |rate: i64, channels: i64, frames: i64, stride: i64, data: Plain, offset: i64| {
        let (nil, number) = (Plain::Nil, |number: i64| Plain::from(number));
        (
            2i8,
            vec![
                number(rate),
                nil.clone(),
                nil,
                number(channels),
                number(frames),
                number(stride),
                data,
                number(offset),
            ],
        )
    };
    let video = |format: &str, planes: Plain| (3i8, vec![format.into(), 2.into(), 2.into(), Plain::Nil, planes]);
    let plane =
        |stride: i64| Plain::Array(vec![Plain::Array(vec![Plain::Binary(vec![0; 4]), 0.into(), stride.into()])]);
    let lay_it_out = "lay it out as docs/wire.md says";
    let inside = "make shape, strides and offset stay inside the buffer";
    let inside_buffer = "make offset, stride and sizes stay inside the buffer";
    let cases = [
        (
            tensor("float31", list(&[1]), nil.clone(), bin(4), 0.into()),
            "the dtype of the tensor must be the name of a data type such as float32, it is \"float31\"",
            lay_it_out,
        ),
        (
            tensor("int8", list(&[-1]), nil.clone(), bin(4), 0.into()),
            "the shape of the tensor must be an integer from 0 to 2^63-1, it is -1",
            lay_it_out,
        ),
        (
            tensor("int8", Plain::Array(vec![1.into(); 65]), nil.clone(), bin(4), 0.into()),
            "the shape of the tensor must be a list of at most 64 sizes, it is a list of 65",
            lay_it_out,
        ),
        (
            tensor("int8", list(&[2]), list(&[1, 1]), bin(4), 0.into()),
            "the strides of the tensor must be nil or a list as long as the shape, it is a list of 2",
            lay_it_out,
        ),
        (
            tensor("int8", list(&[2]), "C".into(), bin(4), 0.into()),
            "the strides of the tensor must be nil or a list as long as the shape, it is text",
            lay_it_out,
        ),
        (
            tensor("int8", list(&[2]), nil.clone(), nil.clone(), 0.into()),
            "the data of the tensor must be a buffer index or bytes, it is nil",
            lay_it_out,
        ),
        (
            tensor("int8", list(&[2]), nil.clone(), 7.into(), 0.into()),
            "the tensor refers to buffer 7, the table has 1",
            "pass the buffer table that belongs to the document",
        ),
        (
            tensor("int8", list(&[2]), nil.clone(), u64::MAX.into(), 0.into()),
            "the tensor refers to buffer 18446744073709551615, the table has 1",
            "pass the buffer table that belongs to the document",
        ),
        (
            tensor("int16", list(&[2, 3]), nil.clone(), bin(11), 0.into()),
            "the array reaches from byte 0 to byte 12, the buffer has 11 bytes",
            inside,
        ),
        (
            tensor("int8", list(&[3]), list(&[-1]), bin(3), 1.into()),
            "the array reaches from byte -1 to byte 2, the buffer has 3 bytes",
            inside,
        ),
        (
            tensor("int8", list(&[2]), list(&[i64::MAX]), bin(3), i64::MAX.into()),
            "the array reaches from byte 9223372036854775807 to byte 18446744073709551615, the buffer has 3 bytes",
            inside,
        ),
        (
            tensor("float64", list(&[1 << 40, 1 << 40]), list(&[0, 0]), bin(8), 0.into()),
            "the shape [1099511627776, 1099511627776] of float64 overflows the address space",
            inside,
        ),
        ((1, vec!["int8".into()]), "the tensor has 1 fields, not 5", lay_it_out),
        (audio(0, 1, 1, 4, bin(4), 0), "a rate of 0 Hz is not between 1 and 4294967295", "correct the header"),
        (
            audio(-8, 1, 1, 4, bin(4), 0),
            "the rate of the audio must be an integer from 0 to 2^32-1, it is -8",
            lay_it_out,
        ),
        (audio(8000, 0, 1, 4, bin(4), 0), "0 channels are not between 1 and 1024", "correct the header"),
        (audio(8000, 2, 3, 12, bin(23), 0), "2 channels of 3 frames do not fit a buffer of 23 bytes", inside_buffer),
        (audio(8000, 1, 3, 12, 0.into(), 1), "1 channels of 3 frames do not fit a buffer of 10 bytes", inside_buffer),
        (
            video("yuv9", plane(2)),
            "the format of the video must be gray, rgb24, rgba, yuv420p or nv12, it is \"yuv9\"",
            lay_it_out,
        ),
        (
            video("nv12", plane(2)),
            "the planes of the video must be a list with each plane of the format, it is a list of 1",
            lay_it_out,
        ),
        (video("gray", plane(1)), "the stride of the video must be at least the bytes of a row, it is 1", lay_it_out),
        (
            video("gray", plane(3)),
            "the video reaches from byte 0 for 5 bytes, its buffer has 4",
            "make offset and length stay inside the buffer",
        ),
        (
            video("gray", plane(i64::MAX)),
            "the video reaches from byte 0 for 9223372036854775809 bytes, its buffer has 4",
            "make offset and length stay inside the buffer",
        ),
        (
            (4, vec![1.into(), bin(0), Plain::Array(vec![1.into()])]),
            "the columns of the table must be lists of 10 fields, it is 1",
            lay_it_out,
        ),
        (
            (5, vec![nil.clone(), nil.clone(), nil.clone(), 0.into(), 0.into()]),
            "the content of the file must be bytes where there is no path, it is nil",
            lay_it_out,
        ),
        (
            (5, vec!["a".into(), nil.clone(), bin(1), 0.into(), 1.into()]),
            "the content of the file must be nil where there is a path, it is there as well",
            lay_it_out,
        ),
        (
            (6, vec![0.into(), 5.into(), 6.into()]),
            "the byte string reaches from byte 5 for 6 bytes, its buffer has 10",
            "make offset and length stay inside the buffer",
        ),
        (
            (6, vec![0.into(), i64::MAX.into(), i64::MAX.into()]),
            "the byte string reaches from byte 9223372036854775807 for 9223372036854775807 bytes, its buffer has 10",
            "make offset and length stay inside the buffer",
        ),
    ];
    for ((code, fields), cause, cure) in cases {
        assert_eq!(inputs_error(&wrapped(code, fields)), format!("inputs[0][\"sound gain\"]: {cause}; {cure}"));
    }
}

#[test]
fn malformed_json() {
    let syntax = |place: &str, expected: &str, found: &str| {
        format!("{place}: expected {expected}, found {found}; correct the JSON text")
    };
    let end = "the end of the text";
    let cases = [
        ("", syntax("value (line 1, column 1)", "a value", end)),
        ("[1,\n 2 3]", syntax("value (line 2, column 4)", "',' or ']'", "'3'")),
        ("{\"a\": [tru]}", syntax("value.a[0] (line 1, column 8)", "true", "'t'")),
        ("{\"a\" 1}", syntax("value (line 1, column 6)", "':'", "'1'")),
        ("{a: 1}", syntax("value (line 1, column 2)", "a key in quotes", "'a'")),
        ("[1,]", syntax("value[1] (line 1, column 4)", "a value", "']'")),
        ("1 2", syntax("value (line 1, column 3)", end, "'2'")),
        ("01", syntax("value (line 1, column 2)", end, "'1'")),
        ("-", syntax("value (line 1, column 2)", "a digit", end)),
        ("1.", syntax("value (line 1, column 3)", "a digit", end)),
        ("\"äb\n\"", syntax("value (line 1, column 4)", "'\"' at the end of the text, or an escape for a control character", "'\\n'")),
        ("\"\\x\"", syntax("value (line 1, column 2)", "one of the escapes of JSON", "'\\\\'")),
        ("\"\\ud800\"", syntax("value (line 1, column 2)", "both halves of a surrogate pair", "'\\\\'")),
        ("\"\\u12g4\"", syntax("value (line 1, column 4)", "four hexadecimal digits", "'1'")),
        ("{\"gain\": 18446744073709551616}", "value.gain (line 1, column 10): the integer 18446744073709551616 does not fit 64 bits; use -2^63 to 2^64-1, a float, or text".into()),
        ("[-9223372036854775809]", "value[0] (line 1, column 2): the integer -9223372036854775809 does not fit 64 bits; use -2^63 to 2^64-1, a float, or text".into()),
        ("[1e400]", "value[0] (line 1, column 2): the number 1e400 does not fit a 64-bit float; use {\"$rm\": \"float\", \"value\": \"Infinity\"} for infinity".into()),
        ("{\"a\": 1,\n\"a\": 2}", "value (line 2, column 1): the key \"a\" appears twice; give each key once".into()),
        ("{\"$rmx\": 1}", "value (line 1, column 1): the key \"$rmx\" is reserved; write it with one more \"$\" in front".into()),
        ("{\"$rm\": \"sound\"}", "value (line 1, column 1): there is no kind \"sound\" for \"$rm\"; use bytes, float, timestamp, audio, video, tensor, table or file, or write the key as \"$$rm\"".into()),
        ("[{\"$rm\": \"bytes\"}]", "value[0] (line 1, column 2): the byte string lacks the field \"base64\"; add it".into()),
        ("[{\"$rm\": \"bytes\", \"base64\": \"\", \"len\": 3}]", "value[0] (line 1, column 2): the byte string has no field \"len\"; leave it out".into()),
        ("{\"$rm\": \"bytes\", \"base64\": \"AA\"}", "value (line 1, column 1): the base64 of the byte string must be base64 of RFC 4648 with padding, it is \"AA\"; lay it out as docs/wire.md says".into()),
        ("{\"$rm\": \"float\", \"value\": \"inf\"}", "value (line 1, column 1): the value of the float must be \"NaN\", \"Infinity\" or \"-Infinity\", it is \"inf\"; lay it out as docs/wire.md says".into()),
        ("{\"$rm\": \"tensor\", \"dtype\": \"int16\", \"shape\": [2], \"base64\": \"AAAA\"}", "value (line 1, column 1): the base64 of the tensor must hold 4 bytes, it holds 3; make payload and header agree".into()),
        ("{\"$rm\": \"audio\", \"rate\": 8000, \"channels\": 1.0, \"frames\": 0, \"base64\": \"\"}", "value (line 1, column 1): the channels of the audio must be an integer from 0 to 2^63-1, it is 1.0; lay it out as docs/wire.md says".into()),
    ];
    for (text, expected) in cases {
        assert_eq!(json_error(text), expected, "{text}");
    }
}

#[test]
fn json_that_refers_to_a_buffer_wrongly() {
    let error = |text: &str| {
        let table = [Buffer::from_bytes(vec![0; 10])];
        json::document_from_json(text.as_bytes(), &table, &Limits::default()).unwrap_err().to_string()
    };
    let of = |kind: &str, fields: &str| error(&format!("{{\"$rm\": \"{kind}\", {fields}}}"));
    let place = "value (line 1, column 1): ";
    let lay_out = "; lay it out as docs/wire.md says";
    let cases = [
        (
            of("bytes", "\"buffer\": 1"),
            "the buffer of the byte string must be the index of a buffer, it is 1, and 1 came with the text",
        ),
        (
            of("bytes", "\"buffer\": 0, \"offset\": 11"),
            "the buffer of the byte string must be a part of the buffer, it is 0 bytes from 11 on, of 10",
        ),
        (
            of("bytes", "\"buffer\": 0, \"offset\": 4, \"length\": 7"),
            "the buffer of the byte string must be a part of the buffer, it is 7 bytes from 4 on, of 10",
        ),
        (
            of("bytes", "\"buffer\": 0, \"base64\": \"\""),
            "the base64 of the byte string must be left out where there is a buffer, it is there",
        ),
        (
            of("bytes", "\"base64\": \"\", \"offset\": 0"),
            "the offset of the byte string must be left out where there is no buffer, it is there",
        ),
        (
            of("file", "\"path\": \"a\", \"buffer\": 0"),
            "the buffer of the file must be left out where there is a path, it is there",
        ),
        (
            of("tensor", "\"dtype\": \"int8\", \"shape\": [2], \"strides\": [1.5], \"buffer\": 0"),
            "the strides of the tensor must be a list of integers, it is 1.5",
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(error, format!("{place}{expected}{lay_out}"));
    }
    for fields in [
        "\"rate\": 8000, \"channels\": 1, \"frames\": 3, \"buffer\": 0",
        "\"rate\": 8000, \"channels\": 2, \"frames\": 1, \"buffer\": 0, \"stride\": 8",
    ] {
        assert!(of("audio", fields).contains("do not fit a buffer of 10 bytes"), "{}", of("audio", fields));
    }
    let outside = of("tensor", "\"dtype\": \"int8\", \"shape\": [2], \"strides\": [9], \"buffer\": 0, \"offset\": 1");
    assert!(outside.contains("reaches from byte 1 to byte 11, the buffer has 10 bytes"), "{outside}");
    assert!(json_error("{\"$rm\": \"bytes\", \"buffer\": 0}").contains("it is 0, and 0 came with the text"));
}

#[test]
fn json_is_held_against_the_limits() {
    let error = |text: &str| json::from_json(text, &limits()).unwrap_err().to_string();
    assert_eq!(
        error("[[[1]]]"),
        "value[0][0] (line 1, column 3): lists and maps are nested deeper than 2; flatten the value, or raise the limit \"depth\""
    );
    assert_eq!(
        error("[1,2,3,4]"),
        "value (line 1, column 8): lists and maps have more than 3 entries in all; send long series of numbers as a tensor, or raise the limit \"items\""
    );
    assert_eq!(
        error(&" ".repeat(65)),
        "value (line 1, column 1): the document has 65 bytes, the limit is 64; send large payloads as buffers, or raise the limit \"document_bytes\""
    );
    assert_eq!(
        json::document_from_json(b"\"a\xff\"", &[], &Limits::default()).unwrap_err().to_string(),
        "value: text is not UTF-8 from its byte 2 on; encode text as UTF-8 and send bytes as bytes"
    );
}

#[test]
fn paths_quote_what_is_no_word_and_shorten_what_is_long() {
    let path = |bytes: &[u8]| decode(bytes, &[], &Limits::default()).unwrap_err().path();
    assert_eq!(path(b"\x81\xa4gain\xc1"), "value.gain");
    assert_eq!(path(b"\x81\xa5a\"b.c\xc1"), "value[\"a\\\"b.c\"]");
    assert_eq!(path(b"\x81\xa0\xc1"), "value[\"\"]");
    assert_eq!(path(b"\x81\xa3\xc3\xa91\xc1"), "value[\"é1\"]");
    let long = [&[0xd9, 200][..], &[b'k'; 200], &[0xc1]].concat();
    assert_eq!(path(&[&[0x81][..], &long].concat()), format!("value[\"{}…\"]", "k".repeat(60)));
    let deep = [vec![0x91; 100], vec![0xc1]].concat();
    assert_eq!(path(&deep), format!("value{}…{}", "[0]".repeat(12), "[0]".repeat(12)));
}

#[test]
fn errors_have_parts() {
    let error = decode(b"\x91\xc1", &[], &Limits::default()).unwrap_err().in_document("reply");
    assert_eq!(error.path(), "reply[0]");
    assert_eq!(error.cure(), "check that the bytes are a msgpack document");
    assert_eq!(error.kind().to_string(), "the byte 0xc1 begins no msgpack value");
    assert_eq!(error.place(), Some(Place::Byte(2)));
    let error = json::from_json("[\n 1e]", &Limits::default()).unwrap_err();
    assert_eq!(error.place(), Some(Place::Text { line: 2, column: 4 }));
    let places: HashSet<String> = [format!("{error:?}"), format!("{error}")].into();
    assert_eq!(places.len(), 2, "debug names the type as well");
}
