//! The buffer table of a document: memory of the host on its way in, memory of the runtime on its way out.

use remotemedia_core::value::{Buffer, ForeignMemory};

use crate::failure::Failure;
use crate::handle::{into_raw, slice};
use crate::memory::rm_memory;
use crate::release::Lender;
use crate::status::RM_INVALID_ARGUMENT;

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
    /// Out: the runtime's memory, which lives until you give it to `rm_memory_free`; NULL if it is yours. In: NULL, or
    /// such memory with token 0, which is shared rather than copied: nothing is to be released, the handle stays yours
    /// to free, and from now on you must not write to the memory.
    pub memory: *mut rm_memory,
    /// In: 0; `RM_BUFFER_WRITABLE` is ignored. Out: `RM_BUFFER_WRITABLE`, or 0.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

/// Nobody else shares the memory of this buffer, so you may write to it. Decided once, when it is handed out.
pub const RM_BUFFER_WRITABLE: u32 = 1;

/// The buffers of a document that comes in, and the failure of the first that is wrong. A wrong one is empty.
pub(crate) struct Imported {
    pub(crate) buffers: Vec<Buffer>,
    pub(crate) refused: Option<Failure>,
}

/// Imports the buffers of a document that comes in. Every token then comes back, also if the call fails: so a call
/// imports before it checks anything else, and reports a failure of this in its turn.
///
/// # Safety
/// `buffers` is NULL or readable for `count` entries whose memory is as [`rm_buffer`] asks.
pub(crate) unsafe fn import(
    buffers: *const rm_buffer,
    count: usize,
    lender: &Lender<'_>,
) -> Result<Vec<Buffer>, Failure> {
    if count == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: as this function's caller promises.
    let Imported { buffers, refused } = unsafe { import_each(buffers, count, lender) };
    refused.map_or(Ok(buffers), Err)
}

/// Does what [`import`] does, for a document that is to be read even if one of its buffers is wrong.
///
/// # Safety
/// As for [`import`].
pub(crate) unsafe fn import_each(buffers: *const rm_buffer, count: usize, lender: &Lender<'_>) -> Imported {
    // SAFETY: as this function's caller promises; the memory is shared, copied, or borrowed until the release record.
    let import = |entry: &rm_buffer, len| unsafe {
        if entry.token != 0 {
            return Ok(Buffer::from_foreign(Box::new(lender.borrow_memory(entry.data, len, entry.token))));
        }
        if !entry.memory.is_null() {
            return rm_memory::share(entry.memory, entry.data, len);
        }
        Ok(Buffer::aligned_copy(slice(entry.data, len, "buffers").unwrap_or_default()))
    };
    // SAFETY: as this function's caller promises.
    unsafe { import_by(buffers, count, import) }
}

/// Imports the buffers of a document that is read during this call alone: nothing is copied and nothing lent.
///
/// # Safety
/// As for [`import`], and the buffers are dropped before the call returns.
pub(crate) unsafe fn import_for_call(buffers: *const rm_buffer, count: usize) -> Result<Vec<Buffer>, Failure> {
    let import = |entry: &rm_buffer, len| Ok(Buffer::from_foreign(Box::new(CallMemory { data: entry.data, len })));
    // SAFETY: as this function's caller promises.
    let Imported { buffers, refused } = unsafe { import_by(buffers, count, import) };
    refused.map_or(Ok(buffers), Err)
}

/// # Safety
/// `buffers` is NULL or readable for `count` entries.
unsafe fn import_by(
    buffers: *const rm_buffer,
    count: usize,
    import: impl Fn(&rm_buffer, usize) -> Result<Buffer, Failure>,
) -> Imported {
    // SAFETY: readable or NULL, as this function's caller promises.
    let table = match unsafe { slice(buffers, count, "buffers") } {
        Ok(table) => table,
        Err(refusal) => return Imported { buffers: Vec::new(), refused: Some(refusal) },
    };
    let mut imported = Vec::with_capacity(table.len());
    let mut refused = None;
    for (index, entry) in table.iter().enumerate() {
        let mut note = |field: &str, status, problem: &str| {
            refused.get_or_insert_with(|| Failure::new(status, format!("`buffers[{index}].{field}` {problem}")));
        };
        let problem = problem_of(entry);
        let mut entry = *entry;
        if let Some((field, problem)) = problem {
            note(field, RM_INVALID_ARGUMENT, &problem);
            (entry.len, entry.memory) = (0, std::ptr::null_mut());
        }
        imported.push(import(&entry, entry.len).unwrap_or_else(|failure| {
            note("memory", failure.status(), failure.message());
            Buffer::from_bytes(Vec::new())
        }));
    }
    Imported { buffers: imported, refused }
}

/// The field that is wrong in an entry that comes in, and what is wrong with it.
fn problem_of(entry: &rm_buffer) -> Option<(&'static str, String)> {
    if entry.data.is_null() && entry.len > 0 {
        Some(("data", "is NULL but its length is not 0".to_owned()))
    } else if isize::try_from(entry.len).is_err() {
        Some(("data", "is longer than memory can be".to_owned()))
    } else if !entry.memory.is_null() && entry.token != 0 {
        Some(("token", format!("is {} where `memory` is not NULL; one of the two must be 0", entry.token)))
    } else if entry.flags & !RM_BUFFER_WRITABLE != 0 {
        Some(("flags", format!("has bits that are not known: {:#x}; pass 0", entry.flags & !RM_BUFFER_WRITABLE)))
    } else if entry.reserved != 0 {
        Some(("reserved", format!("is {}; pass 0", entry.reserved)))
    } else {
        None
    }
}

/// The table entry of a buffer that goes out. `may_write` is false if more than one value of the document refers to the
/// buffer. Memory of the host that nothing else refers to is released with it: its token is added to `ended`.
pub(crate) fn export(mut buffer: Buffer, may_write: bool, ended: &mut Vec<u64>) -> rm_buffer {
    // Where the host may write, the address must come from a place that may be written.
    let exclusive = if may_write { buffer.as_mut_slice().map(|bytes| bytes.as_mut_ptr().cast_const()) } else { None };
    let (data, len) = (exclusive.unwrap_or_else(|| buffer.as_slice().as_ptr()), buffer.len());
    match buffer.token() {
        Some(token) => {
            ended.extend(buffer.end_loan());
            rm_buffer { data, len, token, memory: std::ptr::null_mut(), flags: 0, reserved: 0 }
        }
        None => {
            let flags = if exclusive.is_some() { RM_BUFFER_WRITABLE } else { 0 };
            rm_buffer { data, len, token: 0, memory: into_raw(rm_memory::of(buffer)), flags, reserved: 0 }
        }
    }
}

/// Memory of the host that is read during one call.
struct CallMemory {
    data: *const u8,
    len: usize,
}

// SAFETY: the memory is readable during the call, and no value that refers to it outlasts that.
unsafe impl Send for CallMemory {}
// SAFETY: it is only read.
unsafe impl Sync for CallMemory {}

impl ForeignMemory for CallMemory {
    fn bytes(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: readable and unchanged during the call, as the caller of `import_for_call` promises.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }

    fn token(&self) -> u64 {
        0
    }

    fn end(self: Box<Self>) -> u64 {
        0
    }
}
