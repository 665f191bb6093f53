//! Reports how many objects are alive, so that a test can prove that none is left.

use remotemedia_core::exec::LiveObjects;
use remotemedia_core::wire::Encoder;

use crate::counters::counts;
use crate::document::{Destination, rm_output};
use crate::error::rm_error;
use crate::guard::guarded;
use crate::status::{RM_OK, rm_status};

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
        let counts = counts();
        let mut encoder = Encoder::new();
        encoder.map(counts.len() + 2);
        for (name, count) in counts {
            encoder.text(name).int(count);
        }
        let live = LiveObjects::now();
        encoder.text("runs").int(live.runs).text("nodes").int(live.nodes);
        destination.write(encoder.finish(), ());
        Ok(RM_OK)
    })
}
