//! The files of `tests/vectors`, which every language runs: made here, and held against what is committed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use remotemedia_core::value::{
    Audio, Buffer, Column, DataType, File, Layout, PixelFormat, Plane, Table, Tensor, Value, Video,
};
use remotemedia_core::wire::{Limits, decode, encode, json};
use serde_json::json;

use crate::identical::assert_identical;

/// Set to `1` to write the files instead of comparing them.
const WRITE: &str = "REMOTEMEDIA_WRITE_VECTORS";

struct Case {
    name: &'static str,
    meaning: &'static str,
    bytes: Vec<u8>,
    buffers: Vec<Vec<u8>>,
    /// Whether an encoder writes exactly these bytes for the value.
    canonical: bool,
}

fn written(name: &'static str, meaning: &'static str, value: Value) -> Case {
    let document = encode(&value);
    assert!(document.buffers.is_empty(), "{name}: payloads of vectors are small");
    Case { name, meaning, bytes: document.bytes, buffers: Vec::new(), canonical: true }
}

fn accepted(name: &'static str, meaning: &'static str, bytes: &[u8], buffers: &[&[u8]]) -> Case {
    let buffers = buffers.iter().map(|buffer| buffer.to_vec()).collect();
    Case { name, meaning, bytes: bytes.to_vec(), buffers, canonical: false }
}

fn cases() -> Vec<Case> {
    let ints = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, i64::MAX];
    let negative = [-1, -32, -33, -128, -129, -32_768, -32_769, -2_147_483_648, -2_147_483_649, i64::MIN];
    let floats = [0.0, -0.0, 1.0, 0.1, -1.5, 1e300, 5e-324, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let numbers = |numbers: &[i64]| Value::list(numbers.iter().copied().map(Value::Int).collect());
    let quiet = f64::from_bits(0x7ff8_0000_0000_0000);
    let float = |value: &f64| Value::Float(if value.is_nan() { quiet } else { *value });
    let reserved = [("$rm", Value::Int(1)), ("$rmx", Value::Int(2)), ("$$rm", Value::Int(3)), ("$r", Value::Int(4))];
    let stereo = Audio::from_planar(vec![0.0, 0.5, 1.0, -0.0, -0.5, -1.0], 2, 48_000).expect("two channels");
    let surround = Audio::from_planar(vec![0.25; 6], 6, 44_100).expect("six channels");
    let named = surround.with_layout(Layout::Named("5.1".into())).with_pts(Some(-20_833));
    let empty = Audio::from_planar(Vec::new(), 3, 8_000).expect("three channels");
    let tensor = |data_type: DataType| {
        let bytes =
            (0..data_type.size() as u8 * 3).map(|byte| if data_type == DataType::Bool { byte & 1 } else { byte });
        Value::from(Tensor::contiguous(data_type, vec![3], Buffer::from_bytes(bytes.collect())).expect("three"))
    };
    let scalar = Tensor::contiguous(DataType::Float64, Vec::new(), Buffer::from_bytes(1.5f64.to_le_bytes().to_vec()));
    let none = Tensor::contiguous(DataType::Int32, vec![2, 0, 3], Buffer::from_bytes(Vec::new()));
    let matrix = Tensor::contiguous(DataType::UInt8, vec![2, 3], Buffer::from_bytes(vec![1, 2, 3, 4, 5, 6]));
    let column = |name: &str, format: &str, buffers| Column {
        name: name.into(),
        format: format.into(),
        flags: 2,
        metadata: Vec::new(),
        length: 3,
        null_count: 0,
        offset: 0,
        buffers,
        children: Vec::new(),
        dictionary: None,
    };
    let bytes = |bytes: &[u8]| Some(Buffer::from_bytes(bytes.to_vec()));
    let words = column("words", "u", vec![None, bytes(&[0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0]), bytes(b"abc")]);
    let coded = Column {
        dictionary: Some(Box::new(words)),
        null_count: 1,
        ..column("coded", "c", vec![bytes(&[5]), bytes(&[0, 0, 1])])
    };
    let table = Table {
        rows: 3,
        columns: vec![column("level", "f", vec![None, bytes(&[0; 12])]), coded],
        metadata: vec![0, 0, 0, 0],
    };
    let picture = Video {
        format: PixelFormat::Nv12,
        width: 2,
        height: 2,
        planes: vec![
            Plane { buffer: Buffer::from_bytes(vec![16, 32, 0, 48, 64]), stride: 3 },
            Plane { buffer: Buffer::from_bytes(vec![128, 129]), stride: 2 },
        ],
        pts: Some(40_000_000),
    };
    let content = File { mime: Some("audio/wav".into()), ..File::from_bytes(Buffer::from_bytes(b"RIFF".to_vec())) };
    let moment = |seconds, nanoseconds| Value::Timestamp { seconds, nanoseconds };
    let dtypes = DataType::ALL.into_iter().map(tensor).collect();
    let nested =
        Value::map([("list", numbers(&[1, 2])), ("map", Value::map([("z", Value::Null), ("a", Value::Null)]))]);
    vec![
        written("null", "nothing", Value::Null),
        written("bools", "both truth values", Value::list(vec![Value::Bool(false), Value::Bool(true)])),
        written("ints", "integers at the edges of each form, to 2^63-1", numbers(&ints)),
        written("ints_negative", "negative integers at the edges of each form, to -2^63", numbers(&negative)),
        written("ints_large", "2^63 and 2^64-1", Value::list(vec![Value::UInt(1 << 63), Value::UInt(u64::MAX)])),
        written("floats", "floats, with -0.0, infinities and NaN", Value::list(floats.iter().map(float).collect())),
        written(
            "float_nan_bits",
            "a NaN with a payload and a sign",
            Value::Float(f64::from_bits(0xfff8_0000_0000_0001)),
        ),
        written("text", "text with escapes, accents and a character beyond 16 bits", Value::text("a\"\\/\n\t\u{1}é😀")),
        written("text_empty", "text without characters", Value::text("")),
        written("bytes", "bytes", Value::bytes(vec![0, 1, 254, 255])),
        written("list_empty", "a list without items", Value::list(Vec::new())),
        written("map_empty", "a map without entries", Value::map::<String>([])),
        written("map_order", "a list and a map in a map; entries keep their order", nested),
        written(
            "map_reserved_keys",
            "keys of the look \"$rm...\", which JSON escapes by one more \"$\"",
            Value::map(reserved),
        ),
        written("timestamp_32", "a moment in whole seconds", moment(1_700_000_000, 0)),
        written("timestamp_64", "a moment with nanoseconds", moment(1_700_000_000, 123_456_789)),
        written("timestamp_96", "a moment before 1970", moment(-1, 999_999_999)),
        written("tensor_dtypes", "three elements of each data type", Value::list(dtypes)),
        written("tensor_scalar", "an array without dimensions", scalar.expect("one").into()),
        written("tensor_empty", "an array without elements", none.expect("none").into()),
        written("tensor_matrix", "two rows of three", matrix.expect("six").into()),
        written("audio_stereo", "three frames of stereo", stereo.into()),
        written("audio_layout_pts", "one frame of 5.1 that begins before the origin", named.into()),
        written("audio_empty", "three channels without frames and without a layout", empty.into()),
        written("video_nv12", "a picture of 2x2 pixels with a gap between the rows", Value::Video(Box::new(picture))),
        written("table", "a float column, and a dictionary-encoded text column", Value::Table(Box::new(table))),
        written("file_path", "a file by its path", File::from_path("talks/morning.flac").into()),
        written("file_content", "a file by its content", content.into()),
        accepted(
            "long_forms",
            "5 in the longest forms, and 1.0 in single precision",
            b"\x93\xcf\x00\x00\x00\x00\x00\x00\x00\x05\xd3\x00\x00\x00\x00\x00\x00\x00\x05\xca\x3f\x80\x00\x00",
            &[],
        ),
        accepted(
            "bytes_by_buffer",
            "bytes 1 to 3 of the second buffer",
            b"\xd6\x06\x93\x01\x01\x03",
            &[b"", b"\x00\x01\x02\x03\x04"],
        )
        .with_extension(6, b"\x93\x01\x01\x03"),
        accepted(
            "tensor_strides",
            "a matrix by buffer, rows from last to first and columns apart",
            b"",
            &[b"\x00\x01\x02\x03\x04\x05\x06\x07\x08"],
        )
        .with_extension(1, b"\x95\xa5uint8\x92\x02\x03\x92\xfc\x02\x00\x04"),
        accepted("tensor_repeated", "one byte repeated by a stride of zero", b"", &[b"\x07"])
            .with_extension(1, b"\x95\xa5uint8\x91\x04\x91\x00\x00\x00"),
        accepted(
            "audio_by_buffer",
            "two channels of two frames, one frame apart, misaligned",
            b"",
            &[b"\xff\x00\x00\x80\x3f\x00\x00\x00\x3f\x00\x00\x00\x00\x00\x00\x80\xbf\x00\x00\x00\xbf"],
        )
        .with_extension(2, b"\x98\xcd\x3e\x80\xa6stereo\x00\x02\x02\x0c\x00\x01"),
        accepted("video_by_buffer", "a gray picture of 2x2 pixels by buffer", b"", &[b"\x00\x01\x02\x00\x03\x04"])
            .with_extension(3, b"\x95\xa4gray\x02\x02\xc0\x91\x93\x00\x01\x03"),
        accepted(
            "table_by_buffer",
            "a column whose buffers are an entry and a window on one",
            b"",
            &[b"\x07", b"\x00\x01\x02\x03\x04"],
        )
        .with_extension(
            4,
            b"\x93\x03\xc4\x00\x91\x9a\xa1n\xa1C\x02\xc4\x00\x03\x00\x00\x92\x00\x93\x01\x01\x03\x90\xc0",
        ),
        accepted("file_by_buffer", "the content of a file by buffer", b"", &[b"xRIFF"])
            .with_extension(5, b"\x95\xc0\xa9audio/wav\x00\x01\x04"),
    ]
}

/// Documents that every decoder refuses, with what this one says.
fn refused() -> Vec<(&'static str, &'static [u8])> {
    vec![
        ("empty", b""),
        ("truncated", b"\x92\x01"),
        ("trailing", b"\x01\x02"),
        ("declared_more_than_there_is", b"\xdd\xff\xff\xff\xff\xc0"),
        ("reserved_byte", b"\xc1"),
        ("key_is_integer", b"\x81\x01\x02"),
        ("key_twice", b"\x82\xa1a\x01\xa1a\x02"),
        ("not_utf8", b"\xa2\xc3\x28"),
        ("surrogate", b"\xa3\xed\xa0\x80"),
        ("unknown_extension", b"\xd4\x2a\x00"),
        ("nanoseconds", b"\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("buffer_index", b"\xc7\x04\x06\x93\x00\x00\x00"),
        ("tensor_bounds", b"\xc7\x0f\x01\x95\xa5uint8\x91\x03\xc0\xc4\x02\x00\x00\x00"),
        ("tensor_dtype", b"\xc7\x0b\x01\x95\xa5uint9\x90\xc0\xc4\x00\x00"),
        ("audio_rate", b"\xc7\x0a\x02\x98\x00\xc0\xc0\x01\x00\x00\xc4\x00\x00"),
    ]
}

impl Case {
    fn with_extension(mut self, code: i8, payload: &[u8]) -> Self {
        let len = u8::try_from(payload.len()).expect("it is short");
        self.bytes = [&[0xc7, len, code as u8], payload].concat();
        self
    }

    fn value(&self) -> Value {
        let buffers: Vec<Buffer> = self.buffers.iter().map(|buffer| Buffer::aligned_copy(buffer)).collect();
        decode(&self.bytes, &buffers, &Limits::default()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut entries = Vec::new();
    for case in cases() {
        let value = case.value();
        let (bytes, text) = (format!("{}.msgpack", case.name), format!("{}.json", case.name));
        entries.push(json!({
            "name": case.name,
            "kind": value.kind().name(),
            "meaning": case.meaning,
            "msgpack": bytes,
            "json": text,
            "canonical": case.canonical,
            "buffers": case.buffers.iter().map(|buffer| STANDARD.encode(buffer)).collect::<Vec<_>>(),
        }));
        files.insert(text, format!("{}\n", json::to_json(&value)).into_bytes());
        files.insert(bytes, case.bytes);
    }
    let refused = refused().into_iter().map(|(name, bytes)| {
        let error = decode(bytes, &[], &Limits::default()).expect_err(name).to_string();
        json!({"name": name, "base64": STANDARD.encode(bytes), "error": error})
    });
    let manifest = json!({"vectors": entries, "refused": refused.collect::<Vec<_>>()});
    let text = serde_json::to_string_pretty(&manifest).expect("the manifest is JSON");
    files.insert("vectors.json".to_owned(), format!("{text}\n").into_bytes());
    files
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

#[test]
fn the_committed_files_are_up_to_date() {
    let (directory, files) = (directory(), files());
    let cure = format!("run `{WRITE}=1 cargo test -p remotemedia-core --test wire vectors` and commit tests/vectors");
    if std::env::var(WRITE).is_ok_and(|value| value == "1") {
        std::fs::create_dir_all(&directory).unwrap();
        for (name, content) in &files {
            std::fs::write(directory.join(name), content).unwrap();
        }
    }
    for (name, content) in &files {
        let committed = std::fs::read(directory.join(name)).unwrap_or_default();
        assert!(committed == *content, "tests/vectors/{name} is out of date; {cure}");
    }
    for entry in std::fs::read_dir(&directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(files.contains_key(&name) || name == "README.md", "tests/vectors/{name} is no vector; delete it");
    }
}

#[test]
fn both_files_of_a_vector_are_the_same_value() {
    for case in cases() {
        let value = case.value();
        let text = json::to_json(&value);
        assert_identical(&json::from_json(&text, &Limits::default()).unwrap(), &value);
        assert_eq!(encode(&value).bytes == case.bytes, case.canonical, "{}", case.name);
    }
}

#[test]
fn every_kind_has_a_vector() {
    let mut missing = remotemedia_core::value::Kind::ALL.to_vec();
    for case in cases() {
        let value = case.value();
        missing.retain(|kind| *kind != value.kind());
        if let Value::List(items) = value {
            missing.retain(|kind| items.iter().all(|item| item.kind() != *kind));
        }
    }
    assert_eq!(missing, []);
}
