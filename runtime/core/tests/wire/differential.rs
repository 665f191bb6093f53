//! Against an independent msgpack library: what it writes we read, what we write it reads, byte for byte.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use remotemedia_core::value::Value;
use remotemedia_core::wire::{Limits, decode, encode};
use rmpv::Value as Plain;

use crate::identical::assert_identical;
use crate::values::{any_value, plain_value};

fn plain(value: &Value) -> Plain {
    match value {
        Value::Null => Plain::Nil,
        Value::Bool(value) => Plain::Boolean(*value),
        Value::Int(value) => Plain::from(*value),
        Value::UInt(value) => Plain::from(*value),
        Value::Float(value) => Plain::F64(*value),
        Value::Str(text) => Plain::from(&**text),
        Value::Bytes(bytes) => Plain::Binary(bytes.as_slice().to_vec()),
        Value::List(items) => Plain::Array(items.iter().map(plain).collect()),
        Value::Map(map) => Plain::Map(map.iter().map(|(key, value)| (Plain::from(&**key), plain(value))).collect()),
        other => panic!("{other:?} is not plain"),
    }
}

/// Whatever the other library can write: also what no document of ours holds, such as keys of any kind.
fn any_msgpack() -> impl Strategy<Value = Plain> {
    let leaf = prop_oneof![
        Just(Plain::Nil),
        any::<bool>().prop_map(Plain::Boolean),
        any::<i64>().prop_map(Plain::from),
        any::<u64>().prop_map(Plain::from),
        any::<u32>().prop_map(|bits| Plain::F32(f32::from_bits(bits))),
        any::<u64>().prop_map(|bits| Plain::F64(f64::from_bits(bits))),
        "[a-c]{0,2}|.{0,40}".prop_map(Plain::from),
        vec(any::<u8>(), 0..40).prop_map(Plain::Binary),
        (-2i8..8, vec(any::<u8>(), 0..20)).prop_map(|(code, payload)| Plain::Ext(code, payload)),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let key = prop_oneof![9 => "[a-h]{0,3}".prop_map(Plain::from), 1 => inner.clone()];
        prop_oneof![vec(inner.clone(), 0..5).prop_map(Plain::Array), vec((key, inner), 0..5).prop_map(Plain::Map),]
    })
}

/// The value that a msgpack value is to us; none if we refuse it. Extension types are not looked into.
fn ours(theirs: &Plain) -> Option<Value> {
    Some(match theirs {
        Plain::Nil => Value::Null,
        Plain::Boolean(value) => Value::Bool(*value),
        Plain::Integer(value) => match (value.as_i64(), value.as_u64()) {
            (Some(value), _) => Value::Int(value),
            (None, value) => Value::from_u64(value?),
        },
        Plain::F32(value) => Value::Float(f64::from(*value)),
        Plain::F64(value) => Value::Float(*value),
        Plain::String(text) => Value::text(text.as_str()?),
        Plain::Binary(bytes) => Value::bytes(bytes.clone()),
        Plain::Array(items) => Value::list(items.iter().map(ours).collect::<Option<_>>()?),
        Plain::Map(entries) => {
            let keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect::<Option<_>>()?;
            if keys.iter().collect::<HashSet<_>>().len() < keys.len() {
                return None;
            }
            let values: Vec<Value> = entries.iter().map(|(_, value)| ours(value)).collect::<Option<_>>()?;
            Value::map(keys.into_iter().zip(values))
        }
        Plain::Ext(..) => return None,
    })
}

fn has_extensions(theirs: &Plain) -> bool {
    match theirs {
        Plain::Array(items) => items.iter().any(has_extensions),
        Plain::Map(entries) => entries.iter().any(|(key, value)| has_extensions(key) || has_extensions(value)),
        Plain::Ext(..) => true,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_they_write_we_read_the_same_or_refuse(theirs in any_msgpack()) {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &theirs).unwrap();
        let read = decode(&bytes, &[], &Limits::default());
        match ours(&theirs) {
            Some(value) => assert_identical(&read.unwrap(), &value),
            // What an extension holds is ours alone: it may be right.
            None => prop_assert!(read.is_err() || has_extensions(&theirs), "{theirs:?}"),
        }
    }

    #[test]
    fn they_read_every_document_of_ours_byte_by_byte(value in any_value()) {
        let ours = encode(&value).bytes;
        let mut rest = ours.as_slice();
        let theirs = rmpv::decode::read_value(&mut rest).unwrap();
        prop_assert!(rest.is_empty());
        let mut again = Vec::new();
        rmpv::encode::write_value(&mut again, &theirs).unwrap();
        prop_assert_eq!(again, ours);
        assert_payloads_are_msgpack(&theirs);
    }

    #[test]
    fn both_write_the_same_bytes(value in plain_value()) {
        let mut theirs = Vec::new();
        rmpv::encode::write_value(&mut theirs, &plain(&value)).unwrap();
        prop_assert_eq!(&encode(&value).bytes, &theirs);
        assert_identical(&decode(&theirs, &[], &Limits::default()).unwrap(), &value);
    }

    #[test]
    fn they_read_what_we_write(value in plain_value()) {
        let ours = encode(&value).bytes;
        let mut rest = ours.as_slice();
        let theirs = rmpv::decode::read_value(&mut rest).unwrap();
        prop_assert!(rest.is_empty());
        let mut again = Vec::new();
        rmpv::encode::write_value(&mut again, &theirs).unwrap();
        prop_assert_eq!(again, ours);
    }
}

/// The payload of each of our extension types is one array, which they read to its end; a timestamp's is none.
fn assert_payloads_are_msgpack(theirs: &Plain) {
    match theirs {
        Plain::Array(items) => items.iter().for_each(assert_payloads_are_msgpack),
        Plain::Map(entries) => entries.iter().for_each(|(_, value)| assert_payloads_are_msgpack(value)),
        Plain::Ext(code @ 1.., payload) => {
            let mut rest = payload.as_slice();
            let fields = rmpv::decode::read_value(&mut rest).unwrap();
            assert!(fields.is_array() && rest.is_empty(), "extension {code}: {fields:?}");
        }
        Plain::Ext(code, _) => assert_eq!(*code, -1),
        _ => {}
    }
}
