//! Why the built-in decoders do not open a file, and what else may: codecs of the system.

use std::io;

use remotemedia_core::node::NodeError;
use symphonia::core::errors::Error;

use super::container::Container;
use super::failure;
use super::mpeg::header::NOT_ALLOWED;
use super::source::GoesOn;
use super::system::codecs::{SystemError, SystemSource, SystemState, installed};
use super::system::file::SystemFile;
use super::system::formats::system_formats;

/// Why a file was not opened.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: NodeError,
    missing: Missing,
}

/// What is not built in.
#[derive(Debug)]
enum Missing {
    /// Nothing: the file is at fault.
    Nothing,
    /// What the file is or holds: `is WavPack`, `holds AC-3 in WAV`.
    Codec(String),
    /// Maybe a kind of track.
    Track,
}

impl From<NodeError> for Refusal {
    fn from(error: NodeError) -> Self {
        Self { error, missing: Missing::Nothing }
    }
}

impl From<Refusal> for NodeError {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

impl Refusal {
    /// It holds a codec, or is of a format, that is not built in. `is` says it: `is WavPack`, `holds AC-3 in WAV`.
    pub(super) fn of_codec(error: NodeError, is: String) -> Self {
        Self { error, missing: Missing::Codec(is) }
    }

    /// It has no track of audio that is known here.
    pub(super) fn of_track(error: NodeError) -> Self {
        Self { error, missing: Missing::Track }
    }

    /// The same of a file that is damaged, which may be why no more of it is known than that.
    pub(super) fn of_damaged(self, damaged: NodeError) -> Self {
        match self.missing {
            Missing::Codec(_) => self,
            Missing::Nothing | Missing::Track => Self { error: damaged, ..self },
        }
    }

    /// Whether codecs of the system may open the file.
    pub(super) fn may_be_outside(&self, container: Container) -> bool {
        !matches!(self.missing, Missing::Nothing) && system_formats(container).is_some()
    }

    /// Opens the file by the codecs of the system.
    ///
    /// # Errors
    /// If there are none, or they can't open it either.
    pub(super) fn by_system(
        self,
        container: Container,
        name: String,
        source: impl FnOnce() -> Result<Box<dyn SystemSource>, NodeError>,
    ) -> Result<SystemFile, NodeError> {
        let Some(codecs) = installed().filter(|_| self.may_be_outside(container)) else { return Err(self.error) };
        let shown = match codecs.state() {
            SystemState::Ready(shown) => shown,
            SystemState::Absent(cure) => return Err(self.without_system(&name, &cure)),
        };
        match SystemFile::open(codecs, source()?, container, name.clone()) {
            Ok(file) => Ok(file),
            Err(SystemError::NoAudio) if matches!(self.missing, Missing::Track) => Err(self.error),
            Err(error) => Err(failure::of_system(&name, &shown, self.is(), error)),
        }
    }

    /// The error of a stream where there are no codecs of the system.
    pub(super) fn without_outside(self, container: Container, name: &str) -> NodeError {
        match installed().filter(|_| self.may_be_outside(container)).map(|codecs| codecs.state()) {
            Some(SystemState::Absent(cure)) => self.without_system(name, &cure),
            _ => self.error,
        }
    }

    /// The error where there are no codecs of the system, which the sentence `cure` explains.
    fn without_system(self, name: &str, cure: &str) -> NodeError {
        match &self.missing {
            Missing::Codec(codec) => failure::not_built_in(name, codec, cure),
            Missing::Nothing | Missing::Track => self.error,
        }
    }

    fn is(&self) -> &str {
        match &self.missing {
            Missing::Codec(codec) => codec,
            Missing::Nothing | Missing::Track => "holds another kind of audio",
        }
    }
}

/// A file of a format that is known, and that is not built in or holds no audio.
pub(super) fn foreign(name: &str, first: &[u8], container: Container, format: &str) -> Refusal {
    let error = failure::not_audio(name, first, Some(format));
    match system_formats(container) {
        Some(_) => Refusal::of_codec(error, format!("is {format}")),
        None => error.into(),
    }
}

/// What the error of a demuxer means that did not open a file; `first` are its first bytes.
pub(super) fn unopened(error: &Error, container: Container, name: &str, first: &[u8]) -> Refusal {
    if let Error::IoError(error) = error
        && failure::is_lost(error)
    {
        return failure::broken_off(name, error).into();
    }
    // The demuxer of Ogg looks for sound that it knows until the file ends, or a link that is not for it. The first page names
    // the codec that is there: its header is 28 bytes long.
    if let Error::IoError(error) = error
        && GoesOn::of(error).is_some()
    {
        return failure::without_frames(name).into();
    }
    let head = first.get(28..).filter(|_| container == Container::Ogg).unwrap_or_default();
    if head.starts_with(b"\x80theora") {
        return failure::no_audio_track(name);
    }
    match error {
        // Its reader knows PCM of one and two channels in the usual descriptions, and of up to 32 in the newer one.
        Error::DecodeError("isomp4: invalid number of channels")
        | Error::Unsupported("isomp4: unsupported number of channels" | "isomp4: maximum 32 channels") => {
            return failure::refused(name, "PCM of a number of channels that is not known in MP4");
        }
        Error::Unsupported(NOT_ALLOWED) => return failure::refused(name, NOT_ALLOWED),
        _ => {}
    }
    let damaged = match (error, container) {
        (Error::IoError(error), _) if error.kind() != io::ErrorKind::UnexpectedEof => failure::broken_off(name, error),
        // The demuxer looks for a frame at once.
        (Error::IoError(_), Container::Flac | Container::Ogg) => failure::without_frames(name),
        (Error::IoError(_), _) => failure::truncated(name, 0, None),
        (Error::Unsupported("isomp4: missing moov atom" | "isomp4: missing ftyp atom"), _) => failure::no_index(name),
        (Error::DecodeError(detail) | Error::LimitError(detail), _) => failure::damaged(name, detail),
        (Error::Unsupported(detail), Container::Ogg | Container::Matroska | Container::Mp4 | Container::Flac) => {
            failure::damaged(name, detail)
        }
        _ => failure::not_audio(name, first, None),
    };
    damaged.into()
}
