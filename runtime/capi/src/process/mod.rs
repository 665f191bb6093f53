//! What the library asks of the process that it is loaded into, once: to notice a fork, where there are any, and to stay
//! loaded, where the linker could not see to it.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(unix)]
use unix::prepare;
#[cfg(windows)]
use windows::prepare;

/// Prepares the process. Called when the first runtime is made, so that loading the library does nothing.
pub(crate) fn prepare_once() {
    static IS_PREPARED: AtomicBool = AtomicBool::new(false);
    if !IS_PREPARED.load(Ordering::Acquire) {
        prepare();
        IS_PREPARED.store(true, Ordering::Release);
    }
}
