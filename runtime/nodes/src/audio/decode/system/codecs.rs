//! Codecs that are not built in: what a back end has to give that finds them on the system, and the one that is installed.
//!
//! This crate has no unsafe code and knows no library: `libremotemedia` installs a back end that loads FFmpeg.

use std::io::{self, Read, Seek};
use std::sync::OnceLock;

/// Where a back end reads a file from.
pub trait SystemSource: Read + Seek + Send {}

impl<S: Read + Seek + Send> SystemSource for S {}

/// Decoders of the system. Nothing is loaded before a method is called.
pub trait SystemCodecs: Send + Sync {
    /// Whether they can be used.
    fn state(&self) -> SystemState;

    /// All that there is to say of them: where they are, their version, the names of their decoders.
    fn list(&self) -> SystemList;

    /// Opens a file that must be of one of these formats, names of FFmpeg's demuxers separated by commas. `track` is the one to
    /// decode, counted from 0 among those of sound; without it the best one is.
    ///
    /// # Errors
    /// If it can't be opened.
    fn open(
        &self,
        source: Box<dyn SystemSource>,
        formats: &str,
        track: Option<usize>,
    ) -> Result<Box<dyn SystemDecoder>, SystemError>;
}

/// Whether decoders of the system can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SystemState {
    /// They are loaded; this is what messages call them: `FFmpeg 5.1.9`.
    Ready(String),
    /// There are none, or none that can be used, and what can be done about it, as a sentence.
    Absent(String),
}

/// What there is to say of decoders of the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemList {
    /// If there are none, what can be done about it, as a sentence.
    pub absent: Option<String>,
    /// The version of the whole, such as `5.1.9`.
    pub version: String,
    /// The licence under which it was built.
    pub license: String,
    /// The path of its library.
    pub path: String,
    /// Each library and its version.
    pub libraries: Vec<(String, String)>,
    /// The name of each decoder of audio and what it is.
    pub decoders: Vec<(String, String)>,
}

/// A file that a back end has opened.
pub trait SystemDecoder: Send {
    /// What the head of the file tells.
    fn head(&self) -> SystemHead;

    /// Decodes the next frames into `planes`, one vector for each channel; `None` after the last ones. What an encoder put
    /// before and after the sound is left out.
    ///
    /// # Errors
    /// If the file can't be read or decoded; then there are no next ones.
    fn next(&mut self, planes: &mut Vec<Vec<f32>>) -> Result<Option<SystemFormat>, SystemError>;
}

/// What the head of a file tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SystemHead {
    /// The name of the container, such as `asf`.
    pub container: String,
    /// The name of the codec, such as `wmav2`.
    pub codec: String,
    /// The length in seconds, if the file gives it.
    pub duration_s: Option<f64>,
    /// Names and texts.
    pub tags: Vec<(String, String)>,
}

/// The format of decoded frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemFormat {
    /// Frames per second, in Hz.
    pub rate: u32,
    /// The number of channels.
    pub channels: usize,
    /// The places of the channels as in `WAVEFORMATEXTENSIBLE`, or 0.
    pub mask: u64,
}

/// Why a back end can't go on.
#[derive(Debug)]
pub enum SystemError {
    /// The source failed.
    Io(io::Error),
    /// There is no sound in the file.
    NoAudio,
    /// It has no decoder for the codec of this name.
    Codec(String),
    /// The file is not as it must be, in words of the back end.
    Damaged(String),
}

static INSTALLED: OnceLock<&'static dyn SystemCodecs> = OnceLock::new();

/// Installs the back end of this process. A second one is ignored.
pub fn install_system_codecs(codecs: &'static dyn SystemCodecs) {
    let _ = INSTALLED.set(codecs);
}

/// The back end, if one was installed.
pub(in crate::audio::decode) fn installed() -> Option<&'static dyn SystemCodecs> {
    INSTALLED.get().copied()
}

/// The back end, if it can be used. The first call loads it.
pub(in crate::audio::decode) fn ready() -> Option<&'static dyn SystemCodecs> {
    installed().filter(|codecs| matches!(codecs.state(), SystemState::Ready(_)))
}
