//! What a fork means: the child starts afresh and leaves every inherited object alone.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::{release, sweep};

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The number of forks between the first process and this one.
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Acquire)
}

/// Learns of forks from now on. Called when the first runtime is made, so that loading the library does nothing.
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
    GENERATION.fetch_add(1, Ordering::AcqRel);
    release::forget_all();
    sweep::forget();
}
