//! Counts the forks between the first process and this one, so that an object made before a fork can be told from one
//! made after it.

use std::sync::atomic::{AtomicU32, Ordering};

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The number of forks that led to this process.
pub(crate) fn current() -> u32 {
    GENERATION.load(Ordering::Acquire)
}

/// Counts one more fork, in the child. Only stores to an atomic, since little else is allowed there.
#[cfg_attr(windows, expect(dead_code, reason = "nothing forks there"))]
pub(crate) fn advance() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
}
