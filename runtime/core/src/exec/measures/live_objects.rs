//! Counts of the objects that are alive in this process, by which tests prove that nothing leaks.

use std::sync::atomic::{AtomicI64, Ordering};

/// The objects that are alive in this process, over all runtimes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveObjects {
    /// Runs that have not freed everything yet.
    pub runs: i64,
    /// Node instances.
    pub nodes: i64,
}

static RUNS: AtomicI64 = AtomicI64::new(0);
static NODES: AtomicI64 = AtomicI64::new(0);

impl LiveObjects {
    /// The current counts.
    pub fn now() -> Self {
        Self { runs: RUNS.load(Ordering::Acquire), nodes: NODES.load(Ordering::Acquire) }
    }
}

/// Counts one object while it lives.
#[derive(Debug)]
pub(in crate::exec) struct LiveCount(&'static AtomicI64);

impl LiveCount {
    pub(in crate::exec) fn run() -> Self {
        Self::one_of(&RUNS)
    }

    pub(in crate::exec) fn node() -> Self {
        Self::one_of(&NODES)
    }

    fn one_of(counter: &'static AtomicI64) -> Self {
        counter.fetch_add(1, Ordering::AcqRel);
        Self(counter)
    }
}

impl Drop for LiveCount {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
