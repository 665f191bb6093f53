//! Errors as objects of their own: no thread-local state, so that a host may move between threads.

use std::ffi::{CString, c_char};

use crate::counters::Counter;
use crate::failure::Failure;
use crate::handle::{Handle, Header, free};
use crate::status::{RM_OK, rm_status};

/// Why a function failed. Immutable; may cross threads; belongs to the caller.
pub struct rm_error {
    header: Header,
    status: rm_status,
    message: CString,
    detail: Vec<u8>,
}

impl Handle for rm_error {
    const NAME: &'static str = "error";
    const COUNTER: Counter = Counter::Errors;

    fn header(&self) -> &Header {
        &self.header
    }
}

impl From<Failure> for rm_error {
    fn from(failure: Failure) -> Self {
        // A message may quote a NUL of the input, where a C string would end.
        let message = CString::new(failure.message().replace('\0', "\u{2400}")).unwrap_or_default();
        let detail = failure.detail();
        Self { header: Header::new::<Self>(), status: failure.status(), message, detail }
    }
}

/// The status that came with the error; `RM_OK` for NULL.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_error_status(error: *const rm_error) -> rm_status {
    // SAFETY: NULL or live, as the caller promises.
    unsafe { error.as_ref() }.map_or(RM_OK, |error| error.status)
}

/// The message: one sentence or, for a manifest, one line for each problem. UTF-8, ends with NUL, lives as long as the
/// error; empty for NULL.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_error_message(error: *const rm_error) -> *const c_char {
    // SAFETY: NULL or live, as the caller promises.
    unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr())
}

/// The detail: a msgpack map, see docs/abi.md. Lives as long as the error; `(NULL, 0)` for NULL.
///
/// # Safety
/// `error` is NULL or a live error; `data` and `len` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_error_detail(error: *const rm_error, data: *mut *const u8, len: *mut usize) {
    // SAFETY: NULL or live, as the caller promises.
    let detail = unsafe { error.as_ref() }.map(|error| error.detail.as_slice());
    // SAFETY: NULL or writable, as the caller promises.
    if let Some(data) = unsafe { data.as_mut() } {
        *data = detail.map_or(std::ptr::null(), <[u8]>::as_ptr);
    }
    // SAFETY: NULL or writable, as the caller promises.
    if let Some(len) = unsafe { len.as_mut() } {
        *len = detail.map_or(0, <[u8]>::len);
    }
}

/// Frees an error; NULL is fine.
///
/// # Safety
/// `error` is NULL or a live error that nobody uses any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_error_free(error: *mut rm_error) {
    // SAFETY: as the caller promises.
    unsafe { free(error) };
}
