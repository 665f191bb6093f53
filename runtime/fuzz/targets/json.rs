//! The JSON twin: whatever the text is, reading it ends with a value that crosses exactly, or with a sentence; and what is
//! read is JSON for another parser as well.
#![no_main]

use libfuzzer_sys::fuzz_target;
use remotemedia_core::wire::json::{document_from_json, from_json};
use remotemedia_fuzz::{LIMITS, assert_exact};

fuzz_target!(|bytes: &[u8]| {
    let document = document_from_json(bytes, &[], &LIMITS);
    let Ok(text) = std::str::from_utf8(bytes) else {
        assert!(document.is_err());
        return;
    };
    match from_json(text, &LIMITS) {
        Ok(value) => {
            assert!(document.is_ok());
            let other: Result<serde_json::Value, _> = serde_json::from_str(text);
            assert!(other.is_ok(), "{other:?}");
            assert_exact(&value);
        }
        Err(error) => {
            assert!(document.is_err());
            assert!(error.to_string().contains("; "), "an error has a cure: {error}");
        }
    }
});
