//! The version of the library, and the runtime object, which owns the workers.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use remotemedia_core::exec::{Config, Runtime};
use remotemedia_core::value::Value;
use remotemedia_core::wire::{self, Encoder};

use crate::counters::Counter;
use crate::document::{Destination, copied, rm_output};
use crate::error::rm_error;
use crate::guard::guarded;
use crate::handle::{Handle, Header, borrow, free, into_raw, place};
use crate::process::prepare_once;
use crate::release::RuntimeRecords;
use crate::status::{RM_OK, RM_TIMEOUT, RM_WOULD_BLOCK, rm_status};
use crate::{sched_slice, threads};

/// The major version of this ABI: it changes when a signature or a meaning does.
pub const RM_ABI_MAJOR: u32 = 1;
/// The minor version of this ABI: it grows when something is added.
pub const RM_ABI_MINOR: u32 = 0;

/// A runtime: node types, worker threads, limits. Nothing runs until the first work is submitted. Any thread may use it.
pub struct rm_runtime {
    header: Header,
    pub(crate) runtime: Runtime,
    pub(crate) records: Arc<RuntimeRecords>,
}

impl Handle for rm_runtime {
    const NAME: &'static str = "runtime";
    const COUNTER: Counter = Counter::Runtimes;

    fn header(&self) -> &Header {
        &self.header
    }
}

/// The version of the ABI that this library has: major << 16 | minor. Compare it with the header's when you load it:
/// same major, minor at least yours.
#[unsafe(no_mangle)]
pub extern "C" fn rm_abi_version() -> u32 {
    RM_ABI_MAJOR << 16 | RM_ABI_MINOR
}

/// The version of remotemedia, such as `0.1.0`. Never NULL, never freed.
#[unsafe(no_mangle)]
pub extern "C" fn rm_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Makes a runtime. `config` is a map as JSON text or msgpack: `{"workers": 2, "nice": 10, "limits": {...}}`;
/// `(NULL, 0)` for all defaults. `nice`, from 0 to 19, is how far the worker threads step back for threads of the host:
/// steps of the system's nice value above that of the process. Only Linux has one for each thread; elsewhere only 0 is
/// accepted. See docs/abi.md for all entries.
///
/// # Safety
/// `config` is readable for `len` bytes, or NULL with 0; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_runtime_new(
    config: *const u8,
    len: usize,
    out: *mut *mut rm_runtime,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        prepare_once();
        #[cfg(unix)]
        crate::ffmpeg::install();
        // SAFETY: as the caller promises.
        let out = unsafe { place(out, "out") }?;
        // SAFETY: as the caller promises.
        let config = Config::parse(&unsafe { copied(config, len, "config") }?)?;
        let runtime = Runtime::with_threads(config, registry(), threads::spawn, sched_slice::request_long);
        *out = into_raw(rm_runtime { header: Header::new::<rm_runtime>(), runtime, records: Arc::default() });
        Ok(RM_OK)
    })
}

/// Writes what this runtime knows: `{version, abi, nodes, manifest_schema}`; see docs/abi.md.
///
/// # Safety
/// `runtime` is live; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_runtime_describe(
    runtime: *const rm_runtime,
    out: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        // SAFETY: live or NULL, as the caller promises.
        let runtime = &unsafe { borrow(runtime) }?.runtime;
        let codecs = runtime.config().lists_codecs.then(remotemedia_nodes::audio::codecs);
        let description = runtime.describe(env!("CARGO_PKG_VERSION"), rm_abi_version(), codecs);
        destination.write(wire::encode(&Value::from(description)), ());
        Ok(RM_OK)
    })
}

/// Writes the tokens that come back without a port: those given to `rm_pipeline_execute` and `rm_pipeline_new`, and
/// those of ports that were freed. `[token, ...]`: `RM_OK`, or `RM_WOULD_BLOCK` with an empty list. Ports of this
/// runtime hand them out as well; each is named once.
///
/// # Safety
/// `runtime` is live; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_runtime_released(
    runtime: *const rm_runtime,
    out: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        // SAFETY: live or NULL, as the caller promises.
        let runtime = unsafe { borrow(runtime) }?;
        let mut released = Vec::new();
        runtime.records.drain(&mut released);
        let mut encoder = Encoder::new();
        encoder.array(released.len());
        for token in &released {
            encoder.uint(*token);
        }
        destination.write(encoder.finish(), ());
        Ok(if released.is_empty() { RM_WOULD_BLOCK } else { RM_OK })
    })
}

/// Ends all work with a completion each, wakes all threads that wait at a port, and waits at most `patience_us`
/// microseconds, below 0 for ever, until no node works any more. `RM_OK`: no thread of the library reads or writes
/// memory that you lent, not even later; only documents that you still take from a port or a session may name or copy
/// it. `RM_TIMEOUT` if a node still works. May be called again.
///
/// # Safety
/// `runtime` is live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_runtime_shutdown(
    runtime: *const rm_runtime,
    patience_us: i64,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        let runtime = &unsafe { borrow(runtime) }?.runtime;
        let patience = u64::try_from(patience_us).map_or(Duration::MAX, Duration::from_micros);
        Ok(if runtime.shut_down(patience) { RM_OK } else { RM_TIMEOUT })
    })
}

/// Shuts a runtime down without waiting, and frees it; NULL is fine. Ports, pipelines and memory made by it stay valid
/// and are freed on their own.
///
/// # Safety
/// `runtime` is NULL or live, and nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_runtime_free(runtime: *mut rm_runtime) {
    // SAFETY: live or NULL, as the caller promises; a runtime of the parent process is left alone.
    if let Ok(runtime) = unsafe { borrow(runtime.cast_const()) } {
        let _ = crate::guard::catch(|| {
            runtime.runtime.shut_down(Duration::ZERO);
            Ok(RM_OK)
        });
    }
    // SAFETY: as the caller promises.
    unsafe { free(runtime) };
}

#[cfg(not(feature = "planted"))]
use remotemedia_nodes::registry;

#[cfg(feature = "planted")]
fn registry() -> remotemedia_core::node::Registry {
    let mut registry = remotemedia_nodes::registry();
    crate::planted::register(&mut registry);
    registry
}
