//! Status numbers, which functions return. A number is never reused.

use std::ffi::{CStr, c_char};

use remotemedia_core::exec::Outcome;

/// What a function answers: 0 is done, above 0 is not an error, below 0 nothing was done and `err` says why.
pub type rm_status = i32;

/// Done.
pub const RM_OK: rm_status = 0;
/// Accepted; the completion will arrive at the port.
pub const RM_PENDING: rm_status = 1;
/// Not now; try again when an event says so.
pub const RM_WOULD_BLOCK: rm_status = 2;
/// Nothing came within the time.
pub const RM_TIMEOUT: rm_status = 3;
/// Nothing will ever come again: the port is shut down, or everything that a session gave was handed out.
pub const RM_END: rm_status = 4;
/// A mistake of the caller: NULL where an object is needed, an argument out of range.
pub const RM_INVALID_ARGUMENT: rm_status = -1;
/// The manifest is not valid; the detail lists every problem with its place.
pub const RM_INVALID_MANIFEST: rm_status = -2;
/// A document can't be understood; the message names the place.
pub const RM_INVALID_DOCUMENT: rm_status = -3;
/// A node failed; the detail names node, input, position, cause and cure.
pub const RM_EXECUTION_FAILED: rm_status = -4;
/// The work was cancelled.
pub const RM_CANCELLED: rm_status = -5;
/// The work took longer than its timeout.
pub const RM_TIMED_OUT: rm_status = -6;
/// The runtime is shut down, or was while the work went on.
pub const RM_SHUT_DOWN: rm_status = -7;
/// What the call refers to is over: a late reply, work that has ended.
pub const RM_GONE: rm_status = -8;
/// A node of this pipeline panicked before; make the pipeline anew.
pub const RM_POISONED: rm_status = -9;
/// A defect inside the library or a node; please report the message.
pub const RM_PANIC: rm_status = -10;
/// The handle belongs to the parent process; after a fork the child makes its own.
pub const RM_FORKED: rm_status = -11;
/// The system gave no file descriptor or thread.
pub const RM_OUT_OF_RESOURCES: rm_status = -12;
/// The results grew past a limit of the runtime.
pub const RM_LIMIT_EXCEEDED: rm_status = -13;
/// This system, or this object, does not have what was asked for.
pub const RM_UNSUPPORTED: rm_status = -14;

/// The name of a status, such as `RM_TIMED_OUT`; `unknown status` for a number that is none. Never NULL, never freed.
#[unsafe(no_mangle)]
pub extern "C" fn rm_status_name(status: rm_status) -> *const c_char {
    let name: &CStr = match status {
        RM_OK => c"RM_OK",
        RM_PENDING => c"RM_PENDING",
        RM_WOULD_BLOCK => c"RM_WOULD_BLOCK",
        RM_TIMEOUT => c"RM_TIMEOUT",
        RM_END => c"RM_END",
        RM_INVALID_ARGUMENT => c"RM_INVALID_ARGUMENT",
        RM_INVALID_MANIFEST => c"RM_INVALID_MANIFEST",
        RM_INVALID_DOCUMENT => c"RM_INVALID_DOCUMENT",
        RM_EXECUTION_FAILED => c"RM_EXECUTION_FAILED",
        RM_CANCELLED => c"RM_CANCELLED",
        RM_TIMED_OUT => c"RM_TIMED_OUT",
        RM_SHUT_DOWN => c"RM_SHUT_DOWN",
        RM_GONE => c"RM_GONE",
        RM_POISONED => c"RM_POISONED",
        RM_PANIC => c"RM_PANIC",
        RM_FORKED => c"RM_FORKED",
        RM_OUT_OF_RESOURCES => c"RM_OUT_OF_RESOURCES",
        RM_LIMIT_EXCEEDED => c"RM_LIMIT_EXCEEDED",
        RM_UNSUPPORTED => c"RM_UNSUPPORTED",
        _ => c"unknown status",
    };
    name.as_ptr()
}

/// The status that an outcome has in completions.
pub(crate) fn of_outcome(outcome: Outcome) -> rm_status {
    match outcome {
        Outcome::Finished => RM_OK,
        Outcome::Failed => RM_EXECUTION_FAILED,
        Outcome::Panicked => RM_PANIC,
        Outcome::Cancelled => RM_CANCELLED,
        Outcome::TimedOut => RM_TIMED_OUT,
        Outcome::ShutDown => RM_SHUT_DOWN,
        Outcome::LimitExceeded => RM_LIMIT_EXCEEDED,
    }
}
