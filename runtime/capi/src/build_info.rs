//! How this library was built, as text.

use std::ffi::{CString, c_char};

use crate::leaked_once::LeakedOnce;
use crate::runtime::{RM_ABI_MAJOR, RM_ABI_MINOR};

static TEXT: LeakedOnce<CString> = LeakedOnce::new();

/// How this library was built, as JSON text: `{"version", "abi", "target", "profile", "features", "rustc", "commit"?}`.
/// Never NULL, never freed.
#[unsafe(no_mangle)]
pub extern "C" fn rm_build_info() -> *const c_char {
    TEXT.get().unwrap_or_else(|| TEXT.set(text())).as_ptr()
}

fn text() -> CString {
    let commit = option_env!("REMOTEMEDIA_COMMIT").map(|commit| format!(r#","commit":"{commit}""#)).unwrap_or_default();
    let text = format!(
        r#"{{"version":"{}","abi":"{RM_ABI_MAJOR}.{RM_ABI_MINOR}","target":"{}","profile":"{}","features":[{}],"rustc":"{}"{commit}}}"#,
        env!("CARGO_PKG_VERSION"),
        env!("REMOTEMEDIA_TARGET"),
        env!("REMOTEMEDIA_PROFILE"),
        env!("REMOTEMEDIA_FEATURES"),
        env!("REMOTEMEDIA_RUSTC"),
    );
    CString::new(text).unwrap_or_default()
}
