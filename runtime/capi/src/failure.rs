//! Failures of the ABI inside the library: what the core reports, with the status that C gets for it and the document
//! that explains it.

use remotemedia_core::exec::{
    ConfigError, DocumentError, OpenError, ReplyError, RunError, SessionError, SubmitError, add_released, write_error,
    write_problems,
};
use remotemedia_core::manifest::ManifestError;
use remotemedia_core::outside;
use remotemedia_core::wire::{Encoder, WireError};

use crate::status::{
    RM_EXECUTION_FAILED, RM_GONE, RM_INVALID_ARGUMENT, RM_INVALID_DOCUMENT, RM_INVALID_MANIFEST, RM_OK,
    RM_OUT_OF_RESOURCES, RM_POISONED, RM_SHUT_DOWN, of_outcome, rm_status,
};

/// Why a call failed, before it becomes an error object of the host.
pub(crate) struct Failure {
    status: rm_status,
    message: String,
    detail: Detail,
    released: Vec<u64>,
}

enum Detail {
    Plain,
    Run(Box<RunError>),
    Manifest(ManifestError),
}

impl Failure {
    pub(crate) fn new(status: rm_status, message: impl Into<String>) -> Self {
        Self { status, message: outside::message(message), detail: Detail::Plain, released: Vec::new() }
    }

    /// The same failure; its detail brings the tokens back that the call was given.
    pub(crate) fn releasing(self, released: Vec<u64>) -> Self {
        Self { released, ..self }
    }

    pub(crate) fn status(&self) -> rm_status {
        self.status
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The msgpack map that explains the failure, see `docs/abi.md`.
    pub(crate) fn detail(&self) -> Vec<u8> {
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
        let mut detail = encoder.finish().bytes;
        add_released(&mut detail, &self.released, None);
        detail
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
        Self {
            status: RM_INVALID_MANIFEST,
            message: error.to_string(),
            detail: Detail::Manifest(error),
            released: Vec::new(),
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let status = match error {
            SubmitError::ShutDown | SubmitError::PortClosed => RM_SHUT_DOWN,
            SubmitError::Poisoned { .. } => RM_POISONED,
            SubmitError::NoThread { .. } => RM_OUT_OF_RESOURCES,
            SubmitError::PortOfOther
            | SubmitError::TokenInUse { .. }
            | SubmitError::NeedsPort { .. }
            | SubmitError::Inputs(_) => RM_INVALID_ARGUMENT,
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
            RM_OK => RM_EXECUTION_FAILED,
            status => status,
        };
        Self { status, message: error.to_string(), detail: Detail::Run(Box::new(error)), released: Vec::new() }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(RM_OUT_OF_RESOURCES, format!("the system gave no file descriptor: {error}"))
    }
}
