//! Memory of the runtime in the hands of the host: what a document has brought, or what the host asked for.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use remotemedia_core::value::{Buffer, ForeignMemory};

use crate::counters::Counter;
use crate::deferred_free;
use crate::error::rm_error;
use crate::failure::Failure;
use crate::guard::guarded;
use crate::handle::{Handle, Header, borrow, free, into_raw, place, take};
use crate::status::{RM_INVALID_ARGUMENT, RM_OK, RM_OUT_OF_RESOURCES, rm_status};

/// Memory of the runtime in the hands of the host. Outlives pipeline, port and runtime.
pub struct rm_memory {
    header: Header,
    buffer: Buffer,
}

impl rm_memory {
    /// A handle of this memory.
    pub(crate) fn of(buffer: Buffer) -> Self {
        Self { header: Header::new::<Self>(), buffer }
    }

    /// Shares the bytes at `data`, which are a part of the memory.
    ///
    /// # Safety
    /// `memory` is live.
    pub(crate) unsafe fn share(memory: *const Self, data: *const u8, len: usize) -> Result<Buffer, Failure> {
        // SAFETY: live, as this function's caller promises.
        let buffer = &unsafe { borrow(memory) }?.buffer;
        if buffer.token().is_some() {
            let message = "is of `rm_memory_new`; lend its bytes under a token, with NULL here";
            return Err(Failure::new(RM_INVALID_ARGUMENT, message));
        }
        let offset = data.addr().checked_sub(buffer.as_slice().as_ptr().addr());
        offset.and_then(|offset| buffer.slice(offset, len)).ok_or_else(|| {
            Failure::new(RM_INVALID_ARGUMENT, "is not the memory that `data` and `len` are a part of; pass NULL here")
        })
    }
}

impl Handle for rm_memory {
    const NAME: &'static str = "memory";
    const COUNTER: Counter = Counter::Memories;

    fn header(&self) -> &Header {
        &self.header
    }
}

/// Makes memory for the host to write: `len` bytes, all 0, at an address that is a multiple of 64, for hosts whose own
/// heap can't be lent. Lend `data` under a token of yours as any memory; free the handle once a release record has
/// named the token.
///
/// # Safety
/// `data` and `out` are writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_memory_new(
    len: usize,
    data: *mut *mut u8,
    out: *mut *mut rm_memory,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable or NULL, as the caller promises, and different from each other.
        let (data, out) = unsafe { (place(data, "data")?, place(out, "out")?) };
        let block = Block::new(len)?;
        *data = block.begin.as_ptr();
        *out = into_raw(rm_memory::of(Buffer::from_foreign(Box::new(block))));
        Ok(RM_OK)
    })
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

/// Gives memory back like `rm_memory_free`, for threads that can't wait, such as that of an event loop: the system may
/// take milliseconds to unmap what is large, so 64 KiB and more are freed by a thread of the library. NULL is fine.
///
/// # Safety
/// `memory` is NULL or live, and nobody uses its bytes any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_memory_discard(memory: *mut rm_memory) {
    // SAFETY: as the caller promises.
    if let Some(memory) = unsafe { take(memory) } {
        // A panic, for want of a thread, must not cross the boundary.
        let _ = crate::guard::catch(|| {
            deferred_free::free(memory.buffer);
            Ok(RM_OK)
        });
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
        *out = into_raw(rm_memory::of(memory.buffer.clone()));
        Ok(RM_OK)
    })
}

/// A block that the host writes. Only its handles refer to it: no document does, and the runtime never reads it but as
/// memory that the host lends.
struct Block {
    begin: NonNull<u8>,
    layout: Layout,
}

/// What the widest vector instructions ask for, and a cache line.
const ALIGNMENT: usize = 64;

// SAFETY: the block is plain memory, which belongs to no thread.
unsafe impl Send for Block {}
// SAFETY: the library neither reads nor writes it.
unsafe impl Sync for Block {}

impl Block {
    fn new(len: usize) -> Result<Self, Failure> {
        // At least one byte, so that the address is one of its own.
        let layout = Layout::from_size_align(len.max(1), ALIGNMENT)
            .map_err(|_| Failure::new(RM_INVALID_ARGUMENT, "`len` is longer than memory can be"))?;
        // SAFETY: the size is not 0.
        let begin = NonNull::new(unsafe { alloc_zeroed(layout) });
        let begin = begin.ok_or_else(|| {
            Failure::new(RM_OUT_OF_RESOURCES, format!("the system gave no memory for {len} bytes; free some"))
        })?;
        Ok(Self { begin, layout })
    }
}

impl ForeignMemory for Block {
    /// Nothing: what the host writes is not the library's to read.
    fn bytes(&self) -> &[u8] {
        &[]
    }

    fn token(&self) -> u64 {
        0
    }

    fn end(self: Box<Self>) -> u64 {
        0
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and freed here alone.
        unsafe { dealloc(self.begin.as_ptr(), self.layout) };
    }
}
