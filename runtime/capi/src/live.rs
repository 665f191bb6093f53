//! Counts of the objects that this process holds through the ABI, so that a test can prove that nothing is left.

use std::sync::atomic::{AtomicI64, Ordering};

use remotemedia_core::exec::LiveObjects;
use remotemedia_core::wire::Encoder;

use crate::document::{Destination, rm_output};
use crate::error::rm_error;
use crate::guard::guarded;
use crate::status::rm_status;

/// What is counted.
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

/// Writes what is alive in this process: a map of counts: `runtimes`, `ports`, `pipelines`, `sessions`, `documents`,
/// `memories`, `errors`, `host_buffers` (borrowed and not yet released), `runs`, `nodes`.
///
/// # Safety
/// `out` is writable, `err` NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_live_objects(out: *mut rm_output, err: *mut *mut rm_error) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        let mut encoder = Encoder::new();
        encoder.map(NAMES.len() + 2);
        for (name, count) in NAMES.iter().zip(&COUNTS) {
            encoder.text(name).int(count.load(Ordering::Acquire));
        }
        let live = LiveObjects::now();
        encoder.text("runs").int(live.runs).text("nodes").int(live.nodes);
        destination.write(encoder.finish(), ());
        Ok(crate::status::RM_OK)
    })
}
