//! FFmpeg writes on stderr what it thinks of a file, and its callback is one for the whole process. What it says of files
//! that are decoded here is dropped; what it says on other threads is printed as before.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};

use super::functions::Functions;
use crate::leaked_once::LeakedOnce;

thread_local! {
    /// Whether this thread is inside FFmpeg for this library. It has no destructor, so it may be read at any time.
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

type Default = unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *mut c_void);

static DEFAULT: LeakedOnce<Default> = LeakedOnce::new();

/// Silences FFmpeg on threads that call it through [`quietly`].
pub(super) fn install(functions: &Functions) {
    DEFAULT.set(functions.av_log_default_callback);
    // SAFETY: the callback is a function of this library, which is never unloaded.
    unsafe { (functions.av_log_set_callback)(Some(callback)) };
}

/// Calls FFmpeg without a word from it.
pub(super) fn quietly<T>(body: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IS_OURS.set(self.0);
        }
    }
    let _restore = Restore(IS_OURS.replace(true));
    body()
}

unsafe extern "C" fn callback(context: *mut c_void, level: c_int, format: *const c_char, arguments: *mut c_void) {
    if !IS_OURS.get()
        && let Some(default) = DEFAULT.get()
    {
        // SAFETY: FFmpeg's own callback gets what FFmpeg passed; the list of arguments was not read.
        unsafe { default(context, level, format, arguments) };
    }
}
