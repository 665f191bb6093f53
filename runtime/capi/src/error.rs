//! Errors as objects of their own: no thread-local state, so that a host may move between threads.

use std::ffi::{CString, c_char};

use remotemedia_core::exec::{
    ConfigError, DocumentError, OpenError, ReplyError, RunError, SessionError, SubmitError, write_error, write_problems,
};
use remotemedia_core::manifest::ManifestError;
use remotemedia_core::outside;
use remotemedia_core::wire::{Encoder, WireError};

use crate::handle::{Handle, Header, free};
use crate::live::Counter;
use crate::status::{
    RM_EXECUTION_FAILED, RM_GONE, RM_INVALID_ARGUMENT, RM_INVALID_DOCUMENT, RM_INVALID_MANIFEST, RM_OUT_OF_RESOURCES,
    RM_POISONED, RM_SHUT_DOWN, of_outcome, rm_status,
};

/// Why a function failed. Immutable; may cross threads; belongs to the caller.
pub struct rm_error {
    header: Header,
    status: rm_status,
    message: CString,
    detail: Vec<u8>,
}

impl Handle for rm_error {
    const NAME: &'static str = "error";
    const COUNTER: Counter = Counter::Errors;

    fn header(&self) -> &Header {
        &self.header
    }
}

/// The status that came with the error; `RM_OK` for NULL.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_error_status(error: *const rm_error) -> rm_status {
    // SAFETY: NULL or live, as the caller promises.
    unsafe { error.as_ref() }.map_or(crate::status::RM_OK, |error| error.status)
}

/// The message: one sentence or, for a manifest, one line for each problem. UTF-8, ends with NUL, lives as long as the
/// error; empty for NULL.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_error_message(error: *const rm_error) -> *const c_char {
    // SAFETY: NULL or live, as the caller promises.
    unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr())
}

/// The detail: a msgpack map, see docs/abi.md. Lives as long as the error; `(NULL, 0)` for NULL.
///
/// # Safety
/// `error` is NULL or a live error; `data` and `len` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_error_detail(error: *const rm_error, data: *mut *const u8, len: *mut usize) {
    // SAFETY: NULL or live, as the caller promises.
    let detail = unsafe { error.as_ref() }.map(|error| error.detail.as_slice());
    // SAFETY: NULL or writable, as the caller promises.
    if let Some(data) = unsafe { data.as_mut() } {
        *data = detail.map_or(std::ptr::null(), <[u8]>::as_ptr);
    }
    // SAFETY: NULL or writable, as the caller promises.
    if let Some(len) = unsafe { len.as_mut() } {
        *len = detail.map_or(0, <[u8]>::len);
    }
}

/// Frees an error; NULL is fine.
///
/// # Safety
/// `error` is NULL or a live error that nobody uses any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_error_free(error: *mut rm_error) {
    // SAFETY: as the caller promises.
    unsafe { free(error) };
}

/// A failure on its way out: a status and what becomes an [`rm_error`].
pub(crate) struct Failure {
    pub(crate) status: rm_status,
    message: String,
    detail: Detail,
}

enum Detail {
    Plain,
    Run(Box<RunError>),
    Manifest(ManifestError),
}

impl Failure {
    pub(crate) fn new(status: rm_status, message: impl Into<String>) -> Self {
        Self { status, message: outside::message(message), detail: Detail::Plain }
    }

    pub(crate) fn into_error(self) -> rm_error {
        let mut encoder = Encoder::new();
        match &self.detail {
            Detail::Plain => {
                encoder.map(2).text("status").int(i64::from(self.status));
                encoder.text("message").text(&self.message);
            }
            Detail::Run(error) => write_error(&mut encoder, error, of_outcome),
            Detail::Manifest(error) => {
                encoder.map(3).text("status").int(i64::from(self.status));
                encoder.text("message").text(&self.message);
                encoder.text("problems");
                write_problems(&mut encoder, &error.problems);
            }
        }
        // A message may quote a NUL of the input, where a C string would end.
        let message = CString::new(self.message.replace('\0', "\u{2400}")).unwrap_or_default();
        rm_error { header: Header::new::<rm_error>(), status: self.status, message, detail: encoder.finish().bytes }
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::new(RM_INVALID_DOCUMENT, error.to_string())
    }
}

impl From<DocumentError> for Failure {
    fn from(error: DocumentError) -> Self {
        Self::new(RM_INVALID_DOCUMENT, error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(RM_INVALID_ARGUMENT, error.to_string())
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        Self { status: RM_INVALID_MANIFEST, message: error.to_string(), detail: Detail::Manifest(error) }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let status = match error {
            SubmitError::ShutDown | SubmitError::PortClosed => RM_SHUT_DOWN,
            SubmitError::Poisoned { .. } => RM_POISONED,
            SubmitError::TokenInUse { .. } | SubmitError::NeedsPort { .. } => RM_INVALID_ARGUMENT,
        };
        Self::new(status, error.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Submit(error) => error.into(),
            OpenError::Session(error) => error.into(),
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        let status = match error {
            SessionError::Ended { .. } => RM_GONE,
            _ => RM_INVALID_ARGUMENT,
        };
        Self::new(status, error.to_string())
    }
}

impl From<ReplyError> for Failure {
    fn from(error: ReplyError) -> Self {
        let status = match error {
            ReplyError::Gone { .. } => RM_GONE,
            _ => RM_INVALID_DOCUMENT,
        };
        Self::new(status, error.to_string())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let status = match of_outcome(error.outcome) {
            crate::status::RM_OK => RM_EXECUTION_FAILED,
            status => status,
        };
        Self { status, message: error.to_string(), detail: Detail::Run(Box::new(error)) }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(RM_OUT_OF_RESOURCES, format!("the system gave no file descriptor: {error}"))
    }
}
