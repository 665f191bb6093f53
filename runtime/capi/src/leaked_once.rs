//! Values that a process makes once, at their first use, and never frees: so none needs a lock that a fork could leave
//! locked.

use std::sync::atomic::{AtomicPtr, Ordering};

/// A place for one such value.
pub(crate) struct LeakedOnce<T>(AtomicPtr<T>);

impl<T: Send + Sync + 'static> LeakedOnce<T> {
    /// An empty place.
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    /// The value, if there is one.
    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY: NULL, or stored by `set` and never freed.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Stores a value, unless another thread was first. Returns the one that is stored.
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
    #[cfg_attr(windows, expect(dead_code, reason = "nothing forks there"))]
    pub(crate) fn forget(&self) {
        self.0.store(std::ptr::null_mut(), Ordering::Release);
    }
}
