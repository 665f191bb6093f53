//! What a process has once, from its first use on: never freed, so that no lock is needed that a fork could leave locked.

use std::sync::atomic::{AtomicPtr, Ordering};

/// A place for it.
pub(crate) struct ProcessWide<T>(AtomicPtr<T>);

impl<T: Send + Sync + 'static> ProcessWide<T> {
    /// An empty place.
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    /// What is there, if something is.
    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY: NULL, or stored by `set` and never freed.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Puts something there, unless another thread was first. Answers what is there then.
    pub(crate) fn set(&self, value: T) -> &'static T {
        let fresh = Box::into_raw(Box::new(value));
        match self.0.compare_exchange(std::ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: just made, and what is stored is never freed.
            Ok(_) => unsafe { &*fresh },
            Err(winner) => {
                // SAFETY: just made, and nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                // SAFETY: what is stored is never freed.
                unsafe { &*winner }
            }
        }
    }

    /// Empties the place in a forked child. Only stores to an atomic, since little else is allowed there.
    pub(crate) fn forget(&self) {
        self.0.store(std::ptr::null_mut(), Ordering::Release);
    }
}
