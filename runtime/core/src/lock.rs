//! Locks. All are of the standard library, whose state is part of the lock itself: `parking_lot` keeps sleepers and its own
//! locks in a table of the process, and a forked child would inherit that table as some other thread happened to leave it.
//!
//! What a thread that panicked left behind is taken as it is: nodes panic where no lock is held, and a defect beyond them
//! must not take the other threads along.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::lock_order::{LockOrder, Taken};

/// A value for one thread at a time.
#[derive(Debug, Default)]
pub struct Lock<T> {
    order: LockOrder,
    value: Mutex<T>,
}

/// The value of a lock that this thread holds, until it is dropped.
pub struct Guard<'a, T> {
    /// Dropped before the value, so while the lock is still held.
    order: Taken<'a>,
    value: MutexGuard<'a, T>,
}

/// A lock whose holder may sleep until another thread changes what it guards.
#[derive(Default)]
pub(crate) struct Monitor<T> {
    value: Lock<T>,
    changed: Condvar,
}

impl<T> Lock<T> {
    /// A lock that is free.
    pub const fn new(value: T) -> Self {
        Self { order: LockOrder::new(), value: Mutex::new(value) }
    }

    /// Waits until no other thread holds it.
    pub fn lock(&self) -> Guard<'_, T> {
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        Guard { order: self.order.taken(), value }
    }

    /// The value, of which there is no other user.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Monitor<T> {
    /// Waits until no other thread holds it.
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.value.lock()
    }

    /// Lets go of it until it is notified, at most until then, perhaps shorter for no reason.
    pub(crate) fn wait<'a>(&'a self, held: Guard<'a, T>, until: Option<Instant>) -> Guard<'a, T> {
        let Guard { order, value } = held;
        order.release();
        let value = match until {
            None => self.changed.wait(value).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                self.changed.wait_timeout(value, left).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        Guard { order: self.value.order.taken(), value }
    }

    /// Waits for something to become true, at most until then; whether it has is for the caller to look at.
    pub(crate) fn wait_for<'a>(
        &'a self,
        mut held: Guard<'a, T>,
        until: Option<Instant>,
        is_true: impl Fn(&T) -> bool,
    ) -> Guard<'a, T> {
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

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
