//! Makes a forked child start afresh: what it inherited stays untouched, and what no child can use is forgotten.

use crate::{deferred_free, generation};

/// Installs the handler that runs in forked children. Two threads that are the first may both install it, and then it
/// counts a fork twice, which is as good.
pub(super) fn prepare() {
    unsafe extern "C" {
        fn pthread_atfork(
            prepare: Option<unsafe extern "C" fn()>,
            parent: Option<unsafe extern "C" fn()>,
            child: Option<unsafe extern "C" fn()>,
        ) -> i32;
    }
    // SAFETY: the handler only stores to atomics, which is allowed in a child of a process with threads. It can fail for
    // want of memory alone; then inherited handles go unnoticed, as without it.
    let _ = unsafe { pthread_atfork(None, None, Some(in_child)) };
}

unsafe extern "C" fn in_child() {
    generation::advance();
    deferred_free::forget();
}
