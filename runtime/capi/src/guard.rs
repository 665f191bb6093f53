//! The boundary between Rust and C: no panic crosses it, and every failure becomes a status and, if wanted, an error
//! object.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use remotemedia_core::exec::panic_text;

use crate::error::rm_error;
use crate::failure::Failure;
use crate::handle::into_raw;
use crate::status::{RM_PANIC, rm_status};

/// Runs the body of a function of the ABI and returns its status.
macro_rules! guarded {
    ($err:expr, $body:expr) => {{
        let outcome = $crate::guard::catch(|| $body);
        // SAFETY: `err` is NULL or writable, as the header asks of every caller.
        unsafe { $crate::guard::report($err, outcome) }
    }};
}
pub(crate) use guarded;

/// Runs the body of a function of the ABI that is given tokens, which come back at `records`. The body gets the
/// [`Lender`] that takes them.
///
/// [`Lender`]: crate::release::Lender
macro_rules! lending {
    ($err:expr, $records:expr, |$lender:ident| $body:expr) => {{
        let lender = $crate::release::Lender::new($records);
        let outcome = $crate::guard::catch(|| {
            let $lender = &lender;
            $body
        });
        let outcome = lender.end(outcome, !$err.is_null());
        // SAFETY: `err` is NULL or writable, as the header asks of every caller.
        unsafe { $crate::guard::report($err, outcome) }
    }};
}
pub(crate) use lending;

thread_local! {
    static WHERE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The result of a body, with a panic turned into a failure.
pub(crate) fn catch(body: impl FnOnce() -> Result<rm_status, Failure>) -> Result<rm_status, Failure> {
    silence_panics();
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        let text = panic_text(&*payload);
        let place = WHERE.try_with(RefCell::take).unwrap_or_default();
        Err(Failure::new(RM_PANIC, format!("the library panicked{place}: {text}; please report this")))
    })
}

/// Writes the error, if the caller wants one, and returns the status.
///
/// # Safety
/// `err` is NULL or writable.
pub(crate) unsafe fn report(err: *mut *mut rm_error, outcome: Result<rm_status, Failure>) -> rm_status {
    outcome.unwrap_or_else(|failure| {
        let status = failure.status();
        // SAFETY: NULL or writable, as this function's caller promises.
        if let Some(err) = unsafe { err.as_mut() } {
            *err = into_raw(rm_error::from(failure));
        }
        status
    })
}

/// Keeps panics of this library off the host's stderr; their place is kept for the message instead.
fn silence_panics() {
    static IS_DONE: AtomicBool = AtomicBool::new(false);
    // Two threads that come first may both set the hook. A `Once` would let one wait, which in a forked child could be
    // for ever.
    if !IS_DONE.load(Ordering::Acquire) {
        std::panic::set_hook(Box::new(|info| {
            if let Some(location) = info.location() {
                let text = format!(" at {}:{}", location.file(), location.line());
                // In an exit handler there is no such place any more, and a panic here would end the process.
                let _ = WHERE.try_with(|place| place.replace(text));
            }
        }));
        IS_DONE.store(true, Ordering::Release);
    }
}
