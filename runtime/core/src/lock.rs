//! Locks. All are of the standard library, whose state is part of the lock itself: `parking_lot` keeps sleepers and its own
//! locks in a table of the process, and a forked child would inherit that table as some other thread happened to leave it.
//!
//! What a thread that panicked left behind is taken as it is: nodes panic where no lock is held, and a defect beyond them
//! must not take the other threads along.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A value for one thread at a time.
#[derive(Debug, Default)]
pub struct Lock<T>(Mutex<T>);

/// A lock whose holder may sleep until another thread changes what it guards.
#[derive(Default)]
pub(crate) struct Monitor<T> {
    value: Lock<T>,
    changed: Condvar,
}

impl<T> Lock<T> {
    /// A lock that is free.
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Waits until no other thread holds it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, of which there is no other user.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Monitor<T> {
    /// Waits until no other thread holds it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock()
    }

    /// Lets go of it until it is notified, at most until then, perhaps shorter for no reason.
    pub(crate) fn wait<'a>(&self, held: MutexGuard<'a, T>, until: Option<Instant>) -> MutexGuard<'a, T> {
        let Some(until) = until else { return self.changed.wait(held).unwrap_or_else(PoisonError::into_inner) };
        let left = until.saturating_duration_since(Instant::now());
        self.changed.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits for something to become true, at most until then; whether it has is for the caller to look at.
    pub(crate) fn wait_for<'a>(
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
    pub(crate) fn notify_one(&self) {
        self.changed.notify_one();
    }

    /// Wakes all threads that wait.
    pub(crate) fn notify_all(&self) {
        self.changed.notify_all();
    }
}
