//! msgpack documents: whatever the bytes are, decoding ends with a value that crosses exactly, or with a sentence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use remotemedia_core::value::Buffer;
use remotemedia_core::wire::{decode, decode_inputs};
use remotemedia_fuzz::{LIMITS, assert_exact};

fuzz_target!(|bytes: &[u8]| {
    let table = [
        Buffer::aligned_copy(&[0x3f; 64]),
        Buffer::from_bytes((0..20_000u32).map(|number| number as u8).collect()),
        Buffer::from_bytes(Vec::new()),
    ];
    let inputs = decode_inputs(bytes, &table, &LIMITS);
    match decode(bytes, &table, &LIMITS) {
        Ok(value) => assert_exact(&value),
        Err(error) => {
            assert!(inputs.is_err(), "inputs are a document");
            assert!(error.to_string().contains("; "), "an error has a cure: {error}");
        }
    }
});
