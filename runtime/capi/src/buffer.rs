//! The buffer table of a document: memory of the host on its way in, memory of the runtime on its way out.

use remotemedia_core::exec::Port;
use remotemedia_core::value::Buffer;

use crate::counters::Counter;
use crate::deferred_free;
use crate::error::rm_error;
use crate::failure::Failure;
use crate::guard::guarded;
use crate::handle::{Handle, Header, borrow, free, into_raw, place, slice, take};
use crate::release::HostMemory;
use crate::status::{RM_INVALID_ARGUMENT, RM_OK, rm_status};

/// One entry of the buffer table that travels with a document.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rm_buffer {
    /// The bytes. May be NULL if `len` is 0.
    pub data: *const u8,
    /// Their number.
    pub len: usize,
    /// In: your number for this memory, which must stay readable and unchanged until a release record names it; 0 if the
    /// bytes are to be copied at once. Out: your number, if it is your memory, else 0.
    pub token: u64,
    /// In: NULL. Out: the runtime's memory, which lives until you give it to `rm_memory_free`; NULL if it is yours.
    pub memory: *mut rm_memory,
    /// Out: 1 if nobody else shares the memory, so that you may write to it. Decided once, when it is handed out.
    pub writable: u32,
}

/// Memory of the runtime in the hands of the host. Outlives pipeline, port and runtime.
pub struct rm_memory {
    header: Header,
    buffer: Buffer,
}

impl Handle for rm_memory {
    const NAME: &'static str = "memory";
    const COUNTER: Counter = Counter::Memories;

    fn header(&self) -> &Header {
        &self.header
    }
}

/// Gives memory back; NULL is fine.
///
/// # Safety
/// `memory` is NULL or live, and nobody uses its bytes any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_memory_free(memory: *mut rm_memory) {
    // SAFETY: as the caller promises.
    unsafe { free(memory) };
}

/// Gives memory back like `rm_memory_free`, for threads that can't wait, such as that of an event loop: the system may take
/// milliseconds to unmap what is large, so 64 KiB and more are freed by a thread of the library. NULL is fine.
///
/// # Safety
/// `memory` is NULL or live, and nobody uses its bytes any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_memory_discard(memory: *mut rm_memory) {
    // SAFETY: as the caller promises.
    if let Some(memory) = unsafe { take(memory) } {
        deferred_free::free(memory.buffer);
    }
}

/// Makes another handle of the same memory, to keep it beyond the document that it came with.
///
/// # Safety
/// `memory` is live; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_memory_retain(
    memory: *const rm_memory,
    out: *mut *mut rm_memory,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        let memory = unsafe { borrow(memory) }?;
        // SAFETY: writable or NULL, as the caller promises.
        let out = unsafe { place(out, "out") }?;
        *out = into_raw(rm_memory { header: Header::new::<rm_memory>(), buffer: memory.buffer.clone() });
        Ok(RM_OK)
    })
}

/// The buffers of a document that comes in, and the failure of the first that is wrong. A wrong one is empty.
pub(crate) struct Imported {
    pub(crate) buffers: Vec<Buffer>,
    pub(crate) refused: Option<Failure>,
}

/// Imports the buffers of a document that comes in. Every token will then be named by a release record, also if the call
/// fails: so a call imports before it checks anything else, and reports a failure of this in its turn.
///
/// # Safety
/// `buffers` is NULL or readable for `count` entries whose memory is as [`rm_buffer`] asks.
pub(crate) unsafe fn import(
    buffers: *const rm_buffer,
    count: usize,
    port: Option<&Port>,
) -> Result<Vec<Buffer>, Failure> {
    // SAFETY: as this function's caller promises.
    let Imported { buffers, refused } = unsafe { import_each(buffers, count, port) };
    refused.map_or(Ok(buffers), Err)
}

/// Does what [`import`] does, for a document that is to be read even if one of its buffers is wrong.
///
/// # Safety
/// As for [`import`].
pub(crate) unsafe fn import_each(buffers: *const rm_buffer, count: usize, port: Option<&Port>) -> Imported {
    // SAFETY: readable or NULL, as this function's caller promises.
    let table = match unsafe { slice(buffers, count, "buffers") } {
        Ok(table) => table,
        Err(refusal) => return Imported { buffers: Vec::new(), refused: Some(refusal) },
    };
    let mut imported = Vec::with_capacity(table.len());
    let mut refused = None;
    for (index, entry) in table.iter().enumerate() {
        let problem = if entry.data.is_null() && entry.len > 0 {
            Some("is NULL but its length is not 0")
        } else if isize::try_from(entry.len).is_err() {
            Some("is longer than memory can be")
        } else {
            None
        };
        let len = if problem.is_some() { 0 } else { entry.len };
        if let Some(problem) = problem {
            refused
                .get_or_insert_with(|| Failure::new(RM_INVALID_ARGUMENT, format!("`buffers[{index}].data` {problem}")));
        }
        imported.push(if entry.token == 0 {
            // SAFETY: readable for this call, as this function's caller promises.
            Buffer::aligned_copy(unsafe { slice(entry.data, len, "buffers") }.unwrap_or_default())
        } else {
            // SAFETY: readable and unchanged until the release record, as this function's caller promises.
            let memory = unsafe { HostMemory::new(entry.data, len, entry.token, port) };
            Buffer::from_foreign(Box::new(memory))
        });
    }
    Imported { buffers: imported, refused }
}

/// The table entry of a buffer that goes out. `may_write` is false if more than one value of the document refers to the
/// buffer.
pub(crate) fn export(mut buffer: Buffer, may_write: bool) -> rm_buffer {
    // Where the host may write, the address must come from a place that may be written.
    let exclusive = if may_write { buffer.as_mut_slice().map(|bytes| bytes.as_mut_ptr().cast_const()) } else { None };
    let (data, len) = (exclusive.unwrap_or_else(|| buffer.as_slice().as_ptr()), buffer.len());
    match buffer.name_to_owner() {
        Some(token) => rm_buffer { data, len, token, memory: std::ptr::null_mut(), writable: 0 },
        None => {
            let writable = u32::from(exclusive.is_some());
            let memory = into_raw(rm_memory { header: Header::new::<rm_memory>(), buffer });
            rm_buffer { data, len, token: 0, memory, writable }
        }
    }
}
