//! What FFmpeg reads a file from: an `AVIOContext` over a reader of ours. FFmpeg opens no file itself.

use std::ffi::{c_int, c_void};
use std::io::{self, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use remotemedia_nodes::audio::SystemSource;

use super::functions::{ERROR_EOF, ERROR_IO, Functions, Object};
use super::layout::{field, io_context, set_field};

/// The bytes that FFmpeg keeps, and the most that it gets at a time.
const BUFFER: usize = 32 << 10;
const PIECE: usize = 8 << 10;

/// A reader and its `AVIOContext`.
pub(super) struct Source {
    functions: &'static Functions,
    context: Object,
    /// Boxed, and only reached through this pointer, which FFmpeg has as well.
    reader: *mut Reader,
}

struct Reader {
    source: Box<dyn SystemSource>,
    failed: Option<io::Error>,
}

impl Source {
    /// `None` if there is no memory for it.
    pub(super) fn new(functions: &'static Functions, source: Box<dyn SystemSource>) -> Option<Self> {
        // SAFETY: it allocates so many bytes, or returns NULL.
        let buffer = unsafe { (functions.av_malloc)(BUFFER) }.cast::<u8>();
        if buffer.is_null() {
            return None;
        }
        let reader = Box::into_raw(Box::new(Reader { source, failed: None }));
        let length = BUFFER as c_int;
        // SAFETY: the buffer is as long as said and from FFmpeg's allocator, and the reader outlives the context.
        let context = unsafe {
            (functions.avio_alloc_context)(buffer, length, 0, reader.cast(), Some(read), std::ptr::null(), Some(seek))
        };
        if context.is_null() {
            // SAFETY: nobody has taken them.
            unsafe {
                (functions.av_free)(buffer.cast());
                drop(Box::from_raw(reader));
            }
            return None;
        }
        Some(Self { functions, context, reader })
    }

    /// The `AVIOContext`.
    pub(super) fn context(&self) -> Object {
        self.context
    }

    /// What the reader failed with, if it did. Not to be called from inside FFmpeg.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        // SAFETY: it lives as long as this object, and FFmpeg uses it only while a function of it runs.
        unsafe { (*self.reader).failed.take() }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // SAFETY: what used the context was freed before. The buffer is the one that the context has now, which need not be
        // the first one, and it is freed apart; then the reader is nobody's.
        unsafe {
            let buffer: *mut c_void = field(self.context, io_context::BUFFER);
            (self.functions.av_free)(buffer);
            set_field(self.context, io_context::BUFFER, std::ptr::null_mut::<c_void>());
            (self.functions.avio_context_free)(&raw mut self.context);
            drop(Box::from_raw(self.reader));
        }
    }
}

/// Runs the body with the reader; a panic of it does not go through FFmpeg.
///
/// # Safety
/// `opaque` is the reader of a live [`Source`], and nobody else uses it.
unsafe fn with_reader<T>(opaque: *mut c_void, body: impl FnOnce(&mut dyn SystemSource) -> io::Result<T>) -> Option<T> {
    // SAFETY: as this function's caller promises.
    let reader = unsafe { &mut *opaque.cast::<Reader>() };
    let source = reader.source.as_mut();
    match catch_unwind(AssertUnwindSafe(|| body(source))) {
        Ok(Ok(value)) => Some(value),
        Ok(Err(error)) => {
            reader.failed = Some(error);
            None
        }
        Err(_) => {
            reader.failed = Some(io::Error::other("its reader panicked"));
            None
        }
    }
}

unsafe extern "C" fn read(opaque: *mut c_void, target: *mut u8, length: c_int) -> c_int {
    let Ok(wanted) = usize::try_from(length) else { return ERROR_IO };
    // Not into the room itself: it holds bytes that are still of use when the source has none left.
    let mut piece = [0; PIECE];
    let room = wanted.min(PIECE);
    // SAFETY: FFmpeg passes the reader that it was given.
    let done = unsafe {
        with_reader(opaque, |source| {
            loop {
                match source.read(&mut piece[..room]) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    done => return done,
                }
            }
        })
    };
    let Some(done) = done.map(|done| done.min(room)) else { return ERROR_IO };
    if done == 0 {
        return ERROR_EOF;
    }
    // SAFETY: FFmpeg passes room of `length` bytes, which is as much or more.
    unsafe { std::ptr::copy_nonoverlapping(piece.as_ptr(), target, done) };
    c_int::try_from(done).unwrap_or(ERROR_IO)
}

unsafe extern "C" fn seek(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    /// `AVSEEK_SIZE` and `AVSEEK_FORCE`.
    const SIZE: c_int = 0x10000;
    const FORCE: c_int = 0x20000;
    let to = match whence & !FORCE {
        SIZE => None,
        libc::SEEK_SET => match u64::try_from(offset) {
            Ok(place) => Some(SeekFrom::Start(place)),
            Err(_) => return i64::from(-libc::EINVAL),
        },
        libc::SEEK_CUR => Some(SeekFrom::Current(offset)),
        libc::SEEK_END => Some(SeekFrom::End(offset)),
        _ => return i64::from(-libc::EINVAL),
    };
    // SAFETY: FFmpeg passes the reader that it was given.
    let place = unsafe {
        with_reader(opaque, |source| match to {
            Some(to) => source.seek(to),
            None => {
                let place = source.stream_position()?;
                let length = source.seek(SeekFrom::End(0))?;
                source.seek(SeekFrom::Start(place))?;
                Ok(length)
            }
        })
    };
    place.and_then(|place| i64::try_from(place).ok()).unwrap_or(i64::from(ERROR_IO))
}
