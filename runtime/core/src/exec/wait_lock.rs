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

    /// Lets go of it until it is notified, at most until then, perhaps shorter for no reason.
    pub(super) fn wait<'a>(&self, held: MutexGuard<'a, T>, until: Option<Instant>) -> MutexGuard<'a, T> {
        let Some(until) = until else { return self.changed.wait(held).unwrap_or_else(PoisonError::into_inner) };
        let left = until.saturating_duration_since(Instant::now());
        self.changed.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits for something to become true, at most until then; whether it has is for the caller to look at.
    pub(super) fn wait_for<'a>(
        &self,
        mut held: MutexGuard<'a, T>,
        until: Option<Instant>,
        is_true: impl Fn(&T) -> bool,
    ) -> MutexGuard<'a, T> {
        while !is_true(&held) && until.is_none_or(|until| Instant::now() < until) {
            held = self.wait(held, until);
        }
        held
    }

    /// Wakes one thread that waits; better without the lock, which it will want.
    pub(super) fn notify_one(&self) {
        self.changed.notify_one();
    }

    /// Wakes all threads that wait.
    pub(super) fn notify_all(&self) {
        self.changed.notify_all();
    }
}
