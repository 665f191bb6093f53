//! A file that is open, by the built-in decoders or by those of the system: both are driven in one way.

use super::chunker::Trim;
use super::demuxer::{Demuxer, Progress, Stop};
use super::info::Head;
use super::system_file::SystemFile;

/// An open file.
pub(super) enum Opened {
    BuiltIn(Box<Demuxer>),
    System(Box<SystemFile>),
}

impl From<Demuxer> for Opened {
    fn from(demuxer: Demuxer) -> Self {
        Self::BuiltIn(Box::new(demuxer))
    }
}

impl From<SystemFile> for Opened {
    fn from(file: SystemFile) -> Self {
        Self::System(Box::new(file))
    }
}

impl Opened {
    /// What messages call the file.
    pub(super) fn name(&self) -> &str {
        match self {
            Opened::BuiltIn(demuxer) => demuxer.name(),
            Opened::System(file) => file.name(),
        }
    }

    /// What the head of the file tells.
    pub(super) fn head(&mut self) -> Head {
        match self {
            Opened::BuiltIn(demuxer) => demuxer.head(),
            Opened::System(file) => file.head(),
        }
    }

    /// What is not sound at the start and the end. Codecs of the system leave it out themselves.
    pub(super) fn trim(&self) -> Trim {
        match self {
            Opened::BuiltIn(demuxer) => demuxer.trim(),
            Opened::System(_) => Trim::default(),
        }
    }

    /// The planes of the last packet.
    pub(super) fn planes(&self) -> &[Vec<f32>] {
        match self {
            Opened::BuiltIn(demuxer) => demuxer.planes(),
            Opened::System(file) => file.planes(),
        }
    }

    /// Reads and decodes the next packet. After a failure there is no next one.
    pub(super) fn next(&mut self) -> Result<Progress, Stop> {
        match self {
            Opened::BuiltIn(demuxer) => demuxer.next(),
            Opened::System(file) => file.next(),
        }
    }

    /// Leaves out up to so many of the frames that come next, without decoding them. How many were left out: none of a
    /// file that codecs of the system decode, since few of their formats tell where a frame lies.
    pub(super) fn pass_over(&mut self, frames: u64) -> Result<u64, Stop> {
        match self {
            Opened::BuiltIn(demuxer) => demuxer.pass_over(frames),
            Opened::System(_) => Ok(0),
        }
    }
}
