//! What ThreadSanitizer sees of a lock. It watches the code that was compiled with it, and the standard library comes compiled
//! without: a thread that had to wait for a lock would look as if it had not taken it. So in builds with
//! `--cfg remotemedia_watched` each lock has a number of its own, written before it is released and read after it is taken.
//! In all others there is nothing of it.

#[cfg(remotemedia_watched)]
use std::sync::atomic::{AtomicU32, Ordering};

/// Beside the lock.
#[derive(Debug, Default)]
pub(crate) struct LockOrder {
    #[cfg(remotemedia_watched)]
    releases: AtomicU32,
}

/// Beside the guard of a lock, and dropped before it.
pub(crate) struct Taken<'a> {
    _order: &'a LockOrder,
}

impl LockOrder {
    pub(crate) const fn new() -> Self {
        Self {
            #[cfg(remotemedia_watched)]
            releases: AtomicU32::new(0),
        }
    }

    /// Called by the thread that has just taken the lock.
    #[inline]
    pub(crate) fn taken(&self) -> Taken<'_> {
        #[cfg(remotemedia_watched)]
        self.releases.load(Ordering::Acquire);
        Taken { _order: self }
    }
}

impl Taken<'_> {
    /// Called while the lock is still held, by a thread that is about to wait and lets go of it.
    #[inline]
    pub(crate) fn release(self) {}
}

#[cfg(remotemedia_watched)]
impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self._order.releases.fetch_add(1, Ordering::Release);
    }
}
