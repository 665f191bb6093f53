//! Counts of the objects that this process holds through the ABI. Knows numbers only: each object counts itself.

use std::sync::atomic::{AtomicI64, Ordering};

/// A kind of object that is counted.
#[derive(Clone, Copy)]
pub(crate) enum Counter {
    Runtimes,
    Ports,
    Pipelines,
    Sessions,
    Documents,
    Memories,
    Errors,
    HostBuffers,
}

const NAMES: [&str; 8] =
    ["runtimes", "ports", "pipelines", "sessions", "documents", "memories", "errors", "host_buffers"];

static COUNTS: [AtomicI64; NAMES.len()] = [const { AtomicI64::new(0) }; NAMES.len()];

impl Counter {
    pub(crate) fn add(self, difference: i64) {
        COUNTS[self as usize].fetch_add(difference, Ordering::AcqRel);
    }
}

/// Every kind by its name, with how many of it are alive.
pub(crate) fn counts() -> [(&'static str, i64); NAMES.len()] {
    std::array::from_fn(|index| (NAMES[index], COUNTS[index].load(Ordering::Acquire)))
}
