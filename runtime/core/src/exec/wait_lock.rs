//! A lock whose holder may sleep until somebody changes what it guards.
//!
//! Of the standard library, since threads sleep here when a process forks: `parking_lot` lists sleepers in a table of the
//! process, and a child would follow it to threads that it does not have.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A value, and the threads that wait for it to change.
#[derive(Default)]
pub(super) struct WaitLock<T> {
    value: Mutex<T>,
    changed: Condvar,
}

impl<T> WaitLock<T> {
    /// Waits until no other thread holds it. What a thread that panicked left behind is taken as it is.
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of it until it is notified, perhaps for no reason.
    pub(super) fn wait<'a>(&self, held: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.changed.wait(held).unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Self::wait`], but at most until then. Answers whether that time has come.
    pub(super) fn wait_until<'a>(&self, held: MutexGuard<'a, T>, until: Instant) -> (MutexGuard<'a, T>, bool) {
        let left = until.saturating_duration_since(Instant::now());
        let (held, result) = self.changed.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner);
        (held, result.timed_out())
    }

    /// Wakes one thread that waits. It is to be called without the lock.
    pub(super) fn notify_one(&self) {
        self.changed.notify_one();
    }

    /// Wakes all threads that wait.
    pub(super) fn notify_all(&self) {
        self.changed.notify_all();
    }
}
