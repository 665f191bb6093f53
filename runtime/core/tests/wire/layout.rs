//! The bytes themselves, and what the decoder accepts beyond what the encoder writes.

use remotemedia_core::value::{Audio, Buffer, DataType, File, Layout, Tensor, Value};
use remotemedia_core::wire::{Limits, decode, encode, json};

use crate::identical::assert_identical;

fn read(bytes: &[u8], buffers: &[Buffer]) -> Value {
    decode(bytes, buffers, &Limits::default()).unwrap()
}

#[test]
fn numbers_take_the_shortest_form_and_keep_their_bits() {
    let cases: &[(Value, &[u8])] = &[
        (Value::Int(0), b"\x00"),
        (Value::Int(127), b"\x7f"),
        (Value::Int(128), b"\xcc\x80"),
        (Value::Int(-32), b"\xe0"),
        (Value::Int(-33), b"\xd0\xdf"),
        (Value::Int(65_536), b"\xce\x00\x01\x00\x00"),
        (Value::Int(i64::MAX), b"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"),
        (Value::Int(i64::MIN), b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
        (Value::from_u64(1 << 63), b"\xcf\x80\x00\x00\x00\x00\x00\x00\x00"),
        (Value::from_u64(u64::MAX), b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
        (Value::Float(1.0), b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"),
        (Value::Float(-0.0), b"\xcb\x80\x00\x00\x00\x00\x00\x00\x00"),
        (Value::Float(f64::from_bits(0x7ff0_0000_0000_0001)), b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x01"),
    ];
    for (value, bytes) in cases {
        assert_eq!(encode(value).bytes, *bytes, "{value:?}");
        assert_identical(&read(bytes, &[]), value);
    }
}

#[test]
fn long_forms_of_small_numbers_and_singles_are_accepted() {
    assert_identical(&read(b"\xd3\x00\x00\x00\x00\x00\x00\x00\x05", &[]), &Value::Int(5));
    assert_identical(&read(b"\xcf\x00\x00\x00\x00\x00\x00\x00\x05", &[]), &Value::Int(5));
    assert_identical(&read(b"\xca\x3f\x80\x00\x00", &[]), &Value::Float(1.0));
    assert_identical(&read(b"\xca\xff\x80\x00\x00", &[]), &Value::Float(f64::NEG_INFINITY));
}

#[test]
fn timestamps_take_the_shortest_of_three_forms() {
    let cases: &[(i64, u32, &[u8])] = &[
        (1, 0, b"\xd6\xff\x00\x00\x00\x01"),
        ((1 << 32) - 1, 0, b"\xd6\xff\xff\xff\xff\xff"),
        (1 << 32, 0, b"\xd7\xff\x00\x00\x00\x01\x00\x00\x00\x00"),
        (1, 999_999_999, b"\xd7\xff\xee\x6b\x27\xfc\x00\x00\x00\x01"),
        (1 << 34, 0, b"\xc7\x0c\xff\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00"),
        (-1, 5, b"\xc7\x0c\xff\x00\x00\x00\x05\xff\xff\xff\xff\xff\xff\xff\xff"),
    ];
    for &(seconds, nanoseconds, bytes) in cases {
        let value = Value::Timestamp { seconds, nanoseconds };
        assert_eq!(encode(&value).bytes, bytes, "{value:?}");
        assert_eq!(read(bytes, &[]), value);
    }
}

#[test]
fn a_small_array_travels_inside_in_c_order() {
    let buffer = Buffer::from_bytes(vec![9, 1, 2, 3, 4, 5, 6]);
    let transposed = Tensor::new(DataType::UInt8, vec![3, 2], vec![1, 3], buffer, 1).unwrap();
    let document = encode(&transposed.clone().into());
    assert_eq!(document.bytes, b"\xc7\x14\x01\x95\xa5uint8\x92\x03\x02\xc0\xc4\x06\x01\x04\x02\x05\x03\x06\x00");
    assert_eq!(read(&document.bytes, &[]), transposed.into());
}

#[test]
fn a_large_array_keeps_its_strides_and_its_memory() {
    let memory = Buffer::aligned_copy(&vec![3; 200_000]);
    let window = memory.slice(1_000, 150_000).unwrap();
    let reversed = Tensor::new(DataType::Int16, vec![100, 500], vec![-1000, 2], window, 99_000).unwrap();
    let document = encode(&reversed.clone().into());
    assert!(document.bytes.len() < 64);
    let Value::Tensor(decoded) = read(&document.bytes, &document.buffers) else { panic!("a tensor") };
    assert_eq!(decoded.strides(), [-1000, 2]);
    assert_eq!(decoded.offset(), 100_000);
    assert!(decoded.buffer().same_memory(&memory));
    assert_eq!(*decoded, reversed);
}

#[test]
fn an_array_without_elements_or_dimensions_is_carried() {
    for shape in [vec![], vec![0], vec![3, 0, 2]] {
        let len = shape.iter().product::<usize>() * 16;
        let buffer = Buffer::from_bytes((0..len as u8).collect());
        let value = Value::from(Tensor::contiguous(DataType::Complex128, shape, buffer).unwrap());
        let document = encode(&value);
        assert_eq!(read(&document.bytes, &document.buffers), value);
    }
}

#[test]
fn sound_in_misaligned_memory_is_copied_and_other_sound_is_not() {
    let samples: Vec<f32> = (0..10_000).map(|number| number as f32 / 3.0).collect();
    let mut bytes = vec![0u8];
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes.push(0);
    let aligned = Buffer::aligned_copy(&bytes);
    let header = b"\x98\xcd\x1f\x40\xa6stereo\x2a\x02\xcd\x13\x88\xcd\x4e\x20\x00\x01";
    let document = [&[0xc7, header.len() as u8, 2][..], header].concat();
    let Value::Audio(audio) = read(&document, std::slice::from_ref(&aligned)) else { panic!("audio") };
    assert!(!audio.buffer().same_memory(&aligned));
    assert_eq!((audio.rate(), audio.channels(), audio.frames(), audio.pts), (8_000, 2, 5_000, Some(42)));
    assert_eq!(audio.iter_channels().collect::<Vec<_>>().concat(), samples);

    // By reference in JSON text as well.
    let text = r#"{"$rm": "audio", "rate": 8000, "channels": 2, "frames": 5000, "buffer": 0, "offset": 1}"#;
    let document = json::document_from_json(text.as_bytes(), &[aligned], &Limits::default()).expect("it is copied");
    let Value::Audio(audio) = read(&document.bytes, &document.buffers) else { panic!("audio") };
    assert_eq!(audio.iter_channels().collect::<Vec<_>>().concat(), samples);

    let planar = Audio::from_planar(samples, 2, 8_000).unwrap().with_layout(Layout::Unspecified);
    let document = encode(&planar.clone().slice(10, 4_900).into());
    let Value::Audio(audio) = read(&document.bytes, &document.buffers) else { panic!("audio") };
    assert!(audio.buffer().same_memory(planar.buffer()));
    assert_eq!(*audio, planar.slice(10, 4_900));
}

#[test]
fn files_travel_by_path_or_content() {
    let path = Value::from(File::from_path("talks/a.flac"));
    assert_eq!(encode(&path).bytes, b"\xc7\x12\x05\x95\xactalks/a.flac\xc0\xc0\x00\x00");
    let content = Buffer::from_bytes(vec![5; 50_000]).slice(7, 40_000).unwrap();
    let file = Value::from(File { mime: Some("audio/flac".into()), ..File::from_bytes(content) });
    let document = encode(&file);
    assert_eq!(document.buffers.len(), 1);
    assert_eq!(read(&document.bytes, &document.buffers), file);
}

#[test]
fn keys_keep_their_order() {
    let value = read(b"\x83\xa1z\x01\xa1a\x02\xa1m\x03", &[]);
    let Value::Map(map) = value else { panic!("a map") };
    assert_eq!(map.keys().map(|key| &**key).collect::<Vec<_>>(), ["z", "a", "m"]);
}
