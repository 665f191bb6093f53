//! The buffer table of a document: memory of the host on its way in, memory of the runtime on its way out.

use remotemedia_core::exec::Port;
use remotemedia_core::value::Buffer;

use crate::error::{Failure, rm_error};
use crate::guard::guarded;
use crate::handle::{Handle, Header, borrow, free, into_raw, place, slice};
use crate::live::Counter;
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

/// The buffers of a document that comes in. From here on every token will be named by a release record, also if the
/// call fails.
///
/// # Safety
/// `buffers` is NULL or readable for `count` entries whose memory is as [`rm_buffer`] asks.
pub(crate) unsafe fn import(
    buffers: *const rm_buffer,
    count: usize,
    port: Option<&Port>,
) -> Result<Vec<Buffer>, Failure> {
    // SAFETY: readable or NULL, as this function's caller promises.
    let table = unsafe { slice(buffers, count, "buffers") }?;
    if let Some(index) = table.iter().position(|entry| entry.data.is_null() && entry.len > 0) {
        return Err(Failure::new(
            RM_INVALID_ARGUMENT,
            format!("`buffers[{index}].data` is NULL but its length is not 0"),
        ));
    }
    table
        .iter()
        .map(|entry| {
            if entry.token == 0 {
                // SAFETY: readable for this call, as this function's caller promises.
                let bytes = unsafe { slice(entry.data, entry.len, "buffers") }?;
                Ok(Buffer::aligned_copy(bytes))
            } else {
                // SAFETY: readable and unchanged until the release record, as this function's caller promises.
                let memory = unsafe { HostMemory::new(entry.data, entry.len, entry.token, port) };
                Ok(Buffer::from_foreign(Box::new(memory)))
            }
        })
        .collect()
}

/// The entry of a buffer that goes out; `may_write` unless more than one value of the document refers to it.
pub(crate) fn export(mut buffer: Buffer, may_write: bool) -> rm_buffer {
    let (data, len) = (buffer.as_slice().as_ptr(), buffer.len());
    match buffer.token() {
        Some(token) => rm_buffer { data, len, token, memory: std::ptr::null_mut(), writable: 0 },
        None => {
            let writable = u32::from(may_write && buffer.is_exclusive());
            let memory = into_raw(rm_memory { header: Header::new::<rm_memory>(), buffer });
            rm_buffer { data, len, token: 0, memory, writable }
        }
    }
}
