//! Documents on their way out: into a buffer of the caller where they fit, else as an object; and their JSON twin.

use remotemedia_core::wire::{Document, Limits, json};
use smallvec::SmallVec;

use crate::buffer::{export, import_for_call, rm_buffer};
use crate::counters::Counter;
use crate::error::rm_error;
use crate::failure::Failure;
use crate::guard::guarded;
use crate::handle::{Handle, Header, borrow, free, into_raw, place, slice};
use crate::memory::{rm_memory, rm_memory_discard};
use crate::status::{RM_INVALID_ARGUMENT, RM_OK, rm_status};

/// Where a call writes a document. Zero-initialised is fine: then the document comes as an object.
#[repr(C)]
pub struct rm_output {
    /// In: room for the bytes; may be NULL if `capacity` is 0.
    pub data: *mut u8,
    /// In: how many bytes fit.
    pub capacity: usize,
    /// In: room for the buffer table; may be NULL if `buffer_capacity` is 0.
    pub buffers: *mut rm_buffer,
    /// In: how many entries fit.
    pub buffer_capacity: usize,
    /// In: memory for `rm_memory_discard` before anything else, so that it costs no call of its own; may be NULL if
    /// `discard_count` is 0.
    pub discard: *const *mut rm_memory,
    /// In: how many there are. Set to 0 once they are taken, also if the call fails.
    pub discard_count: usize,
    /// Out: the bytes written to `data`; 0 if the document came as an object.
    pub len: usize,
    /// Out: the entries written to `buffers`. Their memory is yours to free.
    pub buffer_count: usize,
    /// Out: the document, if it did not fit, else NULL. Yours to free.
    pub document: *mut rm_document,
}

/// A document that did not fit the caller's buffer. Immutable; may cross threads; belongs to the caller.
pub struct rm_document {
    header: Header,
    bytes: Vec<u8>,
    buffers: Vec<rm_buffer>,
}

// SAFETY: the pointers in the table refer to memory that the table's handles keep alive, and it is only read.
unsafe impl Send for rm_document {}
// SAFETY: as above.
unsafe impl Sync for rm_document {}

impl Handle for rm_document {
    const NAME: &'static str = "document";
    const COUNTER: Counter = Counter::Documents;

    fn header(&self) -> &Header {
        &self.header
    }
}

impl Drop for rm_document {
    fn drop(&mut self) {
        for buffer in &self.buffers {
            // SAFETY: made by `export`, owned by this document and not freed elsewhere.
            unsafe { free(buffer.memory) };
        }
    }
}

/// The bytes and the buffer table of a document; they live as long as it does. The memory in the table belongs to the
/// document: use `rm_memory_retain` to keep it longer, and don't free it.
///
/// # Safety
/// `document` is live; the places are writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_document_view(
    document: *const rm_document,
    data: *mut *const u8,
    len: *mut usize,
    buffers: *mut *const rm_buffer,
    buffer_count: *mut usize,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        let document = unsafe { borrow(document) }?;
        // SAFETY: writable or NULL, as the caller promises, and different from each other.
        let (data, len) = unsafe { (place(data, "data")?, place(len, "len")?) };
        // SAFETY: as above.
        let (buffers, buffer_count) = unsafe { (place(buffers, "buffers")?, place(buffer_count, "buffer_count")?) };
        (*data, *len) = (document.bytes.as_ptr(), document.bytes.len());
        (*buffers, *buffer_count) = (document.buffers.as_ptr(), document.buffers.len());
        Ok(RM_OK)
    })
}

/// Frees a document and the memory in its table; NULL is fine.
///
/// # Safety
/// `document` is NULL or live, and nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_document_free(document: *mut rm_document) {
    // SAFETY: as the caller promises.
    unsafe { free(document) };
}

/// A flag of `rm_document_to_json`: a payload that lies in the buffer table is written as `"buffer": i`, its index there.
pub const RM_JSON_BY_REFERENCE: u32 = 1;

/// Writes the JSON twin of a document; the bytes of `json` are UTF-8 text without a NUL at the end. The payloads are in
/// the text, or with the flag `RM_JSON_BY_REFERENCE` named by their place in the buffer table. Without flags pass 0.
/// The table is read during this call: nothing is lent by it, and its tokens are not released.
///
/// # Safety
/// `data` is readable for `len` bytes and `buffers` for `buffer_count` entries, or NULL with 0; `json` is writable; `err`
/// is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_document_to_json(
    data: *const u8,
    len: usize,
    buffers: *const rm_buffer,
    buffer_count: usize,
    flags: u32,
    json: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(json) }?;
        if flags & !RM_JSON_BY_REFERENCE != 0 {
            let unknown = flags & !RM_JSON_BY_REFERENCE;
            return Err(Failure::new(
                RM_INVALID_ARGUMENT,
                format!("`flags` has bits that are not known: {unknown:#x}; pass 0 or RM_JSON_BY_REFERENCE"),
            ));
        }
        // SAFETY: readable, as the caller promises; the buffers are dropped at the end of this block.
        let (bytes, buffers) = unsafe { (copied(data, len, "data")?, import_for_call(buffers, buffer_count)?) };
        let payloads = if flags == 0 { json::Payloads::InText } else { json::Payloads::ByReference };
        let text = json::document_to_json(&bytes, &buffers, payloads, &Limits::default())?;
        destination.write(Document { bytes: text.into_bytes(), buffers: Vec::new() }, ());
        Ok(RM_OK)
    })
}

/// Writes the document of which `text` is the JSON twin. `"buffer": i` in the text refers to `buffers[i]`; the document
/// refers to the same table by the same numbers, so hand both to the next call. Nothing is lent by this call. A
/// document that refers to a table has all other payloads inside; without a table large ones come in that of `out`.
///
/// # Safety
/// `text` is readable for `len` bytes and `buffers` for `buffer_count` entries, or NULL with 0; `out` is writable; `err` is NULL
/// or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_document_from_json(
    text: *const u8,
    len: usize,
    buffers: *const rm_buffer,
    buffer_count: usize,
    out: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        // SAFETY: readable, as the caller promises; the buffers are dropped at the end of this block.
        let (bytes, buffers) = unsafe { (copied(text, len, "text")?, import_for_call(buffers, buffer_count)?) };
        let mut document = json::document_from_json(&bytes, &buffers, &Limits::default())?;
        if !buffers.is_empty() {
            // It refers to the caller's own table.
            document.buffers.clear();
        }
        destination.write(document, ());
        Ok(RM_OK)
    })
}

/// The caller's place for a document, checked.
pub(crate) struct Destination<'a> {
    output: &'a mut rm_output,
}

impl<'a> Destination<'a> {
    /// Checks the place and frees what is to be discarded. The fields of the output stay until a document is written.
    ///
    /// # Safety
    /// `output` is NULL or writable, with room as it says, and what it discards is live and no longer used.
    pub(crate) unsafe fn new(output: *mut rm_output) -> Result<Self, Failure> {
        // SAFETY: as this function's caller promises.
        let output = unsafe { place(output, "out") }?;
        // SAFETY: as this function's caller promises.
        for &memory in unsafe { slice(output.discard, output.discard_count, "out.discard") }? {
            // SAFETY: as this function's caller promises.
            unsafe { rm_memory_discard(memory) };
        }
        output.discard_count = 0;
        Ok(Self { output })
    }

    /// Reports that the call succeeded without a document.
    pub(crate) fn write_nothing(&mut self) {
        self.output.len = 0;
        self.output.buffer_count = 0;
        self.output.document = std::ptr::null_mut();
    }

    /// Writes the document to the caller's room, or makes an object of it. `values`, from which the document was encoded,
    /// is dropped first: memory to which only one value of the document refers is then writable by the host.
    pub(crate) fn write<V>(&mut self, document: Document, values: V) {
        self.write_ended(document, values, |_, _| {});
    }

    /// As [`Self::write`]; `end` completes the bytes after `values` was dropped. It gets the tokens of memory of the
    /// host that the document alone referred to: no other thread can report them as released.
    pub(crate) fn write_ended<V>(&mut self, document: Document, values: V, end: impl FnOnce(&mut Vec<u8>, Vec<u64>)) {
        let Document { mut bytes, buffers } = document;
        // The document holds one reference, the value from which it was encoded the other.
        let may_write: Vec<bool> = buffers.iter().map(|buffer| buffer.shares() <= 2).collect();
        drop(values);
        let mut ended = Vec::new();
        let entries = buffers.into_iter().zip(may_write);
        let table: Vec<rm_buffer> = entries.map(|(buffer, may_write)| export(buffer, may_write, &mut ended)).collect();
        end(&mut bytes, ended);
        self.write_nothing();
        let capacity = if self.output.data.is_null() { 0 } else { self.output.capacity };
        let buffer_capacity = if self.output.buffers.is_null() { 0 } else { self.output.buffer_capacity };
        if bytes.len() > capacity || table.len() > buffer_capacity {
            self.output.document =
                into_raw(rm_document { header: Header::new::<rm_document>(), bytes, buffers: table });
            return;
        }
        // SAFETY: the caller's room is at least as long as this, and new memory does not overlap with it.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.output.data, bytes.len());
            std::ptr::copy_nonoverlapping(table.as_ptr(), self.output.buffers, table.len());
        }
        self.output.len = bytes.len();
        self.output.buffer_count = table.len();
    }
}

/// Copies what the caller passes: the bytes are validated and then read, and the caller could change them in between.
///
/// # Safety
/// `data` is NULL or readable for `len` bytes.
pub(crate) unsafe fn copied(data: *const u8, len: usize, name: &str) -> Result<Vec<u8>, Failure> {
    // SAFETY: as this function's caller promises.
    Ok(unsafe { slice(data, len, name) }?.to_vec())
}

/// Does what [`copied`] does, into `room` on the stack: a document that is mostly small, such as a packet, costs no allocation.
///
/// # Safety
/// As for [`copied`].
pub(crate) unsafe fn copied_into<'room>(
    room: &'room mut SmallVec<[u8; 1024]>,
    data: *const u8,
    len: usize,
    name: &str,
) -> Result<&'room [u8], Failure> {
    // SAFETY: as this function's caller promises.
    let bytes = unsafe { slice(data, len, name) }?;
    room.reserve_exact(bytes.len());
    room.extend_from_slice(bytes);
    Ok(room)
}
