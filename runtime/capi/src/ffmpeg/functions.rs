//! The functions of FFmpeg that are called, by their names and types, which are the same in all versions that are known.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

/// A structure of FFmpeg, whose fields [`super::layout`] places.
pub(super) type Object = *mut u8;
/// `int (*read_packet)(void *opaque, uint8_t *buf, int buf_size)`.
pub(super) type ReadPacket = unsafe extern "C" fn(*mut c_void, *mut u8, c_int) -> c_int;
/// `int64_t (*seek)(void *opaque, int64_t offset, int whence)`.
pub(super) type SeekTo = unsafe extern "C" fn(*mut c_void, i64, c_int) -> i64;
/// `void (*callback)(void*, int, const char*, va_list)`. A `va_list` is passed as a pointer on all systems that are known.
pub(super) type Log = unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *mut c_void);

macro_rules! functions {
    ($($name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of one set of libraries, which stays loaded.
        pub(super) struct Functions {
            $(pub(super) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Functions {
            /// Finds each of them by its name; `find` gives NULL for one that is not there.
            ///
            /// # Errors
            /// The name of the first one that is missing.
            ///
            /// # Safety
            /// What `find` gives for a name is FFmpeg's function of that name, or NULL.
            pub(super) unsafe fn find(find: impl Fn(&CStr) -> *mut c_void) -> Result<Self, &'static str> {
                Ok(Self {
                    $($name: {
                        const NAME: &str = concat!(stringify!($name), "\0");
                        let address = CStr::from_bytes_with_nul(NAME.as_bytes()).map_or(std::ptr::null_mut(), &find);
                        if address.is_null() {
                            return Err(stringify!($name));
                        }
                        // SAFETY: it is the function of this name, whose type is written here as in FFmpeg's headers.
                        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(address) }
                    },)*
                })
            }
        }
    };
}

functions! {
    avformat_version() -> c_uint;
    avcodec_version() -> c_uint;
    avutil_version() -> c_uint;
    av_version_info() -> *const c_char;
    avutil_license() -> *const c_char;
    av_log_set_callback(Option<Log>);
    av_log_default_callback(*mut c_void, c_int, *const c_char, *mut c_void);
    av_malloc(usize) -> *mut c_void;
    av_free(*mut c_void);
    av_dict_set(*mut *mut c_void, *const c_char, *const c_char, c_int) -> c_int;
    av_dict_get(*const c_void, *const c_char, *const c_void, c_int) -> *const c_void;
    av_dict_free(*mut *mut c_void);
    avio_alloc_context(*mut u8, c_int, c_int, *mut c_void, Option<ReadPacket>, *const c_void, Option<SeekTo>) -> Object;
    avio_context_free(*mut Object);
    avformat_alloc_context() -> Object;
    avformat_open_input(*mut Object, *const c_char, *const c_void, *mut *mut c_void) -> c_int;
    avformat_find_stream_info(Object, *mut *mut c_void) -> c_int;
    avformat_close_input(*mut Object);
    av_find_best_stream(Object, c_int, c_int, c_int, *mut *const u8, c_int) -> c_int;
    av_read_frame(Object, Object) -> c_int;
    av_packet_alloc() -> Object;
    av_packet_unref(Object);
    av_packet_free(*mut Object);
    av_frame_alloc() -> Object;
    av_frame_free(*mut Object);
    av_codec_iterate(*mut *mut c_void) -> *const u8;
    av_codec_is_decoder(*const u8) -> c_int;
    avcodec_get_name(c_int) -> *const c_char;
    avcodec_alloc_context3(*const u8) -> Object;
    avcodec_parameters_to_context(Object, *const u8) -> c_int;
    avcodec_open2(Object, *const u8, *mut *mut c_void) -> c_int;
    avcodec_free_context(*mut Object);
    avcodec_send_packet(Object, *const u8) -> c_int;
    avcodec_receive_frame(Object, Object) -> c_int;
}

/// `FFERRTAG('E', 'O', 'F', ' ')` and others of `libavutil/error.h`.
pub(super) const ERROR_EOF: c_int = tag(b"EOF ");
pub(super) const ERROR_INVALID_DATA: c_int = tag(b"INDA");
pub(super) const ERROR_DECODER_NOT_FOUND: c_int = tag(b"\xf8DEC");
pub(super) const ERROR_STREAM_NOT_FOUND: c_int = tag(b"\xf8STR");
pub(super) const ERROR_NOT_WRITTEN: c_int = tag(b"PAWE");
/// `AVERROR(EAGAIN)`, `AVERROR(EIO)`, `AVERROR(ENOMEM)`, `AVERROR(EINVAL)`.
pub(super) const ERROR_AGAIN: c_int = -libc::EAGAIN;
pub(super) const ERROR_IO: c_int = -libc::EIO;
pub(super) const ERROR_MEMORY: c_int = -libc::ENOMEM;
/// `AVMEDIA_TYPE_AUDIO`.
pub(super) const AUDIO: c_int = 1;
/// `AVDISCARD_ALL`.
pub(super) const DISCARD_ALL: c_int = 48;

const fn tag(letters: &[u8; 4]) -> c_int {
    -i32::from_le_bytes(*letters)
}

/// The text of a C string of FFmpeg, at most so much of it as a message can hold.
///
/// # Safety
/// NULL, or a C string.
pub(super) unsafe fn text(chars: *const c_char) -> String {
    /// FFmpeg's tags may be as long as a file.
    const MOST: usize = 64 << 10;
    if chars.is_null() {
        return String::new();
    }
    // SAFETY: a C string, as this function's caller promises.
    let bytes = unsafe { CStr::from_ptr(chars) }.to_bytes();
    String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_numbers_of_the_header() {
        // As a C program prints them that includes libavutil/error.h.
        assert_eq!((ERROR_EOF, ERROR_INVALID_DATA), (-541_478_725, -1_094_995_529));
        assert_eq!((ERROR_DECODER_NOT_FOUND, ERROR_STREAM_NOT_FOUND), (-1_128_613_112, -1_381_258_232));
    }
}
