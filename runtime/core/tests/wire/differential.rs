//! Against an independent msgpack library: what it writes we read, what we write it reads, byte for byte.

use proptest::prelude::*;
use remotemedia_core::value::Value;
use remotemedia_core::wire::{Limits, decode, encode};
use rmpv::Value as Plain;

use crate::identical::assert_identical;
use crate::values::plain_value;

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

proptest! {
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
