//! Makes a forked child start afresh: what it inherited stays untouched, and what no child can use is forgotten.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{deferred_free, generation};

/// Installs the handler that runs in forked children. Called when the first runtime is made, so that loading the library
/// does nothing.
pub(crate) fn watch() {
    static IS_WATCHING: AtomicBool = AtomicBool::new(false);
    if IS_WATCHING.load(Ordering::Acquire) {
        return;
    }
    #[cfg(unix)]
    {
        unsafe extern "C" {
            fn pthread_atfork(
                prepare: Option<unsafe extern "C" fn()>,
                parent: Option<unsafe extern "C" fn()>,
                child: Option<unsafe extern "C" fn()>,
            ) -> i32;
        }
        // SAFETY: the handler only stores to atomics, which is allowed in a child of a process with threads. It can
        // fail for want of memory alone; then inherited handles go unnoticed, as without it. Two threads that are the
        // first may both set it, and then it counts a fork twice, which is as good.
        let _ = unsafe { pthread_atfork(None, None, Some(in_child)) };
    }
    IS_WATCHING.store(true, Ordering::Release);
}

#[cfg(unix)]
unsafe extern "C" fn in_child() {
    generation::advance();
    deferred_free::forget();
}
